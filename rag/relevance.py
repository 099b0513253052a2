"""How well a source sentence answers a question: seven measured features, one score between 0 and 1.

The extractive answer quotes the best sentences, and the gate refuses when none is good enough. The weights come from
`python -m eval calibrate`, a logistic regression over the shipped questions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.anchors import find_anchors, speaks_of
from rag.collection import Collection
from rag.quantities import find_quantities, question_expects
from rag.records import Article, Hit
from rag.sentences import split_sentences
from rag.words import index_words, search_form, topic_words

FEATURES = ("cosine", "passage", "words", "context", "names", "period", "kind")
_WEIGHTS = (3.0, 2.0, 2.0, 3.0, 3.0, 2.0, 1.0)
_BIAS = -9.5

_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?=年|[-/.]\d)")
_MONTH = re.compile(r"(?<![\d.])(1[0-2]|[1-9])月(?!\w*个月)")
_RELATIVE_YEARS = {"今年": 0, "本年": 0, "去年": -1, "上年": -1, "前年": -2, "明年": 1, "后年": 2}
_DIGIT = {"零": "0", "〇": "0", "一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9"}  # fmt: skip
_CHINESE_YEAR = re.compile(r"[一二][零〇一二三四五六七八九]{3}(?=年)")


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
    """A sentence with its score (0 to 1) and the features it comes from, each 0 to 1."""

    sentence: Sentence
    score: float
    features: Mapping[str, float]


@lru_cache(maxsize=256)
def _spans(text: str) -> tuple[tuple[int, int], ...]:
    return tuple((s.start, s.end) for s in split_sentences(text))


def sentences_of(hits: Sequence[Hit]) -> list[Sentence]:
    """Every sentence that a hit's chunk touches, each once, in the order of the hits."""
    seen: set[tuple[str, int]] = set()
    sentences = []
    for hit in hits:
        text = hit.article.text
        for start, end in _spans(text):
            if end <= hit.chunk.start or start >= hit.chunk.end or (hit.article.id, start) in seen:
                continue
            seen.add((hit.article.id, start))
            line_end = text.find("\n", start)
            line = (text.rfind("\n", 0, start) + 1, len(text) if line_end < 0 else line_end)
            sentences.append(Sentence(hit, start, end, line))
    return sentences


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
    vectors = collection.embedder.encode_passages([s.text for s in sentences])
    cosines = vectors @ query
    asked = _asked(collection, question)
    candidates = []
    for sentence, cosine in zip(sentences, cosines, strict=True):
        features = _features(asked, sentence, float(cosine))
        candidates.append(Candidate(sentence, score(features), features))
    return sorted(candidates, key=lambda c: (-c.score, c.sentence.hit.rank, c.sentence.start))


def score(features: Mapping[str, float]) -> float:
    """Logistic function of the weighted features, 0 to 1."""
    total = _BIAS + sum(weight * features[name] for name, weight in zip(FEATURES, _WEIGHTS, strict=True))
    return 1.0 / (1.0 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    words: Mapping[str, float]
    years: frozenset[int]
    months: frozenset[int]
    expects: str


def _asked(collection: Collection, question: str) -> _Question:
    words = topic_words(question)
    idf = collection.keywords().idf(words)
    return _Question(question, idf, years_in(question, None), months_in(question), question_expects(question))


def _features(asked: _Question, sentence: Sentence, cosine: float) -> dict[str, float]:
    article = sentence.article
    head = article.text[sentence.line[0] : sentence.start]
    before = f"{article.title}\n{article.text[: sentence.start]}"
    context = f"{article.title} {sentence.hit.chunk.heading} {article.date} {head}"
    names = [
        speaks_of(anchor, sentence.text, before, f"{article.title}\n{article.source}\n{article.text}")
        for anchor in find_anchors(asked.text)
    ]
    return {
        "cosine": _unit(cosine, 0.75, 0.95),
        "passage": _unit(sentence.hit.why.get("dense", 0.0), 0.75, 0.95),
        "words": _coverage(asked.words, sentence.text),
        "context": _coverage(asked.words, f"{context} {sentence.text}"),
        "names": min(names, default=1.0),
        "period": _period(asked, sentence),
        "kind": _has_kind(asked.expects, sentence),
    }


def _unit(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _coverage(words: Mapping[str, float], text: str) -> float:
    """Share of the question's words that stand in the text, each weighted by its rarity; 0 to 1."""
    total = sum(words.values())
    if not total:
        return 0.0
    plain = search_form(text)
    own = set(index_words(text))
    found = sum(weight for word, weight in words.items() if word in own or word in plain)
    return found / total


def years_in(text: str, reference: int | None) -> frozenset[int]:
    """Calendar years that a text names; 今年, 去年 … count from `reference` (the article's year) where there is one."""
    plain = _CHINESE_YEAR.sub(lambda m: "".join(_DIGIT[c] for c in m[0]), search_form(text))
    years = {int(year) for year in _YEAR.findall(plain)}
    if reference is not None:
        years |= {reference + shift for word, shift in _RELATIVE_YEARS.items() if word in plain}
    return frozenset(years)


def months_in(text: str) -> frozenset[int]:
    """Months (1 to 12) that a text names."""
    return frozenset(int(month) for month in _MONTH.findall(search_form(text)))


def _period(asked: _Question, sentence: Sentence) -> float:
    """1 when the sentence speaks of the time asked for, 0.2 when it speaks of another, in between when it names none."""
    article = sentence.article
    year = int(article.date[:4]) if article.date else None
    head = article.text[sentence.line[0] : sentence.start]
    result = 1.0
    if asked.years:
        own, near = years_in(sentence.text, year), years_in(head, year)
        anywhere = years_in(f"{article.title}\n{article.text}", year) | ({year} if year else frozenset())
        result = _fits(asked.years, own, near, anywhere)
    if asked.months:
        own, near = months_in(sentence.text), months_in(head)
        month = frozenset({int(article.date[5:7])} if article.date else ())
        anywhere = months_in(f"{article.title}\n{article.text}") | month
        result = min(result, _fits(asked.months, own, near, anywhere))
    return result


def _fits(wanted: frozenset[int], own: frozenset[int], near: frozenset[int], anywhere: frozenset[int]) -> float:
    if wanted & own:
        return 1.0
    if own:
        return 0.2
    if near:
        return 0.9 if wanted & near else 0.3
    return 0.7 if wanted & anywhere else 0.0


_KINDS: Mapping[str, frozenset[str]] = {
    "number": frozenset({"amount", "percent", "point", "multiple", "score", "period"}),
    "money": frozenset({"amount"}),
    "count": frozenset({"amount"}),
    "percent": frozenset({"percent", "point", "multiple"}),
    "date": frozenset({"date", "time", "period"}),
}


def _has_kind(expects: str, sentence: Sentence) -> float:
    wanted = _KINDS.get(expects)
    if wanted is None:
        return 0.5
    return 1.0 if any(q.kind in wanted for q in find_quantities(sentence.text)) else 0.0
