"""The server as a process: whom it refuses to serve, what it logs, and how it ends with answers on their way."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner

from rag.cli import app
from rag.service.accounts import Accounts
from rag.service.guard_log import JsonLines, log_question, start_logging
from tests.service.guard_fixtures import PASSWORD, log_in
from tests.ui.conftest import browser as browser  # the fixture
from tests.ui.reader import BOX

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PROGRAM = Path(__file__).with_name("serve_guarded.py")
QUESTION = "缓缓说：临江港一季度的货物吞吐量是多少？"
TOKEN = "environment-token-of-the-tests"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and rights of POSIX")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    """Starts the program with settings; returns it and its address."""
    running: list[subprocess.Popen[str]] = []

    def run(**settings: str) -> tuple[subprocess.Popen[str], str]:
        values = {f"YOUJU_{name.upper()}": value for name, value in settings.items()}
        values |= {"YOUJU_LIBRARY": str(tmp_path / "library"), "YOUJU_PORT": "0"}
        program = subprocess.Popen(
            [sys.executable, "-X", "utf8", str(PROGRAM)], env=os.environ | values, cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )  # fmt: skip
        running.append(program)
        assert program.stdout is not None
        line = program.stdout.readline()
        assert "有据已就绪" in line, (line, program.communicate()[1])
        return program, line.split("：")[1].split("（")[0]

    yield run
    for program in running:
        program.kill()
        program.communicate()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_the_command_refuses_to_serve_others_without_accounts(tmp_path: Path, host: str) -> None:
    done = CliRunner().invoke(app, ["chat", "--host", host, "--library", str(tmp_path / "library"), "--llm", "none"])
    assert done.exit_code == 1
    assert "还没有账户：不启动" in str(done.exception)
    assert not (tmp_path / "library").exists()


@pytest.mark.browser
def test_the_end_waits_for_answers_and_the_log_holds_no_secret(start: Any, browser: Browser, tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "library")
    accounts.add("王芳", PASSWORD, "editor")
    token = accounts.make_token("王芳")
    accounts.close()
    log = tmp_path / "logs" / "youju.jsonl"
    program, url = start(log=str(log), token=TOKEN, shutdown_seconds="60")
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        assert log_in(client, "王芳", "a wrong password").status_code == 401
        assert log_in(client, "王芳").status_code == 303
        for secret in (token, TOKEN, "wrong-token"):
            client.get("/api/nothing", params={"q": QUESTION}, headers={"authorization": f"Bearer {secret}"})
        client.get(f"/{QUESTION}?q={QUESTION}")
        session = client.cookies["youju_session"]
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(40_000)
    page.goto(url)
    page.fill("#name", "王芳")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(BOX)
    page.wait_for_selector(".yj-status")
    page.fill(BOX, QUESTION)
    page.press(BOX, "Enter")
    page.wait_for_selector(".yj-draft")
    program.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert program.poll() is None
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        late = client.post("/gradio_api/queue/join", json={}, headers={"authorization": f"Bearer {token}"})
        assert late.status_code == 503
        assert "正在重启" in late.json()["error"]["message"]
        assert late.headers["retry-after"] == "10"
    page.wait_for_selector(".yj-final")
    assert "3,126.5万吨" in page.locator(".yj-final").last.inner_text()
    out, err = program.communicate(timeout=20)
    assert (program.returncode, out.strip(), err) == (0, "已停止。", "")
    context.close()

    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text(encoding="utf-8")
    for secret in (PASSWORD, "wrong password", token, TOKEN, "wrong-token", session, "临江港", "吞吐量", "%E4%B8%B4"):
        assert secret not in text, secret
    requests = [line for line in map(json.loads, text.splitlines()) if line["event"] == "request"]
    assert {"time", "level", "log", "event", "id", "method", "route", "status", "ms", "reader", "address"} == set(
        requests[0]
    )
    assert len({line["id"] for line in requests}) == len(requests)
    assert ("POST", "/login", 401, "") in {
        (line["method"], line["route"], line["status"], line["reader"]) for line in requests
    }
    asked = [line for line in requests if line["route"].endswith("/queue/join") and line["status"] == 200]
    assert [line["reader"] for line in asked] == ["王芳"]
    assert {line["address"] for line in requests} == {"127.0.0.1"}


def test_the_end_does_not_wait_forever_nor_for_idle_pages(start: Any) -> None:
    program, url = start(shutdown_seconds="60")
    with (
        httpx.Client(base_url=url, trust_env=False, timeout=20) as client,
        client.stream("GET", "/gradio_api/heartbeat/abc") as idle,
    ):
        assert idle.status_code == 200
        next(idle.iter_raw())
        began = time.monotonic()
        program.send_signal(signal.SIGTERM)
        out, _ = program.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert (program.returncode, out.strip()) == (0, "已停止。")


def test_questions_are_logged_only_when_asked_for(tmp_path: Path) -> None:
    root = logging.getLogger("youju")
    before = (root.level, root.propagate)
    try:
        for wanted in (False, True):
            path = tmp_path / f"{wanted}.jsonl"
            handler = start_logging(str(path), log_questions=wanted)
            assert handler is not None
            try:
                log_question("谁赢了？")
                try:
                    raise ValueError("文章里的一句")
                except ValueError:
                    logging.getLogger("youju.ui").exception("an answer failed: %s", "文章标题")
            finally:
                root.removeHandler(handler)
                handler.close()
            text = path.read_text(encoding="utf-8")
            for words in ("谁赢了", "文章里的一句", "文章标题"):
                assert (words in text) is wanted, (words, text)
            failed = json.loads(text.splitlines()[-1])
            assert failed["error"] == "ValueError"
            assert failed["at"][-1].startswith("test_guard_process.py:")
    finally:
        root.setLevel(before[0])
        root.propagate = before[1]
        logging.getLogger("youju.questions").setLevel(logging.NOTSET)


def test_a_line_of_the_log_is_one_line_whatever_is_in_it() -> None:
    record = logging.makeLogRecord({"name": "youju.x", "msg": "a\nb", "youju_fields": {"reader": '王\n{"芳\u2028'}})
    line = JsonLines(messages=True).format(record)
    assert "\n" not in line
    assert json.loads(line)["reader"] == '王\n{"芳\u2028'
