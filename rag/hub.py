"""A model hub over HTTP (Hugging Face or a mirror of it): what a repository holds, and downloads that resume.

Files are untrusted until their checksum agrees with the one that the hub publishes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from rag.errors import DownloadError
from rag.settings import Settings

Progress: TypeAlias = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

DEFAULT_HUB = "https://huggingface.co"
_PROBE_SECONDS = 6.0
"""A closed network must be noticed in seconds, although every address of a host is tried in turn."""

_TIMEOUT = httpx.Timeout(30.0, connect=4.0)
_BLOCK = 1 << 20
_TRIES = 5


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository. Large files are published with `sha256`, small ones with the id of their git blob.

    Attributes:
        path: inside the repository, "/" between folders; never absolute, never upwards.
        url: where it is downloaded, pinned to one commit.
        size: bytes.
    """

    path: str
    url: str
    size: int
    sha256: str
    git_id: str


def hub_of(settings: Settings) -> str:
    """The address of the configured hub or mirror, without a slash at the end."""
    return settings.hub or DEFAULT_HUB


def is_reachable(hub: str) -> bool:
    """Whether anything answers there; False after six seconds at the latest."""
    answered = threading.Event()

    def probe() -> None:
        try:
            httpx.head(f"{hub}/api/models", timeout=_TIMEOUT, follow_redirects=False)
        except httpx.HTTPError:
            return
        answered.set()

    thread = threading.Thread(target=probe, name="youju-probe", daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answered.is_set()


def list_files(repo: str, hub: str) -> list[HubFile]:
    """The files of a repository at its newest commit, with the checksums that the hub publishes.

    Raises:
        DownloadError: no such repository, no permission, no connection, or an answer that makes no sense.
    """
    try:
        response = httpx.get(
            f"{hub}/api/models/{quote(repo)}", params={"blobs": "true"}, timeout=_TIMEOUT, follow_redirects=True
        )
    except httpx.HTTPError as error:
        raise DownloadError(f"连不上模型下载站 {hub}（{type(error).__name__}）", _HUB_HINT) from None
    if response.status_code in {401, 403, 404}:
        raise DownloadError(
            f"模型下载站上没有 {repo}，或须登录授权（{response.status_code}）",
            "请检查名称；须授权的模型请自行下载，再指定它的路径",
        )
    try:
        response.raise_for_status()
        answer = response.json()
        commit = str(answer["sha"])
        return [_hub_file(row, f"{hub}/{quote(repo)}/resolve/{quote(commit, safe='')}") for row in answer["siblings"]]
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as error:
        raise DownloadError(f"模型下载站 {hub} 的回应读不懂（{type(error).__name__}）", _HUB_HINT) from None


_HUB_HINT = "请检查网络，或用设置 hub（YOUJU_HUB）换一个镜像"


def _hub_file(row: dict[str, Any], base: str) -> HubFile:
    path = PurePosixPath(str(row["rfilename"]))
    if path.is_absolute() or ".." in path.parts or "\\" in str(path) or ":" in str(path):
        raise ValueError("a path that leaves the repository")
    sha256 = str((row.get("lfs") or {}).get("sha256", "")).lower()
    return HubFile(
        str(path), f"{base}/{quote(str(path))}", int(row["size"]), sha256, str(row.get("blobId", "")).lower()
    )


def download(url: str, partial: Path, size: int, progress: Progress) -> None:
    """Load a file into `partial`, going on where an earlier attempt stopped.

    Raises:
        DownloadError: the server refuses, sends another length, or the connection keeps breaking; what came is kept.
    """
    tries = 0
    while (have := partial.stat().st_size if partial.exists() else 0) != size:
        if have > size:
            partial.unlink()
            continue
        try:
            _load(url, partial, have, size, progress)
        except httpx.HTTPError as error:
            gained = partial.exists() and partial.stat().st_size > have
            tries = 1 if gained else tries + 1
            if tries >= _TRIES:
                raise DownloadError(
                    f"下载中断：{partial.name}（{type(error).__name__}）", "再运行一次会从断点接着下载"
                ) from None
    progress(size, size)


def _load(url: str, partial: Path, have: int, size: int, progress: Progress) -> None:
    """One request; appends to what is there, or starts anew where the server knows no ranges."""
    # Without "identity" a proxy may compress the body, and a range of compressed bytes is of no use.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True) as response:
        if response.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
            raise DownloadError(f"下载被拒绝（{response.status_code}）：{partial.name}", _HUB_HINT)
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise DownloadError(f"下载站给错了断点：{partial.name}", _HUB_HINT)
        done = have if resumed else 0
        with partial.open("ab" if resumed else "wb") as file:
            for block in response.iter_bytes():  # as they come: a broken connection loses nothing
                done += len(block)
                if done > size:
                    raise DownloadError(f"下载的内容比公布的大（{size} 字节）：{partial.name}", _HUB_HINT)
                file.write(block)
                progress(done, size)
    if done < size:
        raise httpx.ReadError("the body ended early")


def verify(path: Path, *, sha256: str = "", git_id: str = "") -> None:
    """Accept the file only with the published checksum; another one removes it.

    Raises:
        DownloadError: names the checksum expected and the one found.
    """
    expected = sha256 or git_id
    if not expected:
        raise DownloadError(f"没有公布的校验值可以核对：{path.name}", "请换一个来源")
    digest = hashlib.sha256() if sha256 else hashlib.sha1(usedforsecurity=False)
    if not sha256:
        digest.update(b"blob %d\0" % path.stat().st_size)  # what git hashes: a head and the content
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != expected:
        path.unlink()
        raise DownloadError(
            f"校验不符，已删去：{path.name}（应为 {expected}，实为 {digest.hexdigest()}）", "请再试一次，或换一个来源"
        )
