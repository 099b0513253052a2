"""A summary without any LLM: the few sentences of the articles on a topic that stand for the whole, quoted in their order.

Sentences are weighed by how central they are among all (LexRank, Erkan & Radev 2004), drawn towards the question (topic-sensitive
LexRank, Otterbacher, Erkan & Radev 2005), and by their place: news says first what matters. Then they are chosen one by one against
what is chosen already (maximal marginal relevance, Carbonell & Goldstein 1998).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from embeddings.embedder import Matrix, Vector
from rag.answer_forms import named_titles, summary_topic
from rag.collection import Collection
from rag.date_spans import DateSpan
from rag.evidence import Citations
from rag.extractive import quote
from rag.gate import REFUSAL, refusal_reason
from rag.records import SHANGHAI, Article, Chunk, Hit, Statement
from rag.relevance import Candidate, Sentence, sentences_of
from rag.told_days import asks_about_time
from rag.told_time import asked_spans, fits_time
from rag.words import bigrams, search_form, topic_words

MOST = 6
"""Sentences of a summary without an LLM at most."""

_MOST_PROMPTED = 12
"""Sentences that an LLM is given; the first `MOST` are those of the extractive summary."""

_MOST_ARTICLES = 4
_LONGEST = 120
"""Sentences of an article that are weighed: a summary of a very long text is one of its beginning."""

_ABOUT = 0.55
"""Share of the topic's words, by rarity, that an article must hold in title or text for the topic to be in the library at all."""
_AS_MUCH = 0.8
"""A further article is summed up with the first when it holds at least this share of what the first holds."""
_IN_HEAD = 0.5
"""... and this share of its words stands in its title or beginning, so that it is about the topic and does not just name it."""
_HEAD = 120
_SURELY = 0.75
_GENERIC = frozenset(
    "经济 情况 数据 形势 行情 走势 现状 表现 业绩 访谈 专访 采访 事件 影响 造成 变化 结果 经过 整个 最新 主要 总体 整体 具体 有关 相关 几篇 这篇".split()
)
"""Words of asking for a summary that an article on the topic need not hold."""
_NUMBERED = re.compile(r"\d+号线|第[一二三四五六七八九十\d]+[届轮期批号次]")
_SAME_TITLE = 0.75
_PERIOD = 0.5

_DAMPING, _STEPS = 0.5, 30
"""Share of a sentence's weight that comes from the other sentences; the rest from the question."""
_TRADE = 0.65
"""Weight of a sentence against its likeness to those that are chosen, in maximal marginal relevance."""
_ALIKE = 0.6
_SHORTEST = 10
_CAPTION = re.compile(r"^(?:资料图|图[:：为源]|图片|来源|作者|编辑|责编|记者|扫码|点击|关注)")
_LATER = 0.08
"""How much less the second sentence of an article weighs than the first, the third than the second …"""
_TITLE = 1.0
"""Weight of the likeness to the article's title against that to the question: the title method of Edmundson 1969."""


@dataclass(frozen=True, slots=True)
class _About:
    """An article, how far it is about the topic (0 to 1), and how far its title and beginning are."""

    hit: Hit
    whole: float
    head: float


def judge_summary(collection: Collection, question: str, hits: Sequence[Hit]) -> tuple[list[Candidate], str]:
    """The sentences that a summary may be made of, and why there can be none.

    Args:
        question: asks for a summary of an article named by its title, or of a topic.
        hits: of a search for `summary_topic(question)`, best first.

    Returns:
        Candidates, the first `MOST` of them those of the extractive summary; their score, 0 to 1, says how far their article is
        about the topic. And the reason for a refusal in Chinese, empty where there is none.
    """
    topic = summary_topic(question)
    named = _named(question, hits)
    chosen = named or _on_topic(collection, topic, hits)
    if not chosen:
        return [], REFUSAL
    sentences = [s for about in chosen for s in _sentences(about.hit)]
    scores = {about.hit.article.id: about.whole for about in chosen}
    spans = asked_spans(topic)
    plain = [
        Candidate(s, scores[s.article.id], {"names": 1.0, "period": 1.0 if named else _period(s, spans)})
        for s in sentences
    ]
    if not named:
        strangers = refusal_reason(topic, plain)
        if strangers and strangers != REFUSAL:
            return [], strangers
    return _chosen(collection, topic, plain), ""


