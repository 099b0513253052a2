"""A page or feed from the web, only when the user asked for it, and never from a private network.

The address that is checked is the address that is connected to: names are looked up once, so that a name server cannot answer
differently a second time (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

from rag.errors import ReadError
from rag.version import VERSION

MAX_BYTES = 20_000_000
SECONDS = 20.0
_REDIRECTS = 5
_SUFFIXES = {
    "text/html": ".html", "application/xhtml+xml": ".html", "text/plain": ".txt", "text/markdown": ".md",
    "application/rss+xml": ".xml", "application/atom+xml": ".xml", "application/xml": ".xml", "text/xml": ".xml",
    "application/json": ".json", "application/feed+json": ".json", "application/x-ndjson": ".jsonl", "text/csv": ".csv",
    "application/pdf": ".pdf", "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}  # fmt: skip

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""Name and port to IP addresses as text; may raise OSError."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: the address it came from (after redirects), the bytes, and the suffix by which to read them."""

    url: str
    data: bytes
    suffix: str


def is_web_address(text: str) -> bool:
    """Whether a command-line argument is meant as an address."""
    return text.lower().startswith(("http://", "https://"))


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def fetch(
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    seconds: float = SECONDS,
    allow_private: bool = False,
    resolver: Resolve = resolve,
) -> Fetched:
    """Get one document.

    Args:
        url: http or https.
        max_bytes: limit of what is unpacked, whatever the headers claim.
        seconds: limit of the whole, redirects and slow drips included.
        allow_private: for tests that serve on this machine.
        resolver: looks names up.

    Raises:
        ReadError: "url", "private", "redirect", "http-status", "too-large", "timeout", "network" or "format".
    """
    deadline = time.monotonic() + seconds
    current = url
    for _ in range(_REDIRECTS + 1):
        target = _checked(current)
        address = _address(target, allow_private, resolver)
        answer = _get(current, target, address, max_bytes, deadline)
        if isinstance(answer, Fetched):
            return answer
        following = urljoin(current, answer)
        if target.scheme == "https" and urlsplit(following).scheme == "http":
            raise ReadError(f"网址从 https 转向 http，不跟随：{url}", "请直接给出要取的网址", reason="redirect")
        current = following
    raise ReadError(f"网址转向超过 {_REDIRECTS} 次：{url}", "请直接给出要取的网址", reason="redirect")


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
        host.encode("idna")
    except (ValueError, UnicodeError):
        raise ReadError(f"网址不对：{url}", "请检查网址", reason="url") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ReadError(f"只取 http 和 https 的网址：{url}", "请检查网址", reason="url")
    if parts.username is not None or parts.password is not None:
        raise ReadError(f"网址里不能有用户名和密码：{parts.scheme}://…@{host}", "请去掉它们", reason="url")
    if port is not None and port not in (80, 443) and port < 1024:
        # The low ports belong to mail, file sharing and the like; some of their servers can be misled by HTTP.
        raise ReadError(f"不取这个端口：{url}", "网页通常在 80、443 或 1024 以上的端口", reason="url")
    return parts


def _address(target: SplitResult, allow_private: bool, resolver: Resolve) -> str:
    """The IP address to connect to. All that the name stands for must be public, or the one that is not would be tried next time."""
    host = target.hostname or ""
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        addresses = list(resolver(host.encode("idna").decode(), port))
    except (OSError, UnicodeError):
        addresses = []
    if not addresses:
        raise ReadError(f"找不到这个网站：{host}", "请检查网址与网络", reason="network")
    for address in addresses:
        if not allow_private and not _is_public(address):
            raise ReadError(
                f"{host} 在内部网络里（{address}），不取", "内部网页请先存成文件，再用 youju add 加入", reason="private"
            )
    return addresses[0]


def _is_public(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and not _is_public(str(inner)):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _get(url: str, target: SplitResult, address: str, max_bytes: int, deadline: float) -> Fetched | str:
    """The document, or where the server sends us instead."""
    import httpx

    host = (target.hostname or "").encode("idna").decode()
    literal = f"[{address}]" if ":" in address else address
    port = f":{target.port}" if target.port else ""
    place = httpx.URL(url).copy_with(host=literal.strip("[]"))
    headers = {
        "Host": f"[{host}]{port}" if ":" in host else f"{host}{port}",
        "User-Agent": f"youju/{VERSION}",
        "Accept": "text/html, application/xml, application/rss+xml, */*;q=0.5",
        "Accept-Encoding": "gzip, deflate",
    }
    left = max(0.1, deadline - time.monotonic())
    # trust_env: proxies and .netrc of the environment would undo the checks; verify: against the name, not the address.
    with httpx.Client(
        follow_redirects=False, trust_env=False, timeout=httpx.Timeout(left, connect=min(10.0, left))
    ) as client:
        try:
            with client.stream("GET", place, headers=headers, extensions={"sni_hostname": host}) as response:
                if response.is_redirect:
                    return str(response.headers.get("location", ""))
                if response.status_code != 200:
                    raise ReadError(
                        f"网站回答 {response.status_code}：{url}", "请在浏览器里看看这个网址", reason="http-status"
                    )
                suffix = _suffix(response.headers.get("content-type", ""), target.path, url)
                return Fetched(url, _body(response, url, max_bytes, deadline), suffix)
        except httpx.TimeoutException:
            raise _too_slow(url) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ReadError(f"取不到：{url}（{type(error).__name__}）", "请检查网址与网络", reason="network") from None


def _body(response: object, url: str, max_bytes: int, deadline: float) -> bytes:
    import httpx

    assert isinstance(response, httpx.Response)
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_bytes():  # as it arrives: a full buffer would wait for slow drips
        size += len(piece)
        if size > max_bytes:
            raise ReadError(f"超过 {max_bytes // 1_000_000} MB：{url}", "请下载后用文件加入", reason="too-large")
        if time.monotonic() > deadline:
            raise _too_slow(url)
        pieces.append(piece)
    return b"".join(pieces)


def _too_slow(url: str) -> ReadError:
    return ReadError(f"网站太慢，没有等完：{url}", "请稍后再试", reason="timeout")


def _suffix(content_type: str, path: str, url: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    suffix = _SUFFIXES.get(kind, "")
    own = PurePosixPath(path).suffix.lower()
    if kind in ("", "application/octet-stream", "text/plain") and own in _SUFFIXES.values():
        suffix = own
    if not suffix:
        raise ReadError(
            f"不是能读的格式（{kind or '未说明'}）：{url}",
            "能取网页、RSS、文本、JSON、PDF、EPUB 与 Word",
            reason="format",
        )
    return suffix
