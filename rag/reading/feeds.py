"""RSS and Atom files to articles, an entry each."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

from rag.errors import ReadError
from rag.reading.assembly import assemble
from rag.reading.decode import decode_bytes
from rag.reading.front_matter import FrontMatter
from rag.reading.html import read_html
from rag.reading.readings import Reading

_MAX_ENTRIES = 100_000
_FEED = re.compile(r"<(?:[\w-]+:)?(rss|feed|RDF)\b")
_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def read_feed(data: bytes, path: str) -> Iterator[Reading]:
    """The entries of a feed, in its order.

    Raises:
        ReadError: "format" for other XML, "malformed" for XML that defines entities (an attack on parsers), and what
            `decode_bytes` raises.
    """
    import feedparser

    # A feed says its encoding itself, and some say the wrong one: what the bytes are is judged as for every other file.
    text = _DECLARATION.sub("", decode_bytes(_told_encoding(data), path))
    head = text[:5000]
    if not _FEED.search(head):
        raise ReadError(f"这个 XML 不是 RSS 或 Atom：{path}", "能读的 XML 只有 RSS 与 Atom", reason="format")
    if _ENTITY.search(text):
        raise ReadError(f"XML 里有实体定义，不读：{path}", "请向提供者要普通的 RSS", reason="malformed")
    # Bytes in a file object: given a string, feedparser would take it for an address and fetch it.
    feed = feedparser.parse(
        io.BytesIO(text.encode("utf-8")),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,  # our reader keeps nothing but visible text
        resolve_relative_uris=False,
    )
    if not feed.entries and not feed.feed.get("title"):
        raise ReadError(f"RSS 文件读不懂：{path}", "请检查文件是否完整", reason="malformed")
    source = _plain(feed.feed.get("title", ""))
    seen: set[str] = set()
    for number, entry in enumerate(feed.entries[:_MAX_ENTRIES], 1):
        member = _plain(entry.get("id") or entry.get("link") or "")[:300]
        member = member if member and member not in seen else str(number)
        seen.add(member)
        try:
            about = _about(entry, source)
            body = read_html(_body(entry))
            article = assemble(
                body.lines, about, path=f"{path}#{member}", markup=True, images=body.images, link=body.link
            )
            yield Reading(member, article)
        except ReadError as error:
            yield Reading.failed(member, error)


def _told_encoding(data: bytes) -> bytes:
    """The bytes as UTF-8 where the file names a Chinese encoding that they really are in."""
    match = re.match(rb"\s*<\?xml[^>]*encoding=[\"'](gb\w+|big5[\w-]*)[\"']", data[:200], re.IGNORECASE)
    if match is None:
        return data
    name = match[1].decode().lower()
    try:
        return data.decode("gb18030" if name.startswith("gb") else "big5hkscs").encode("utf-8")
    except UnicodeDecodeError:
        return data


def _about(entry: Any, source: str) -> FrontMatter:
    origin = entry.get("source")
    fields = {
        "title": _plain(entry.get("title", "")),
        "source": _plain(origin.get("title", "") if isinstance(origin, dict) else "") or source,
        "author": _plain(entry.get("author", "")),
        "url": _plain(entry.get("link", "")),
        "date": _plain(entry.get("published") or entry.get("updated") or entry.get("created") or ""),
    }
    known = {name: (value,) for name, value in fields.items() if value}
    tags = tuple(_plain(tag.get("term") or "") for tag in entry.get("tags", ()))
    return FrontMatter(known | ({"category": tuple(filter(None, tags))} if any(tags) else {}), "")


def _body(entry: Any) -> str:
    """The longest of what the entry offers: some feeds put the text into the content, some into the summary."""
    offers = [str(part.get("value") or "") for part in entry.get("content", ())]
    offers.append(str(entry.get("summary") or ""))
    return max(offers, key=len)


def _plain(value: Any) -> str:
    """A field without markup."""
    text = str(value or "")
    return " ".join(line.text for line in read_html(text).lines) if "<" in text or "&" in text else text.strip()
