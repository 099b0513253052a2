"""For each module one browser, and one server with the fake pipeline."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.ui.fake_backend import FakeBackend
from tests.ui.live_page import LivePage
from tests.ui.reader import BOX, PATIENCE, OpenPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no browser: apt-get install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def backend() -> FakeBackend:
    return FakeBackend(pace=0.03)


@pytest.fixture(scope="module")
def live(backend: FakeBackend) -> Iterator[LivePage]:
    with LivePage(backend) as live:
        yield live


@pytest.fixture
def open_page(browser: Browser, live: LivePage) -> Iterator[OpenPage]:
    """Opens pages that fail the test on a dialog, a request to another host, or an error in the console.

    Args of what it gives: size, locale and colour scheme; `expected`, a part of the only errors that may be in the console;
    `more` for `Browser.new_context`.
    """
    contexts: list[Any] = []
    trouble: list[str] = []

    def open_page(
        width: int = 1280,
        height: int = 860,
        locale: str = "zh-CN",
        scheme: str = "light",
        expected: str = "",
        **more: Any,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
            **more,
        )
        contexts.append(context)
        page: Page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: _check(request.url, live.url, trouble))
        page.on("console", lambda message: _listen(message, expected, trouble))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto(live.url)
        page.wait_for_selector(BOX)
        page.wait_for_selector(".yj-status")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def _listen(message: Any, expected: str, trouble: list[str]) -> None:
    if message.type == "error" and not (expected and expected in message.text):
        trouble.append(message.text)


def _check(url: str, ours: str, trouble: list[str]) -> None:
    if not url.startswith((ours, "data:", "blob:")):
        trouble.append(f"request {url}")
