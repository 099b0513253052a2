"""Accounts on disk: what is kept, who is let in, and what ends a session."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.errors import AccountError
from rag.service.accounts import SESSION_SECONDS, Accounts, hash_password, verify_password
from rag.service.readers import Reader

PASSWORD = "correct horse 马"


@pytest.fixture
def clock() -> list[float]:
    return [1_800_000_000.0]


@pytest.fixture
def accounts(tmp_path: Path, clock: list[float]) -> Iterator[Accounts]:
    accounts = Accounts(tmp_path / "library", lambda: clock[0])
    yield accounts
    accounts.close()


def test_a_library_without_accounts_gets_no_file_by_being_asked(accounts: Accounts) -> None:
    assert not accounts.any()
    assert accounts.listed() == []
    assert accounts.by_session("x") is None
    assert accounts.by_token("x") is None
    accounts.end_session("x")
    assert not accounts.path.exists()


def test_passwords_are_salted_and_checked_as_people_type_them() -> None:
    kept = hash_password(PASSWORD)
    assert kept != hash_password(PASSWORD)
    assert kept.startswith("scrypt$15$8$3$")
    assert verify_password(PASSWORD, kept)
    assert not verify_password(PASSWORD + " ", kept)
    assert verify_password("Ｅ́cole", hash_password("Ｅ́cole"))


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_the_file_is_its_owners_and_holds_no_secret(accounts: Accounts) -> None:
    before = os.umask(0)
    try:
        accounts.add("王芳", PASSWORD, "editor")
    finally:
        os.umask(before)
    session, token = accounts.begin_session("王芳"), accounts.make_token("王芳")
    data = b""
    for path in accounts.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        data += path.read_bytes()
    assert "王芳".encode() in data
    for secret in (PASSWORD, session, token, token.removeprefix("youju-")):
        assert secret.encode() not in data


def test_the_right_password_of_the_right_name(accounts: Accounts) -> None:
    accounts.add("王芳", PASSWORD, "reader")
    accounts.add("李雷", "another password", "editor")
    assert accounts.check("王芳", PASSWORD)
    assert not accounts.check("王芳", "another password")
    assert not accounts.check("nobody", PASSWORD)
    assert not accounts.check("王芳", "\ud800")
    assert not accounts.check("王芳' OR '1'='1", PASSWORD)
    assert [(account.name, account.role) for account in accounts.listed()] == [("李雷", "editor"), ("王芳", "reader")]


def test_a_name_that_does_not_exist_takes_as_long(accounts: Accounts) -> None:
    accounts.add("a", PASSWORD, "reader")

    def fastest(name: str) -> float:
        times = []
        for _ in range(3):
            began = time.process_time()
            accounts.check(name, "wrong password")
            times.append(time.process_time() - began)
        return min(times)

    assert fastest("nobody") > 0.5 * fastest("a")


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "../x", "a/b", "<b>", "-x", "_x", "x" * 41, "a\nb", "a\x00", "\u202ea", "\ud800"]
)
def test_what_is_no_name(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError, match="名字不能用"):
        accounts.add(name, PASSWORD, "reader")


def test_mistakes_are_told(accounts: Accounts) -> None:
    accounts.add("a", PASSWORD, "reader")
    with pytest.raises(AccountError, match="已经有名为 a 的账户"):
        accounts.add("a", PASSWORD, "reader")
    with pytest.raises(AccountError, match="密码太短"):
        accounts.add("b", "1234567", "reader")
    with pytest.raises(AccountError, match="密码太长"):
        accounts.set_password("a", "x" * 257)
    for change in (
        lambda: accounts.remove("b"),
        lambda: accounts.set_role("b", "editor"),
        lambda: accounts.set_password("b", PASSWORD),
        lambda: accounts.make_token("b"),
    ):
        with pytest.raises(AccountError, match="没有名为 b 的账户"):
            change()


def test_a_session_ends_by_itself_by_logging_out_and_with_its_account(accounts: Accounts, clock: list[float]) -> None:
    accounts.add("a", PASSWORD, "reader")
    accounts.add("b", PASSWORD, "reader")
    one, two, other = (accounts.begin_session(name) for name in ("a", "a", "b"))
    assert len({one, two, other}) == 3
    assert accounts.by_session(one) == Reader("a", "reader")
    accounts.set_role("a", "editor")
    assert accounts.by_session(one) == Reader("a", "editor")
    accounts.end_session(one)
    assert accounts.by_session(one) is None
    assert accounts.by_session(two) == Reader("a", "editor")
    clock[0] += SESSION_SECONDS + 1
    assert accounts.by_session(two) is None
    third = accounts.begin_session("a")
    accounts.remove("a")
    assert accounts.by_session(third) is None
    accounts.add("a", PASSWORD, "editor")
    assert accounts.by_session(third) is None


def test_a_new_password_ends_sessions_and_token_of_that_account_alone(accounts: Accounts) -> None:
    accounts.add("a", PASSWORD, "reader")
    accounts.add("b", PASSWORD, "reader")
    mine, other = accounts.begin_session("a"), accounts.begin_session("b")
    token, kept = accounts.make_token("a"), accounts.make_token("b")
    accounts.set_password("a", "a new password")
    assert accounts.by_session(mine) is None
    assert accounts.by_token(token) is None
    assert accounts.by_session(other) == accounts.by_token(kept) == Reader("b", "reader")
    assert not accounts.check("a", PASSWORD)
    assert accounts.check("a", "a new password")


def test_a_new_token_replaces_the_old(accounts: Accounts) -> None:
    accounts.add("a", PASSWORD, "editor")
    old = accounts.make_token("a")
    new = accounts.make_token("a")
    assert accounts.by_token(old) is None
    assert accounts.by_token(new) == Reader("a", "editor")


def test_a_session_by_the_shared_token_ends_when_another_is_set(accounts: Accounts) -> None:
    session = accounts.begin_session("", "secret one")
    assert accounts.by_session(session, "secret one") == Reader("", "editor")
    assert accounts.by_session(session, "secret two") is None
    assert accounts.by_session(session, "") is None


def test_the_command_line_and_a_running_server_share_the_file(accounts: Accounts, tmp_path: Path) -> None:
    other = Accounts(accounts.path.parent)
    other.add("a", PASSWORD, "reader")
    session = accounts.begin_session("a")
    errors: list[Exception] = []

    def read() -> None:
        try:
            for _ in range(200):
                assert accounts.by_session(session) == Reader("a", "reader")
        except (AssertionError, OSError, sqlite3.Error) as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        other.begin_session(f"n{number}")
    for thread in threads:
        thread.join()
    assert errors == []
    other.remove("a")
    assert accounts.by_session(session) is None
    other.close()


def test_a_broken_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(AccountError, match="账户文件打不开"):
        Accounts(tmp_path).any()


def test_the_commands(tmp_path: Path) -> None:
    def run(*words: str, typed: str = "") -> tuple[int, str]:
        done = CliRunner().invoke(app, ["user", *words, "--library", str(tmp_path)], input=typed)
        return done.exit_code, done.output if done.exception is None else f"{done.output}{done.exception}"

    assert run("list") == (0, "还没有账户；只在本机使用时不需要登录。\n")
    assert "已建账户 王芳（还可以增删文章）" in run("add", "王芳", "--role", "editor", typed=f"{PASSWORD}\n")[1]
    assert "已经有名为 王芳 的账户" in run("add", "王芳", typed=f"{PASSWORD}\n")[1]
    assert run("add", "b", "--role", "admin", typed=f"{PASSWORD}\n")[0] == 2
    assert run("role", "王芳", "reader")[0] == 0
    token = run("token", "王芳")[1].split()[-1]
    accounts = Accounts(tmp_path)
    assert accounts.by_token(token) == Reader("王芳", "reader")
    assert accounts.check("王芳", PASSWORD)
    assert run("password", "王芳", typed="a new password\n")[0] == 0
    assert accounts.check("王芳", "a new password")
    assert "王芳" in run("list")[1]
    assert PASSWORD not in run("list")[1]
    assert run("remove", "王芳")[0] == 0
    assert not accounts.any()
    accounts.close()
