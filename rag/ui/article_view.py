"""A whole article for the source panel: where a sentence stands as part of an address, and the article as plain JSON.

Only the address of a sentence is in the page; the article comes when a reader opens it, and is put in as text, never as
markup. An address carries a checksum of its sentence, so that an article that was changed since is not marked in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from zlib import crc32

from rag.records import Article
from rag.ui.markup import visible, web_address

MOST_PLACES: Final = 200
"""Sentences of one article that are marked at once."""

_PLACE: Final = re.compile(r"(\d{1,9})-(\d{1,9})-([0-9a-f]{8})")
_TABLE_ROW: Final = re.compile(r"\s*\|.*\|\s*", re.DOTALL)


class Place(NamedTuple):
    """A part of an article's text, `text[start:end]`, with the checksum of what stood there when it was cited."""

    start: int
    end: int
    checksum: int

    @property
    def address(self) -> str:
        """The place in an address, e.g. "120-185-9ab3f0c1"; `parse_places` reads it."""
        return f"{self.start}-{self.end}-{self.checksum:08x}"


def place_of(article: Article, start: int, end: int) -> Place:
    """Where `article.text[start:end]` stands."""
    return Place(start, end, _checksum(article.text[start:end]))


def address(article: Article, *places: Place) -> str:
    """The query that asks for an article with these places marked."""
    return urlencode([("id", article.id), *(("at", place.address) for place in places)])


def parse_places(addresses: Sequence[str]) -> tuple[Place, ...]:
    """The places of an address.

    Raises:
        ValueError: one of them is none, or there are more than `MOST_PLACES`.
    """
    if len(addresses) > MOST_PLACES:
        raise ValueError("too many places")
    found = []
    for text in addresses:
        match = _PLACE.fullmatch(text)
        if match is None or int(match[1]) >= int(match[2]):
            raise ValueError("not a place in an article")
        found.append(Place(int(match[1]), int(match[2]), int(match[3], 16)))
    return tuple(found)


def article_json(article: Article, places: Sequence[Place]) -> dict[str, Any]:
    """The article as the panel's script takes it; every string is plain text.

    Returns:
        title, source, date (YYYY-MM-DD or empty), category (broad to narrow), author, url (http or https, or empty);
        found: for each place whether its sentence still stands there;
        lines: the paragraphs, each as a list of runs; a row of a table as a dict of `cells`, each a list of runs. A run is a
        piece of text with the numbers of the places that it is part of, `["text", [0, 2]]`.
    """
    found = [_checksum(article.text[place.start : place.end]) == place.checksum for place in places]
    marked = [(number, place) for number, place in enumerate(places) if found[number]]
    return {
        "title": visible(article.title),
        "source": visible(article.source),
        "date": article.date,
        "category": [visible(name) for name in article.category],
        "author": visible(article.author),
        "url": web_address(article.url),
        "found": found,
        "lines": _lines(article.text, marked),
    }


def _lines(text: str, marked: Sequence[tuple[int, Place]]) -> list[Any]:
    """The lines that hold anything."""
    shown: list[Any] = []
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        if line.strip():
            here = [(number, place) for number, place in marked if place.start < end and start < place.end]
            if _TABLE_ROW.fullmatch(line):
                shown.append({"cells": [_runs(text, *cell, here) for cell in _cells(line, start)]})
            else:
                shown.append(_runs(text, start, end, here))
        start = end + 1
    return shown


def _cells(row: str, start: int) -> list[tuple[int, int]]:
    """Where the cells of a row of a table begin and end, without the space around them."""
    bars = [at for at, char in enumerate(row) if char == "|"]
    cells = []
    for left, right in pairwise(bars):
        cell = row[left + 1 : right]
        lead = len(cell) - len(cell.lstrip())
        cells.append((start + left + 1 + lead, start + left + 1 + max(lead, len(cell.rstrip()))))
    return cells


def _runs(text: str, start: int, end: int, here: Sequence[tuple[int, Place]]) -> list[list[Any]]:
    """`text[start:end]` cut at every edge of a place."""
    edges = {start, end}
    for _, place in here:
        edges |= {min(max(start, place.start), end), max(start, min(end, place.end))}
    cuts = sorted(edges)
    return [
        [visible(text[left:right]), [number for number, place in here if place.start <= left and right <= place.end]]
        for left, right in pairwise(cuts)
    ]


def _checksum(text: str) -> int:
    return crc32(text.encode("utf-8", "replace"))