def quote_summary(question: str, candidates: Sequence[Candidate], citations: Citations) -> tuple[Statement, ...]:
    """The extractive summary: the first `MOST` candidates, the oldest article first, in the order of each article."""
    years = asks_about_time(question)
    return tuple(quote(candidate, citations, years=years) for candidate in sorted(candidates[:MOST], key=_when))


def _when(candidate: Candidate) -> tuple[datetime, str, int]:
    article = candidate.sentence.article
    return article.published_at or datetime.max.replace(tzinfo=UTC), article.id, candidate.sentence.start


def _named(question: str, hits: Sequence[Hit]) -> list[_About]:
    """The articles whose titles the question names between 《 and 》, each once."""
    found: dict[str, Hit] = {}
    for title in named_titles(question):
        asked = bigrams(title)
        for hit in hits:
            own = bigrams(hit.article.title)
            alike = len(asked & own) / max(1, len(asked | own))
            whole = (
                search_form(title) in search_form(hit.article.title) and len(title) >= 6
            )  # the beginning of a long title
            if alike >= _SAME_TITLE or whole:
                found.setdefault(hit.article.id, hit)
                break  # a repost of it tells nothing more
    return [_About(_whole(hit), 1.0, 1.0) for hit in found.values()]


def _on_topic(collection: Collection, topic: str, hits: Sequence[Hit]) -> list[_About]:
    """The few articles that the topic is about, the best first; empty where the library does not have it."""
    words = collection.index().idf([word for word in topic_words(topic) if word not in _GENERIC])
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.article.id, hit)
    spans = asked_spans(topic)
    abouts = [
        _About(hit, _share(words, f"{a.title}\n{a.text}\n{a.source}\n{a.date}"), _share(words, _head(a)))
        for hit in first.values()
        if (a := hit.article) and max((_period(s, spans) for s in _sentences(_whole(hit))), default=0.0) >= _PERIOD
    ]
    if not abouts or any(title for title in named_titles(topic) if not _holds(title, abouts)):
        return []
    order = {about.hit.article.id: i for i, about in enumerate(abouts)}
    abouts.sort(key=lambda a: (-round(a.whole + a.head, 1), order[a.hit.article.id]))
    best = abouts[0]
    if best.whole < _ABOUT or _lacks(topic, best):
        return []
    near = [a for a in abouts if a.whole >= _AS_MUCH * best.whole and a.head >= _IN_HEAD * best.head][:_MOST_ARTICLES]
    if not best.head:  # an item of a digest: what its passages say of it, and not the rest of the day's news
        return [replace(a, hit=_lines_on(words, a.hit)) for a in near]
    return [replace(a, hit=_whole(a.hit)) for a in near]


def _lacks(topic: str, about: _About) -> bool:
    """Whether an article lacks what makes a topic another one: its number (8号线), the name it begins with, or what is asked of it (…的财务造假案)."""
    article = about.hit.article
    told = search_form(f"{article.title}\n{article.text}\n{article.source}\n{article.date}")
    plain = search_form(topic)
    if any(number[0] not in told for number in _NUMBERED.finditer(plain)):
        return True
    behind = plain.rpartition("的")[2] if "的" in plain else ""
    aspect = [word for word in topic_words(behind) if len(word) > 1 and word not in _GENERIC]
    if aspect and not any(word in told for word in aspect):
        return True
    words = [word for word in topic_words(plain) if not word[0].isdigit()]
    return bool(words) and about.whole < _SURELY and words[0] not in told


def _lines_on(words: Mapping[str, float], hit: Hit) -> Hit:
    """The hit with the lines of its passage that hold the rarest word of the topic, and the line behind each."""
    text, chunk = hit.article.text, hit.chunk
    rarest = max(words, key=lambda word: words[word], default="")
    start = text.rfind("\n", 0, max(0, search_form(text).find(rarest)) + 1) + 1 if rarest else chunk.start
    ends = [m.end() for m in re.finditer(r"\n|$", text[start:])]
    end = start + ends[min(1, len(ends) - 1)]
    return replace(hit, chunk=Chunk(-1, hit.article.id, start, end, text[start:end]))


def _holds(title: str, abouts: Sequence[_About]) -> bool:
    return any(search_form(title) in search_form(f"{a.hit.article.title}\n{a.hit.article.text}") for a in abouts)


def _share(words: Mapping[str, float], text: str) -> float:
    """Share of the words that stand in the text, each weighted by its rarity; 0 where there are none."""
    total = sum(words.values())
    plain = search_form(text)
    return sum(weight for word, weight in words.items() if word in plain) / total if total else 0.0


