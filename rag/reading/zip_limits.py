"""Zip files within bounds that no header can lie about: archives, DOCX and EPUB are read through this."""

from __future__ import annotations

import zipfile
import zlib
from typing import IO

from rag.errors import ReadError

MEMBERS = 100_000
MEMBER_BYTES = 50_000_000
TOTAL_BYTES = 4_000_000_000
RATIO = 200
FREE_BYTES = 1_000_000
"""Below this size a member may be packed as tightly as it likes."""

_PIECE = 65_536


class BoundedZip:
    """Reads members of a zip file; what counts is what is really unpacked, not what the headers claim.

    Args:
        file: the zip file, seekable.
        path: how to call it in errors.

    Raises:
        ReadError: "malformed" for what is no zip, "limit" for too many members.
    """

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._path = path
        self._unpacked = 0
        try:
            self._zip = zipfile.ZipFile(file)
            self._infos = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
            raise ReadError(
                f"压缩包打不开：{path}（{type(error).__name__}）", "请检查文件是否完整", reason="malformed"
            ) from None
        if len(self._infos) > MEMBERS:
            raise ReadError(f"压缩包里的文件超过 {MEMBERS} 个：{path}", "请拆成几个压缩包", reason="limit")

    def members(self) -> list[tuple[str, zipfile.ZipInfo]]:
        """Name and entry of each file in it, folders left out, sorted by name; of two with one name the last counts."""
        named = {_name(info): info for info in self._infos if not info.is_dir()}
        return sorted(named.items())

    def read(self, info: zipfile.ZipInfo, name: str = "") -> bytes:
        """The content of a member.

        Raises:
            ReadError: "encrypted", "limit" or "malformed".
        """
        where = f"{self._path}#{name or info.filename}"
        if info.flag_bits & 0x1:
            raise ReadError(f"压缩包里的文件有密码：{where}", "请先解压", reason="encrypted")
        allowed = max(FREE_BYTES, min(MEMBER_BYTES, info.compress_size * RATIO))
        pieces: list[bytes] = []
        size = 0
        try:
            with self._zip.open(info) as member:
                while piece := member.read(_PIECE):
                    size += len(piece)
                    self._unpacked += len(piece)
                    if size > allowed or self._unpacked > TOTAL_BYTES:
                        raise ReadError(
                            f"解压后过大：{where}",
                            f"一个文件至多 {MEMBER_BYTES // 1_000_000} MB，压缩比至多 {RATIO}",
                            reason="limit",
                        )
                    pieces.append(piece)
        except (
            zipfile.BadZipFile,
            zlib.error,
            ValueError,
            OSError,
            NotImplementedError,
            EOFError,
            RuntimeError,
        ) as error:
            raise ReadError(
                f"压缩包里的文件坏了：{where}（{type(error).__name__}）", "请重新下载压缩包", reason="malformed"
            ) from None
        return b"".join(pieces)


def _name(info: zipfile.ZipInfo) -> str:
    """The member's name; names that Windows wrote in GBK, which zip files cannot say, are repaired."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename
