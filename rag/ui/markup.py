"""Text to inert HTML, and our own words in every language of the page. What everything that writes markup is made of."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from rag.ui.texts import EN, ZH, traditional

_SIGNIFICANT: Final = {ord(char): f"&#{ord(char)};" for char in "&<>\"'`$*_[]{}()\\~|#"}
"""Everything that means something to HTML, Markdown, LaTeX, Handlebars or JavaScript templates: Gradio knows them all."""
_INVISIBLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the direction of the text around: they can make a quote read as another."""
_ROW: Final = re.compile(r"\s*\|(.*[^|\s].*)\|\s*")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")


def visible(text: str) -> str:
    """Text without control characters, without those that turn its direction around, and without lone surrogates."""
    return _INVISIBLE.sub("", _SURROGATES.sub("\ufffd", text))


def inert(text: str) -> str:
    """Text as HTML in which nothing is markup to any of Gradio's renderers; its line breaks stay."""
    return visible(text).translate(_SIGNIFICANT)


def escape(text: str, limit: int | None = None) -> str:
    """Text as inert HTML: nothing in it is markup to any of Gradio's renderers. Line breaks become spaces.

    Args:
        limit: characters of `text` that are kept; a longer one ends in “…”.
    """
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}…"
    return inert(text).replace("\n", " ")


def lines(text: str) -> str:
    """Text as inert HTML with its line breaks."""
    return re.sub(r"\s*\n\s*", "<br>", inert(text))


def said(text: str) -> str:
    """Text as inert HTML with its line breaks; a row of a table as its cells, without the bars of Markdown."""
    row = _ROW.fullmatch(text)
    if row is None:
        return lines(text)
    cells = (cell.strip() for cell in row[1].split("|"))
    return " ".join(f'<span class="yj-cell">{inert(cell)}</span>' for cell in cells if cell)


def both(key: str, **values: str) -> str:
    """One of our own texts in both languages, Chinese in both scripts; the style sheet shows the one of the browser.

    Args:
        values: what fills the text's braces, already HTML.
    """
    told = (("zh", ZH), ("tw", traditional()), ("en", EN))
    return "".join(f'<span class="yj-{name}">{_fill(texts[key], values)}</span>' for name, texts in told)


def safe_url(url: str) -> str:
    """The link as an attribute value when it is plain http or https, otherwise an empty string."""
    return inert(web_address(url))


def web_address(url: str) -> str:
    """The link when it is plain http or https, otherwise an empty string."""
    url = url.strip()
    if len(url) > 2_000 or re.search(r"[\s\x00-\x1f\x7f\\\"'<>`]", url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc and visible(url) == url else ""


def _fill(template: str, values: dict[str, str]) -> str:
    """`template` with its braces filled in one pass: a brace inside a value is never read."""
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)
