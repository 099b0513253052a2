"""Word documents (.docx) to articles: mammoth makes HTML of them, our own reader makes lines of it."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

from rag.errors import ReadError
from rag.reading.assembly import assemble
from rag.reading.front_matter import FrontMatter
from rag.reading.html import read_html
from rag.reading.zip_limits import BoundedZip
from rag.records import Article

_OLD_WORD = b"\xd0\xcf\x11\xe0"
_MAX_MEMBERS = 10_000
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_CORE = "docProps/core.xml"
_FIELDS = {
    "title": "{http://purl.org/dc/elements/1.1/}title",
    "author": "{http://purl.org/dc/elements/1.1/}creator",
    "created": "{http://purl.org/dc/terms/}created",  # when the file was made, which need not be when the news came out
}


def read_docx(data: bytes, path: str) -> Article:
    """A Word document as one article; headings, lists and tables (merged cells too) keep what they mean.

    Raises:
        ReadError: "format" for the old .doc, "encrypted", "limit", "malformed", "no-text".
    """
    import mammoth

    if data.startswith(_OLD_WORD):
        raise ReadError(
            f"这是旧版 Word 文档，或有密码的文档：{path}", "请在 Word 里另存为没有密码的 .docx", reason="format"
        )
    archive = BoundedZip(io.BytesIO(data), path)
    members = archive.members()
    if len(members) > _MAX_MEMBERS:
        raise ReadError(f"Word 文档里的部件超过 {_MAX_MEMBERS} 个：{path}", "请检查文件的来历", reason="limit")
    core = b""
    for name, info in members:
        content = archive.read(info, name)  # all of it, before a library unpacks it without bounds
        if name.endswith((".xml", ".rels")) and _DECLARES.search(content):
            raise ReadError(f"Word 文档里有不该有的声明：{path}#{name}", "请检查文件的来历", reason="malformed")
        if name == _CORE:
            core = content
    try:
        result = mammoth.convert_to_html(
            io.BytesIO(data), convert_image=mammoth.images.img_element(_no_image), external_file_access=False
        )
    except (KeyError, ValueError, AttributeError, IndexError, TypeError, OSError, ElementTree.ParseError) as error:
        raise ReadError(
            f"Word 文档打不开：{path}（{type(error).__name__}）", "请检查文件是否完整", reason="malformed"
        ) from None
    page = read_html(result.value)
    return assemble(page.lines, _about(core), path=path, markup=False, images=page.images, link="")


def _no_image(image: Any) -> dict[str, str]:
    """Pictures are counted, not carried along."""
    return {"src": ""}


def _about(core: bytes) -> FrontMatter:
    try:
        root = ElementTree.fromstring(core) if core else None  # noqa: S314 - without declarations, looked at above
    except ElementTree.ParseError:
        root = None
    if root is None:
        return FrontMatter({}, "")
    values = {name: (root.findtext(tag) or "").strip()[:300] for name, tag in _FIELDS.items()}
    return FrontMatter({name: (value,) for name, value in values.items() if value}, "")
