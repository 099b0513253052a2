"""The real page behind the guard: no file route leaves its folder, unused routes are closed, pages belong to their readers."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from rag.service.accounts import Accounts
from rag.service.guard import Guard
from tests.service.guard_fixtures import PASSWORD, log_in
from tests.ui.conftest import browser as browser  # the fixture
from tests.ui.fake_backend import FakeBackend
from tests.ui.live_page import LivePage
from tests.ui.reader import BOX, ask

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    # Gradio sums up its queue with pandas now and then, in ways that pandas is about to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]
MARK = "GEHEIM-4711"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gradio's folder, with a secret beside it, a link to the secret in it, and a file that may be read."""
    home = tmp_path_factory.mktemp("gradio")
    folder = home / "files"
    folder.mkdir()
    (home / "secret.txt").write_text(MARK, encoding="utf-8")
    (home / "files-beside").mkdir()
    (home / "files-beside" / "secret.txt").write_text(MARK, encoding="utf-8")
    (folder / "link.txt").symlink_to(home / "secret.txt")
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    yield folder
    os.environ.pop("GRADIO_TEMP_DIR")
    if before is not None:
        os.environ["GRADIO_TEMP_DIR"] = before


class GuardedPage(LivePage):
    """The page, whose application can be looked at."""

    app: Any = None

    def build(self) -> Any:
        self.app = super().build()
        return self.app


@pytest.fixture(scope="module")
def live(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedPage]:
    accounts = Accounts(tmp_path_factory.mktemp("library"))
    accounts.add("reader", PASSWORD, "reader")
    accounts.add("王芳", PASSWORD, "editor")
    (accounts.path.parent / "library.sqlite").write_text(MARK, encoding="utf-8")
    guard = Guard(accounts=accounts, login=True, requests_per_minute=0, questions_per_minute=0)
    with GuardedPage(FakeBackend(), guard=guard) as live:
        yield live
    accounts.close()


@pytest.fixture
def client(live: GuardedPage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, trust_env=False, timeout=20) as client:
        log_in(client, "王芳")
        yield client


@pytest.fixture
def reader(live: GuardedPage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, trust_env=False, timeout=20) as client:
        log_in(client)
        yield client


def raw(client: httpx.Client, path: str, method: str = "GET") -> tuple[int, bytes]:
    """A request whose path nobody tidies up on the way."""
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=20)
    try:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
        connection.putrequest(method, path, skip_host=False)
        connection.putheader("cookie", cookies)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, reply.read(200_000)
    finally:
        connection.close()


ROUTES = (
    "/gradio_api/file=", "/gradio_api/file/", "/file=", "/file/", "/gradio_api/proxy=", "/static/", "/assets/", "/svelte/",
    "/gradio_api/custom_component/x/client/y/", "/custom_component/x/client/y/", "/gradio_api/deep_link?deep_link=", "/?deep_link=",
    "/gradio_api/stream/", "/gradio_api/heartbeat/../file=", "/gradio_api/queue/../file=", "//gradio_api/file=", "/./gradio_api/file=",
    "/GRADIO_API/file=", "/gradio_api//file=", "/gradio_api/file%3d", "/gradio_api%2ffile=", "/theme.css/", "/pwa_icon/", "/login/",
)  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_no_file_route_leaves_its_folder(live: GuardedPage, client: httpx.Client, folder: Path, route: str) -> None:
    secret = folder.parent / "secret.txt"
    accounts = live.app.state.guard.accounts.path
    up = "../" * 12
    paths = [
        str(secret), f"{up}{secret}", f"{folder}/../secret.txt", f"{folder}/link.txt", f"{folder}-beside/secret.txt",
        str(accounts), str(accounts.parent / "library.sqlite"), "/etc/passwd", f"{up}etc/passwd", "/proc/self/environ",
        f"{folder}/%2e%2e/secret.txt", f"{folder}/..%2fsecret.txt", f"{folder}/%252e%252e/secret.txt", f"{folder}/..%5csecret.txt",
        f"{folder}/....//secret.txt", f"{secret}%00.png", f"file://{secret}", f"{live.url}/healthz", f"{folder}//..//secret.txt",
        "~/.ssh/id_rsa", __file__, "%2fetc%2fpasswd", str(secret).lstrip("/"),
    ]  # fmt: skip
    for path in paths:
        for method in ("GET", "HEAD"):
            status, body = raw(client, route + path, method)
            leaks = [word for word in (MARK, "root:", "PATH=", "SQLite format", "def test_") if word.encode() in body]
            assert leaks == [], (route + path, status)
            if route.rstrip("/") not in ("/?deep_link=", "/login"):
                assert status in (303, 400, 403, 404, 405), (route + path, status, body[:200])


