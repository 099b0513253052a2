"""Which files are to be read: folders are searched, in an order that does not change from run to run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import ReadError

SUFFIXES = frozenset(
    ".md .markdown .txt .html .htm .jsonl .ndjson .json .csv .tsv .xml .rss .atom .pdf .docx .epub .zip".split()
)
"""File name endings that are read, in lower case."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that gave no article: `reason` is a key for counting, `message` says it in Chinese."""

    path: Path
    reason: str
    message: str

    @classmethod
    def of(cls, path: Path, error: ReadError) -> Problem:
        """The problem that an error is."""
        return cls(path, error.reason, str(error))


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What a search found.

    Attributes:
        files: each file once, sorted by path.
        problems: paths that cannot be searched: missing, without permission, folders without any readable file.
        skipped: files passed over because they are hidden or of a format that is not read.
    """

    files: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()
    skipped: int = 0


def find_files(paths: Sequence[Path]) -> FoundFiles:
    """Find the files to read below the paths given. Never raises for what it meets; symbolic link loops end.

    A file that is named itself is taken whatever it is called, unless its format is not read.
    """
    found: dict[Path, Path] = {}
    problems: list[Problem] = []
    skipped = 0
    for path in paths:
        try:
            is_folder = path.is_dir()
            exists = path.exists()
        except OSError as error:
            problems.append(_problem(path, error))
            continue
        if not exists:
            problems.append(Problem(path, "missing", f"找不到：{path}"))
        elif is_folder:
            before = len(problems)
            files, passed = _walk(path, problems)
            skipped += passed
            for file in files:
                found.setdefault(_real(file), file)
            if not files and len(problems) == before:
                problems.append(Problem(path, "empty-folder", f"文件夹里没有可读的文件：{path}"))
        elif path.suffix.lower() in SUFFIXES:
            found.setdefault(_real(path), path)
        else:
            known = "、".join(sorted(SUFFIXES))
            problems.append(Problem(path, "format", f"不认识的格式：{path}（能读 {known}）"))
    return FoundFiles(tuple(sorted(found.values(), key=lambda file: file.as_posix())), tuple(problems), skipped)


def _walk(folder: Path, problems: list[Problem]) -> tuple[list[Path], int]:
    files: list[Path] = []
    skipped = 0
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            identity = current.stat()
            if (identity.st_dev, identity.st_ino) in seen:
                continue
            seen.add((identity.st_dev, identity.st_ino))
            entries = list(_entries(current))
        except OSError as error:
            problems.append(_problem(current, error))
            continue
        for entry in entries:
            path = current / entry.name
            hidden = entry.name.startswith(".")
            try:
                is_folder = entry.is_dir()
            except OSError as error:
                problems.append(_problem(path, error))
                continue
            if is_folder:
                if not hidden:
                    waiting.append(path)
            elif hidden or path.suffix.lower() not in SUFFIXES:
                skipped += 1
            else:
                files.append(path)
    return files, skipped


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def _problem(path: Path, error: OSError) -> Problem:
    if isinstance(error, PermissionError):
        return Problem(path, "permission", f"没有权限读取：{path}")
    if isinstance(error, FileNotFoundError):
        return Problem(path, "missing", f"找不到：{path}")
    return Problem(path, "unreadable", f"无法读取：{path}（{error.strerror or type(error).__name__}）")
