"""Fetching from the web: real servers on this machine; everything that could lead into a private network is refused."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from rag.errors import ReadError
from rag.fetch import fetch

PAGE = "<html><body><p>东湖镇茶叶产量为320.5吨。</p></body></html>".encode()


class Site(BaseHTTPRequestHandler):
    """A small web site with everything that goes wrong on the web."""

    seen: ClassVar[list[dict[str, str]]] = []

    def do_GET(self) -> None:
        Site.seen.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
        name, _, value = self.path.lstrip("/").partition("?")
        with suppress(BrokenPipeError, ConnectionResetError):
            getattr(self, f"_{name.partition('.')[0]}", self._missing)(value)

    def _send(self, body: bytes, kind: str = "text/html; charset=utf-8", **headers: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for header, value in headers.items():
            self.send_header(header.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _page(self, value: str) -> None:
        self._send(PAGE)

    def _to(self, value: str) -> None:
        self.send_response(302)
        self.send_header("Location", value)
        self.end_headers()

    def _loop(self, value: str) -> None:
        self._to(f"/loop?{value}x")

    def _bomb(self, value: str) -> None:
        self._send(gzip.compress(b"0" * 30_000_000), Content_Encoding="gzip")

    def _endless(self, value: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65_536)

    def _drip(self, value: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def _image(self, value: str) -> None:
        self._send(b"\x89PNG", "image/png")

    def _paper(self, value: str) -> None:
        self._send(b"%PDF", "application/octet-stream")

    def _missing(self, value: str) -> None:
        self.send_error(404)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def reason(url: str, **options: object) -> str:
    with pytest.raises(ReadError) as caught:
        fetch(url, **options)  # type: ignore[arg-type]
    assert caught.value.hint
    return caught.value.reason


def test_a_page_comes_with_the_address_it_came_from(site: str) -> None:
    fetched = fetch(f"{site}/to?/page.html", allow_private=True)
    assert (fetched.data, fetched.suffix, fetched.url) == (PAGE, ".html", f"{site}/page.html")


def test_the_name_is_looked_up_once_and_the_server_sees_it(site: str) -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    port = site.rpartition(":")[2]
    fetched = fetch(f"http://news.example:{port}/page", allow_private=True, resolver=lambda host, port: answers.pop(0))
    assert fetched.data == PAGE
    assert len(answers) == 1
    assert Site.seen[-1]["host"] == f"news.example:{port}"
    assert Site.seen[-1]["user-agent"].startswith("youju/")
    assert "cookie" not in Site.seen[-1]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.1.2.3",
     "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]",
     "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255", "198.18.0.1"],
)  # fmt: skip
def test_private_addresses_are_refused_in_every_spelling(host: str) -> None:
    assert reason(f"http://{host}/page") in ("private", "network")


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:10.0.0.1"], ["garbage"]])
def test_a_name_that_stands_for_a_private_address_is_refused(addresses: list[str]) -> None:
    assert reason("http://news.example/", resolver=lambda host, port: addresses) == "private"


def test_a_redirect_to_a_private_address_is_refused(site: str) -> None:
    port = site.rpartition(":")[2]

    def resolver(host: str, port: int) -> list[str]:
        return {"news.example": ["127.0.0.1"]}.get(host, ["10.0.0.1"])

    import rag.fetch

    public = rag.fetch._is_public
    rag.fetch._is_public = lambda address: address == "127.0.0.1" or public(address)
    try:
        assert reason(f"http://news.example:{port}/to?http://intranet.example/", resolver=resolver) == "private"
        assert reason(f"http://news.example:{port}/to?http://169.254.169.254/latest", resolver=resolver) == "private"
        assert reason(f"http://news.example:{port}/to?file:///etc/passwd", resolver=resolver) == "url"
    finally:
        rag.fetch._is_public = public


@pytest.mark.parametrize(
    "url",
    ["ftp://news.example/", "file:///etc/passwd", "http://", "http://user:secret@news.example/", "http://news.example:22/",
     "http://news.example:99999/", "http://[bad/"],
)  # fmt: skip
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(ReadError) as caught:
        fetch(url, resolver=lambda host, port: ["93.184.216.34"])
    assert caught.value.reason == "url"
    assert "secret" not in str(caught.value)


def test_limits(site: str) -> None:
    assert reason(f"{site}/loop", allow_private=True) == "redirect"
    assert reason(f"{site}/bomb", allow_private=True) == "too-large"
    assert reason(f"{site}/endless", allow_private=True, max_bytes=1_000_000) == "too-large"
    started = time.monotonic()
    assert reason(f"{site}/drip", allow_private=True, seconds=1.0) == "timeout"
    assert time.monotonic() - started < 5


def test_what_is_no_article_is_told(site: str) -> None:
    assert reason(f"{site}/image", allow_private=True) == "format"
    assert reason(f"{site}/nothing", allow_private=True) == "http-status"
    assert reason("http://127.0.0.1:1/", allow_private=True) == "url"
    assert fetch(f"{site}/paper.pdf", allow_private=True).suffix == ".pdf"


def test_proxies_of_the_environment_are_not_used(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert fetch(f"{site}/page", allow_private=True).data == PAGE
