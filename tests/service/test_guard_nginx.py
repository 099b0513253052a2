"""The nginx files of docs/deploy as they are, run by a real nginx with TLS in front of the real server."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from rag.service.accounts import Accounts
from tests.service.guard_fixtures import PASSWORD, log_in
from tests.ui.conftest import browser as browser  # the fixture
from tests.ui.reader import BOX

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
NAME = "youju.example.org"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

pytestmark = pytest.mark.skipif(
    not Path(NGINX).exists() or shutil.which("openssl") is None, reason="no nginx: apt-get install nginx-light openssl"
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", "privkey.pem", "-out", "fullchain.pem", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def port(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """nginx's port with TLS; behind it the page as a process, with an account."""
    home = tmp_path_factory.mktemp("nginx")
    accounts = Accounts(home / "library")
    accounts.add("王芳", PASSWORD, "editor")
    accounts.close()
    behind, plain, tls = free_port(), free_port(), free_port()
    values = {"YOUJU_LIBRARY": str(home / "library"), "YOUJU_PORT": str(behind), "YOUJU_ALLOWED_HOSTS": NAME}
    values |= {"YOUJU_TRUSTED_PROXIES": "127.0.0.1"}
    youju = subprocess.Popen(
        [sys.executable, "-X", "utf8", str(Path(__file__).with_name("serve_guarded.py"))], env=os.environ | values, cwd=home,
        stdout=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    assert youju.stdout is not None
    assert f":{behind}（" in youju.stdout.readline()
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    proxy = (DEPLOY / "youju_proxy.conf").read_text(encoding="utf-8")
    site = re.sub(r"listen \[::\].*\n", "", site)  # not every machine that runs tests has IPv6
    for theirs, ours in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"), ("listen 443 ", f"listen 127.0.0.1:{tls} "), ("127.0.0.1:7860", f"127.0.0.1:{behind}"),
        (f"/etc/letsencrypt/live/{NAME}", str(certificate)), ("/etc/nginx/youju_proxy.conf", f"{home}/youju_proxy.conf"),
    ):  # fmt: skip
        assert theirs in site, theirs
        site = site.replace(theirs, ours)
    (home / "youju_proxy.conf").write_text(proxy, encoding="utf-8")
    temporary = "".join(
        f"{kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (home / "nginx.conf").write_text(
        f"daemon off; pid {home}/pid; error_log {home}/error.log; events {{}}\nhttp {{ access_log off; {temporary}\n{site}\n}}",
        encoding="utf-8",
    )
    command = [NGINX, "-p", str(home), "-e", f"{home}/error.log", "-c", f"{home}/nginx.conf"]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    nginx = subprocess.Popen(command)
    deadline = time.monotonic() + 20
    try:
        while not answers(tls):
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.05)
        yield tls
    finally:
        for process in (nginx, youju):
            process.terminate()
            process.communicate(timeout=20)


@pytest.fixture
def client(port: int, certificate: Path) -> Iterator[httpx.Client]:
    context = ssl.create_default_context(cafile=certificate / "fullchain.pem")
    transport = httpx.HTTPTransport(verify=context)
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", transport=transport, timeout=20) as client:
        client.headers["host"] = f"{NAME}:{port}"
        client.event_hooks["request"] = [lambda request: request.extensions.update(sni_hostname=NAME)]
        yield client


def test_behind_nginx_with_tls(client: httpx.Client, port: int) -> None:
    login = client.get("/", headers={"accept": "text/html"})
    assert (login.status_code, login.headers["location"]) == (303, "/login?next=/")
    assert login.headers["strict-transport-security"]
    done = log_in(client, "王芳")
    assert done.status_code == 303
    assert "; Secure" in done.headers["set-cookie"]
    session = done.headers["set-cookie"].split(";")[0]
    client.headers["cookie"] = session
    same = {"origin": f"https://{NAME}:{port}"}
    assert client.post("/gradio_api/cancel", json={}, headers=same).status_code == 422
    assert client.post("/gradio_api/cancel", json={}, headers={"origin": "https://evil.example"}).status_code == 403
    assert (
        client.post("/gradio_api/cancel", json={}, headers={"x-forwarded-host": "evil.example"} | same).status_code
        == 422
    )
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    assert client.post("/api/ask", content=b"x" * 3_000_000).status_code == 413


@pytest.mark.browser
def test_an_answer_streams_through_nginx(port: int, browser: Browser) -> None:
    browser = browser.browser_type.launch(
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox", "--disable-gpu", f"--host-resolver-rules=MAP {NAME} 127.0.0.1"],
    )
    page = browser.new_context(ignore_https_errors=True, locale="zh-CN").new_page()
    page.set_default_timeout(30_000)
    page.goto(f"https://{NAME}:{port}/")
    page.fill("#name", "王芳")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(BOX)
    page.wait_for_selector(".yj-account")
    page.fill(BOX, "缓缓说：临江港一季度的货物吞吐量是多少？")
    page.press(BOX, "Enter")
    page.wait_for_selector(".yj-draft")
    lengths = set()
    while page.locator(".yj-final").count() == 0:
        lengths.add(len(page.locator("#yj-chat").inner_text()))
        page.wait_for_timeout(100)
    assert len(lengths) > 5  # it grew while it came
    browser.close()


def test_nginx_slows_down_guessing_and_not_the_form(client: httpx.Client) -> None:
    assert {client.get("/login").status_code for _ in range(30)} == {200}
    replies = [log_in(client, "nobody", "wrong") for _ in range(20)]
    assert any(reply.status_code == 429 and "nginx" in reply.text for reply in replies)
