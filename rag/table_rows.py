"""The rows of an article's tables, `| 表头：值 | 表头：值 |` as the readers write them, and which of them holds the most."""

from __future__ import annotations

import re
from decimal import Decimal

from rag.injections import evidence_spans
from rag.quantities import Quantity, find_quantities
from rag.quantity_match import same_quantity
from rag.sentences import is_row
from rag.words import search_form

CELL = re.compile(r"\|?\s*([^|：:]+)[：:]\s*([^|]*?)\s*(?=\||$)")
"""A cell: its label, its value."""

TOTAL = re.compile(r"[：:]\s*(?:\S{0,4}合计|总计|小计|共计|平均|全[市省国区县])\s*(?=\||$)")
"""In a row that is no item of its table."""

_MOST = re.compile(r"最(?:高|多|大|贵|长|重|深|热|远|厚|强)|居首|位居第一|排名?第一")
_LEAST = re.compile(r"最(?:低|少|小|便宜|短|轻|浅|冷|近|薄|弱)|垫底|末位")


def tables(text: str) -> list[list[tuple[int, int]]]:
    """The places of the rows of each table of an article's text, in order."""
    found: list[list[tuple[int, int]]] = []
    end = -2
    for start, stop in evidence_spans(text):
        if not is_row(text[start:stop]):
            continue
        if found and not text[end:start].strip():
            found[-1].append((start, stop))
        else:
            found.append([(start, stop)])
        end = stop
    return found


def larger_elsewhere(statement: str, text: str, start: int) -> str:
    """The row that holds more (or less) than the one of which a statement says that it holds the most (or the least); else empty.

    Args:
        statement: e.g. 均价最高的是澄湖区，每平方米24,496元.
        text: the article's.
        start: where the row begins that carries the statement.
    """
    most, least = _MOST.search(statement), _LEAST.search(statement)
    if bool(most) == bool(least):
        return ""
    rows = next((rows for rows in tables(text) if any(place[0] == start for place in rows)), [])
    said = find_quantities(statement)
    own = next((_columns(text[slice(*place)]) for place in rows if place[0] == start), {})
    for label, figure in own.items():
        if not any(same_quantity(figure, quantity) for quantity in said):
            continue
        for place in rows:
            row = text[slice(*place)]
            other = None if TOTAL.search(row) else _columns(row).get(label)
            if other is None or not isinstance(other.value, Decimal) or not isinstance(figure.value, Decimal):
                continue
            if other.unit == figure.unit and (other.value > figure.value if most else other.value < figure.value):
                return row.strip()
    return ""


def extreme_row(question: str, text: str, start: int) -> tuple[int, int] | None:
    """The row that holds the most (or the least) of what a question asks for; None where it does not ask so, or names no column.

    Args:
        question: e.g. 均价最高的是哪个区？
        text: the article's.
        start: where one row of the table begins.
    """
    most, least = _MOST.search(question), _LEAST.search(question)
    if bool(most) == bool(least):
        return None
    asked = search_form(question)
    rows = next((rows for rows in tables(text) if any(place[0] == start for place in rows)), [])
    figures = [(place, _columns(row)) for place in rows if not TOTAL.search(row := text[slice(*place)])]
    for label in {label: None for _, columns in figures for label in columns}:
        name = search_form(re.split(r"[（(]", label)[0]).strip()
        told = [
            (q.value, place) for place, columns in figures if (q := columns.get(label)) and isinstance(q.value, Decimal)
        ]
        if len(name) > 1 and name in asked and len(told) > 1:
            return max(told)[1] if most else min(told)[1]
    return None


def _columns(row: str) -> dict[str, Quantity]:
    """The figures of a row by the label of their column."""
    figures = find_quantities(row)
    return {
        cell[1].strip(): figure
        for cell in CELL.finditer(row)
        for figure in figures
        if cell.start(2) <= figure.start < cell.end(2)
    }
