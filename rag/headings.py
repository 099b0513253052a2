"""Where an article's headings are: the reader knows, the chunker asks, and `Article.text` stays free of marks."""

from __future__ import annotations

from collections.abc import Iterable

from rag.records import Article

HEADINGS = "headings"
"""Key of `Article.metadata`: the offsets of the heading lines in `Article.text`, ascending, separated by spaces."""


def encode_headings(starts: Iterable[int]) -> str:
    """Offsets of heading lines as they stand in the metadata, e.g. "0 153"."""
    return " ".join(str(start) for start in starts)


def heading_starts(article: Article) -> frozenset[int]:
    """Offsets in `article.text` at which a heading line starts; what is not a number is passed over."""
    return frozenset(int(word) for word in article.metadata.get(HEADINGS, "").split() if word.isdecimal())
