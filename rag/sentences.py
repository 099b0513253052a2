"""Sentences of Chinese text with exact offsets, and the places at which text may be cut at all."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MAX_PAIR = 200
"""A quotation or bracket longer than this many characters is no longer kept whole: it is split between its sentences."""


class Span(NamedTuple):
    """A stretch of a text: `text[start:end]`."""

    start: int
    end: int


_PAIRS = {
    "“": "”",
    "‘": "’",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
    "（": "）",
    "(": ")",
    "【": "】",
    "[": "]",
}
_CLOSERS = frozenset(_PAIRS.values()) | {'"'}
_QUOTE_CLOSERS = frozenset('”’」』"')
_MARK = re.compile(r"[“”‘’「」『』《》〈〉（）()【】\[\]\"]")
_END = re.compile(r"[。！？!?；;…]+|\.(?=\s+[\"“(]?[A-Z])")
_ADDRESS = re.compile(r"(?:https?://|www\.)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+|&#?\w{2,8};")
_SPEAKS = "说|表示|称|道|指出|认为|强调|问|介绍|透露|坦言|直言|解释|补充|感慨|笑言"
# What shows that the sentence goes on after a closing quotation mark: punctuation, a particle, or who said it.
_GOES_ON = re.compile(
    rf"[，、：；。！？,;:]|的|地|等|之|和|与|及|或|这|那|一[词语句]|[^，。！？；：“”「」\s]{{0,10}}?(?:{_SPEAKS})(?![：:])"
)
_ABBREVIATION = re.compile(
    r"(?:^|[^A-Za-z])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|vs|etc|Inc|Ltd|Co|Corp|No|Vol|Fig|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|"
    r"Nov|Dec|Jr|Sr|Gen|Sen|Rep|Gov|U\.S|U\.K|U\.N|e\.g|i\.e)$"
)
_ROW = re.compile(r"\|.*\|\s*")
_WORD = re.compile(r"\w")

_NUMERALS = "〇零一二两三四五六七八九十百千万亿兆"
_ATOM = re.compile(
    rf"(?:[+\-−±]|[A-Za-z][A-Za-z0-9._'’-]*)?[\d０-９]+(?:[.,，．:：/–—~～-][\d０-９]+)*(?:\s?[%％‰℃°]|"
    rf"[多余几]?[{_NUMERALS}]*(?:美元|港元|欧元|日元|英镑|个百分点|平方米|公里|[元年月日时点分秒个家人户吨米倍岁次项条名亩辆台股])?)"
    rf"|[{_NUMERALS}]{{2,}}(?:点[{_NUMERALS}]+)?|[A-Za-z][A-Za-z0-9._'’-]*"
)
_WINDOW = 100


def split_sentences(text: str) -> list[Span]:
    """The sentences of a text, in order; between them lies nothing but white space.

    A sentence ends at 。！？；… (and ! ? ; and an English full stop) or at a line end; closing quotation marks and brackets stay
    with it. It does not end inside a number, an address, an English abbreviation, or a pair of quotation marks or brackets of
    up to `MAX_PAIR` characters. A table row (`| … |`) is one sentence.
    """
    spans: list[Span] = []
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        spans += _line_sentences(text[start:end], start)
        start = end + 1
    return spans


def is_row(text: str) -> bool:
    """Whether a line is a table row, as the readers write them: `| 表头：值 | 表头：值 |`."""
    return _ROW.fullmatch(text) is not None


def split_clauses(text: str, span: Span) -> list[Span]:
    """A sentence cut after its clauses (，、：；, and the cells of a table row), never inside a number."""
    row = is_row(text[span.start : span.end])
    spans = []
    start = span.start
    for position in range(span.start + 1, span.end):
        before, after = text[position - 1], text[position]
        if row:
            cut = after == "|"
        else:
            cut = before in "，、：；," and not (_is_digit(text, position - 2) and after.isdigit())
            cut = cut and (before != "," or after.isspace())
        if cut and (piece := trim(text, start, position)):
            spans.append(piece)
            start = position
    if piece := trim(text, start, span.end):
        spans.append(piece)
    return spans


def middle_cut(text: str, span: Span) -> int | None:
    """The position nearest the middle of the span at which it may be cut, or None if there is none.

    Not inside a number with its unit or a Latin word where there is another place within reach; never inside a character that
    is made of several code points.
    """
    middle = (span.start + span.end) // 2
    low, high = max(span.start, middle - _WINDOW), min(span.end, middle + _WINDOW)
    inside = bytearray(high - low)
    for atom in _ATOM.finditer(text, low, high):
        inside[atom.start() - low + 1 : atom.end() - low] = b"\1" * (atom.end() - atom.start() - 1)
    at_all = None
    for step in range(high - low):
        position = middle + (-step // 2 if step % 2 else step // 2)
        if low < position < high and not _joins(text, position):
            if not inside[position - low]:
                return position
            at_all = position if at_all is None else at_all
    return at_all


def _line_sentences(line: str, offset: int) -> Iterator[Span]:
    if is_row(line):
        if span := trim(line, 0, len(line)):
            yield Span(span.start + offset, span.end + offset)
        return
    pending: Span | None = None
    for start, end in _cuts(line):
        span = trim(line, start, end)
        if span is None:
            continue
        if pending is not None and _WORD.search(line, span.start, span.end) is None:
            span = Span(pending.start, span.end)  # nothing but punctuation belongs to what it follows
        elif pending is not None:
            yield Span(pending.start + offset, pending.end + offset)
        pending = span
    if pending is not None:
        yield Span(pending.start + offset, pending.end + offset)


def _cuts(line: str) -> Iterator[tuple[int, int]]:
    """The line from cut to cut, spaces included."""
    closing = _match_pairs(line)
    kept = _kept_whole(closing)
    addresses = (
        [match.span() for match in _ADDRESS.finditer(line)] if "://" in line or "www." in line or "&" in line else []
    )
    start = 0
    upcoming = 0
    for match in _END.finditer(line):
        at = match.start()
        if at < start or not _may_end(line, match) or any(a <= at < b for a, b in addresses):
            continue
        end = match.end()
        while end < len(line) and line[end] in _CLOSERS and (line[end] != '"' or end in closing):
            end += 1
        while upcoming < len(kept) and kept[upcoming].end <= at:
            upcoming += 1
        pair = kept[upcoming] if upcoming < len(kept) and kept[upcoming].start < at else None
        if pair is not None and not (pair.end < end and _is_speech(line, pair, match[0], _skip_space(line, start))):
            continue
        closed = end > match.end()
        if (closed and _GOES_ON.match(line, end)) or (not closed and line[end : end + 1] in tuple("，、：,")):
            continue
        yield start, end
        start = end
    yield start, len(line)


def _may_end(line: str, match: re.Match[str]) -> bool:
    """Whether half-width punctuation here ends a sentence: not in "Yahoo!财经", "a;b" or "Mr. Smith"."""
    mark = match[0]
    before, after = line[max(0, match.start() - 12) : match.start()], line[match.end() : match.end() + 1]
    if mark == ".":
        return _ABBREVIATION.search(before) is None
    if mark[0] in "!?;" and len(mark) == 1:
        return (
            not (before[-1:].isascii() and before[-1:].isalnum()) or not after or after.isspace() or after in _CLOSERS
        )
    return True


def _is_speech(line: str, pair: Span, mark: str, start: int) -> bool:
    """Whether a pair that closes after a sentence end closes a sentence: speech, not a title or a word in quotation marks."""
    if pair.start == start:
        return True
    return line[pair.end] in _QUOTE_CLOSERS and (mark[-1] == "。" or line[pair.start - 1] in "：:，,")


def _match_pairs(line: str) -> dict[int, int]:
    """Where each pair of quotation marks or brackets closes -> where it opens; marks without a partner count for nothing."""
    waiting: list[tuple[str, int]] = []
    closing: dict[int, int] = {}
    for match in _MARK.finditer(line):
        mark, at = match[0], match.start()
        if mark in _PAIRS:
            waiting.append((_PAIRS[mark], at))
            continue
        depth = next(
            (n for n in range(len(waiting) - 1, max(-1, len(waiting) - 20), -1) if waiting[n][0] == mark), None
        )
        if depth is not None:
            closing[at] = waiting[depth][1]
            del waiting[depth:]
        elif mark == '"':
            waiting.append(('"', at))
    return closing


def _kept_whole(closing: dict[int, int]) -> list[Span]:
    """The outermost pairs that are short enough to stay whole, in order; `end` is the position of the closing mark."""
    kept: list[Span] = []
    for end, start in sorted(closing.items()):
        if end - start <= MAX_PAIR:
            while kept and kept[-1].start > start:
                kept.pop()
            kept.append(Span(start, end))
    return kept


def trim(text: str, start: int, end: int) -> Span | None:
    """The stretch without white space at its edges; None if nothing is left."""
    start = _skip_space(text, start)
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end) if end > start else None


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _is_digit(text: str, position: int) -> bool:
    return position >= 0 and text[position].isdigit()


def _joins(text: str, position: int) -> bool:
    """Whether the characters on both sides of the position are one to the reader: accents, variants, joined emoji, flags."""
    before, after = text[position - 1], text[position]
    if unicodedata.category(after) in ("Mn", "Mc", "Me") or "\U0001f3fb" <= after <= "\U0001f3ff":
        return True
    if "\u200d" in (before, after):
        return True
    return "\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff"
