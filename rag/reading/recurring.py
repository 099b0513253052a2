"""Lines that recur at the edges of a source's articles, its own footers and banners, learned from the articles themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rag.headings import HEADINGS, encode_headings, heading_starts
from rag.records import Article

_HEAD = 3
_TAIL = 8
_LONGEST = 80
_ENOUGH = 8
_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Cut:
    """A line taken out of an article: its place among the lines of the article as it was read, and its text."""

    line: int
    text: str


def edge_lines(text: str) -> tuple[str, ...]:
    """The distinct short lines near the beginning and the end."""
    lines = text.split("\n")
    edges = lines[:_HEAD] + lines[max(_HEAD, len(lines) - _TAIL) :]
    return tuple(dict.fromkeys(line for line in edges if 2 <= len(line) <= _LONGEST and not line.startswith("|")))


def is_boilerplate(articles_with_line: int, articles_of_source: int) -> bool:
    """Whether a line that stands at the edge of so many of a source's stories is not news."""
    return articles_with_line >= _ENOUGH and articles_with_line >= _SHARE * articles_of_source


def cut_lines(article: Article, learned: Collection[str]) -> tuple[Article, tuple[Cut, ...]]:
    """The article without learned lines near its edges. One that would be left empty stays as it is."""
    lines = article.text.split("\n")
    near = {*range(min(_HEAD, len(lines))), *range(max(0, len(lines) - _TAIL), len(lines))}
    cuts = tuple(Cut(i, lines[i]) for i in sorted(near) if lines[i] in learned)
    if not cuts or len(cuts) == len(lines):
        return article, ()
    gone = {cut.line for cut in cuts}
    return _with_lines(article, [(line, i not in gone) for i, line in enumerate(lines)]), cuts


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
