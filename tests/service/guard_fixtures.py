"""A server behind the guard for the tests of this folder: with two accounts and a token, and one that asks for nothing."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from itertools import count

import httpx
import pytest

from rag.service.accounts import Accounts
from rag.service.guard import Guard
from tests.service.guarded import GuardedApp

PASSWORD = "correct horse"
TOKEN = "environment-token-of-the-tests"
UPLOAD = 3 * 1024 * 1024
HTML = {"accept": "text/html,application/xhtml+xml"}
_ADDRESSES = count(1)
Connect = Callable[[], httpx.Client]


class Clock:
    """Time that a test can move on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Accounts]:
    accounts = Accounts(tmp_path_factory.mktemp("library"), clock)
    accounts.add("reader", PASSWORD, "reader")
    accounts.add("王芳", PASSWORD, "editor")
    yield accounts
    accounts.close()


@pytest.fixture(scope="module")
def url(accounts: Accounts) -> Iterator[str]:
    """A server with accounts, and with a token in its environment; generous where a test does not ask for limits."""
    guard = Guard(
        accounts=accounts, token=TOKEN, login=True, hosts=("youju.example.org",), proxies=("127.0.0.2",),
        requests_per_minute=0, questions_per_minute=0, upload_bytes=UPLOAD,
    )  # fmt: skip
    with GuardedApp(guard) as live:
        yield live.url


@pytest.fixture(scope="module")
def open_url() -> Iterator[str]:
    """A server of a machine that serves only itself."""
    with GuardedApp(Guard()) as live:
        yield live.url


@pytest.fixture
def connect(url: str) -> Iterator[Connect]:
    clients: list[httpx.Client] = []

    def new() -> httpx.Client:
        # Each from an address of its own, or what one test guesses would slow down the others.
        address = httpx.HTTPTransport(local_address=f"127.1.0.{next(_ADDRESSES)}")
        clients.append(httpx.Client(base_url=url, transport=address, trust_env=False, timeout=20))
        return clients[-1]

    yield new
    for client in clients:
        client.close()


def log_in(client: httpx.Client, name: str = "reader", password: str = PASSWORD, target: str = "/") -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password, "next": target})


def from_address(url: str, source: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """A request from another address of loopback: 127.0.0.2 is somebody else."""
    where = httpx.URL(url)
    connection = http.client.HTTPConnection(where.host, where.port, timeout=20, source_address=(source, 0))
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()
