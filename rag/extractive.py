"""The answer without any LLM: the source sentences that answer best, quoted as they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.evidence import Citations
from rag.records import Statement
from rag.relevance import Candidate
from rag.told_days import asks_about_time, with_days
from rag.words import bigrams, search_form, topic_words

_MOST = 4
"""Sentences quoted at most."""

_NEAR = 0.9
"""A further sentence is quoted when its score is at least this share of the best one's ..."""

_NEW = 0.5
"""... or this share, when it holds a word of the question that no sentence before it holds: questions for two things."""

_ON_TOPIC = 0.7
"""A further sentence must speak of the place and time asked for at least this well, or as well as the first."""

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")

_ALIKE = 0.7
"""Share of a sentence's bigrams that an earlier one may hold before it counts as said already."""


def extract(
    question: str, candidates: Sequence[Candidate], citations: Citations | None = None
) -> tuple[Statement, ...]:
    """Statements that quote the best sentences, best first; empty for no candidates.

    Args:
        citations: gives the numbers; new ones from 1 without it.
    """
    words = topic_words(question)
    missing = set(words)
    chosen: list[Candidate] = []
    for candidate in candidates:
        plain = search_form(candidate.sentence.text)
        said = {word for word in missing if word in plain}
        if chosen and candidate.score < (_NEW if said else _NEAR) * chosen[0].score:
            continue
        if chosen and _on_topic(candidate) < min(_ON_TOPIC, _on_topic(chosen[0])):
            continue
        if any(_says_the_same(candidate.sentence.text, c.sentence.text) for c in chosen):
            continue
        chosen.append(candidate)
        missing -= said
        if len(chosen) == _MOST:
            break
    citations = citations or Citations()
    years = asks_about_time(question)
    return tuple(quote(candidate, citations, years=years) for candidate in chosen)


def _on_topic(candidate: Candidate) -> float:
    return min(candidate.features["names"], candidate.features["period"])


def _says_the_same(text: str, earlier: str) -> bool:
    """Whether a sentence adds nothing to an earlier one. Other figures in the same words are news: sources that disagree."""
    grams = bigrams(text)
    figures = set(_FIGURE.findall(search_form(text)))
    return len(grams & bigrams(earlier)) >= _ALIKE * len(grams) and figures <= set(
        _FIGURE.findall(search_form(earlier))
    )


def quote(candidate: Candidate, citations: Citations, *, years: bool) -> Statement:
    """A source sentence as a statement, with the days that its words mean (see `rag.told_days`)."""
    citation = citations.cite(candidate.sentence)
    return Statement(with_days(citation.quote, citation.article, years=years), (citation,), "supported")
