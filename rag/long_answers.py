"""What an answer in another form than single sentences is made of: the one place that chooses by the form of the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rag.answer_forms import answer_form
from rag.comparison_tables import figures_of
from rag.evidence import Citations
from rag.extractive import extract
from rag.lists import check_items, complete_set, extreme, left_out, quote_list
from rag.records import Statement
from rag.relevance import Candidate
from rag.summaries import quote_summary

_HOLD = 2
"""Sentences of a drafted summary that must hold; with fewer the extractive summary comes instead."""


_LIST = 0.2
"""Score of the best sentence from which a complete list is quoted although nothing of the draft holds; rows and numbered lines score low."""

Part: TypeAlias = tuple[str, Sequence[Candidate]]
"""A part of a question with its source sentences, best first."""


def is_summary(question: str) -> bool:
    """Whether a question wants a summary."""
    return answer_form(question) == "summary"


def quoted_anyway(question: str, candidates: Sequence[Candidate]) -> bool:
    """Whether the sources are quoted although nothing of a draft holds: summaries, which name no fact, lists that they hold complete, and
    the row of a table that holds the most."""
    form = answer_form(question)
    if extreme(question, candidates):
        return True
    return form == "summary" or (form == "list" and candidates[0].score >= _LIST and complete_set(question, candidates))


def quotes_for(parts: Sequence[Part], citations: Citations) -> list[Statement]:
    """The source sentences that answer without an LLM, each once, in the form that the question wants.

    Of a comparison each part is answered by the sentence with its figure alone.
    """
    quoted: list[Statement] = []
    figures = figures_of([part for part, _ in parts], [candidates for _, candidates in parts])
    for (part, candidates), figure in zip(parts, figures, strict=True):
        match "figure" if figure else answer_form(part):
            case "figure":
                quoted += extract(part, [figure] if figure else [], citations)
            case "summary":
                quoted += quote_summary(part, candidates, citations)
            case "list":
                quoted += quote_list(part, candidates, citations)
            case _:
                row = extreme(part, candidates)
                quoted += extract(part, [row] if row else candidates, citations)
    return list({statement.citations[0].number: statement for statement in quoted}.values())


def enough_holds(question: str, statements: Sequence[Statement], candidates: Sequence[Candidate]) -> bool:
    """Whether enough of a checked draft holds for it to be the answer."""
    holding = sum(s.support != "unsupported" for s in statements)
    return holding >= (min(_HOLD, len(candidates)) if is_summary(question) else 1)


def check_form(parts: Sequence[Part], statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """The checked sentences of a draft; of a list, those with an item that no cited sentence has are no longer supported."""
    if not any(answer_form(part) == "list" for part, _ in parts):
        return tuple(statements)
    return tuple(map(check_items, statements))


def add_left_out(
    question: str, parts: Sequence[Part], statements: Sequence[Statement], citations: Citations
) -> tuple[Statement, ...]:
    """The statements of a draft, and quoted behind them what a complete answer says besides: items of a list, things of a comparison.

    Args:
        question: as it was asked, with all its parts.
    """
    told = tuple(statements)
    for part, own in parts:
        if answer_form(part) == "list":
            told += left_out(part, told, own, citations)
    if len(parts) > 1 and answer_form(question) == "comparison":
        cited = {(c.article.id, c.start) for s in told for c in s.citations}
        figures = [c for c in figures_of([part for part, _ in parts], [own for _, own in parts]) if c]
        for candidate in figures:
            (statement,) = extract(question, [candidate], citations)
            if (candidate.sentence.article.id, statement.citations[0].start) not in cited:
                told += (statement,)
    return told