def test_nothing_is_uploaded_past_our_own_door(client: httpx.Client, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    for path in ("/gradio_api/upload", "/gradio_api/upload/", "/gradio_api/upload?upload_id=1"):
        assert client.post(path, files={"files": ("../../a.txt", b"x")}).status_code == 404
    assert sorted(folder.rglob("*")) == before


def test_every_route_of_gradio_is_used_or_closed(live: GuardedPage, client: httpx.Client) -> None:
    """Whatever the installed Gradio offers: what is not on our list answers as if it were not there."""
    from starlette.routing import Mount

    mount = next(route for route in live.app.routes if isinstance(route, Mount))
    included = [route.original_router for route in mount.app.routes if hasattr(route, "original_router")]
    offered = sorted({route.path for router in included for route in router.routes})
    assert "/gradio_api/queue/join" in offered
    reached = set()
    for path in offered:
        plain = path.replace("{", "").replace("}", "").replace(":path", "")
        if "heartbeat" in plain or "queue/data" in plain:
            continue  # they never end
        statuses = {raw(client, plain, method)[0] for method in ("GET", "POST", "HEAD")}
        if statuses != {404}:
            reached.add(path.rstrip("/"))
    assert reached == {
        f"/gradio_api/{name}"
        for name in ("queue/join", "cancel", "reset", "startup-events", "info")
    }  # fmt: skip
    for path in ("/monitoring", "/monitoring/summary", "/svelte/a.js", "/pwa_icon", "/manifest.json"):
        assert client.get(path).status_code == 404, path


def test_a_question_cannot_go_around_the_queue(client: httpx.Client) -> None:
    for path in ("/gradio_api/run/predict", "/gradio_api/call/ask", "/gradio_api/api/predict"):
        reply = client.post(
            path, json={"data": ["问题", None, None, None, [], [], True], "fn_index": 0, "session_hash": "abc"}
        )
        assert reply.status_code >= 400, (path, reply.text)


def test_an_open_page_belongs_to_the_reader_who_opened_it(reader: httpx.Client, client: httpx.Client) -> None:
    mine = {"data": [], "fn_index": 0, "session_hash": "page-of-reader"}
    assert reader.post("/gradio_api/run/predict", json=mine).status_code != 403
    for path in (
        "/gradio_api/run/predict",
        "/gradio_api/queue/join",
        "/gradio_api/cancel",
        "/gradio_api/reset",
        "/gradio_api/run/predict/",
    ):
        reply = client.post(path, json=mine | {"event_id": "x"})
        assert reply.status_code == 403, path
        assert "另一位读者" in reply.json()["error"]["message"]
    assert client.get("/gradio_api/queue/data?session_hash=page-of-reader").status_code == 403
    assert client.get("/gradio_api/queue/data/?session_hash=other&session_hash=page-of-reader").status_code == 403
    assert client.get("/gradio_api/heartbeat/page-of-reader").status_code == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"session_hash": 1}', b"\xff", b"[" * 100_000])
def test_broken_events_crash_nothing(client: httpx.Client, body: bytes) -> None:
    reply = client.post("/gradio_api/queue/join", content=body, headers={"content-type": "application/json"})
    assert 400 <= reply.status_code < 500, reply.text


# ---- In a browser


@pytest.mark.browser
@pytest.mark.parametrize(("locale", "button", "out"), [("zh-CN", "登录", "退出登录"), ("en-US", "Log in", "Log out")])
def test_log_in_ask_log_out(live: GuardedPage, browser: Browser, locale: str, button: str, out: str) -> None:
    context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    trouble: list[str] = []
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on(
        "request",
        lambda request: (
            trouble.append(request.url) if not request.url.startswith((live.url, "data:", "blob:")) else None
        ),
    )
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(live.url)
    assert page.url == f"{live.url}/login?next=/"
    page.keyboard.type("reader")  # the name has the focus
    page.get_by_role("textbox").nth(1).fill("a wrong password")
    page.get_by_role("button", name=button).click()
    page.wait_for_selector("[role=alert]")
    assert page.locator("#name").input_value() == "reader"
    page.wait_for_function("document.activeElement.id === 'password'")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(BOX)
    assert page.url == f"{live.url}/"
    page.wait_for_selector(".yj-account")
    assert page.locator(".yj-account span").first.inner_text() == "reader"
    ask(page, "2027年的目标是什么？")
    assert "1.5亿吨" in page.locator(".yj-final").last.inner_text()
    assert [error for error in trouble if "401" not in error] == []  # of the wrong password
    page.get_by_role("button", name=out).click()
    page.wait_for_url(f"{live.url}/login")
    page.goto(live.url)
    assert page.url.startswith(f"{live.url}/login")
    page.go_back()
    assert page.locator(BOX).count() == 0
    context.close()


@pytest.mark.browser
def test_a_session_that_ends_in_an_open_page_leads_to_the_login_page(live: GuardedPage, browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(live.url)
    page.fill("#name", "reader")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(BOX)
    page.wait_for_selector(".yj-status")
    context.clear_cookies(name="youju_session")
    page.fill(BOX, "目标是什么？")
    page.press(BOX, "Enter")
    page.wait_for_url(f"{live.url}/login?next=%2F")
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_page_can_be_read_and_used_on_a_phone(live: GuardedPage, browser: Browser, scheme: str) -> None:
    context = browser.new_context(
        locale="zh-CN",
        viewport={"width": 400, "height": 700},
        color_scheme=scheme,
        java_script_enabled=True,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(f"{live.url}/login")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator("button").bounding_box()["height"] >= 40  # type: ignore[index]
    colours = page.eval_on_selector(
        "main", "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    )
    assert colours == (
        ["rgb(27, 36, 38)", "rgb(255, 255, 255)"] if scheme == "light" else ["rgb(228, 234, 234)", "rgb(26, 33, 36)"]
    )
    page.screenshot(path=f"/tmp/guard-login-{scheme}.png")
    context.close()
