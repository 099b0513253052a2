"""The web server: what it offers, what it does not, and how it starts and stops."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from rag.errors import SettingsError
from rag.settings import Settings
from rag.ui import serve
from tests.ui.fake_backend import FakeBackend
from tests.ui.live_page import LivePage

PROGRAM = Path(__file__).with_name("serve_fake.py")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with LivePage(FakeBackend()) as live, httpx.Client(base_url=live.url, trust_env=False, timeout=20) as client:
        yield client


def test_importing_the_door_does_not_import_gradio() -> None:
    code = "import sys, rag.ui; print(sorted({'gradio', 'fastapi', 'uvicorn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_healthz(client: httpx.Client) -> None:
    reply = client.get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_page_names_no_other_host_that_a_browser_would_ask(client: httpx.Client) -> None:
    page = client.get("/").text
    assert "有据" in page
    assert "fonts.googleapis" not in page
    assert "cdnjs" not in page


def test_every_reply_carries_the_security_headers(client: httpx.Client) -> None:
    for path in ("/", "/healthz", "/no-such-page"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path


def test_files_with_a_hash_in_their_name_are_kept_by_the_browser_and_nothing_else(client: httpx.Client) -> None:
    page = client.get("/")
    asset = re.search(r"assets/index-[\w-]+\.js", page.text)
    assert asset is not None
    assert client.get(f"/{asset[0]}").headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("/", "/assets/no-such-file.js", "/healthz"):
        assert "immutable" not in client.get(path).headers.get("cache-control", ""), path


def test_the_page_says_something_before_its_scripts_have_run(client: httpx.Client) -> None:
    page = client.get("/").text
    assert page.index('<div id="yj-shell"') < page.index("<gradio-app")
    assert page.index("yj-drawing") < page.index("window.gradio_config"), "our script runs first"


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/openapi.json", "/monitoring", "/gradio_api/openapi.json", "/gradio_api/docs"]
)
def test_what_nobody_needs_is_not_there(client: httpx.Client, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code >= 400 or "<gradio-app" not in reply.text


def test_no_event_is_offered_as_an_api(client: httpx.Client) -> None:
    info = client.get("/gradio_api/info").json()
    assert info["named_endpoints"] == {}
    assert info["unnamed_endpoints"] == {}


def test_uploads_and_foreign_files_are_refused(client: httpx.Client) -> None:
    upload = client.post("/gradio_api/upload", files={"files": ("a.txt", b"x" * 100)})
    assert upload.status_code >= 400
    assert client.get(f"/gradio_api/file={PROGRAM}").status_code in (403, 404)


def test_a_taken_port_is_named_and_another_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _program(port) as lines:
            assert lines[0].startswith(f"端口 {port} 已被占用，改用 ")
            other = lines[0].removeprefix(f"端口 {port} 已被占用，改用 ").removesuffix("。")
            assert lines[1] == f"有据已就绪：http://127.0.0.1:{other}（按 Ctrl-C 停止）"
            assert httpx.get(f"http://127.0.0.1:{other}/", trust_env=False, timeout=20).is_success


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C cannot be sent to one process on Windows")
def test_ctrl_c_ends_quietly() -> None:
    program = _start(0)
    try:
        assert "有据已就绪" in _read_until(program, "有据已就绪")[-1]
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
    finally:
        program.kill()
    assert out.strip() == "已停止。"
    assert err == ""
    assert program.returncode == 0


def test_an_address_that_is_not_ours_is_a_clear_error(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path, token=SecretStr("x" * 20))
    with pytest.raises(SettingsError, match=r"不能在 192\.0\.2\.1 上提供网页"):
        serve(FakeBackend(), "192.0.2.1", 0, open_browser=False, settings=settings)
    with pytest.raises(SettingsError, match=r"找不到地址 no-such-host\.invalid"):
        serve(FakeBackend(), "no-such-host.invalid", 0, open_browser=False, settings=settings)


class _program:
    """The page as a process, stopped at the end; gives its first two lines."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> list[str]:
        self._process = _start(self._port)
        return _read_until(self._process, "有据已就绪")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _start(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "utf8", str(PROGRAM), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def _read_until(process: subprocess.Popen[str], words: str) -> list[str]:
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.strip())
        if words in line:
            return lines
    raise AssertionError(f"ended before it said {words!r}: {lines}")
