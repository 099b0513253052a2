"""Markdown to lines: headings, lists, tables and quotes without their marks; HTML inside it goes through the HTML reader."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.reading.html import read_html
from rag.reading.lines import Line, tidy
from rag.reading.tables import Cell, table_lines
from rag.reading.text import join_wrapped

_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_ATX = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_SETEXT = re.compile(r"[ ]{0,3}(=+|-{2,})[ \t]*$")
_RULE = re.compile(r"[ ]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_BULLET = re.compile(r"[ \t]*[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?")
_NUMBERED = re.compile(r"[ \t]*\d{1,3}[.)、][ \t]+")
_QUOTE = re.compile(r"[ ]{0,3}(?:>[ \t]?)+")
_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_CELL_BREAK = re.compile(r"(?<!\\)\|")
_HTML_BLOCK = re.compile(
    r"[ ]{0,3}<(?:/?(?:div|p|table|section|article|ul|ol|dl|h[1-6]|blockquote|figure|center|pre|details|header|footer|nav|"
    r"main|iframe|html|body|head|br|hr|img)\b|(?P<raw>script|style)\b|(?P<comment>!--))",
    re.IGNORECASE,
)
_WHOLLY_HTML = re.compile(
    r"\s*<(?:!doctype|html|body|div|p|section|article|table|figure|h[1-6]|ul|center)\b", re.IGNORECASE
)

_IMAGE = re.compile(r"!\[[^\[\]]*\]\([^()\n]{0,2000}\)|!\[[^\[\]]*\]\[[^\[\]]*\]")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\n]{0,2000}(?:\([^()\n]{0,200}\)[^()\n]{0,200})?\)")
_REFERENCE = re.compile(r"[ ]{0,3}\[[^\[\]]+\]:[ \t]+\S+")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>")
_CODE = re.compile(r"(?<!`)(`{1,4})(?!`)([^`\n]{1,2000}|[^\n]{1,200}?)(?<!`)\1(?!`)")
_STRONG = re.compile(
    r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*|(?<!\w)__(?=\S)([^_\n]+?)(?<=\S)__(?!\w)|~~(?=\S)([^~\n]+?)(?<=\S)~~"
)
_STAR = re.compile(r"(?<![0-9A-Za-z*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![0-9A-Za-z*])")
_UNDERSCORE = re.compile(r"(?<!\w)_(?=[^\s_])([^_\n]+?)(?<=[^\s_])_(?!\w)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_SPECIAL = re.compile(r"[\\`*_~\[<&!]")
_MAX_COLUMNS = 200
_MARKUP = re.compile(r"<[A-Za-z/!]|&[#\w]")


@dataclass(frozen=True, slots=True)
class Markdown:
    """What a Markdown body says; `link` is the address of the original where the body names one."""

    lines: tuple[Line, ...]
    images: int = 0
    link: str = ""


def read_markdown(body: str) -> Markdown:
    """Read a Markdown body; one that is HTML from end to end (a mirrored post) is read as HTML."""
    if _WHOLLY_HTML.match(body) and body.rstrip().endswith(">"):
        whole = read_html(body)
        return Markdown(whole.lines, whole.images, whole.link)
    reader = _Reader(body.split("\n"))
    lines = tuple(reader.read())
    return Markdown(lines, reader.images, reader.link)


class _Reader:
    """Goes through the source lines once; `position` is the next one."""

    def __init__(self, source: list[str]) -> None:
        self._source = source
        self._position = 0
        self.images = 0
        self.link = ""

    def read(self) -> Iterator[Line]:
        paragraph: list[str] = []
        while self._position < len(self._source):
            raw = self._source[self._position]
            block = self._block(raw, bool(paragraph))
            if block is None:
                paragraph.append(raw)
                self._position += 1
                continue
            yield from self._paragraph(paragraph)
            paragraph = []
            yield from block
        yield from self._paragraph(paragraph)

    def _block(self, raw: str, in_paragraph: bool) -> list[Line] | None:
        """The lines of the block that starts here, or None for a line of running text; moves on past the block."""
        if not raw.strip() or _RULE.match(raw) or _REFERENCE.match(raw):
            # `---` under a paragraph makes it a heading; that is found when the paragraph is looked at line by line.
            self._position += 1
            return []
        if fence := _FENCE.match(raw):
            return self._fenced(fence[1])
        if atx := _ATX.match(raw):
            self._position += 1
            return self._inline(atx[2], "heading")
        if self._position + 1 < len(self._source):
            below = self._source[self._position + 1]
            if 0 < raw.count("|") <= _MAX_COLUMNS and "|" in below and _DELIMITER.match(below):
                return self._table()
            if not in_paragraph and len(raw) <= 80 and _SETEXT.match(below) and not _BULLET.match(raw):
                self._position += 2
                return self._inline(raw, "heading")
        if _HTML_BLOCK.match(raw):
            return self._html()
        if bullet := _BULLET.match(raw):
            self._position += 1
            return self._inline(raw[bullet.end() :], "item")
        if _NUMBERED.match(raw):
            self._position += 1
            return self._inline(raw, "item")
        if quote := _QUOTE.match(raw):
            self._position += 1
            return self._inline(raw[quote.end() :], "text")
        return None

    def _paragraph(self, paragraph: list[str]) -> Iterator[Line]:
        for text in join_wrapped(paragraph):
            yield from self._inline(text, "text")

    def _fenced(self, fence: str) -> list[Line]:
        lines = []
        self._position += 1
        while self._position < len(self._source):
            raw = self._source[self._position]
            self._position += 1
            if raw.strip().startswith(fence) and not raw.strip().strip(fence[0]):
                break
            if text := tidy(raw):
                lines.append(Line(text, "code"))
        return lines

    def _table(self) -> list[Line]:
        rows: list[list[Cell]] = []
        start = self._position
        while self._position < len(self._source) and "|" in self._source[self._position]:
            if self._position != start + 1:
                rows.append([Cell(self._plain(cell)) for cell in _cells(self._source[self._position])])
            self._position += 1
        return table_lines(rows, header_rows=1)

    def _html(self) -> list[Line]:
        """An HTML block: up to a blank line, or to its own end for comments, scripts and styles."""
        match = _HTML_BLOCK.match(self._source[self._position])
        assert match is not None
        end = "-->" if match["comment"] else f"</{match['raw'].lower()}" if match["raw"] else ""
        start = self._position
        stop = start
        if end:
            while stop < len(self._source) and end not in self._source[stop].lower():
                stop += 1
        if not end or stop == len(self._source):
            stop = start
            while stop + 1 < len(self._source) and self._source[stop + 1].strip():
                stop += 1
        self._position = stop + 1
        part = read_html("\n".join(self._source[start : stop + 1]))
        self.images += part.images
        self.link = self.link or part.link
        return list(part.lines)

    def _inline(self, text: str, kind: str) -> list[Line]:
        lines = []
        for part in self._without_marks(text):
            if clean := tidy(part):
                lines.append(Line(clean, "heading" if kind == "heading" else "item" if kind == "item" else "text"))
        return lines

    def _plain(self, text: str) -> str:
        return " ".join(self._without_marks(text))

    def _without_marks(self, text: str) -> list[str]:
        """The visible text of inline Markdown; `<br>` starts another line."""
        if not _SPECIAL.search(text):
            return [text]
        codes: list[str] = []

        def keep(match: re.Match[str]) -> str:
            codes.append(match[2].strip())
            return f"\x00{len(codes) - 1}\x00"

        text = _CODE.sub(keep, text)
        text = _ESCAPE.sub(lambda match: f"\x01{ord(match[1])}\x01", text)
        text, images = _IMAGE.subn("", text)
        self.images += images
        text = _LINK.sub(r"\1", text)
        text = _AUTOLINK.sub(r"\1", text)
        text = _STAR.sub(r"\1", text)
        text = _STRONG.sub(lambda match: match[match.lastindex or 0], text)
        text = _UNDERSCORE.sub(r"\1", _STAR.sub(r"\1", text))
        text = re.sub(r"\x01(\d+)\x01", lambda match: html.escape(chr(int(match[1]))), text)
        text = re.sub(r"\x00(\d+)\x00", lambda match: html.escape(codes[int(match[1])]), text)
        if not _MARKUP.search(text):
            return [text]
        part = read_html(f"<p>{text}</p>")
        self.images += part.images
        self.link = self.link or part.link
        return [line.text for line in part.lines]


def _cells(row: str) -> list[str]:
    row = row.strip().removeprefix("|")
    if row.endswith("|") and not row.endswith("\\|"):
        row = row[:-1]
    return [cell.replace("\\|", "|").strip() for cell in _CELL_BREAK.split(row)]
