"""The table of a comparison: its figures are read by code from the sentences that the answer cites, never from what an LLM wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rag.anchors import find_anchors, speaks_of
from rag.answer_forms import answer_form
from rag.comparisons import YEAR, compared, comparison_parts
from rag.evidence import Citations
from rag.quantities import Quantity, find_quantities
from rag.question_types import Expectation, meets_expectation, question_expects
from rag.records import SHANGHAI, Answer, Citation, Statement
from rag.relevance import Candidate
from rag.told_time import asked_spans, fits_time
from rag.words import search_form, topic_words

MISSING = "资料中没有"

_LOOKED_AT, _GOOD = 5, 0.4
"""The figure of a part is looked for in this many of its best sentences, of at least this share of the best one's score."""

_NAMED, _TIMED = 0.5, 0.7
"""How surely the cited sentence must speak of a row's name and time."""

_SAME = (
    (re.compile("地区生产总值|国内生产总值"), "gdp"),
    (re.compile("居民消费价格(?:指数)?"), "cpi"),
    (re.compile("营业收入"), "营收"),
    (re.compile(r"归属于[^，,；;]{0,10}?净利润"), "归母净利润"),
)
"""Names of one measure, as news writes them, over the search form."""
_TIME = re.compile(
    r"(?<![到比较自])(?:19|20)\d\d年(?!以来|底以来)|[上下]半年|[一二三四]季度|\d{1,2}月(?!\d{1,2}日)(?:份|末)"
)
_WHEN = re.compile(r"(?:19|20)\d\d年(?:度|末|底|全年)?|[上下]半年|第?[一二三四]季度|\d{1,2}月份?末?|全年")
_HEAD = 120
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_CLAUSE = re.compile(r"[，,。；;：:（）()|]")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of a comparison: its figure as the source writes it and where that stands; empty where no source tells."""

    label: str
    figure: str = ""
    citation: Citation | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A comparison. `note` says which figure is larger and by how much, where code could compute it; else it is empty."""

    measure: str
    rows: tuple[Row, ...]
    note: str = ""


def figures_of(parts: Sequence[str], judged: Sequence[Sequence[Candidate]]) -> list[Candidate | None]:
    """For each part of a comparison the source sentence that gives its figure, among its best ones; None where none surely does.

    Args:
        judged: the source sentences of each part, best first.

    Returns:
        One for each part; all None where the parts do not ask for one measure.
    """
    rows = compared(parts)
    found: list[Candidate | None] = []
    for part, (label, measure), candidates in zip(parts, rows, judged, strict=bool(rows)):
        others = [name for name, _ in rows if name != label]
        good = [c for c in candidates[:_LOOKED_AT] if c.score >= _GOOD * candidates[0].score]
        found.append(
            next((c for c in good if figure_of(part, label, measure, others, [Citations().cite(c.sentence)])), None)
        )
    return found or [None] * len(parts)


def table_of(answer: Answer) -> Table | None:
    """The comparison that an answer makes, or None where it makes none.

    Only where every part of the question has a figure in a sentence that the answer cites, or the answer says that the articles do not
    tell it. Pure: a stored answer gives the same table.
    """
    question = (answer.standalone_question or answer.question).encode("utf-8", "replace").decode("utf-8")
    if answer.refused or answer_form(question) != "comparison":
        return None
    parts = comparison_parts(question)
    labelled = compared(parts)
    if len(labelled) < 2:
        return None
    cited = [c for s in answer.statements if s.support in ("supported", "partial") for c in s.citations]
    rows: list[Row] = []
    figures: list[Quantity | None] = []
    labels = [label for label, _ in labelled]
    for part, (label, measure) in zip(parts, labelled, strict=True):
        found = figure_of(part, label, measure, [name for name in labels if name != label], cited)
        if found is None and f"关于“{part}”：" not in answer.provenance.notice:
            return None
        rows.append(Row(label, found[0].text.strip(), found[1]) if found else Row(label))
        figures.append(found[0] if found else None)
    if not any(row.figure for row in rows):
        return None
    return Table(labelled[0][1], tuple(rows), _difference(rows, figures))


def figure_of(
    part: str, label: str, measure: str, others: Sequence[str], cited: Sequence[Citation]
) -> tuple[Quantity, Citation] | None:
    """The figure that answers one part of a comparison, and the citation that holds it; None where none surely does.

    Args:
        others: the labels of the other rows: a figure behind one of them is theirs.
    """
    expects = question_expects(part)
    best: tuple[int, Quantity, Citation] | None = None
    for citation in cited:
        if not _speaks(label, part, citation):
            continue
        for quantity in _fitting(citation, expects, label, others):
            near = _nearness(citation, quantity, label, measure)
            if near and (best is None or near > best[0]):
                best = near, quantity, citation
    return (best[1], best[2]) if best else None


def _speaks(label: str, part: str, citation: Citation) -> bool:
    """Whether a cited sentence speaks of the row's name, and it or the head of its article of the time asked for."""
    article = citation.article
    published = article.published_at.astimezone(SHANGHAI).date() if article.published_at else None
    asked = asked_spans(part)
    head = article.text.find("。", 0, _HEAD) + 1 or _HEAD
    if fits_time(asked, article.text, citation.start, citation.end, article.title, published) < _TIMED and (
        fits_time(asked, article.text, 0, head, article.title, published) < 1.0 or _other_time(part, citation)
    ):
        return False
    name = YEAR.sub("", label).strip("的")
    if name and _spaced(name).search(citation.quote):
        return True
    before = f"{article.title}\n{article.text[: citation.start]}"
    whole = f"{article.title}\n{article.source}\n{article.text}"
    anchors = [a for a in find_anchors(part) if a.kind in ("place", "org", "name", "person")]
    if anchors and min(speaks_of(a, citation.quote, before, whole) for a in anchors) < _NAMED:
        return False
    return not name or _spaced(re.sub(r"(?<=..)[市区县省]$", "", name)).search(whole) is not None


