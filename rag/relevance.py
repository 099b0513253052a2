"""How well a source sentence answers a question: measured features, one score between 0 and 1.

The extractive answer quotes the best sentences, and the gate refuses when none is good enough. The weights come from
`python -m eval calibrate`, a logistic regression over the shipped questions.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock

import numpy as np

from embeddings import Embedder
from embeddings.embedder import Matrix, Vector
from rag.anchors import Anchor, find_anchors, speaks_of
from rag.collection import Collection
from rag.date_spans import DateSpan
from rag.injections import evidence_spans
from rag.quantities import find_quantities
from rag.question_types import QUANTITY_TYPES, Expectation, meets_expectation, question_expects
from rag.records import SHANGHAI, Article, Hit
from rag.told_time import asked_spans, fits_time
from rag.words import index_words, search_form, topic_words

WEIGHTS: Mapping[str, float] = {"cosine": 5.65, "words": 1.95, "context": 2.40, "period": 2.14, "kind": 1.38}
BIAS = -9.36
READ_WEIGHTS: Mapping[str, float] = {
    "cosine": 2.9, "words": 2.3, "context": 2.7, "period": 1.6, "kind": 1.5, "reader": 6.3,
}  # fmt: skip
READ_BIAS = -8.0
"""The same where the sentences were also read with the question (`embeddings.reader`)."""

_MOST_KEPT = 20_000
"""Sentence vectors kept in memory: 30 MB with zh-small."""

_MARGIN = 12.0
"""Margins of the reader from minus to plus this are the feature's 0 to 1."""

_SURE_ANSWER, _LONGEST_ANSWER = 0.5, 20
_LEAD, _BEFORE = 80, 80
"""Characters of an article's first sentence, and of what stands before a passage, that are read with it."""

_UNRELATED = (
    "清晨的湖面上飘着一层薄雾。", "他把旧自行车推进了院子。", "这道菜要先用小火慢炖两个小时。", "孩子们在操场上放风筝。",
    "图书馆周一闭馆。", "她学会了弹古筝。", "请在虚线框内签字。", "台阶很滑，当心脚下。",
    "那只橘猫总爱睡在窗台上。", "程序启动时出现了一个警告。", "下一班渡轮四十分钟后开出。", "他把药分成早晚两次服用。",
)  # fmt: skip
"""Everyday sentences: what a question's cosine with them is, is the zero of the feature `cosine`."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a hit's article: `article.text[start:end] == text`. `line` is the span of the line it stands in."""

    hit: Hit
    start: int
    end: int
    line: tuple[int, int]

    @property
    def article(self) -> Article:
        """The article it stands in."""
        return self.hit.article

    @property
    def text(self) -> str:
        """The sentence, byte for byte."""
        return self.hit.article.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence with its score (0 to 1) and its features, each 0 to 1.

    cosine: question and sentence as vectors; words: share of the question's words in the sentence, by rarity; context: the same
    with its paragraph, title and day; period: it speaks of the time asked for; kind: it holds a figure, date … as asked for;
    names: it speaks of the place or organisation asked for (a check, not part of the score); reader: how far the answer stands in
    it, as a model says that reads question and passage together (0.5: as likely as not being there at all). `answer` are the words of it
    that this model would answer with, in search form; empty without a reader.
    """

    sentence: Sentence
    score: float
    features: Mapping[str, float]
    answer: str = ""


def sentences_of(hits: Sequence[Hit]) -> list[Sentence]:
    """Every sentence that a hit's chunk touches, each once, in the order of the hits; not those that speak to an AI."""
    seen: set[tuple[str, int]] = set()
    sentences = []
    for hit in hits:
        text = hit.article.text
        for start, end in evidence_spans(text):
            if end <= hit.chunk.start or start >= hit.chunk.end or (hit.article.id, start) in seen:
                continue
            seen.add((hit.article.id, start))
            sentences.append(sentence_at(hit, start, end))
    return sentences


def sentence_at(hit: Hit, start: int, end: int) -> Sentence:
    """The sentence of a hit's article that lies there."""
    text = hit.article.text
    line_end = text.find("\n", start)
    return Sentence(hit, start, end, (text.rfind("\n", 0, start) + 1, len(text) if line_end < 0 else line_end))


