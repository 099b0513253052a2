"""Plain text to lines: literal characters, blank lines between paragraphs, hard-wrapped paragraphs joined again."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from rag.reading.lines import Line, tidy

_SENTENCE_END = "。！？!?；;：:….”’」』）】》"
_MIN_WRAP = 30  # columns; nobody wraps narrower than this
_MAX_WRAP = 130


def read_text(text: str) -> list[Line]:
    """The lines of a plain text. What looks like markup in it is text."""
    lines: list[Line] = []
    paragraph: list[str] = []
    for raw in [*text.split("\n"), ""]:
        if raw.strip():
            paragraph.append(raw)
            continue
        lines += [Line(line) for line in join_wrapped(paragraph)]
        paragraph.clear()
    return lines


def join_wrapped(paragraph: Sequence[str]) -> list[str]:
    """The lines of a paragraph, joined to one where somebody wrapped it at a fixed width.

    Wrapped means: at least three lines, all but the last of nearly equal width, most of them without a sentence end, and
    none of them indented. In doubt each line stays a line.
    """
    lines = [line for line in (tidy(raw) for raw in paragraph) if line]
    widths = [_width(line) for line in lines[:-1]]
    indented = any(raw[:1].isspace() for raw in paragraph[1:])
    if len(lines) < 3 or indented or not _MIN_WRAP <= max(widths) <= _MAX_WRAP or min(widths) < 0.85 * max(widths):
        return lines
    if sum(line[-1] in _SENTENCE_END for line in lines[:-1]) * 3 > len(lines):
        return lines
    joined = lines[0]
    for line in lines[1:]:
        joined += line if _is_wide(joined[-1]) or _is_wide(line[0]) else f" {line}"
    return [joined]


def _width(line: str) -> int:
    """Columns in a fixed-width font."""
    return sum(2 if _is_wide(character) else 1 for character in line)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF" or character in "“”‘’…—"