def _other_time(part: str, citation: Citation) -> bool:
    """Whether the line of a sentence names a time before it, or it one itself, that the question does not name."""
    text = citation.article.text
    line = text[text.rfind("\n", 0, citation.start) + 1 : citation.end]
    return any(m[0] not in part for m in _TIME.finditer(line))


def _spaced(name: str) -> re.Pattern[str]:
    """The name, also with spaces between Latin letters and Chinese ones: Pro 版."""
    return re.compile(r"\s*".join(map(re.escape, name)), re.IGNORECASE)


def _fitting(citation: Citation, expects: Expectation, label: str, others: Sequence[str]) -> list[Quantity]:
    """The quantities of the type asked for that stand behind the row's own label, and not behind another row's."""
    text = citation.quote
    marks = sorted((m.start(), name) for name in (label, *others) for m in _spaced(name).finditer(text))
    told = any(name == label for _, name in marks)
    day = citation.article.published_at
    reference = day.astimezone(SHANGHAI).date() if day else None
    fitting = []
    for quantity in find_quantities(text, reference=reference):
        named = [name for at, name in marks if at < quantity.start]
        if not meets_expectation(expects, quantity) or not isinstance(quantity.value, Decimal) or quantity.planned:
            continue
        if (named and named[-1] != label) or (told and not named):
            continue
        fitting.append(quantity)
    return fitting


def _nearness(citation: Citation, quantity: Quantity, label: str, measure: str) -> int:
    """How well the measure stands in the figure's clause before it: 0 where a word of it is missing, more without 增长 or 下降.

    Between semicolons the measure is told once: 甲区实现地区生产总值…；乙区实现…
    """
    text = citation.quote
    starts = [m.end() for m in _CLAUSE.finditer(text, 0, quantity.start)]
    before = text[starts[-1] if starts else 0 : quantity.start]
    words = [word for word in topic_words(_one_name(_WHEN.sub("", measure))) if not word[0].isdigit()]
    said = _said(words, before)
    if not said and not starts and _spaced(label).search(before):
        whole = citation.article.text[: citation.start]
        chain = whole[max(whole.rfind("。"), whole.rfind("\n")) + 1 :]
        other = [q for q in find_quantities(before + text[quantity.start : quantity.end]) if q.unit == quantity.unit]
        return int(chain.rstrip().endswith(("；", ";")) and _said(words, chain) and len(other) == 1)
    return said * (1 if quantity.direction else 2)


def _said(words: Sequence[str], text: str) -> bool:
    """Whether a text holds all the words."""
    plain = _one_name(text)
    return bool(words) and all(word in plain for word in words)


def _one_name(text: str) -> str:
    """The search form with each measure under one name: GDP for 地区生产总值."""
    plain = search_form(text)
    for pattern, name in _SAME:
        plain = pattern.sub(name, plain)
    return plain


def _difference(rows: Sequence[Row], figures: Sequence[Quantity | None]) -> str:
    """Which of two figures is larger, and by how much: one subtraction, shown; empty where their units or hedges do not allow it."""
    if len(rows) != 2:
        return ""
    one, other = figures
    if one is None or other is None or (one.kind, one.unit) != (other.kind, other.unit) or one.approx or other.approx:
        return ""
    numbers = [_NUMBER.search(row.figure.replace("，", ",")) for row in rows]
    if numbers[0] is None or numbers[1] is None or one.direction != other.direction:
        return ""
    units = [row.figure.replace(number[0], "", 1).strip() for row, number in zip(rows, numbers, strict=True) if number]
    if units[0] != units[1]:
        return ""
    values = [Decimal(number[0].replace(",", "")) for number in numbers if number]
    if values[0] == values[1]:
        return f"{rows[0].label}与{rows[1].label}相同，都是{rows[0].figure}。"
    larger, smaller = (0, 1) if values[0] > values[1] else (1, 0)
    unit = "个百分点" if one.kind == "percent" else units[0]
    left, right = (numbers[i] for i in (larger, smaller))
    assert left is not None
    assert right is not None
    apart = values[larger] - values[smaller]
    return f"{rows[larger].label}较大，相差 {apart} {unit}（{left[0]} − {right[0]}）。"


def beside(table: Table, answer: Answer) -> tuple[Statement, ...]:
    """The shown statements of an answer that its table does not say already: all but plain quotations of the cited sentences."""
    shown = {row.citation.number for row in table.rows if row.citation}
    return tuple(
        s
        for s in answer.shown
        if s.note
        or s.support != "supported"
        or not {c.number for c in s.citations} <= shown
        or (answer.provenance.llm and s.text != s.citations[0].quote)
    )


def to_markdown(table: Table) -> str:
    """The table as Markdown, for terminals and notes."""
    lines = [f"| | {_cell(table.measure)} | 原文 |", "|---|---|---|"]
    for row in table.rows:
        figure = f"{row.figure}[{row.citation.number}]" if row.citation else MISSING
        lines.append(f"| {_cell(row.label)} | {_cell(figure)} | {_cell(row.citation.quote) if row.citation else ''} |")
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def _cell(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text).replace("|", "｜").strip()
