"""The guard on a real server: whom it serves, rebinding, forged requests, limits, headers."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from rag.errors import SettingsError
from rag.service.accounts import Accounts
from rag.service.guard import Guard, guard_of
from rag.settings import Settings
from tests.service.guard_fixtures import PASSWORD, TOKEN, UPLOAD, Connect, from_address, log_in
from tests.service.guard_fixtures import accounts as accounts
from tests.service.guard_fixtures import clock as clock
from tests.service.guard_fixtures import connect as connect
from tests.service.guard_fixtures import open_url as open_url
from tests.service.guard_fixtures import url as url
from tests.service.guarded import GuardedApp

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
    assert reply.json()["error"]["code"] == "cross_site"
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
    ("path", "limit"), [("/api/ask", 1024 * 1024), ("/library/uploads/1/1", UPLOAD), ("/login", 8 * 1024)]
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
        ("zh-TW,zh;q=0.9", "登入"),
        ("zh-CN,zh;q=0.9", "登录"),
        ("en-US,en;q=0.9,zh;q=0.1", "Log in"),
        ("", "登录"),
        ("de", "Log in"),
    ):
        reply = connect().get("/login", headers={"accept-language": languages})
        assert word in reply.text, languages
        assert reply.headers["vary"] == "accept-language"


def test_the_documented_settings_are_the_real_ones() -> None:
    """Names and defaults of the table in docs/deployment.md."""
    text = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|([^|]*)\|", text, re.MULTILINE)
    told = {}
    for names, defaults in rows:
        values = re.findall(r"`([^`]*)`|(\d+)", defaults)
        told |= dict(zip(re.findall(r"`(\w+)`", names), ["".join(value) for value in values] or [""], strict=True))
    fields = Settings.model_fields
    assert len(told) == 10, told
    real = {name: "" if name == "token" else str(fields[name].default).lower().removesuffix(".0") for name in told}
    assert told == real
