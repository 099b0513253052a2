"""Sources that give another figure for the same thing: the answer shows both, with their days.

Two sentences of different articles contradict each other where both give a quantity of the type and unit that was asked for, beside the
same words of the question, the rest of whose words both articles are about, at the time asked for, and the values differ. Meant to be
sure rather than complete: a wrong "说法不一" is worse than a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rag.quantities import Quantity, find_quantities
from rag.quantity_drafts import MEASURED
from rag.question_types import QUANTITY_TYPES, Expectation, meets_expectation, question_expects
from rag.records import Citation, Statement
from rag.relevance import Candidate
from rag.told_time import asked_spans
from rag.words import search_form, topic_words

_FITS, _FITS_YEAR = 0.7, 0.9
"""Both sentences must speak of the place and time asked for with at least this; of a year with more, as January tells of the year before."""
_HEAD = 200
"""What an article is about stands in its title and its first characters."""
_BEFORE, _BEHIND = 14, 8
_ALIKE = 0.5
_ABOUT = Decimal("0.05")
"""What 约 leaves open, as a share of the value."""
_READ, _APART = 0.35, 0.2
"""The reader's feature must be above the first in both sentences, and not lower by the second in the other one."""
_CLAUSE = re.compile(r"[，,。；;：:！？!?\n]")
_DIFFERS = re.compile(r"与\[(\d+)\]说法不一")
_FILLING = re.compile(r"[的了为是达约共超近至有在将到\s]|完成|实现|达到|数据显示")


@dataclass(frozen=True, slots=True)
class _Figure:
    quantity: Quantity
    near: str
    """The words around it in its clause."""


def rivals(question: str, said: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of the candidates those that contradict `said`, best first, at most one of each article."""
    expects = question_expects(question)
    if said.answer:
        return _read_differently(expects, said, candidates)
    if expects not in QUANTITY_TYPES or expects == "date":
        return []
    words = topic_words(question)
    own = _figure(said, expects, words)
    if own is None:
        return []
    beside = [word for word in words if word in own.near]
    article = said.sentence.article
    whole = search_form(f"{article.title}\n{article.text}")
    about = [word for word in words if word not in own.near and word in whole and not word[0].isdigit()]
    year = any(span.start is not None for span in asked_spans(question))
    if not _fits(said, about, year=year):
        return []
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        article = candidate.sentence.article
        if article.id == said.sentence.article.id or article.id in found or not _fits(candidate, about, year=year):
            continue
        other = _figure(candidate, expects, words)
        if (
            other is not None
            and all(word in other.near or word in _head(candidate) for word in beside)
            and _contradict(own, other)
        ):
            found[article.id] = candidate
    return list(found.values())


def _read_differently(expects: Expectation, said: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those of which the reader is sure that they answer too, with another figure."""
    own = _answer_figure(expects, said)
    if own is None or not _sure(said):
        return []
    least = said.features["reader"] - _APART
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        article = candidate.sentence.article
        if article.id == said.sentence.article.id or article.id in found or not _sure(candidate):
            continue
        if candidate.features["reader"] < least:
            continue
        other = _answer_figure(expects, candidate)
        if other is not None and (own.kind, own.unit) == (other.kind, other.unit) and not _agree(own, other):
            found[article.id] = candidate
    return list(found.values())


def _sure(candidate: Candidate) -> bool:
    features = candidate.features
    return features.get("reader", 0.0) > _READ and min(features["names"], features["period"]) >= _FITS


def _answer_figure(expects: Expectation, candidate: Candidate) -> Quantity | None:
    """The one figure in what the reader answers with, of the type asked for where one is asked for."""
    figures = [
        q
        for q in find_quantities(candidate.answer)
        if isinstance(q.value, Decimal) and q.kind in MEASURED and not q.direction
    ]
    wanted = [q for q in figures if meets_expectation(expects, q)]
    found = wanted or ([] if expects in ("money", "percent") else figures)
    return found[0] if len(found) == 1 else None


def told_differently(earlier: Citation, citation: Citation) -> str:
    """The note beside a statement that contradicts an earlier one, in Chinese."""
    article = citation.article
    about = "，".join(part for part in (article.source, article.date) if part)
    return f"与[{earlier.number}]说法不一：{about or article.title}"


def disputed(statements: Sequence[Statement]) -> frozenset[int]:
    """Numbers of the citations about which sources disagree, as notes of `told_differently` say."""
    numbers: set[int] = set()
    for statement in statements:
        for earlier in _DIFFERS.findall(statement.note):
            numbers |= {int(earlier), *(citation.number for citation in statement.citations)}
    return frozenset(numbers)


def _fits(candidate: Candidate, about: Sequence[str], *, year: bool) -> bool:
    """Whether a sentence speaks of the time asked for, and its article of what the question is about."""
    article = candidate.sentence.article
    head = search_form(f"{_head(candidate)}\n{candidate.sentence.text}")
    whole = search_form(f"{article.title}\n{article.text}")
    return (
        candidate.features["names"] >= _FITS
        and candidate.features["period"] >= (_FITS_YEAR if year else _FITS)
        and all(word in whole for word in about)
        and (not about or any(word in head for word in about[:2]))
    )


def _head(candidate: Candidate) -> str:
    article = candidate.sentence.article
    return search_form(f"{article.title}\n{article.text[:_HEAD]}")


def _figure(candidate: Candidate, expects: Expectation, words: Sequence[str]) -> _Figure | None:
    """The quantity of the type asked for beside which most of the question's words stand."""
    text = candidate.sentence.text
    best: tuple[int, _Figure] | None = None
    for quantity in find_quantities(text):
        if quantity.direction or not meets_expectation(expects, quantity) or not isinstance(quantity.value, Decimal):
            continue
        starts = [m.end() for m in _CLAUSE.finditer(text, 0, quantity.start)]
        end = _CLAUSE.search(text, quantity.end)
        before = text[max(starts[-1] if starts else 0, quantity.start - _BEFORE) : quantity.start]
        behind = text[quantity.end : min(end.start() if end else len(text), quantity.end + _BEHIND)]
        near = _FILLING.sub("", search_form(before + behind))
        count = sum(word in near for word in words)
        if count and (best is None or count > best[0]):
            best = count, _Figure(quantity, near)
    return best[1] if best else None


def _contradict(one: _Figure, other: _Figure) -> bool:
    first, second = one.quantity, other.quantity
    if (first.kind, first.unit) != (second.kind, second.unit) or _agree(first, second):
        return False
    grams, others = _grams(one.near), _grams(other.near)
    return bool(grams and others) and len(grams & others) >= _ALIKE * min(len(grams), len(others))


def _agree(one: Quantity, other: Quantity) -> bool:
    """Whether both may be the same value: as far as the coarser one is written, or within what a hedge leaves open."""
    assert isinstance(one.value, Decimal)
    assert isinstance(other.value, Decimal)
    apart = abs(one.value - other.value)
    if one.approx or other.approx:
        return apart <= max(one.step, other.step, _ABOUT * max(abs(one.value), abs(other.value)))
    return apart < max(one.step, other.step)


def _grams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}
