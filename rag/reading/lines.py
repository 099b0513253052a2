"""A line of an article while it is being read, and the little that is done to its characters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "heading", "item", "row", "code"]
"""What a line is: running text, a heading, a list item, a table row, or a line of preformatted text."""

_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n{3,}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
_SPACES = re.compile(r"[ \t\n\xa0]{2,}|[\t\n]")
_EDGE = " \t\n\xa0\u3000\u200b\u200c\u200d\u2060\ufeff\u2002\u2003\u2009"
_VISIBLE = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of clean text; `text` has no line end, no space at either edge, and is never empty."""

    text: str
    kind: Kind = "text"


def storable(text: str) -> str:
    """The text without control characters and lone surrogates, which escapes in JSON and YAML can stand for and no database takes."""
    return _CONTROL.sub("", text)


def unify_line_ends(text: str) -> str:
    """The text with "\\n" as its only line end and without control characters (tabs stay)."""
    return _BLANK_LINES.sub("\n\n", _CONTROL.sub("", _LINE_ENDS.sub("\n", text)))


def tidy(text: str) -> str:
    """A line without spaces at its edges (ideographic and zero-width ones too) and with runs of plain spaces as one.

    What stands inside the line is left as the article has it: quotes must be the article's own text.
    """
    return _SPACES.sub(" ", text).strip(_EDGE)


def is_visible(text: str) -> bool:
    """Whether a reader would find anything to read: one letter, ideograph or digit is enough."""
    return _VISIBLE.search(text) is not None
