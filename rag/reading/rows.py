"""Tables of articles to articles, a row each: JSON Lines, JSON, CSV and TSV, read piece by piece."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any

from rag.errors import ReadError
from rag.reading.assembly import article_digest, article_id, assemble, assemble_markdown
from rag.reading.decode import decode_bytes
from rag.reading.front_matter import FrontMatter
from rag.reading.lines import storable
from rag.reading.readings import Reading
from rag.reading.text import read_text
from rag.records import Article
from rag.words import search_form

_SAMPLE = 1_000_000
_MAX_ROW = 20_000_000
_NAMES: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "正文", "content", "内容", "body", "article", "content_text", "全文", "文本", "passage", "context"),
    "title": ("title", "标题", "headline", "题目", "name"),
    "source": ("source", "来源", "media", "媒体", "publisher", "site", "feed"),
    "category": ("category", "categories", "分类", "栏目", "频道", "类别", "section", "channel"),
    "author": ("author", "authors", "作者", "byline", "记者"),
    "url": ("url", "link", "链接", "网址", "原文链接", "permalink", "source_url"),
    "date": (
        "date", "published_at", "published", "pubdate", "pub_date", "publish_time", "发布时间", "发布日期", "时间", "日期", "time",
        "datetime",
    ),
    "id": ("id", "编号", "uid", "guid", "doc_id", "article_id", "news_id"),
}  # fmt: skip
_LONGEST_TITLE = 40
_CLAUSE = re.compile(r"[^。！？；，,!?;\n]{2,40}")
_MARKUP = re.compile(r"<(?:p|div|br|span|section|article|h[1-6]|ul|ol|table|img|a)\b[^<>]*>", re.IGNORECASE)


def read_rows(file: IO[bytes], path: str, suffix: str, columns: Mapping[str, str]) -> Iterator[Reading]:
    """The articles of a table, in its order; a row that cannot be read is a reading with its reason, and the others go on.

    Args:
        file: at its beginning; read piece by piece but for ".json".
        path: how to call the file.
        suffix: .jsonl, .ndjson, .json, .csv or .tsv.
        columns: our name -> theirs, for tables that call things by names of their own.

    Raises:
        ReadError: "columns" where there is no text, "empty", "encoding", "binary", or "malformed" for a broken .json.
    """
    if suffix == ".json":
        rows: Iterator[_Row] = _json_rows(file.read(), path)
    else:
        lines = _lines(file, path)
        rows = _line_rows(lines, path) if suffix in (".jsonl", ".ndjson") else _csv_rows(lines, path, suffix)
    seen: set[str] = set()
    for row in rows:
        member = str(row.number)
        try:
            if row.problem is not None:
                raise row.problem
            used = _match(row.fields, columns, path)
            fields = {name: _values(row.fields.get(theirs)) for theirs, name in used.items()}
            ident = "".join(fields.get("id", ()))[:200]
            if ident and ident not in seen:
                member = ident
                seen.add(ident)
            yield Reading(member, _article(fields, f"{path}#{member}", named=member == ident))
        except ReadError as error:
            if error.reason == "columns" and row.number == 1:
                raise
            yield Reading.failed(member, error)
        except (ValueError, RecursionError) as error:
            yield Reading.failed(member, _bad_row(path, row.number, type(error).__name__))


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    fields: Mapping[str, Any]
    problem: ReadError | None = None


def _article(fields: Mapping[str, tuple[str, ...]], path: str, *, named: bool) -> Article:
    text = "\n".join(fields.get("text", ()))
    about = FrontMatter({name: values for name, values in fields.items() if name not in ("text", "id")}, "")
    if _MARKUP.search(text):
        article = assemble_markdown(text, about, path)
    else:
        article = assemble(read_text(text), about, path=path, markup=False, images=0, link="")
    if article.title == path.rpartition("#")[2]:  # nothing but its number to call it by
        begin = _CLAUSE.match(article.text)
        article = replace(article, title=begin[0] if begin else article.text[:_LONGEST_TITLE])
        article = replace(article, digest=article_digest(article))
    if article.url or named:
        return article
    # Without a name of its own a row is told by what it says: a row put in above must not make all below it other articles.
    return replace(article, id=article_id("", f"{path.rpartition('#')[0]}\n{article.title}\n{article.text}"))


def _match(fields: Mapping[str, Any], columns: Mapping[str, str], path: str) -> dict[str, str]:
    """Their column -> our name, for the columns that are there."""
    by_key = {search_form(str(key)).strip(): key for key in fields}
    used: dict[str, str] = {}
    for name, known in _NAMES.items():
        wanted = (search_form(columns[name]).strip(),) if name in columns else known
        key = next((by_key[candidate] for candidate in wanted if candidate in by_key), None)
        if key is not None:
            used.setdefault(key, name)
    if "text" not in used.values():
        found = "、".join(str(key)[:30] for key in list(fields)[:20]) or "（没有列名）"
        raise ReadError(
            f"找不到正文一列：{path}（有 {found}）",
            "请用 --columns text=列名,title=列名 指明，或写进设置 columns",
            reason="columns",
        )
    return used


def _values(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(text for item in value if not isinstance(item, (list, dict)) for text in _values(item))
    if value is None or isinstance(value, dict):
        return ()
    text = storable(str(value)).strip()
    return (text,) if text else ()


# -- lines -------------------------------------------------------------------------------------------------------


def _lines(file: IO[bytes], path: str) -> Iterator[str | None]:
    """The lines of a file of any size, without their ends; None for one that is too long to hold."""
    head = file.read(_SAMPLE)
    decoder = codecs.getincrementaldecoder(_encoding(head, path))("replace")
    waiting: list[str] = []
    held = 0
    too_long = False
    data = head
    while data:
        parts = decoder.decode(data).split("\n")
        for index, part in enumerate(parts):
            if index:
                yield None if too_long else "".join(waiting).removesuffix("\r")
                waiting, held, too_long = [], 0, False
            held += len(part)
            if held > _MAX_ROW:
                waiting, too_long = [], True
            else:
                waiting.append(part)
        data = file.read(_SAMPLE)
    if too_long or held:
        yield None if too_long else "".join(waiting).removesuffix("\r")


def _encoding(head: bytes, path: str) -> str:
    """The encoding of the whole file, judged by its beginning (up to its last whole line)."""
    whole = head
    if len(head) == _SAMPLE and head.count(b"\n"):
        whole = head[: head.rfind(b"\n") + 1]
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and len(whole) % 2:
            whole += head[len(whole) : len(whole) + 1]
    text = decode_bytes(whole, path)  # raises for what is no text
    for encoding in ("utf-8-sig", "utf-16", "gb18030", "big5hkscs"):
        if encoding == "utf-16" and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            continue
        if (
            whole.decode(encoding, "replace").replace("\r\n", "\n").strip("\ufeff")[:2000]
            == text.strip("\ufeff")[:2000]
        ):
            return encoding
    return "utf-8-sig"


def _line_rows(lines: Iterable[str | None], path: str) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        if line is not None and not line.strip():
            continue
        try:
            if line is None:
                raise ReadError(f"第 {number} 行太长：{path}", "请拆成较短的行", reason="too-large")
            value = json.loads(line)
            if not isinstance(value, dict):
                raise _bad_row(path, number, "不是 JSON 对象")
            yield _Row(number, value)
        except ReadError as error:
            yield _Row(number, {}, error)
        except (ValueError, RecursionError):
            yield _Row(number, {}, _bad_row(path, number, "不是 JSON"))


def _json_rows(data: bytes, path: str) -> Iterator[_Row]:
    try:
        value = json.loads(decode_bytes(data, path))
    except (ValueError, RecursionError) as error:
        raise ReadError(
            f"JSON 文件无法解析：{path}（{type(error).__name__}）", "请检查文件是否完整", reason="malformed"
        ) from None
    if isinstance(value, dict):
        # {"data": [ {…}, {…} ]} and the like: the one list of objects in it is meant
        lists = [part for part in value.values() if isinstance(part, list) and part and isinstance(part[0], dict)]
        value = lists[0] if len(lists) == 1 else [value]
    if not isinstance(value, list):
        raise ReadError(f"JSON 文件里没有文章：{path}", "应当是对象的数组", reason="malformed")
    for number, item in enumerate(value, 1):
        if isinstance(item, dict):
            yield _Row(number, item)
        else:
            yield _Row(number, {}, _bad_row(path, number, "不是对象"))


def _csv_rows(lines: Iterable[str | None], path: str, suffix: str) -> Iterator[_Row]:
    csv.field_size_limit(_MAX_ROW)
    source = _Lines(lines)
    first = next(source, "")
    delimiter = "\t" if suffix == ".tsv" else max(",;\t|", key=first.count)
    header = next(csv.reader(io.StringIO(first), delimiter=delimiter), [])
    reader = csv.reader(source, delimiter=delimiter)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Row(number, {}, _bad_row(path, number, str(error)))
            continue
        if source.too_long:
            source.too_long = False
            yield _Row(number, {}, ReadError(f"第 {number} 行太长：{path}", "请拆成较短的行", reason="too-large"))
        elif not any(cell.strip() for cell in row):
            continue
        elif len(row) < len(header) and len(row) < 2:
            yield _Row(number, {}, _bad_row(path, number, "列数不够"))
        else:
            yield _Row(number, dict(zip(header, row, strict=False)))


class _Lines(Iterator[str]):
    """Lines for the csv module, with their ends; notes where one had to be left out."""

    def __init__(self, lines: Iterable[str | None]) -> None:
        self._lines = iter(lines)
        self.too_long = False

    def __next__(self) -> str:
        line = next(self._lines)
        if line is None:
            self.too_long = True
            return "\n"
        return line.replace("\0", "") + "\n"


def _bad_row(path: str, number: int, what: str) -> ReadError:
    return ReadError(f"第 {number} 行读不懂：{path}（{what}）", "请检查这一行", reason="malformed")
