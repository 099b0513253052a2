"""Where uploads arrive: each file's bytes go under a name of ours into a fresh folder, within limits that are told beforehand.

Gradio's own door for uploads stays shut (it takes files from anyone who can see the page). This one asks first whether the
sender may change the library, counts bytes as they come, and never makes a path of what a sender calls a file.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rag.errors import LibraryError
from rag.reading import MAX_BYTES, SUFFIXES
from rag.uploads import Upload, plain_name, suffix_of

MAX_FILES: Final = 5_000
"""Files of one upload."""
MAX_FILE_BYTES: Final = 200_000_000
MAX_TOTAL_BYTES: Final = 2_000_000_000
"""Of one upload."""

_MAX_OPEN = 8
_IDLE = 30 * 60.0
"""Seconds after which an upload that nobody goes on with is thrown away."""
_SPARE = 500_000_000
"""Bytes that stay free on the disk."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not taken: what its sender calls it, a reason for counting (see `rag.reasons`), what happened and what to do."""

    name: str
    reason: str
    message: str


@dataclass(slots=True)
class Delivery:
    """One upload on its way in: a file for each place of `names`, None where it was refused."""

    id: str
    folder: Path
    names: list[str]
    sizes: list[int]
    refused: dict[int, Refused] = field(default_factory=dict)
    arrived: set[int] = field(default_factory=set)
    touched: float = field(default_factory=time.monotonic)

    def file(self, number: int) -> Path:
        """Where the bytes of a file lie: a number and a suffix that we know."""
        return self.folder / f"{number:06d}{suffix_of(self.names[number])}"

    def uploads(self) -> list[Upload]:
        """What has arrived whole."""
        return [Upload(self.file(number), self.names[number]) for number in sorted(self.arrived)]

    def problems(self) -> list[Refused]:
        """What was refused, and what was announced and never came."""
        lost = "没有传完（连接断了或被取消），请再传一次"
        rest = [n for n in range(len(self.names)) if n not in self.arrived and n not in self.refused]
        missing = [Refused(self.names[n], "broken", f"{plain_name(self.names[n])}：{lost}") for n in rest]
        return [*(self.refused[n] for n in sorted(self.refused)), *missing]

    def throw_away(self) -> None:
        """Delete the bytes."""
        shutil.rmtree(self.folder, ignore_errors=True)


class UploadDesk:
    """Takes uploads in. Safe to use from several threads."""

    def __init__(self) -> None:
        self._open: dict[str, Delivery] = {}
        self._guard = threading.Lock()

    def begin(self, files: Sequence[tuple[str, int]]) -> Delivery:
        """Open an upload of files, each with its name and its size in bytes. What cannot be taken is refused one by one.

        Raises:
            LibraryError: there is nothing to take, there are too many files, too many bytes, too many uploads or too little disk.
        """
        if not files:
            raise LibraryError("没有选中文件", "请选择文件或文件夹")
        if len(files) > MAX_FILES:
            raise LibraryError(
                f"一次最多上传 {MAX_FILES:,} 个文件，选了 {len(files):,} 个", "请分几次上传，或打成 .zip"
            )
        refused = {n: no for n, (name, size) in enumerate(files) if (no := _refusal(name, size))}
        total = sum(size for n, (_, size) in enumerate(files) if n not in refused)
        if total > MAX_TOTAL_BYTES:
            raise LibraryError(f"一次最多上传 {_mb(MAX_TOTAL_BYTES)}，选了 {_mb(total)}", "请分几次上传")
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if free < total + _SPARE:
            raise LibraryError(f"服务器的磁盘空间不够：还剩 {_mb(free)}", "请清理磁盘后再上传")
        with self._guard:
            self._sweep()
            if len(self._open) >= _MAX_OPEN:
                raise LibraryError("同时上传的人太多", "请稍等片刻再试")
            delivery = Delivery(
                secrets.token_hex(16), Path(tempfile.mkdtemp(prefix="youju-upload-")), [name for name, _ in files],
                [size for _, size in files], refused,
            )  # fmt: skip
            self._open[delivery.id] = delivery
        return delivery

    async def receive(self, delivery_id: str, number: int, body: AsyncIterable[bytes]) -> None:
        """Take the bytes of one file.

        Raises:
            LibraryError: it was not announced, or is longer than announced.
        """
        delivery = self._known(delivery_id)
        if not 0 <= number < len(delivery.names) or number in delivery.refused or number in delivery.arrived:
            raise LibraryError("没有这个文件的上传", "请重新选择文件")
        left = delivery.sizes[number]
        with delivery.file(number).open("wb") as file:
            async for piece in body:
                left -= len(piece)
                delivery.touched = time.monotonic()
                if left < 0:
                    break
                file.write(piece)
        if left != 0:  # longer or shorter than announced: it changed meanwhile, or the connection broke
            delivery.file(number).unlink(missing_ok=True)
            raise LibraryError("文件在上传时变了，或连接断了", "请再传一次")
        delivery.arrived.add(number)

    def finish(self, delivery_id: str) -> Delivery:
        """Everything has arrived that will: from here on the delivery is the caller's, who throws it away.

        Raises:
            LibraryError: there is no such upload.
        """
        delivery = self._known(delivery_id)
        with self._guard:
            self._open.pop(delivery_id, None)
        return delivery

    def abort(self, delivery_id: str) -> None:
        """Throw away what has arrived of an upload."""
        with self._guard:
            delivery = self._open.pop(delivery_id, None)
        if delivery is not None:
            delivery.throw_away()

    def _known(self, delivery_id: str) -> Delivery:
        delivery = self._open.get(delivery_id)
        if delivery is None:
            raise LibraryError("没有这次上传，或搁置太久已经作废", "请重新选择文件")
        delivery.touched = time.monotonic()
        return delivery

    def _sweep(self) -> None:
        for delivery in [d for d in self._open.values() if time.monotonic() - d.touched > _IDLE]:
            del self._open[delivery.id]
            delivery.throw_away()


def _refusal(name: str, size: int) -> Refused | None:
    suffix, plain = suffix_of(name), plain_name(name)
    if suffix not in SUFFIXES:
        return Refused(name, "format", f"{plain}：不认识的格式，能读 {'、'.join(sorted(SUFFIXES))}")
    limit = min(MAX_FILE_BYTES, MAX_BYTES[suffix])
    if size > limit:
        return Refused(name, "too-large", f"{plain}：有 {_mb(size)}，这种文件最大 {_mb(limit)}，请拆成较小的文件")
    if size <= 0:
        return Refused(name, "empty", f"{plain}：空文件，可以删去")
    return None


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 10_000_000 else f"{size / 1e6:,.0f} MB"
