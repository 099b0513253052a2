"""Reading: files in, clean `Article` records out. This is the door; one module behind it per format and per duty."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import IO

from rag.errors import ReadError
from rag.reading.assembly import assemble, assemble_html, assemble_markdown
from rag.reading.decode import decode_bytes
from rag.reading.files import SUFFIXES, FoundFiles, Problem, find_files
from rag.reading.front_matter import split_front_matter
from rag.reading.isolated import IsolatedReader
from rag.reading.readings import Alive, Reading
from rag.reading.text import read_text
from rag.records import Article

__all__ = [
    "HOLDING_ROWS", "MAX_BYTES", "SUFFIXES", "FoundFiles", "IsolatedReader", "Problem", "Reading", "find_files", "read_articles", "read_file",
]  # fmt: skip

MAX_BYTES = MappingProxyType(
    dict.fromkeys((".md", ".markdown", ".txt", ".html", ".htm"), 10_000_000)
    | dict.fromkeys((".xml", ".rss", ".atom", ".docx"), 100_000_000)
    | dict.fromkeys((".pdf", ".epub"), 500_000_000)
    | dict.fromkeys((".jsonl", ".ndjson", ".csv", ".tsv", ".zip"), 4_000_000_000)
    | {".json": 200_000_000}
)
"""By suffix: larger files are no articles; they are reported, not read. Those of the fourth line are read piece by piece."""

_TEXTS = frozenset({".md", ".markdown", ".txt", ".html", ".htm"})
_ROWS = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv"})
_FEEDS = frozenset({".xml", ".rss", ".atom"})
HOLDING_ROWS = _ROWS | {".zip"}
"""Suffixes of files whose articles depend on the names of columns."""
_NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


def read_articles(
    path: Path, *, name: str = "", columns: Mapping[str, str] = _NO_COLUMNS, alive: Alive = lambda: None
) -> Iterator[Reading]:
    """Everything that is in a file, in its order. Never raises: what cannot be read is a `Reading` with a reason.

    Args:
        path: the file.
        name: what to call it, where the bytes come from elsewhere (a web address); its suffix then says the format.
        columns: for tables, our name -> theirs ("text" -> "正文"); what is not named is recognised by its usual names.
        alive: called now and then while one article takes long.
    """
    where = name or _printable(path)
    suffix = PurePosixPath(where).suffix.lower()
    try:
        if suffix not in SUFFIXES:
            raise ReadError(f"不认识的格式：{where}", f"能读 {'、'.join(sorted(SUFFIXES))}", reason="format")
        with _opened(path, where, suffix) as file:
            nothing = True
            for reading in _readings(file, where, suffix, columns, alive):
                nothing = False
                yield reading
        if nothing:
            raise ReadError(f"文件里没有文章：{where}", "可以删去这个文件", reason="no-text")
    except ReadError as error:
        yield Reading.failed("", error)
    except (OSError, MemoryError) as error:
        detail = getattr(error, "strerror", None) or "内存不够"
        yield Reading("", None, "unreadable", f"无法读取：{where}（{detail}）")
    except Exception as error:  # noqa: BLE001 - whatever a library makes of a hostile file, it is this file's fault
        yield Reading.failed("", _malformed(where, error))


def read_file(path: Path) -> Article:
    """Read one file as one article, in this process. See `read_articles` for files that hold several.

    Raises:
        ReadError: with one of the reasons missing, permission, unreadable, format, too-large, empty, binary, encoding,
            no-text, malformed. The message names the file and says what to do.
    """
    readings = list(read_articles(path))
    article = readings[0].article if len(readings) == 1 else None
    if article is not None:
        return article
    first = next((reading for reading in readings if reading.reason), None)
    if first is None:
        raise ReadError(f"文件里不是一篇文章：{path}", "请用 read_articles", reason="format")
    message, _, hint = first.message.partition("\n→ ")
    raise ReadError(message, hint, reason=first.reason)


def _readings(file: IO[bytes], where: str, suffix: str, columns: Mapping[str, str], alive: Alive) -> Iterator[Reading]:
    if suffix in _TEXTS:
        yield Reading("", _text_article(file.read(), where, suffix))
    elif suffix in _ROWS:
        from rag.reading.rows import read_rows

        yield from read_rows(file, where, suffix, columns)
    elif suffix in _FEEDS:
        from rag.reading.feeds import read_feed

        yield from read_feed(file.read(), where)
    elif suffix == ".pdf":
        from rag.reading.pdf import read_pdf

        yield Reading("", read_pdf(file.read(), where, alive))
    elif suffix == ".docx":
        from rag.reading.docx import read_docx

        yield Reading("", read_docx(file.read(), where))
    elif suffix == ".epub":
        from rag.reading.epub import read_epub

        yield from read_epub(file, where, alive)
    else:
        from rag.reading.archives import read_archive

        yield from read_archive(file, where, _member_reader(columns, alive))


def _member_reader(columns: Mapping[str, str], alive: Alive) -> Callable[[str, bytes], Iterator[Reading]]:
    def read_member(where: str, data: bytes) -> Iterator[Reading]:
        suffix = PurePosixPath(where).suffix.lower()
        try:
            yield from _readings(io.BytesIO(data), where, suffix, columns, alive)
        except ReadError as error:
            yield Reading.failed("", error)
        except Exception as error:  # noqa: BLE001 - one hostile member must not stop the others
            yield Reading.failed("", _malformed(where, error))

    return read_member


def _text_article(data: bytes, where: str, suffix: str) -> Article:
    text = decode_bytes(data, where)
    if suffix in (".html", ".htm"):
        return assemble_html(text, where)
    front = split_front_matter(text)
    if suffix == ".txt" and not front.fields:  # with front matter it is a post that lost its suffix
        return assemble(read_text(front.body), front, path=where, markup=False, images=0, link="")
    return assemble_markdown(front.body, front, where)


def _malformed(where: str, error: BaseException) -> ReadError:
    return ReadError(f"文件内容无法解析：{where}（{type(error).__name__}）", "请检查文件是否损坏", reason="malformed")


@contextmanager
def _opened(path: Path, where: str, suffix: str) -> Iterator[IO[bytes]]:
    limit = MAX_BYTES[suffix]
    try:
        if not path.is_file():
            if path.exists():
                raise ReadError(f"不是普通文件：{where}", "请给出文件，或整个文件夹", reason="unreadable")
            raise ReadError(f"找不到：{where}", "请检查路径", reason="missing")
        if path.stat().st_size > limit:
            raise ReadError(f"文件超过 {limit // 1_000_000} MB：{where}", "请拆成较小的文件", reason="too-large")
        file = path.open("rb")
    except PermissionError:
        raise ReadError(f"没有权限读取：{where}", "请检查文件的权限", reason="permission") from None
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise ReadError(f"无法读取：{where}（{detail}）", "请检查磁盘与路径", reason="unreadable") from None
    with file:
        yield file


def _printable(path: Path) -> str:
    """The resolved path in POSIX form; bytes of a name that are not UTF-8 are shown escaped."""
    return path.resolve().as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
