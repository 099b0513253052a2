"""Lines that recur at the edges of a source's articles, its own footers and banners, learned from the articles themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rag.headings import HEADINGS, encode_headings, heading_starts
from rag.records import Article

_HEAD = 3
_TAIL = 8
_SHORTEST_HEAD = 9
"""A short line at the head is a label of what follows (媒体报道); only a longer one can be a banner."""
_LONGEST = 80
_ENOUGH = 8
_SHARE = 0.02
_LABEL_END = ("：", ":")
_TIME_OR_NUMBER = re.compile(r"[\d\s:：/.年月日星期一二三四五六日天-]+")


@dataclass(frozen=True, slots=True)
class Cut:
    """A line taken out of an article: its place among the lines of the article as it was read, and its text."""

    line: int
    text: str


def edge_lines(text: str) -> tuple[str, ...]:
    """The distinct lines that could be a banner (among the first three) or a footer (among the last eight).

    Long lines, table rows, labels ("其他新闻：") and bare dates and numbers never can.
    """
    lines = text.split("\n")
    tail = max(1, len(lines) - _TAIL)
    candidates = [line for line in lines[:_HEAD] if len(line) >= _SHORTEST_HEAD] + lines[tail:]
    return tuple(dict.fromkeys(filter(_may_recur, candidates)))


def _may_recur(line: str) -> bool:
    return (
        2 <= len(line) <= _LONGEST
        and not line.startswith("|")
        and not line.endswith(_LABEL_END)
        and _TIME_OR_NUMBER.fullmatch(line) is None
    )


def is_boilerplate(articles_with_line: int, articles_of_source: int) -> bool:
    """Whether a line that stands at the edge of so many of a source's stories is not news."""
    return articles_with_line >= _ENOUGH and articles_with_line >= _SHARE * articles_of_source


def cut_lines(article: Article, learned: Collection[str]) -> tuple[Article, tuple[Cut, ...]]:
    """The article without the learned lines at its very beginning and end: inwards from each edge up to the first other line.

    What stands between news is never taken out. An article of nothing else stays as it is.
    """
    lines = article.text.split("\n")
    first = 0
    while first < min(_HEAD, len(lines)) and lines[first] in learned and len(lines[first]) >= _SHORTEST_HEAD:
        first += 1
    last = len(lines)
    while last > max(first, len(lines) - _TAIL) and lines[last - 1] in learned:
        last -= 1
    if last <= first or (first == 0 and last == len(lines)):
        return article, ()
    cuts = tuple(Cut(i, lines[i]) for i in (*range(first), *range(last, len(lines))))
    return _with_lines(article, [(line, first <= i < last) for i, line in enumerate(lines)]), cuts


def restore(article: Article, cuts: Sequence[Cut]) -> Article:
    """The article as it was before `cut_lines` took these lines out (they were no headings)."""
    if not cuts:
        return article
    starts = heading_starts(article)
    lines: list[tuple[str, bool]] = []
    position = 0
    for line in article.text.split("\n"):
        lines.append((line, position in starts))
        position += len(line) + 1
    for cut in cuts:
        lines.insert(cut.line, (cut.text, False))
    return _rebuilt(article, lines)


def _with_lines(article: Article, lines: list[tuple[str, bool]]) -> Article:
    starts = heading_starts(article)
    kept = []
    position = 0
    for line, stays in lines:
        if stays:
            kept.append((line, position in starts))
        position += len(line) + 1
    return _rebuilt(article, kept)


def _rebuilt(article: Article, lines: list[tuple[str, bool]]) -> Article:
    headings = []
    position = 0
    for line, heading in lines:
        if heading:
            headings.append(position)
        position += len(line) + 1
    metadata = {key: value for key, value in article.metadata.items() if key != HEADINGS}
    if headings:
        metadata[HEADINGS] = encode_headings(headings)
    return replace(article, text="\n".join(line for line, _ in lines), metadata=metadata)
