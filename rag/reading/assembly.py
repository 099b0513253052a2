"""Lines and fields to an `Article`: title, source, date, headings, identity and digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace

from rag.errors import ReadError
from rag.headings import HEADINGS, encode_headings
from rag.reading.front_matter import FrontMatter
from rag.reading.html import read_html
from rag.reading.lines import Line, is_visible, storable, tidy
from rag.reading.markdown import read_markdown
from rag.reading.metadata import category_path, choose_source, parse_date, plain_title, restore_title
from rag.reading.news import clean
from rag.records import Article

_USED = frozenset(
    "title headline 标题 source 来源 publisher media site category categories 分类 author authors 作者 url link permalink "
    "source_url original_url 链接 原文链接 date published published_at pubdate time 日期 时间 发布时间".split()
)
_LAYOUT = frozenset({"comments", "thumbnail", "headimg", "cover", "layout", "toc", "slug", "draft", "banner"})
_MAX_FIELD = 500
_NUMBERED_HEADING = re.compile(
    r"(?:第[一二三四五六七八九十百\d]{1,4}[章节篇部]|[一二三四五六七八九十]{1,3}、|（[一二三四五六七八九十]{1,3}）)[^。！？；，,]{1,28}"
)
_CONTAINER = re.compile(r"^.*\.(?:zip|epub|csv|tsv|jsonl|ndjson|json|xml|rss|atom)#", re.IGNORECASE)
_TITLE_LINE = re.compile(r"[^。！？；!?;]{2,45}[！？!?]?")


def assemble(lines: Sequence[Line], front: FrontMatter, *, path: str, markup: bool, images: int, link: str) -> Article:
    """Make an article of what a format's reader found.

    Args:
        lines: the body, uncleaned.
        front: what the file says about itself; empty for files that say nothing.
        path: where the file was read from, in POSIX form.
        markup: whether the lines come from HTML.
        images: pictures seen in the body, for the message about an article of nothing but pictures.
        link: address of the original as the body names it.

    Raises:
        ReadError: reason "no-text".
    """
    cleaned = clean(lines, markup=markup)
    body = list(cleaned.lines)
    metadata = {
        storable(key): "、".join(values)[:_MAX_FIELD]
        for key, values in front.fields.items()
        if values and key not in _USED | _LAYOUT
    }
    notes = list(front.notes)

    given_title = plain_title(front.first("title", "headline", "标题"))
    title = given_title or cleaned.original_title or _title_of(body, path)
    repeats = [cleaned.original_title, *cleaned.titles, *(line.text for line in body if line.kind == "heading")]
    title = restore_title(title, [*repeats, *(line.text for line in body[:3])], "\n".join(line.text for line in body))
    if cleaned.original_title and cleaned.original_title != title:
        metadata["original_title"] = cleaned.original_title
    while body and body[0].kind == "heading" and body[0].text == title:
        del body[0]  # the page's own headline; the same words further down are part of the text

    text, headings = _join(body)
    if not is_visible(text):
        seen = f"只有 {images} 张图片" if images else "除标题外没有正文"
        raise ReadError(f"没有可读的文字（{seen}）：{path}", "可以删去这个文件，或补上正文", reason="no-text")

    metadata |= cleaned.metadata
    dateline = metadata.pop("dateline", "")  # what stands above the text counts where the file itself gives no date
    date = front.first("date", "published_at", "published", "pubdate", "发布时间", "日期", "time", "时间") or dateline
    published_at = parse_date(date) if date else None
    if date and published_at is None:
        notes.append(f"日期不可信，未采用：{date[:60]}")
    if "\ufffd" in text:
        notes.append(f"有无法辨认的字符（�，{text.count(chr(0xFFFD))} 个），原文件如此")
    if headings:
        metadata[HEADINGS] = encode_headings(headings)
    else:
        metadata.pop(HEADINGS, None)
    metadata.pop("notes", None)
    if notes:
        metadata["notes"] = "；".join(notes)

    category = category_path(
        front.fields.get("categories") or front.fields.get("category") or front.fields.get("分类", ())
    )
    author = "、".join(front.fields.get("author") or front.fields.get("authors") or front.fields.get("作者", ()))
    url = front.first("url", "link", "permalink", "source_url", "original_url", "链接", "原文链接")
    url = url if url.startswith(("http://", "https://")) else link
    source = front.first("source", "来源", "publisher", "media", "site")
    article = Article(
        id=article_id(url, path),
        title=title,
        text=text,
        source=choose_source(source, author, category, metadata.get("original_source", "")),
        category=category,
        author=tidy(author)[:_MAX_FIELD],
        url=url,
        published_at=published_at,
        path=path,
        metadata=metadata,
    )
    return replace(article, digest=article_digest(article))


def article_id(url: str, path: str) -> str:
    """The first 16 hex digits of the SHA-256 of the URL, or of the path where there is no URL."""
    return hashlib.sha256((url or path).encode("utf-8")).hexdigest()[:16]


def article_digest(article: Article) -> str:
    """SHA-256 (hex) over everything the file says; equal digests mean nothing to do."""
    said = [
        article.title, article.text, article.source, article.category, article.author, article.url,
        article.published_at.isoformat() if article.published_at else "", sorted(article.metadata.items()),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8")).hexdigest()


def _title_of(body: Sequence[Line], path: str) -> str:
    """A title for a file that gives none: its first heading, a first line that reads like one, the file's name."""
    if body and body[0].kind == "heading":
        return body[0].text
    if len(body) > 1 and _TITLE_LINE.fullmatch(body[0].text) and body[0].kind == "text":
        return body[0].text
    for line in body:
        if line.kind == "heading":
            return line.text
    name = _CONTAINER.sub("", path.rsplit("/", 1)[-1])
    return plain_title(name.rsplit(".", 1)[0])


def _join(body: Sequence[Line]) -> tuple[str, list[int]]:
    """The text, one line each, and where its heading lines start."""
    headings = []
    length = 0
    for line in body:
        if line.kind == "heading" or (line.kind == "text" and _NUMBERED_HEADING.fullmatch(line.text)):
            headings.append(length)
        length += len(line.text) + 1
    return "\n".join(line.text for line in body), headings


def assemble_markdown(text: str, front: FrontMatter, path: str) -> Article:
    """An article from a Markdown file whose front matter is already split off; `text` is the body."""
    body = read_markdown(text)
    return assemble(body.lines, front, path=path, markup=True, images=body.images, link=body.link)


def assemble_html(text: str, path: str) -> Article:
    """An article from a saved web page."""
    page = read_html(text)
    given = {"title": page.title, "date": page.published, "source": page.site, "author": page.author}
    front = FrontMatter({key: (value,) for key, value in given.items() if value}, "")
    return assemble(page.lines, front, path=path, markup=True, images=page.images, link=page.link)