def rank_sentences(collection: Collection, question: str, hits: Sequence[Hit]) -> list[Candidate]:
    """The sentences of the hits, best first.

    Args:
        question: one that stands alone.
        hits: usually the first five of a search; more cost time (each sentence is embedded).
    """
    sentences = sentences_of(hits)
    if not sentences:
        return []
    query = collection.embedder.encode_queries([search_form(question)])[0]
    vectors = _vectors(collection.embedder, [search_form(s.text) for s in sentences])
    cosines = vectors @ query
    background = _background(collection.embedder, query)
    asked = _asked(collection, question, hits)
    candidates: list[tuple[Sentence, dict[str, float]]] = []
    for sentence, cosine in zip(sentences, cosines, strict=True):
        features = _features(asked, sentence, (float(cosine) - background) / (1.0 - background))
        candidates.append((sentence, features))
    answers = _read(collection, question, candidates)
    judged = [Candidate(s, score(f), f, answers.get((s.article.id, s.start), "")) for s, f in candidates]
    return sorted(judged, key=lambda c: (-c.score, c.sentence.hit.rank, c.sentence.start))


def _read(
    collection: Collection, question: str, candidates: Sequence[tuple[Sentence, dict[str, float]]]
) -> dict[tuple[str, int], str]:
    """Put the feature `reader` to the others, where there is a reader: the passages are read with the question.

    Returns:
        What it would answer with, by article and start of the sentence.
    """
    reader = collection.reader
    answers: dict[tuple[str, int], str] = {}
    if reader is None:
        return answers
    by_hit: dict[int, list[tuple[Sentence, dict[str, float]]]] = {}
    for sentence, features in candidates:
        by_hit.setdefault(sentence.hit.rank, []).append((sentence, features))
    passages = []
    for own in by_hit.values():
        own.sort(key=lambda item: item[0].start)
        passages.append(read_form([sentence for sentence, _ in own]))
    for own, reading in zip(by_hit.values(), reader.read(search_form(question), passages), strict=True):
        for (sentence, features), margin, answer in zip(own, reading.margins, reading.answers, strict=True):
            features["reader"] = min(1.0, max(0.0, 0.5 + margin / (2 * _MARGIN)))
            answers[sentence.article.id, sentence.start] = answer
    return answers


def sure_answer(candidates: Sequence[Candidate]) -> str:
    """The words that answer, of the best sentence (in search form); empty where the reader is not sure of them."""
    best = candidates[0] if candidates else None
    sure = best is not None and best.features.get("reader", 0.0) > _SURE_ANSWER and len(best.answer) <= _LONGEST_ANSWER
    return best.answer if best is not None and sure else ""


def read_form(sentences: Sequence[Sentence]) -> tuple[str, list[str]]:
    """A passage as the reader takes it: what it is told before (title, day, how the article begins, what stands just before), and
    the sentences, all in search form.

    News names its subject and its period once, at the head; the passage with the figure often names neither.

    Args:
        sentences: of one article, in order, at least one.
    """
    article = sentences[0].article
    spans = [span for span in evidence_spans(article.text) if span[1] <= sentences[0].start]
    lead = article.text[slice(*spans[0])].strip()[:_LEAD] if spans else ""
    before = ""
    for low, high in reversed(spans[1:]):
        sentence = article.text[low:high].strip()
        if len(before) + len(sentence) > _BEFORE:
            break
        before = f"{sentence}{before}"
    told = (f"{article.title} {article.date}".strip(), lead, before)
    return "\n".join(search_form(part) for part in told if part), [search_form(s.text) for s in sentences]


