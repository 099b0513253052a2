"""EPUB books and magazines to articles, one for each document of the book's reading order."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator
from typing import IO
from urllib.parse import unquote
from xml.etree import ElementTree

from rag.errors import ReadError
from rag.reading.assembly import assemble
from rag.reading.decode import decode_bytes
from rag.reading.front_matter import FrontMatter
from rag.reading.html import read_html
from rag.reading.readings import Alive, Reading
from rag.reading.zip_limits import BoundedZip

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONT_ONLY = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_DECLARES = re.compile(r"<!ENTITY", re.IGNORECASE)
_DC = "{http://purl.org/dc/elements/1.1/}"
_REAL_TEXT = 40
"""Characters besides headings from which a document is more than a cover, a title page or a list of contents."""


def read_epub(file: IO[bytes], path: str, alive: Alive) -> Iterator[Reading]:
    """The articles of a book, in reading order. Covers, title pages and contents are passed over.

    Raises:
        ReadError: "malformed", "limit", "encrypted", or "no-text" for a book of pictures.
    """
    archive = BoundedZip(file, path)
    members = dict(archive.members())

    def read(name: str) -> bytes:
        if name not in members:
            raise ReadError(f"电子书里缺少 {name}：{path}", "请检查文件是否完整", reason="malformed")
        return archive.read(members[name], name)

    if _ENCRYPTION in members and _is_locked(_parse(read(_ENCRYPTION), path)):
        raise ReadError(f"电子书有数字版权保护：{path}", "请向出版者要没有保护的版本", reason="encrypted")
    rootfile = _parse(read(_CONTAINER), path).find(".//{*}rootfile")
    package_name = rootfile.get("full-path", "") if rootfile is not None else ""
    package = _parse(read(package_name), path)
    items = {item.get("id", ""): item for item in package.iterfind("{*}manifest/{*}item")}
    base = posixpath.dirname(package_name)
    titles = _toc_titles(package, items, base, members, read, path)
    book = _about(package)
    found = False
    for reference in package.iterfind("{*}spine/{*}itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None or "nav" in item.get("properties", "").split():
            continue
        name = _inside(base, item.get("href", ""))
        try:
            page = read_html(decode_bytes(read(name), f"{path}#{name}"))
            alive()
            if sum(len(line.text) for line in page.lines if line.kind != "heading") < _REAL_TEXT:
                continue
            heading = next((line.text for line in page.lines if line.kind == "heading"), "")
            title = titles.get(name, "") or heading
            about = FrontMatter(book | ({"title": (title,)} if title else {}), "")
            article = assemble(page.lines, about, path=f"{path}#{name}", markup=True, images=page.images, link="")
            found = True
            yield Reading(name, article)
        except ReadError as error:
            if error.reason not in ("no-text", "empty"):
                found = True
                yield Reading.failed(name, error)
    if not found:
        raise ReadError(f"电子书里没有文字：{path}", "图片版的书请先做文字识别（OCR）", reason="no-text")


def _parse(data: bytes, path: str) -> ElementTree.Element:
    if _DECLARES.search(data.decode("utf-8", "replace")):
        raise ReadError(f"电子书里有实体定义，不读：{path}", "请检查文件的来历", reason="malformed")
    try:
        return ElementTree.fromstring(data)  # noqa: S314 - without entities, looked at above; expat fetches nothing
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ReadError(f"电子书的目录读不懂：{path}（{error}）", "请检查文件是否完整", reason="malformed") from None


def _is_locked(encryption: ElementTree.Element) -> bool:
    methods = [method.get("Algorithm", "") for method in encryption.iterfind(".//{*}EncryptionMethod")]
    return any(method not in _FONT_ONLY for method in methods)


def _inside(base: str, href: str) -> str:
    """A reference resolved within the archive; what would leave it stays in its root."""
    joined = posixpath.normpath(posixpath.join("/", base, unquote(href.partition("#")[0])))
    return joined.lstrip("/")


def _toc_titles(
    package: ElementTree.Element,
    items: dict[str, ElementTree.Element],
    base: str,
    members: Collection[str],
    read: Callable[[str], bytes],
    path: str,
) -> dict[str, str]:
    """What the table of contents calls each document: EPUB 3's nav, or EPUB 2's ncx."""
    titles: dict[str, str] = {}
    for item in items.values():
        name = _inside(base, item.get("href", ""))
        is_nav = "nav" in item.get("properties", "").split()
        if name not in members or not (is_nav or item.get("media-type") == "application/x-dtbncx+xml"):
            continue
        try:
            tree = _parse(read(name), path)
        except ReadError:
            continue  # a book without usable contents has headings
        folder = posixpath.dirname(name)
        if is_nav:
            pairs = [("".join(a.itertext()), a.get("href", "")) for a in tree.iterfind(".//{*}nav//{*}a")]
        else:
            pairs = [
                (point.findtext("{*}navLabel/{*}text") or "", content.get("src", ""))
                for point in tree.iterfind(".//{*}navPoint")
                if (content := point.find("{*}content")) is not None
            ]
        for label, href in pairs:
            if label.strip() and href:
                titles.setdefault(_inside(folder, href), " ".join(label.split())[:200])
    return titles


def _about(package: ElementTree.Element) -> dict[str, tuple[str, ...]]:
    metadata = package.find("{*}metadata")
    if metadata is None:
        return {}
    fields = {"source": "title", "author": "creator", "date": "date"}
    values = {name: (metadata.findtext(f"{_DC}{tag}") or "").strip()[:300] for name, tag in fields.items()}
    return {name: (value,) for name, value in values.items() if value}
