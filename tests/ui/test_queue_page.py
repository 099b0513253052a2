"""The LLM's queue on the real page: who waits sees it, Stop and a closed tab free the model."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from embeddings import HashingEmbedder
from rag.chat_models import ChatModel
from rag.library import Library
from rag.llm_queue import LlmQueue
from rag.settings import Settings
from rag.ui.live import LiveBackend
from tests.chats import ARTICLES, QUESTION
from tests.service.live_service import wait_until
from tests.test_llm_queue import GatedChat
from tests.ui.live_page import LivePage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]


@pytest.fixture
def served(settings: Settings) -> Iterator[tuple[str, GatedChat, LlmQueue]]:
    """The page over a real library whose LLM says nothing until its gate opens."""
    model = GatedChat(gate=threading.Event())
    chat = ChatModel(model, "gated", 4096, len, local=True)
    with Library(settings, HashingEmbedder()) as library:
        library.add_articles(ARTICLES)
        library.use_chat_model(chat)
        with LivePage(LiveBackend(library)) as live:
            yield live.url, model, chat.queue
            model.gate.set()


def asking(browser: Browser, url: str) -> Page:
    """A page of another reader, with the question asked."""
    page = browser.new_context(locale="zh-CN").new_page()
    page.goto(url)
    box = page.locator("#yj-question textarea")
    box.wait_for(timeout=30_000)
    box.fill(QUESTION)
    box.press("Enter")
    return page


def test_waiting_is_seen_and_whoever_goes_away_frees_the_model(
    browser: Browser, served: tuple[str, GatedChat, LlmQueue]
) -> None:
    url, model, queue = served
    first = asking(browser, url)
    first.get_by_text("大模型正在读资料").wait_for(timeout=20_000)
    second, third = asking(browser, url), asking(browser, url)
    wait_until(lambda: (queue.busy, queue.waiting) == (1, 2), 20)
    second.get_by_text("前面还有 1 个问题").wait_for(timeout=10_000)
    third.get_by_text("前面还有 2 个问题").wait_for(timeout=10_000)
    second.context.close()
    wait_until(lambda: queue.waiting == 1, 5)
    third.get_by_text("前面还有 1 个问题").wait_for(timeout=10_000)
    first.locator("#yj-stop").click()
    third.get_by_text("大模型正在读资料").wait_for(timeout=5_000)
    assert (queue.busy, queue.waiting) == (1, 0)
    model.gate.set()
    third.get_by_text("400.69亿元").first.wait_for(timeout=20_000)
    wait_until(lambda: queue.busy == 0, 5)