def score(features: Mapping[str, float]) -> float:
    """Logistic function of the weighted features, 0 to 1."""
    weights, bias = (READ_WEIGHTS, READ_BIAS) if "reader" in features else (WEIGHTS, BIAS)
    total = bias + sum(weight * features[name] for name, weight in weights.items())
    return 1.0 / (1.0 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    words: Mapping[str, float]
    times: tuple[DateSpan, ...]
    names: tuple[Anchor, ...]
    expects: Expectation


def _asked(collection: Collection, question: str, hits: Sequence[Hit]) -> _Question:
    words = topic_words(question)
    idf = collection.index().idf(words)
    return _Question(question, idf, asked_spans(question), _asked_names(question, hits), question_expects(question))


def _features(asked: _Question, sentence: Sentence, cosine: float) -> dict[str, float]:
    article = sentence.article
    head = article.text[sentence.line[0] : sentence.start]
    before = f"{article.title}\n{article.text[: sentence.start]}"
    context = f"{article.title} {sentence.hit.chunk.heading} {article.date} {head}"
    return {
        "cosine": min(1.0, max(0.0, cosine)),
        "words": _coverage(asked.words, sentence.text),
        "context": _coverage(asked.words, f"{context} {sentence.text}"),
        "names": _names(asked.names, sentence, before),
        "period": _period(asked, sentence),
        "kind": _has_kind(asked.expects, sentence),
    }


def _names(asked: Sequence[Anchor], sentence: Sentence, before: str) -> float:
    """1 when the sentence can speak of one of the places or organisations asked for or names the person, 0.2 when a rival stands nearer."""
    article = sentence.article
    whole = f"{article.title}\n{article.source}\n{article.text}"
    plain = search_form(sentence.text)
    if any(anchor.kind == "person" and anchor.core in plain for anchor in asked):
        return 1.0
    own = [anchor for anchor in asked if anchor.kind != "person"]
    return max((speaks_of(anchor, sentence.text, before, whole) for anchor in own), default=1.0)


def _asked_names(question: str, hits: Sequence[Hit]) -> tuple[Anchor, ...]:
    """The names of a question: places and organisations with an ending that tells their kind (区, 市, 公司 …), those that the passages
    give such an ending (云汐, there 云汐市), and persons. The others are too often wrongly recognised."""
    named = [
        a for a in find_anchors(question) if a.kind == "person" or (a.kind in ("place", "org") and a.rank != a.kind)
    ]
    plain = search_form(question)
    told = {a.core: a for hit in hits for a in find_anchors(hit.chunk.text) if a.kind == "place" and a.rank != a.kind}
    bare = [
        replace(anchor, start=plain.find(core), end=plain.find(core) + len(core), text=core)
        for core, anchor in told.items()
        if len(core) > 1 and core in plain and not any(core in a.text for a in named)
    ]
    return (*named, *bare)


def _background(embedder: Embedder, query: Vector) -> float:
    """Mean cosine of the question with sentences that have nothing to do with it, so that embedders can be compared.

    Unrelated sentences have a cosine of 0.8 under one model and 0.2 under another.
    """
    return float(np.mean(_unrelated(embedder) @ query))


_kept: OrderedDict[tuple[str, str], Vector] = OrderedDict()
_kept_guard = Lock()


def _vectors(embedder: Embedder, texts: Sequence[str]) -> Matrix:
    """Vectors of sentences, shape (sentences, dim), those asked for last kept: follow-ups and near questions find the same ones."""
    keys = [(embedder.fingerprint, text) for text in texts]
    with _kept_guard:
        found = {key: _kept[key] for key in keys if key in _kept}
    new = [key for key in dict.fromkeys(keys) if key not in found]
    if new:
        found.update(zip(new, embedder.encode_passages([text for _, text in new]), strict=True))
    with _kept_guard:
        for key in dict.fromkeys(keys):
            _kept[key] = found[key]
            _kept.move_to_end(key)
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return np.stack([found[key] for key in keys])


@lru_cache(maxsize=4)
def _unrelated(embedder: Embedder) -> Matrix:
    return embedder.encode_passages(_UNRELATED)


def _coverage(words: Mapping[str, float], text: str) -> float:
    """Share of the question's words that stand in the text, each weighted by its rarity; 0 to 1."""
    total = sum(words.values())
    if not total:
        return 0.0
    plain = search_form(text)
    own = set(index_words(text))
    found = sum(weight for word, weight in words.items() if word in own or word in plain)
    return found / total


def _period(asked: _Question, sentence: Sentence) -> float:
    article = sentence.article
    published = article.published_at.astimezone(SHANGHAI).date() if article.published_at else None
    return fits_time(asked.times, article.text, sentence.start, sentence.end, article.title, published)


def _has_kind(expects: Expectation, sentence: Sentence) -> float:
    """1 when the sentence holds a quantity of the type asked for, 0 when not, 0.5 when the question asks for none."""
    if expects not in QUANTITY_TYPES:
        return 0.5
    return 1.0 if any(meets_expectation(expects, q) for q in find_quantities(sentence.text)) else 0.0
