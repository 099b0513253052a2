"""Logging in and out on a real server: sessions, tokens, roles, and what becomes of guessing."""

from __future__ import annotations

import re
import time
from html import unescape
from pathlib import Path

import httpx
import pytest

from rag.service.accounts import SESSION_SECONDS, Accounts
from rag.service.guard import Guard
from rag.service.guard_sign_in import COOKIE
from tests.service.guard_fixtures import HTML, PASSWORD, TOKEN, Clock, Connect, log_in
from tests.service.guard_fixtures import accounts as accounts
from tests.service.guard_fixtures import clock as clock
from tests.service.guard_fixtures import connect as connect
from tests.service.guard_fixtures import open_url as open_url
from tests.service.guard_fixtures import url as url
from tests.service.guarded import GuardedApp

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
