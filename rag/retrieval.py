"""A question becomes hits: the dense and the keyword leg, fused by a weighted sum of normalised scores, reposts folded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from embeddings import EmbeddingError, Reranker
from rag.collection import Collection
from rag.date_spans import DateSpan
from rag.errors import ModelError
from rag.facets import days_of
from rag.filters import Filters
from rag.ingest import passage_text
from rag.periods import understood
from rag.records import SHANGHAI, Article, Chunk, Hit
from rag.words import bigrams, query_pairs, query_words, search_form

_DEPTH = 100
"""Candidates taken from each leg before fusion."""

_RERANKED = 20
"""Candidates that a reranker reads; it is by far the slowest part."""

RERANK_WEIGHT = 0.5
"""Share of the reranker's word in the mixed score; `python -m eval variants --reranker` measures it."""

_REPOST = 0.8
"""Jaccard similarity of character bigrams from which two passages of different articles count as the same story."""


_PERIOD_BONUS = 0.05
"""What an article gains that came out in the time the question asks about; `python -m eval retrieval` measures it."""

_REPORTED_WITHIN = timedelta(days=60)
"""Figures of a month or a quarter come out some weeks after it."""

ALL = Filters()

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which articles a question is asked of, and which it favours. `notice` (Chinese) says what the user should know of that."""

    filters: Filters = ALL
    period: DateSpan | None = None
    notice: str = ""


def choose_scope(
    collection: Collection, question: str, filters: Filters | None = None, *, today: date | None = None
) -> Scope:
    """The filters that are given, else what the question says of time.

    昨天 or 上周 becomes a filter on the day of publication; where no article is of that day, all are searched, and it is said.
    """
    found, period = understood(question, today or datetime.now(SHANGHAI).date())
    if filters is not None:
        return Scope(filters, period)
    if found and not len(collection.matching(found)):
        return Scope(ALL, None, f"知识库里没有 {found.describe()} 发表的文章，已在全部文章中检索。")
    return Scope(found, period)


def retrieve(
    collection: Collection,
    question: str,
    k: int,
    *,
    dense_weight: float,
    query: NDArray[np.float32] | None = None,
    filters: Filters = ALL,
    period: DateSpan | None = None,
) -> list[Hit]:
    """The k best passages for a question, best first.

    Args:
        question: in Chinese, either script; an empty one finds nothing.
        k: number of hits, at least 1.
        dense_weight: 1 for vectors alone, 0 for keywords alone.
        query: the question's unit vector where the caller has it already, shape (dim,).
        filters: only articles that these let through; the best of them are found however few they are.
        period: what time the question asks about; articles that came out then, or soon after, are favoured.

    Returns:
        Hits with `score` in 0..1 and both raw scores in `why` (a leg that did not see the chunk is left out), "period" for
        what its day added, "rerank" for the reranker's.
    """
    found = gather(collection, question, k, dense_weight=dense_weight, query=query, filters=filters, period=period)
    return fold(collection, found, k)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the legs found, before reposts are folded: raw scores of each leg by chunk id, and the fused score, 0 to 1."""

    legs: Mapping[str, Mapping[int, float]]
    fused: Mapping[int, float]

    @property
    def ranked(self) -> list[int]:
        """Chunk ids, best first."""
        return sorted(self.fused, key=lambda id_: (-self.fused[id_], id_))


def gather(
    collection: Collection,
    question: str,
    k: int,
    *,
    dense_weight: float,
    query: NDArray[np.float32] | None = None,
    filters: Filters = ALL,
    period: DateSpan | None = None,
) -> Candidates:
    """The candidates of both legs with their scores; see `retrieve` for the arguments."""
    if not question.strip() or collection.counts()[1] == 0:
        return Candidates({}, {})
    dense: dict[int, float] = {}
    keyword: dict[int, float] = {}
    index = collection.index()
    if dense_weight > 0:
        if query is None:
            query = collection.embedder.encode_queries([search_form(question)])[0]
        dense = dict(index.dense(query, max(_DEPTH, k), filters))
    if dense_weight < 1:
        words, pairs = query_words(question), query_pairs(question)
        keyword = dict(index.keyword(words, max(_DEPTH, k), filters, pairs=pairs))
    if dense_weight > 0 and query is not None:
        dense |= index.cosines(query, [id_ for id_ in keyword if id_ not in dense])
    fused = fuse(dense, keyword, dense_weight)
    legs = {"dense": dense, "keyword": keyword}
    if period is not None:
        legs["period"] = bonus = _bonus(collection, list(fused), period)
        fused = {id_: (score + bonus.get(id_, 0.0)) / (1.0 + _PERIOD_BONUS) for id_, score in fused.items()}
    if (reranker := collection.reranker) is not None:
        legs["rerank"] = scores = _read_together(collection, reranker, question, Candidates(legs, fused).ranked)
        fused = rerank(fused, scores)
    return Candidates(legs, fused)


def _read_together(
    collection: Collection, reranker: Reranker, question: str, ranked: Sequence[int]
) -> dict[int, float]:
    """The reranker's score of the first candidates."""
    found = collection.store.chunks(ranked[:_RERANKED])
    texts = [passage_text(article.title, chunk.text) for chunk, article in found.values()]
    try:
        scores = reranker.score(search_form(question), texts)
    except EmbeddingError as error:
        raise ModelError(str(error), "去掉设置 reranker，就不用重排模型") from None
    return {id_: float(score) for id_, score in zip(found, scores, strict=True)}


