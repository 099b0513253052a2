"""The guard on a real server: logging in and out, roles, tokens, guessing, rebinding, forged requests, limits, headers."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from html import unescape
from itertools import count
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from rag.errors import SettingsError
from rag.service.accounts import SESSION_SECONDS, Accounts
from rag.service.guard import Guard, guard_of
from rag.service.guard_sign_in import COOKIE
from rag.settings import Settings
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


# ---- Logging in and out


def test_nobody_comes_in_without_logging_in(connect: Connect) -> None:
    client = connect()
    page = client.get("/?a=1", headers=HTML)
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/%3Fa%3D1")
    for method, path in (
        ("GET", "/"),
        ("GET", "/api/who"),
        ("POST", "/api/ask"),
        ("GET", "/metrics"),
        ("GET", "/assets/x.js"),
    ):
        reply = client.request(method, path)
        assert reply.status_code == 401, path
        assert reply.headers["www-authenticate"].startswith("Bearer")
        assert "请先登录" in reply.json()["error"]["message"]
    assert client.get("/healthz").json() == {"status": "ok"}


def test_log_in_read_and_log_out(connect: Connect) -> None:
    client = connect()
    form = client.get("/login?next=/api/who", headers={"accept-language": "zh-CN"})
    assert form.status_code == 200
    assert 'value="/api/who"' in form.text
    assert 'name="password" type="password"' in form.text
    assert "script" not in form.text
    done = log_in(client, target="/api/who")
    assert (done.status_code, done.headers["location"]) == (303, "/api/who")
    flags = done.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={SESSION_SECONDS}"} <= set(flags)
    assert "Secure" not in flags
    assert len(client.cookies[COOKIE]) == 43
    assert client.get("/api/who").json() | {"client": ""} == {
        "name": "reader", "role": "reader", "key": "account:reader", "client": "", "scheme": "http",
    }  # fmt: skip
    assert client.get("/login").headers["location"] == "/"
    session = client.cookies[COOKIE]
    gone = client.post("/logout")
    assert (gone.status_code, gone.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in gone.headers["set-cookie"]
    client.cookies.set(COOKIE, session)
    assert client.get("/api/who").status_code == 401
    assert client.get("/logout").status_code == 405


def test_a_new_session_at_every_log_in(connect: Connect) -> None:
    client = connect()
    client.cookies.set(COOKIE, "x" * 43)
    log_in(client)
    first = [cookie.value for cookie in client.cookies.jar if cookie.value != "x" * 43]
    fresh = connect()
    log_in(fresh)
    assert first
    assert fresh.cookies[COOKIE] not in first


def test_sessions_expire(connect: Connect, clock: Clock) -> None:
    client = connect()
    log_in(client)
    clock.ahead = SESSION_SECONDS - 60
    try:
        assert client.get("/api/who").status_code == 200
        clock.ahead = SESSION_SECONDS + 60
        assert client.get("/api/who").status_code == 401
    finally:
        clock.ahead = 0.0


def test_a_new_password_logs_out_everywhere(connect: Connect, accounts: Accounts) -> None:
    accounts.add("changing", PASSWORD, "reader")
    one, two = connect(), connect()
    for client in (one, two):
        log_in(client, "changing")
        assert client.get("/api/who").status_code == 200
    accounts.set_password("changing", "another password")
    assert [client.get("/api/who").status_code for client in (one, two)] == [401, 401]
    accounts.remove("changing")


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "",
        "x",
        "/é",
    ],
)
def test_logging_in_leads_to_no_other_site(connect: Connect, target: str) -> None:
    assert log_in(connect(), target=target).headers["location"] == "/"


@pytest.mark.parametrize(
    "hostile", ['"><script>alert(1)</script>', "' onfocus=alert(1) x='", "{{7*7}}", "\x00\u202e", "%00", "a" * 2000]
)
def test_what_is_typed_into_the_form_comes_back_inert(connect: Connect, hostile: str) -> None:
    reply = connect().post("/login", data={"name": hostile, "password": hostile, "next": hostile})
    assert reply.status_code in (401, 429)
    assert "<script" not in reply.text
    values = re.findall(r'value="([^"]*)"', reply.text)
    assert [unescape(value) for value in values] == ["/", hostile[:40]]
    assert reply.text.count("<input") == 3
    assert hostile not in reply.headers["content-security-policy"]


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"name=a&" * 900, b"name", b"{}", b"name=reader&password=%ff%fe", b"a" * 8000]
)
def test_broken_forms_are_no_way_in_and_no_crash(connect: Connect, body: bytes) -> None:
    assert connect().post("/login", content=body).status_code in (401, 429)


def test_guessing_gets_slower_for_name_and_address(accounts: Accounts) -> None:
    with (
        GuardedApp(Guard(accounts=accounts, login=True)) as live,
        httpx.Client(base_url=live.url, trust_env=False) as client,
    ):
        for _ in range(5):
            wrong = log_in(client, "guessed", "wrong password")
            assert wrong.status_code == 401
            assert "set-cookie" not in wrong.headers or COOKIE not in wrong.headers["set-cookie"]
        for name in ("guessed", "王芳"):  # the second was not guessed at, but comes from the same address
            held = log_in(client, name)
            assert held.status_code == 429, name
            assert 1 <= int(held.headers["retry-after"]) <= 2
        time.sleep(1.1)
        assert log_in(client, "guessed", "wrong password").status_code == 401
        assert 1 <= int(log_in(client, "王芳").headers["retry-after"]) <= 3
        time.sleep(2.1)
        assert log_in(client, "王芳").status_code == 303


# ---- Tokens and roles


def test_tokens_of_an_account_and_of_the_environment(connect: Connect, accounts: Accounts) -> None:
    def who(token: str) -> httpx.Response:
        return connect().get("/api/who", headers={"authorization": f"Bearer {token}"})

    token = accounts.make_token("reader")
    assert {"name": "reader", "role": "reader", "key": "account:reader"}.items() <= who(token).json().items()
    assert {"name": "", "role": "editor"}.items() <= who(TOKEN).json().items()
    for wrong in (token[:-1], token + "x", TOKEN.upper(), "x", "é", "' OR 1=1 --"):
        reply = connect().get("/api/who", headers={"authorization": f"Bearer {wrong}".encode()})
        assert reply.status_code == 401, wrong
        assert "令牌不对" in reply.json()["error"]["message"]
    assert connect().get("/api/who", headers={"authorization": f"Basic {token}"}).status_code == 401
    accounts.make_token("reader")
    assert who(token).status_code == 401


def test_a_wrong_token_is_not_healed_by_a_session(connect: Connect) -> None:
    client = connect()
    log_in(client)
    assert client.get("/api/who", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_only_an_editor_may_edit(connect: Connect) -> None:
    reader, editor = connect(), connect()
    log_in(reader)
    log_in(editor, "王芳")
    refused = reader.post("/api/edit")
    assert refused.status_code == 403
    assert "不能增删文章" in refused.json()["error"]["message"]
    assert editor.post("/api/edit").json() == {"by": "王芳"}


def test_with_a_token_alone_the_page_asks_for_it(tmp_path: Path) -> None:
    guard = Guard(accounts=Accounts(tmp_path), token=TOKEN, login=True)
    with GuardedApp(guard) as live, httpx.Client(base_url=live.url, trust_env=False, timeout=20) as client:
        form = client.get("/login").text
        assert 'name="name"' not in form
        assert "令牌" in form
        assert log_in(client, "", "wrong").status_code == 401
        assert log_in(client, "somebody", TOKEN).status_code == 401
        assert log_in(client, "", TOKEN).status_code == 303
        client.get("/")
        who = client.get("/api/who").json()
        assert (who["name"], who["role"], who["key"][:8]) == ("", "editor", "browser:")
    guard.accounts.close()


def test_a_machine_that_serves_only_itself_asks_for_nothing(open_url: str) -> None:
    with httpx.Client(base_url=open_url, trust_env=False) as client:
        who = client.get("/api/who", headers={"authorization": "Bearer sk-whatever-the-openai-client-sends"}).json()
        assert (who["name"], who["role"]) == ("", "editor")
        assert client.post("/api/edit").status_code == 200
        assert client.get("/login").headers["location"] == "/"


# ---- Who may reach it


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "youju.example.org"])
def test_others_are_not_served_without_accounts(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="还没有账户：不启动") as refused:
        guard_of(Settings(library=tmp_path), host)
    assert "youju user add" in refused.value.hint
    assert "YOUJU_TOKEN" in refused.value.hint
    assert guard_of(Settings(library=tmp_path, token=SecretStr(TOKEN)), host).closed


@pytest.mark.parametrize("setting", [{"allowed_hosts": "youju.example.org"}, {"trusted_proxies": "127.0.0.1"}])
def test_nor_through_a_proxy_on_this_machine(tmp_path: Path, setting: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="还没有账户：不启动"):
        guard_of(Settings.model_validate({"library": tmp_path, **setting}), "127.0.0.1")


def test_with_an_account_others_are_served_and_must_log_in_even_after_it_is_gone(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    accounts.add("a", PASSWORD, "reader")
    guard = guard_of(Settings(library=tmp_path), "0.0.0.0")
    assert guard.closed
    accounts.remove("a")
    assert guard.closed
    assert not guard_of(Settings(library=tmp_path), "127.0.0.1").closed
    accounts.close()
    guard.accounts.close()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "0.0.0.0",
        "192.168.1.5",
        "",
        "[",
        "a@127.0.0.1:x",
        "127.0.0.1\\@evil",
    ],
)
def test_a_rebound_name_is_refused(open_url: str, host: str) -> None:
    where = httpx.URL(open_url)
    with socket.create_connection((where.host, where.port or 80), timeout=20) as wire:
        wire.sendall(f"GET /api/who HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        reply = b"".join(iter(lambda: wire.recv(65536), b""))
    assert reply.split()[1] in (b"400", b"403"), reply
    assert b'"role"' not in reply


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:9999", "[::1]:80", "localhost."])
def test_names_of_loopback_are_ours(open_url: str, host: str) -> None:
    assert httpx.get(f"{open_url}/api/who", headers={"host": host}, trust_env=False).status_code == 200


def test_names_in_the_settings_are_ours(url: str) -> None:
    for host, status in (("youju.example.org", 200), ("YOUJU.example.org:443", 200), ("www.youju.example.org", 403)):
        assert httpx.get(f"{url}/healthz", headers={"host": host}, trust_env=False).status_code == status


def test_two_host_headers_are_one_too_many(open_url: str) -> None:
    where = httpx.URL(open_url)
    with socket.create_connection((where.host, where.port or 80), timeout=20) as wire:
        wire.sendall(b"GET /api/who HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert wire.recv(65536).split()[1] in (b"400", b"403")


CROSS = [
    {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:1"},
]


@pytest.mark.parametrize("headers", CROSS)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/ask"), ("GET", "/api/who"), ("POST", "/login"), ("POST", "/logout"), ("OPTIONS", "/api/ask")],
)
def test_other_sites_can_send_nothing(open_url: str, headers: dict[str, str], method: str, path: str) -> None:
    reply = httpx.request(method, open_url + path, headers=headers, trust_env=False)
    assert reply.status_code == 403
    assert reply.json()["error"]["type"] == "cross_site"
    assert "access-control-allow-origin" not in reply.headers


def test_other_sites_can_log_nobody_out(connect: Connect, url: str) -> None:
    client = connect()
    log_in(client)
    assert client.post("/logout", headers=CROSS[0]).status_code == 403
    assert client.get("/api/who").status_code == 200
    assert client.post("/api/ask", headers={"origin": url}).status_code == 200
    assert client.post("/api/ask", headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_a_link_on_another_site_opens_the_page_and_a_forged_form_does_not(open_url: str) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert httpx.get(open_url, headers=link, trust_env=False).status_code == 200
    assert httpx.post(f"{open_url}/api/ask", headers=link, trust_env=False).status_code == 403


def test_forwarded_headers_are_believed_of_the_proxy_alone(url: str, accounts: Accounts) -> None:
    headers = {
        "authorization": f"Bearer {TOKEN}", "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.example", "host": "youju.example.org",
    }  # fmt: skip
    for source, client, scheme in (("127.0.0.1", "127.0.0.1", "http"), ("127.0.0.2", "203.0.113.9", "https")):
        status, body = from_address(url, source, "/api/who", headers)
        assert (status, json.loads(body)["client"], json.loads(body)["scheme"]) == (200, client, scheme)


def test_behind_tls_cookies_are_secure_and_the_browser_is_told_to_stay_there(url: str) -> None:
    where = httpx.URL(url)
    connection = http.client.HTTPConnection(where.host, where.port, timeout=20, source_address=("127.0.0.2", 0))
    headers = {
        "x-forwarded-proto": "https",
        "host": "youju.example.org",
        "content-type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/login", f"name=reader&password={PASSWORD.replace(' ', '+')}", headers)
    reply = connection.getresponse()
    assert reply.status == 303
    assert "; Secure" in (reply.getheader("set-cookie") or "")
    assert reply.getheader("strict-transport-security") == "max-age=31536000"
    connection.close()
    assert "strict-transport-security" not in httpx.get(f"{url}/healthz", trust_env=False).headers


# ---- How much


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 65536):
        yield b"x" * 65536
    yield b"x" * (size % 65536)


@pytest.mark.parametrize(
    ("path", "limit"), [("/api/ask", 1024 * 1024), ("/api/articles", UPLOAD), ("/login", 8 * 1024)]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_are_limited_with_and_without_a_length(url: str, path: str, limit: int, chunked: bool) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}

    def send(size: int) -> httpx.Response:
        body = chunks(size) if chunked else b"".join(chunks(size))
        return httpx.post(url + path, content=body, headers=headers, trust_env=False, timeout=20)

    assert send(limit).status_code != 413
    refused = send(limit + 1)
    assert refused.status_code == 413
    assert "请求太大" in refused.json()["error"]["message"]


@pytest.mark.parametrize("length", ["-1", "1e9", "99999999999999999999", "abc"])
def test_lengths_that_are_none(url: str, length: str) -> None:
    where = httpx.URL(url)
    with socket.create_connection((where.host, where.port or 80), timeout=20) as wire:
        wire.sendall(f"POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
        assert wire.recv(65536).split()[1] in (b"400", b"413")


def test_rates_are_limited_for_each_reader(accounts: Accounts) -> None:
    guard = Guard(accounts=accounts, login=True, questions_per_minute=4, requests_per_minute=60)
    tokens = [accounts.make_token(name) for name in ("reader", "王芳")]
    with GuardedApp(guard) as live, httpx.Client(base_url=live.url, trust_env=False, timeout=20) as client:

        def send(method: str, path: str, who: int) -> httpx.Response:
            return client.request(method, path, headers={"authorization": f"Bearer {tokens[who]}"})

        assert [send("POST", "/api/ask", 0).status_code for _ in range(3)] == [200, 200, 429]
        held = send("POST", "/api/ask", 0)
        assert 1 <= int(held.headers["retry-after"]) <= 15
        assert re.fullmatch(r"提问太频繁了，请过 \d+ 秒再试。", held.json()["error"]["message"])
        assert send("POST", "/api/ask", 1).status_code == 200
        assert send("GET", "/api/who", 0).status_code == 200
        statuses = [send("GET", "/api/who", 0).status_code for _ in range(150)]
        assert statuses.count(429) > 5, statuses
        assert send("GET", "/healthz", 0).status_code == 200
        assert send("GET", "/api/who", 1).status_code == 200


# ---- What every response says

EVERY = ("content-security-policy", "permissions-policy", "cross-origin-opener-policy", "cross-origin-resource-policy",
         "referrer-policy", "x-content-type-options", "x-frame-options", "x-request-id")  # fmt: skip


def test_every_response_carries_the_headers_and_no_error_its_cause(connect: Connect, open_url: str) -> None:
    client = connect()
    replies = {"login": client.get("/login"), "wrong": log_in(client, password="wrong"), "401": client.get("/api/who")}
    replies["303"] = log_in(client)
    replies |= {
        path: client.get(path) for path in ("/", "/no-such", "/api/boom", "/api/ask", "/gradio_api/proxy=x", "/healthz")
    }
    replies["403"] = client.post("/api/edit")
    replies["413"] = client.post("/api/ask", content=b"x" * 2_000_000)
    replies["host"] = client.get("/", headers={"host": "evil.example"})
    for name, reply in replies.items():
        assert [header for header in EVERY if header not in reply.headers] == [], name
        assert reply.headers["cache-control"] == "no-store", name
        assert "server" not in reply.headers or "uvicorn" in reply.headers["server"], name
        assert "Traceback" not in reply.text
    assert replies["/api/boom"].status_code == 500
    assert "机密" not in replies["/api/boom"].text
    assert replies["/api/boom"].headers["x-request-id"] in replies["/api/boom"].json()["error"]["message"]
    assert "default-src 'none'" in replies["login"].headers["content-security-policy"]
    assert "unsafe" not in replies["login"].headers["content-security-policy"]


def test_the_login_page_speaks_the_language_of_the_browser(connect: Connect) -> None:
    for languages, word in (
        ("zh-TW,zh;q=0.9", "登"),
        ("en-US,en;q=0.9,zh;q=0.1", "Log in"),
        ("", "登录"),
        ("de", "Log in"),
    ):
        reply = connect().get("/login", headers={"accept-language": languages})
        assert word in reply.text, languages
        assert reply.headers["vary"] == "accept-language"
