"""The answer without any LLM: the source sentences that answer best, quoted as they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.evidence import Citations
from rag.quantities import find_quantities
from rag.question_types import question_expects
from rag.records import SHANGHAI, Statement
from rag.relevance import Candidate
from rag.words import bigrams, search_form, topic_words

_MOST = 4
"""Sentences quoted at most."""

_NEAR = 0.9
"""A further sentence is quoted when its score is at least this share of the best one's ..."""

_NEW = 0.5
"""... or this share, when it holds a word of the question that no sentence before it holds: questions for two things."""

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")

_ALIKE = 0.7
"""Share of a sentence's bigrams that an earlier one may hold before it counts as said already."""


def extract(question: str, candidates: Sequence[Candidate]) -> tuple[Statement, ...]:
    """Statements that quote the best sentences, best first; empty for no candidates."""
    words = topic_words(question)
    missing = set(words)
    chosen: list[Candidate] = []
    for candidate in candidates:
        plain = search_form(candidate.sentence.text)
        said = {word for word in missing if word in plain}
        if chosen and candidate.score < (_NEW if said else _NEAR) * chosen[0].score:
            continue
        if any(_says_the_same(candidate.sentence.text, c.sentence.text) for c in chosen):
            continue
        chosen.append(candidate)
        missing -= said
        if len(chosen) == _MOST:
            break
    citations = Citations()
    dated = question_expects(question) == "date"
    return tuple(_quote(candidate, citations, dated=dated) for candidate in chosen)


def _says_the_same(text: str, earlier: str) -> bool:
    """Whether a sentence adds nothing to an earlier one. Other figures in the same words are news: sources that disagree."""
    grams = bigrams(text)
    figures = set(_FIGURE.findall(search_form(text)))
    return len(grams & bigrams(earlier)) >= _ALIKE * len(grams) and figures <= set(
        _FIGURE.findall(search_form(earlier))
    )


def _quote(candidate: Candidate, citations: Citations, *, dated: bool) -> Statement:
    citation = citations.cite(candidate.sentence)
    note = "；".join(_resolved_days(candidate)) if dated else ""
    return Statement(citation.quote, (citation,), "supported", note)


def _resolved_days(candidate: Candidate) -> list[str]:
    """What 昨日 or 下周三 in a sentence means, counted from the day of its article: “昨日”即2021年7月1日."""
    published = candidate.sentence.article.published_at
    if published is None:
        return []
    day = published.astimezone(SHANGHAI).date()
    notes = []
    for quantity in find_quantities(candidate.sentence.text, reference=day):
        span = quantity.span
        if span is None or span.start is None or span.end is None or not span.word:
            continue  # only words: the year of a bare 8月3日 may hang on a 去年 before it
        if span.start == span.end:
            notes.append(f"“{quantity.text}”即{span.start.year}年{span.start.month}月{span.start.day}日")
        elif span.start.day == 1 and (span.start.year, span.start.month) == (span.end.year, span.end.month):
            notes.append(f"“{quantity.text}”即{span.start.year}年{span.start.month}月")
        elif (span.start.month, span.start.day) == (1, 1) and span.end == span.start.replace(month=12, day=31):
            notes.append(f"“{quantity.text}”即{span.start.year}年")
    return list(dict.fromkeys(notes))
