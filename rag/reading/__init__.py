"""Reading: files in, clean `Article` records out. This is the door; one module behind it per format and per duty."""

from __future__ import annotations

from pathlib import Path

from rag.errors import ReadError
from rag.reading.assembly import assemble, assemble_html, assemble_markdown
from rag.reading.decode import decode_bytes
from rag.reading.files import SUFFIXES, FoundFiles, Problem, find_files
from rag.reading.front_matter import split_front_matter
from rag.reading.text import read_text
from rag.records import Article

__all__ = ["MAX_BYTES", "SUFFIXES", "FoundFiles", "Problem", "find_files", "read_file"]

MAX_BYTES = 50 * 1024 * 1024
"""Larger files are no articles; they are reported, not read."""


def read_file(path: Path) -> Article:
    """Read one file as an article.

    Markdown (with or without front matter; the body may be HTML), plain text and saved web pages, by the file's suffix.

    Raises:
        ReadError: with one of the reasons missing, permission, unreadable, format, too-large, empty, binary, encoding,
            no-text, malformed. The message names the file and says what to do.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ReadError(f"不认识的格式：{path}", f"能读 {'、'.join(sorted(SUFFIXES))}", reason="format")
    text = decode_bytes(_read_bytes(path), str(path))
    where = _printable(path)
    try:
        if suffix in (".html", ".htm"):
            return assemble_html(text, where)
        front = split_front_matter(text)
        if suffix == ".txt" and not front.fields:  # with front matter it is a post that lost its suffix
            return assemble(read_text(front.body), front, path=where, markup=False, images=0, link="")
        return assemble_markdown(front.body, front, where)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ReadError(
            f"文件内容无法解析：{path}（{type(error).__name__}）", "请检查文件是否损坏", reason="malformed"
        ) from error


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            if path.exists():
                raise ReadError(f"不是普通文件：{path}", "请给出文件，或整个文件夹", reason="unreadable")
            raise ReadError(f"找不到：{path}", "请检查路径", reason="missing")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except PermissionError:
        raise ReadError(f"没有权限读取：{path}", "请检查文件的权限", reason="permission") from None
    except OSError as error:
        detail = error.strerror or type(error).__name__
        raise ReadError(f"无法读取：{path}（{detail}）", "请检查磁盘与路径", reason="unreadable") from None
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // (1024 * 1024)
        raise ReadError(f"文件超过 {limit} MB：{path}", "请拆成较小的文件", reason="too-large")
    return data


def _printable(path: Path) -> str:
    """The resolved path in POSIX form; bytes of a name that are not UTF-8 are shown escaped."""
    return path.resolve().as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


# -- provisional, until the isolated reader stands (lead) --
from collections.abc import Iterator, Mapping  # noqa: E402
from dataclasses import dataclass  # noqa: E402


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing found in a file."""

    member: str
    article: Article | None
    reason: str = ""
    message: str = ""


class IsolatedReader:
    """Provisional."""

    def __enter__(self) -> IsolatedReader:
        return self

    def __exit__(self, *args: object) -> None:
        pass

    def read(self, path: Path, *, name: str = "", columns: Mapping[str, str] = {}) -> Iterator[Reading]:
        """Provisional."""
        try:
            yield Reading("", read_file(path))
        except ReadError as error:
            yield Reading("", None, error.reason, str(error))
