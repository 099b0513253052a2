"""Tables to lines: one row a line, each value with its header label, so that a number keeps its meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.reading.lines import Line, tidy

_NUMBER = re.compile(r"[-+−±~约≈]?[\d０-９][\d０-９,.，．:：/~～—–-]*")
_LABEL_YEAR = re.compile(r"(?:19|20)\d\d(?:[-—~](?:19|20)?\d\d)?(?:年.*|[QqHh][1-4]|[EeAa])?|\d{1,2}月.*|.*季度")
_MAX_LABEL = 40
_MAX_SPAN = 100
_MAX_CELLS = 200_000


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell as its source has it; `header` says that the source marks it as a label."""

    text: str
    header: bool = False
    rowspan: int = 1
    colspan: int = 1


def table_lines(rows: Sequence[Sequence[Cell]], header_rows: int = 0) -> list[Line]:
    """The table as lines `| 表头：值 | 表头：值 |`; without a usable header `| 值 | 值 |`.

    Args:
        rows: the cells as the source has them; row and column spans are expanded here.
        header_rows: how many leading rows the source declares as header (`<thead>`, Markdown); 0 if it does not say.
    """
    grid = _expand(rows)
    lines = []
    while grid and len({id(cell) for cell in grid[0]}) == 1 and len(grid[0]) > 1:
        # One cell across the whole table is its title, not a row.
        lines.append(Line(tidy(grid[0][0].text)))
        grid = grid[1:]
        header_rows = max(0, header_rows - 1)
    count = min(header_rows or _count_header_rows(grid), len(grid))
    if count == len(grid) and count > 0:
        count = 0  # nothing but a header: show it as rows
    labels = [_label(grid[:count], column) for column in range(len(grid[0]))] if count else []
    for row in grid[count:]:
        line = _row(row, labels)
        if line:
            lines.append(Line(line, "row"))
    return [line for line in lines if line.text]


def _expand(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """A rectangular grid in which a spanning cell stands at every place it covers."""
    blank = Cell("")
    places: dict[tuple[int, int], Cell] = {}
    width = 0
    for y, row in enumerate(rows):
        x = 0
        for cell in row:
            while (y, x) in places:
                x += 1
            right = x + min(max(1, cell.colspan), _MAX_SPAN)
            bottom = min(len(rows), y + min(max(1, cell.rowspan), _MAX_SPAN))
            if len(places) + (bottom - y) * (right - x) > _MAX_CELLS:
                bottom, right = y + 1, x + 1
            for below in range(y, bottom):
                for across in range(x, right):
                    places.setdefault((below, across), cell)
            x = right
            width = max(width, x)
    grid = [[places.get((y, x), blank) for x in range(width)] for y in range(len(rows))]
    return [row for row in grid if any(tidy(cell.text) for cell in row)]


def _count_header_rows(grid: list[list[Cell]]) -> int:
    """How many leading rows are labels. In doubt none: a wrong label would give a number a wrong meaning."""
    if len(grid) < 2 or len(grid[0]) < 2:
        return 0
    marked = 0
    for row in grid:
        if not all(cell.header or not cell.text for cell in row[1:]) or not any(cell.header for cell in row[1:]):
            break
        marked += 1
    if marked:
        return marked
    depth = min(max((cell.rowspan for cell in grid[0]), default=1), 3)
    if depth >= len(grid):
        return 0
    return depth if _proves_header(grid[:depth], grid[depth:]) else 0


def _proves_header(head: list[list[Cell]], body: list[list[Cell]]) -> bool:
    """Whether unmarked first rows can only be labels: words above columns whose values are all numbers of one kind."""
    labels = [_label(head, column) for column in range(len(head[0]))]
    if len(set(labels)) < len(labels) or any(len(label) > _MAX_LABEL for label in labels) or not all(labels[1:]):
        return False
    if any(_shape(label) is not None and not _LABEL_YEAR.fullmatch(label) for label in labels):
        return False
    for column in range(len(labels)):
        shapes = {_shape(tidy(row[column].text)) for row in body if tidy(row[column].text)}
        if len(shapes) == 1 and None not in shapes and (len(body) > 1 or len(labels) > 2):
            return True
    return False


def _shape(text: str) -> str | None:
    """The unit after a number, e.g. "亿元" of 400.69亿元; None where the text is not a number."""
    match = _NUMBER.match(text)
    rest = text[match.end() :].strip() if match else ""
    return rest if match and len(rest) <= 6 and not any(character.isdigit() for character in rest) else None


def _label(head: list[list[Cell]], column: int) -> str:
    """The label of a column: its header cells from top to bottom, each once."""
    parts = dict.fromkeys(tidy(row[column].text) for row in head)
    return " ".join(part.replace(" （", "（") for part in parts if part)


def _row(row: list[Cell], labels: list[str]) -> str:
    """One line for a row; a cell that spans columns under one label, or has no label, stands once."""
    shown = []
    previous: Cell | None = None
    for column, cell in enumerate(row):
        text = tidy(cell.text).replace("|", "｜")
        label = labels[column].replace("|", "｜") if labels else ""
        if not text or (cell is previous and (not label or label == labels[column - 1])):
            previous = cell
            continue
        previous = cell
        shown.append(text if not label or label == text else f"{label.rstrip('：:')}：{text}")
    return f"| {' | '.join(shown)} |" if shown else ""