def _head(article: Article) -> str:
    return f"{article.title}\n{article.text[:_HEAD]}\n{article.date}"


def _whole(hit: Hit) -> Hit:
    """The hit with its whole article as its passage."""
    article = hit.article
    return replace(hit, chunk=Chunk(-1, article.id, 0, len(article.text), article.text))


def _sentences(hit: Hit) -> list[Sentence]:
    """The sentences of an article that can stand alone in a summary: no headings, no one-word lines."""
    found = sentences_of([hit])[:_LONGEST]
    told = [s for s in found if len(s.text) >= _SHORTEST and s.text.rstrip()[-1:] in tuple("。！？!?；;”」…")]
    told = [s for s in told if not _CAPTION.match(s.text)]
    return told if len(told) > 1 else found


def _period(sentence: Sentence, spans: tuple[DateSpan, ...]) -> float:
    article = sentence.article
    published = article.published_at.astimezone(SHANGHAI).date() if article.published_at else None
    return fits_time(spans, article.text, sentence.start, sentence.end, article.title, published)


def _chosen(collection: Collection, topic: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that say most, best first: each article's best one leads, then all by maximal marginal relevance."""
    embedder = collection.embedder
    vectors = embedder.encode_passages([search_form(c.sentence.text) for c in candidates])
    heads = list(dict.fromkeys(c.sentence.article.title or topic for c in candidates))
    row = {title: i for i, title in enumerate(heads)}
    titles = embedder.encode_queries([search_form(title) for title in [topic, *heads]])
    own = titles[[1 + row[c.sentence.article.title or topic] for c in candidates]]
    weights = _weights(vectors, titles[0], own, candidates)
    alike = np.clip(vectors @ vectors.T, 0.0, 1.0)
    grams = [bigrams(c.sentence.text) for c in candidates]
    left = list(range(len(candidates)))
    taken: list[int] = []
    articles: set[str] = set()
    several = len({c.sentence.article.id for c in candidates})
    while left and len(taken) < _MOST_PROMPTED:
        fresh = (
            [i for i in left if candidates[i].sentence.article.id not in articles] if len(articles) < several else left
        )
        best = max(
            fresh,
            key=lambda i: _TRADE * weights[i] - (1 - _TRADE) * max((float(alike[i, j]) for j in taken), default=0.0),
        )
        left.remove(best)
        articles.add(candidates[best].sentence.article.id)
        if not any(len(grams[best] & grams[j]) >= _ALIKE * len(grams[best]) for j in taken):
            taken.append(best)
    return [candidates[i] for i in taken]


def _spread(cosines: Vector) -> Vector:
    """Cosines from 0 for the least to 1 for the highest."""
    span = float(cosines.max() - cosines.min())
    return np.asarray((cosines - cosines.min()) / span if span > 0 else np.ones_like(cosines), dtype=np.float32)


def _weights(vectors: Matrix, query: Vector, titles: Matrix, candidates: Sequence[Candidate]) -> Vector:
    """Weight of each sentence, shape (n,), 0 to 1: biased LexRank times its place in the article times its time.

    p = d W p + (1 - d) r, with W the row-normalised cosines above their mean and r the cosines with the question and with the article's
    title, spread between their least and their highest: those of a small model are all high.

    Args:
        titles: of each sentence the vector of its article's title, shape (n, dim).
    """
    count = len(candidates)
    cosines = vectors @ vectors.T
    links = np.clip(cosines - float(cosines.mean()), 0.0, None)
    np.fill_diagonal(links, 0.0)
    rows = links.sum(axis=1, keepdims=True)
    links = np.where(rows > 0, links / np.where(rows > 0, rows, 1.0), 1.0 / count)
    relevance = _spread(vectors @ query) + _TITLE * _spread(np.einsum("nd,nd->n", vectors, titles))
    relevance = relevance / relevance.sum()
    rank = np.full(count, 1.0 / count)
    for _ in range(_STEPS):
        rank = _DAMPING * (links.T @ rank) + (1 - _DAMPING) * relevance
    starts: dict[str, int] = {}
    lead = []
    for candidate in candidates:
        place = starts[candidate.sentence.article.id] = starts.get(candidate.sentence.article.id, -1) + 1
        lead.append(candidate.features["period"] / (1.0 + _LATER * place))
    weights = rank * np.asarray(lead)
    return np.asarray(weights / weights.max() if weights.max() > 0 else weights, dtype=np.float32)