def rerank(fused: Mapping[int, float], scores: Mapping[int, float], weight: float = RERANK_WEIGHT) -> dict[int, float]:
    """The fused scores of the candidates that were read together with the question, mixed with what the reranker says.

    (1 - w) * fused + w * min-max of the reranker's scores; the others stay behind them, in their order.
    """
    mixed = {id_: (1.0 - weight) * fused[id_] + weight * score for id_, score in _min_max(scores).items()}
    last = min(mixed.values(), default=1.0)
    others = {id_: score for id_, score in fused.items() if id_ not in mixed}
    highest = max(others.values(), default=0.0)
    scale = min(1.0, 0.999 * last / highest) if highest > 0 else 1.0
    return mixed | {id_: score * scale for id_, score in others.items()}


def _bonus(collection: Collection, ids: Sequence[int], period: DateSpan) -> dict[int, float]:
    """What is added for articles that came out in the period or within `_REPORTED_WITHIN` after it."""
    if period.start is None or period.end is None:
        return {}
    last = period.end + _REPORTED_WITHIN
    days = days_of(collection.store, ids)
    return {id_: _PERIOD_BONUS for id_, day in days.items() if period.start <= day <= last}


def fuse(dense: Mapping[int, float], keyword: Mapping[int, float], dense_weight: float) -> dict[int, float]:
    """Weighted sum of min-max normalised scores: w * dense' + (1 - w) * keyword'.

    Each leg's scores are mapped to 0..1 over its candidates (Lee 1997, "Analyses of multiple evidence combination"); a
    candidate that a leg did not find has 0 there. Measured better than reciprocal rank fusion on every set tried.
    """
    parts = [(_min_max(dense), dense_weight), (_min_max(keyword), 1.0 - dense_weight)]
    return {id_: sum(weight * scores.get(id_, 0.0) for scores, weight in parts) for id_ in {*dense, *keyword}}


def _min_max(scores: Mapping[int, float]) -> dict[int, float]:
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    span = high - low
    return {id_: (score - low) / span if span > 0 else 1.0 for id_, score in scores.items()}


def fold(collection: Collection, candidates: Candidates, k: int) -> list[Hit]:
    """The first k hits that are not reposts of a better one; each carries the articles folded into it."""
    ranked, fused = candidates.ranked, candidates.fused
    hits: list[Hit] = []
    also: list[dict[str, Article]] = []
    shapes: list[tuple[frozenset[str], frozenset[str]]] = []
    stories: dict[str, tuple[str, tuple[Article, ...]]] = {}
    for start in range(0, len(ranked), k):
        batch = ranked[start : start + k]
        found = collection.store.chunks(batch)
        stories |= collection.store.stories(list({article.id for _, article in found.values()} - stories.keys()))
        for id_ in batch:
            if id_ not in found:
                continue  # removed by another process a moment ago
            chunk, article = found[id_]
            shape = _shape(chunk.text)
            twin = next((i for i, h in enumerate(hits) if _repeats(chunk, article, shape, h, shapes[i], stories)), None)
            if twin is not None:
                also[twin].setdefault(article.id, article)
                continue
            why = {leg: scores[id_] for leg, scores in candidates.legs.items() if id_ in scores}
            hits.append(Hit(chunk, article, fused[id_], len(hits) + 1, why))
            also.append({})
            shapes.append(shape)
            if len(hits) == k:
                break
        if len(hits) == k:
            break
    shown = {hit.article.id for hit in hits}
    for hit, others in zip(hits, also, strict=True):
        for member in stories.get(hit.article.id, ("", ()))[1]:
            if member.id not in shown and _figures(hit.chunk.text) <= _figures(member.text):
                others.setdefault(member.id, member)
    return [
        replace(h, also=tuple(article for article in others.values() if article.id not in shown))
        for h, others in zip(hits, also, strict=True)
    ]


def _repeats(
    chunk: Chunk,
    article: Article,
    shape: tuple[frozenset[str], frozenset[str]],
    hit: Hit,
    hit_shape: tuple[frozenset[str], frozenset[str]],
    stories: Mapping[str, tuple[str, tuple[Article, ...]]],
) -> bool:
    """Whether a passage only repeats what a better hit of another article says.

    Either the passages are nearly the same, or the articles are known to tell the same story; in both cases every figure of
    the passage must stand in the other one too, or it is a correction, or a source that disagrees.
    """
    if hit.article.id == article.id:
        return False
    if _same(shape, hit_shape):
        return True
    same_story = stories.get(article.id, ("",))[0] == stories.get(hit.article.id, ("?",))[0]
    return (
        same_story
        and shape[1] <= _figures(hit.article.text)
        and _overlap(shape[0], bigrams(hit.article.text)) >= _REPOST
    )


def _overlap(part: frozenset[str], whole: frozenset[str]) -> float:
    return len(part & whole) / len(part) if part else 0.0


def _figures(text: str) -> frozenset[str]:
    return frozenset(_FIGURE.findall(search_form(text)))


def _shape(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """What reposts are compared by: character bigrams, and the figures, which must not differ at all."""
    return bigrams(text), _figures(text)


def _same(first: tuple[frozenset[str], frozenset[str]], second: tuple[frozenset[str], frozenset[str]]) -> bool:
    (a, figures_a), (b, figures_b) = first, second
    if figures_a != figures_b:  # another figure is another story: a correction, or a source that disagrees
        return False
    small, large = sorted((len(a), len(b)))
    if not large or small / large < _REPOST:
        return False
    return len(a & b) / len(a | b) >= _REPOST
