"""What else could be done with the candidates of a search, each tried on the same questions against what is done now."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embeddings import Embedder, Reranker
from eval.retrieval import DEPTH
from eval.stacks import reciprocal_ranks
from rag import Filters, Library
from rag.ingest import passage_text
from rag.question_types import QUANTITY_TYPES, question_expects
from rag.records import Article, Chunk
from rag.retrieval import Candidates, fuse, gather, rerank
from rag.sentences import split_sentences
from rag.words import index_words, query_pairs, query_words, search_form, topic_words

_FED_BACK = 3
"""Passages that pseudo-relevance feedback believes."""

_READ = 20
_CLAUSE = re.compile(r"[，,；;。？?！!]+")

OnStep: TypeAlias = Callable[[str, int, int], None]
Fused: TypeAlias = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what both legs found, as `rag.retrieval.gather` gives it; vector: the question's, shape (dim,)."""

    question: str
    vector: NDArray[np.float32]
    gold: frozenset[str]
    found: Candidates

    @property
    def dense(self) -> Fused:
        """Cosines by chunk id."""
        return self.found.legs.get("dense", {})

    @property
    def keyword(self) -> Fused:
        """BM25 by chunk id."""
        return self.found.legs.get("keyword", {})


class Bench:
    """A library, its dense weight, and what variants need of its passages; each text is embedded once."""

    def __init__(self, library: Library, reranker: Reranker | None = None) -> None:
        self.library = library
        self.weight = library.settings.dense_weight
        self.reranker = reranker
        self._sentences: dict[int, NDArray[np.float32]] = {}
        self._read: dict[tuple[str, tuple[int, ...]], dict[int, float]] = {}

    def rows(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The vectors of passages, shape (len(ids), dim)."""
        found = self.library.index().rows(ids)
        return np.stack([found[id_] for id_ in ids])

    def passages(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, Article]]:
        """Passages with their articles."""
        return self.library.store.chunks(ids)

    def best_sentences(self, asked: Asked, ids: Sequence[int]) -> dict[int, float]:
        """For each passage the cosine of its sentence that is nearest to the question."""
        new = [id_ for id_ in ids if id_ not in self._sentences]
        for id_, (chunk, _) in self.passages(new).items():
            texts = [search_form(chunk.text[s.start : s.end]) for s in split_sentences(chunk.text)] or [chunk.text]
            self._sentences[id_] = self.library.embedder.encode_passages(texts)
        return {id_: float((self._sentences[id_] @ asked.vector).max()) for id_ in ids}

    def read_together(self, asked: Asked, ids: Sequence[int]) -> dict[int, float]:
        """The reranker's score of each passage."""
        assert self.reranker is not None
        key = (asked.question, tuple(ids))
        if key not in self._read:
            found = self.passages(ids)
            texts = [passage_text(article.title, chunk.text) for chunk, article in found.values()]
            scores = self.reranker.score(search_form(asked.question), texts)
            self._read[key] = {id_: float(s) for id_, s in zip(found, scores, strict=True)}
        return self._read[key]


Variant: TypeAlias = Callable[[Bench, Asked], Fused]


# -- fusion ------------------------------------------------------------------------------------------------------


def _weighted(weight: float) -> Variant:
    return lambda bench, asked: fuse(asked.dense, asked.keyword, weight)


def _by_ranks(bench: Bench, asked: Asked) -> Fused:
    legs = [sorted(leg, key=lambda id_, leg=leg: (-leg[id_], id_))[:100] for leg in (asked.dense, asked.keyword)]  # type: ignore[misc]
    return _in_order(reciprocal_ranks(legs))


def _z_scores(bench: Bench, asked: Asked) -> Fused:
    def standard(leg: Fused) -> dict[int, float]:
        values = np.array(list(leg.values()))
        spread = float(values.std()) or 1.0
        return {id_: (score - float(values.mean())) / spread for id_, score in leg.items()}

    dense, keyword = (standard(leg) if leg else {} for leg in (asked.dense, asked.keyword))
    low = min(keyword.values(), default=0.0)
    return {
        id_: bench.weight * dense.get(id_, 0.0) + (1 - bench.weight) * keyword.get(id_, low)
        for id_ in {*dense, *keyword}
    }


def _filled(bench: Bench, asked: Asked) -> Fused:
    """BM25 also for what only the dense leg found."""
    found = bench.passages([id_ for id_ in asked.dense if id_ not in asked.keyword])
    articles = tuple({article.id for _, article in found.values()})
    scores = bench.library.index().keyword(
        query_words(asked.question), 2000, Filters(articles=articles), pairs=query_pairs(asked.question)
    )
    filled = dict(asked.keyword) | {id_: score for id_, score in scores if id_ in found}
    return fuse(asked.dense, filled, bench.weight)


def _numbers_by_words(more: float) -> Variant:
    """Questions for a quantity lean to the keywords by `more`, the others to the vectors."""

    def variant(bench: Bench, asked: Asked) -> Fused:
        quantity = question_expects(asked.question) in QUANTITY_TYPES
        return fuse(asked.dense, asked.keyword, bench.weight + (-more if quantity else more))

    return variant


def _by_length(bench: Bench, asked: Asked) -> Fused:
    """Short questions lean to the keywords, long ones to the vectors."""
    return fuse(asked.dense, asked.keyword, bench.weight + (-0.1 if len(topic_words(asked.question)) <= 4 else 0.1))


# -- other questions ---------------------------------------------------------------------------------------------


def search(bench: Bench, question: str, vector: NDArray[np.float32]) -> Candidates:
    """What the library finds now."""
    return gather(bench.library, question, DEPTH, dense_weight=bench.weight, query=vector)


def _fed_back_vector(share: float) -> Variant:
    """Rocchio (1971): the question's vector moved towards the mean of the first passages."""

    def variant(bench: Bench, asked: Asked) -> Fused:
        if not asked.found.fused:
            return {}
        moved = (1 - share) * asked.vector + share * bench.rows(asked.found.ranked[:_FED_BACK]).mean(axis=0)
        vector = (moved / np.linalg.norm(moved)).astype(np.float32)
        return search(bench, asked.question, vector).fused

    return variant


def _fed_back_words(bench: Bench, asked: Asked) -> Fused:
    """The ten rarest words of the first passages join the question's in the keyword leg (after RM3, Jaleel et al. 2004)."""
    first = bench.passages(asked.found.ranked[:_FED_BACK])
    counts: dict[str, int] = {}
    for chunk, _ in first.values():
        for word in set(index_words(chunk.text)):
            counts[word] = counts.get(word, 0) + 1
    known = query_words(asked.question)
    idf = bench.library.index().idf([word for word, n in counts.items() if n >= 2 and word not in known])
    added = sorted(idf, key=lambda word: -counts[word] * idf[word])[:10]
    more = dict(bench.library.index().keyword([*known, *added], 100, pairs=query_pairs(asked.question)))
    return fuse(asked.dense, {**asked.keyword, **more}, bench.weight)


def _several_questions(bench: Bench, asked: Asked) -> Fused:
    """The question, its topic words and its clauses, each searched; the mean of the fused scores."""
    clauses = [part for part in _CLAUSE.split(asked.question) if len(part) >= 4]
    others = {" ".join(topic_words(asked.question)), *(clauses if len(clauses) > 1 else ())} - {"", asked.question}
    texts = sorted(others)
    if not texts:
        return asked.found.fused
    vectors = bench.library.embedder.encode_queries([search_form(text) for text in texts])
    searches = [asked.found.fused, *(search(bench, t, v).fused for t, v in zip(texts, vectors, strict=True))]
    ids = set().union(*searches)
    return {id_: sum(found.get(id_, 0.0) for found in searches) / len(searches) for id_ in ids}


# -- other orders ------------------------------------------------------------------------------------------------


def _in_order(ids: Sequence[int]) -> Fused:
    return {id_: 1.0 / rank for rank, id_ in enumerate(ids, 1)}


def _diverse(share: float) -> Variant:
    """Maximal marginal relevance (Carbonell & Goldstein 1998) among the first thirty; `share` of relevance."""

    def variant(bench: Bench, asked: Asked) -> Fused:
        left = asked.found.ranked[:DEPTH]
        if not left:
            return {}
        rows = dict(zip(left, bench.rows(left), strict=True))
        chosen: list[int] = []
        nearest = dict.fromkeys(left, 0.0)
        while left:
            best = max(left, key=lambda id_: share * asked.found.fused[id_] - (1 - share) * nearest[id_])
            chosen.append(best)
            left.remove(best)
            for id_ in left:
                nearest[id_] = max(nearest[id_], float(rows[id_] @ rows[best]))
        return _in_order([*chosen, *asked.found.ranked[DEPTH:]])

    return variant


def _article_sum(share: float) -> Variant:
    """An article's further passages add to its best one."""

    def variant(bench: Bench, asked: Asked) -> Fused:
        owner = {id_: article.id for id_, (_, article) in bench.passages(asked.found.ranked).items()}
        sums: dict[str, float] = {}
        for id_, article in owner.items():
            sums[article] = sums.get(article, 0.0) + asked.found.fused[id_]
        fused = asked.found.fused
        return {id_: (1 - share) * fused[id_] + share * sums[article] for id_, article in owner.items()}

    return variant


def _neighbours(share: float) -> Variant:
    """A passage gains from the one before and after it in its article."""

    def variant(bench: Bench, asked: Asked) -> Fused:
        fused = asked.found.fused
        found = bench.passages(asked.found.ranked)
        own = {id_: article.id for id_, (_, article) in found.items()}

        def beside(id_: int) -> float:
            return max((fused[i] for i in (id_ - 1, id_ + 1) if own.get(i) == own[id_]), default=0.0)

        return {id_: fused[id_] + share * beside(id_) for id_ in own}

    return variant


def _sentence_window(share: float) -> Variant:
    """The nearest sentence of each of the first passages counts, too."""

    def variant(bench: Bench, asked: Asked) -> Fused:
        return rerank(asked.found.fused, bench.best_sentences(asked, asked.found.ranked[:_READ]), share)

    return variant


def _reranked(share: float) -> Variant:
    def variant(bench: Bench, asked: Asked) -> Fused:
        return rerank(asked.found.fused, bench.read_together(asked, asked.found.ranked[:_READ]), share)

    return variant


VARIANTS: Mapping[str, Variant] = {
    "权重 0.5": _weighted(0.5),
    "权重 0.7": _weighted(0.7),
    "倒数名次（RRF，k = 60）": _by_ranks,
    "z 分数": _z_scores,
    "向量找到的也算 BM25": _filled,
    "问数量偏关键词 0.1": _numbers_by_words(0.1),
    "问数量偏向量 0.1": _numbers_by_words(-0.1),
    "短问题偏关键词": _by_length,
    "反馈：向量 0.2": _fed_back_vector(0.2),
    "反馈：向量 0.4": _fed_back_vector(0.4),
    "反馈：十个词": _fed_back_words,
    "多个问法": _several_questions,
    "MMR 0.9": _diverse(0.9),
    "MMR 0.7": _diverse(0.7),
    "文章其余片段 +0.2": _article_sum(0.2),
    "相邻片段 +0.2": _neighbours(0.2),
    "最近的句子 0.3": _sentence_window(0.3),
    "最近的句子 0.6": _sentence_window(0.6),
}
RERANKED: Mapping[str, Variant] = {f"重排 {share:g}": _reranked(share) for share in (0.2, 0.3, 0.5, 0.7, 1.0)}


# -- what is embedded --------------------------------------------------------------------------------------------


def _with_source(article: Article, start: int, end: int) -> str:
    about = " ".join(part for part in (article.title, article.source, article.date) if part)
    return passage_text(about, article.text[start:end])


def _overlapping(characters: int) -> Callable[[Article, int, int], str]:
    def form(article: Article, start: int, end: int) -> str:
        return passage_text(article.title, article.text[max(0, start - characters) : end + characters])

    return form


FORMS: Mapping[str, Callable[[Article, int, int], str]] = {
    "只有正文": lambda article, start, end: passage_text("", article.text[start:end]),
    "标题、来源、日期": _with_source,
    "前后各重叠 30 字": _overlapping(30),
    "前后各重叠 80 字": _overlapping(80),
}


def other_vectors(bench: Bench, name: str, on_step: OnStep | None) -> Variant:
    """The dense leg over the same chunks, embedded in another form."""
    ids: list[int] = []
    texts: list[str] = []
    for article in bench.library.articles():
        for chunk, _ in bench.library.store.chunks_of(article.id):
            ids.append(chunk.id)
            texts.append(FORMS[name](article, chunk.start, chunk.end))
    matrix = _embed(bench.library.embedder, texts, name, on_step)
    place = {id_: row for row, id_ in enumerate(ids)}

    def variant(bench: Bench, asked: Asked) -> Fused:
        scores = matrix @ asked.vector
        nearest = np.argpartition(-scores, min(100, len(ids) - 1))[:100]
        wanted = {*(ids[i] for i in nearest), *asked.keyword}
        return fuse({id_: float(scores[place[id_]]) for id_ in wanted}, asked.keyword, bench.weight)

    return variant


def _embed(embedder: Embedder, texts: Sequence[str], name: str, on_step: OnStep | None) -> NDArray[np.float32]:
    blocks = []
    for start in range(0, len(texts), 512):
        blocks.append(embedder.encode_passages(texts[start : start + 512]))
        if on_step:
            on_step(name, min(start + 512, len(texts)), len(texts))
    return np.concatenate(blocks)
