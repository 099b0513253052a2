"""The answer without any LLM: the source sentences that answer best, quoted as they stand."""

from __future__ import annotations

from collections.abc import Sequence

from rag.evidence import Citations
from rag.records import Statement
from rag.relevance import Candidate
from rag.words import bigrams

_MOST = 3
"""Sentences quoted at most."""

_NEAR = 0.75
"""A further sentence is quoted when its score is at least this share of the best one's."""

_ALIKE = 0.7
"""Share of a sentence's bigrams that an earlier one may hold before it counts as said already."""


def extract(candidates: Sequence[Candidate]) -> tuple[Statement, ...]:
    """Statements that quote the best sentences, best first; empty for no candidates."""
    chosen: list[Candidate] = []
    for candidate in candidates:
        if chosen and candidate.score < _NEAR * chosen[0].score:
            break
        grams = bigrams(candidate.sentence.text)
        if any(len(grams & bigrams(c.sentence.text)) >= _ALIKE * len(grams) for c in chosen):
            continue
        chosen.append(candidate)
        if len(chosen) == _MOST:
            break
    citations = Citations()
    statements = []
    for candidate in chosen:
        citation = citations.cite(candidate.sentence)
        statements.append(Statement(citation.quote, (citation,), "supported"))
    return tuple(statements)
