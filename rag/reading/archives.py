"""Zip archives to the articles in them. Nothing is ever unpacked to disk, so no name in an archive can become a path."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import IO

from rag.errors import ReadError
from rag.reading.files import SUFFIXES
from rag.reading.readings import Reading
from rag.reading.zip_limits import BoundedZip


def read_archive(
    file: IO[bytes], path: str, read_member: Callable[[str, bytes], Iterator[Reading]]
) -> Iterator[Reading]:
    """The readings of every member whose format is known, in the order of the names.

    Args:
        file: the archive, seekable.
        path: how to call it.
        read_member: reads the content of a file; given its display path.

    Raises:
        ReadError: "malformed", "limit", or "no-text" where no member can be read.
    """
    archive = BoundedZip(file, path)
    found = False
    for name, info in archive.members():
        place = PurePosixPath(name.replace("\\", "/"))
        if any(part.startswith((".", "__MACOSX")) for part in place.parts) or place.suffix.lower() not in SUFFIXES:
            continue  # as in folders: what is hidden or of no known format is passed over
        found = True
        if place.suffix.lower() == ".zip":
            yield Reading(name, None, "nested", f"压缩包里的压缩包不读：{path}#{name}\n→ 请先解压外面一层")
            continue
        try:
            data = archive.read(info, name)
        except ReadError as error:
            yield Reading.failed(name, error)
            continue
        for reading in read_member(f"{path}#{name}", data):
            yield replace(reading, member=f"{name}#{reading.member}" if reading.member else name)
    if not found:
        raise ReadError(f"压缩包里没有可读的文件：{path}", f"能读 {'、'.join(sorted(SUFFIXES))}", reason="no-text")
