"""Saved conversations and what is done with answers, in a real browser: desktop and phone."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rag.chat_history import FILE_NAME, ChatHistory
from rag.filters import Filters
from tests.ui.fake_backend import DRAFT_TARGET, GROWTH, HARBOUR, HOSTILE, FakeBackend
from tests.ui.live_page import SAMPLES, LivePage
from tests.ui.test_chat_page import CONTRAST

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [
    pytest.mark.browser,
    # Gradio sums up its queue with pandas now and then, in ways that pandas is about to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

QUESTION = SAMPLES[0]
BOX = "#yj-question textarea"
SEARCH = "#yj-history-search :is(input, textarea)"
PATIENCE = 20_000
PROGRAM = Path(__file__).with_name("serve_fake.py")
OpenPage = Callable[..., "Page"]


@pytest.fixture(scope="module")
def backend() -> FakeBackend:
    return FakeBackend(pace=0.01)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatHistory]:
    history = ChatHistory(tmp_path_factory.mktemp("history") / FILE_NAME, most_conversations=4)
    yield history
    history.close()


@pytest.fixture(scope="module")
def live(backend: FakeBackend, history: ChatHistory) -> Iterator[LivePage]:
    with LivePage(backend, history=history) as live:
        yield live


@pytest.fixture
def open_page(browser: Browser, live: LivePage) -> Iterator[OpenPage]:
    """Opens pages, each in a browser of its own unless one is given, that fail the test on a dialog, an error or a foreign request."""
    contexts: list[BrowserContext] = []
    trouble: list[str] = []

    def open_page(width: int = 1500, *, like: Page | None = None, **more: Any) -> Page:
        if like is None:
            size = {"width": width, "height": 820}
            context = browser.new_context(
                viewport=size, locale="zh-CN", reduced_motion="reduce", **more  # type: ignore[arg-type]
            )  # fmt: skip
            contexts.append(context)
        page: Page = like.context.new_page() if like else context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("dialog", lambda dialog: (trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: _check(request.url, live.url, trouble))
        _go(page, live.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert trouble == []


def _check(url: str, ours: str, trouble: list[str]) -> None:
    if not url.startswith((ours, "data:", "blob:")):
        trouble.append(f"request {url}")


def _go(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(BOX)
    page.wait_for_selector(".yj-status")
    page.wait_for_function(
        "window.youju.wires.judge && document.querySelector('#yj-history-list p, #yj-history-list li')"
    )


def ask(page: Page, question: str, *, wait: bool = True) -> None:
    before = page.locator(".yj-final, .yj-error").count()
    page.fill(BOX, question)
    page.press(BOX, "Enter")
    if wait:
        page.wait_for_function(f"document.querySelectorAll('.yj-final, .yj-error').length === {before + 1}")
        page.wait_for_selector("#yj-ask", state="visible")


def ask_again(page: Page) -> None:
    """The newest question, and wait for its new answer."""
    old = page.locator(".yj-final").last.get_attribute("id")
    page.click(".yj-act-retry")
    page.wait_for_function(
        "old => { const all = document.querySelectorAll('.yj-final'); return all.length && all[all.length - 1].id !== old; }",
        arg=old,
    )
    page.wait_for_selector("#yj-ask", state="visible")


def titles(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".yj-conv").all_inner_texts()]


def shown(page: Page) -> list[str]:
    return page.eval_on_selector_all("#yj-chat .yj-q, #yj-chat .yj-a", "nodes => nodes.map(n => n.outerHTML)")


def wait_for_titles(page: Page, *wanted: str) -> None:
    page.wait_for_function(
        "wanted => JSON.stringify([...document.querySelectorAll('.yj-conv')].map(n => n.textContent)) === JSON.stringify(wanted)",
        arg=list(wanted),
    )


def test_a_conversation_is_opened_again_exactly_as_it_was_and_goes_on(
    open_page: OpenPage, backend: FakeBackend
) -> None:
    page = open_page()
    assert "问过的会保存在这里。" in page.inner_text("#yj-history-list")
    ask(page, QUESTION)
    ask(page, "那目标呢？")
    ask(page, "火星上有港口吗？")
    ask(page, "失败")
    before = shown(page)
    wait_for_titles(page, QUESTION)
    page.click("#yj-new")
    page.wait_for_selector(".yj-welcome")
    ask(page, "2027年的目标是什么？")
    wait_for_titles(page, "2027年的目标是什么？", QUESTION)
    again = open_page(like=page)
    assert again.inner_text("#yj-history-list h3") == "今天"
    again.locator("#yj-history-list").get_by_role("button", name=QUESTION, exact=True).click()
    again.wait_for_function("document.querySelectorAll('.yj-q').length === 4")
    assert shown(again) == before
    assert again.locator(".yj-conv[aria-current]").inner_text() == QUESTION
    again.locator(".yj-final a.yj-cite").first.click()
    assert again.inner_text("#yj-article-text .yj-on") == GROWTH.quote
    ask(again, "那么目标呢？")
    assert [turn.question for turn in backend.asked[-1][1]] == [QUESTION, "临江港目标呢？", "火星上有港口吗？"]
    wait_for_titles(again, QUESTION, "2027年的目标是什么？")


def test_one_browser_does_not_see_what_another_asked(open_page: OpenPage) -> None:
    one, other = open_page(), open_page()
    ask(one, "只有我知道的目标？")
    wait_for_titles(one, "只有我知道的目标？")
    uid = one.locator(".yj-conv-item").get_attribute("id")
    assert uid is not None
    other = open_page(like=other)
    other.wait_for_selector("#yj-history-list p")
    assert titles(other) == []
    conversation = uid.removeprefix("yj-conv-")
    other.evaluate("id => window.youju.send('open', { id })", conversation)
    other.wait_for_selector("#yj-remark .yj-remark")
    assert "这段对话已经删除" in other.inner_text("#yj-remark")
    for wire in ("delete", "rename"):
        other.evaluate("([wire, id]) => window.youju.send(wire, { id, title: '别人改的' })", [wire, conversation])
    other.wait_for_timeout(500)
    one = open_page(like=one)
    wait_for_titles(one, "只有我知道的目标？")


def test_conversations_are_searched_renamed_and_deleted(open_page: OpenPage, history: ChatHistory) -> None:
    page = open_page()
    for question in (QUESTION, "2027年的目标是什么？"):
        ask(page, question)
        page.click("#yj-new")
        page.wait_for_selector(".yj-welcome")
    page.fill(SEARCH, "内贸煤炭")
    wait_for_titles(page, QUESTION)
    page.fill(SEARCH, "没有这样的词")
    page.get_by_text("没有找到。").wait_for()
    page.fill(SEARCH, "")
    wait_for_titles(page, "2027年的目标是什么？", QUESTION)

    row = page.locator(".yj-conv-item", has_text=QUESTION)
    row.hover()
    row.locator(".yj-conv-rename").click()
    field = page.get_by_label("标题")
    assert field.input_value() == QUESTION
    field.fill("临江港")
    page.get_by_role("button", name="取消").click()
    assert QUESTION in titles(page)
    row.locator(".yj-conv-rename").click()
    field.fill("临江港")
    field.press("Enter")
    wait_for_titles(page, "2027年的目标是什么？", "临江港")

    row = page.locator(".yj-conv-item", has_text="临江港")
    row.locator(".yj-conv-delete").click()
    assert "临江港" in page.inner_text("#yj-delete .yj-what")
    page.keyboard.press("Escape")
    assert len(titles(page)) == 2
    page.locator(".yj-conv-item", has_text="2027").locator(".yj-conv").click()
    page.wait_for_selector(".yj-final")
    row.hover()
    row.locator(".yj-conv-delete").click()
    page.click("#yj-delete .yj-danger")
    wait_for_titles(page, "2027年的目标是什么？")
    assert page.locator(".yj-final").count() == 1, "another one is open"
    page.locator(".yj-conv-delete").click()
    page.click("#yj-delete .yj-danger")
    page.wait_for_selector(".yj-welcome")
    assert titles(page) == []


def test_hostile_titles_are_text(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, f"{HOSTILE} 目标")
    page.wait_for_selector(".yj-conv")
    assert titles(page)[0].startswith(HOSTILE[:60])
    page.locator(".yj-conv-item").hover()
    page.click(".yj-conv-rename")
    page.get_by_label("标题").fill('"><img src=x onerror=alert(1)>')
    page.get_by_label("标题").press("Enter")
    wait_for_titles(page, '"><img src=x onerror=alert(1)>')
    page.click(".yj-conv-delete")
    assert page.inner_text("#yj-delete .yj-what") == '"><img src=x onerror=alert(1)>'
    page.keyboard.press("Escape")
    page = open_page(like=page)
    page.wait_for_selector(".yj-conv")
    assert titles(page) == ['"><img src=x onerror=alert(1)>']
    assert page.locator("#yj-history img, #yj-history script, #yj-main img").count() == 0
    page.wait_for_timeout(300)  # for a dialog, which the fixture would report


def test_a_phone_has_the_conversations_in_a_drawer(open_page: OpenPage) -> None:
    page = open_page(400)
    ask(page, QUESTION)
    page.click("#yj-filters button")
    assert not page.locator("#yj-history").is_visible()
    page.click("#yj-history-toggle")
    page.wait_for_selector(".yj-conv")
    assert page.get_attribute("#yj-history-toggle", "aria-expanded") == "true"
    assert page.evaluate("document.getElementById('yj-talk').inert") is True
    assert page.evaluate("document.activeElement.closest('#yj-history-search') !== null")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    label = page.get_by_text("发表日期从").bounding_box()
    assert label is not None
    above = "([x, y]) => document.elementsFromPoint(x, y)[0].closest('#yj-history') !== null"
    assert page.evaluate(above, [label["x"] + 5, label["y"] + 5]), "the page shines through the drawer"
    page.keyboard.press("Escape")
    page.wait_for_selector("#yj-history", state="hidden")
    assert page.evaluate("document.activeElement.id") == "yj-history-toggle"
    page.click("#yj-new")
    page.wait_for_selector(".yj-welcome")
    page.click("#yj-history-toggle")
    page.click(".yj-conv")
    page.wait_for_selector(".yj-final")
    page.wait_for_selector("#yj-history", state="hidden")
    assert page.evaluate("document.getElementById('yj-talk').inert") is False
    page.click("#yj-history-toggle")
    page.mouse.click(395, 400)  # beside the drawer
    page.wait_for_selector("#yj-history", state="hidden")
    page.locator(".yj-act-down").click()
    dialog = page.locator("#yj-judge").bounding_box()
    assert dialog is not None
    assert dialog["x"] >= 0
    assert dialog["x"] + dialog["width"] <= 400
    page.get_by_role("button", name="取消").click()


@pytest.mark.parametrize("width", [400, 1500])
def test_stop_then_answer_again(open_page: OpenPage, backend: FakeBackend, width: int) -> None:
    page = open_page(width)
    ask(page, f"慢慢说 {width}", wait=False)
    page.wait_for_selector(".yj-draft")
    page.click("#yj-stop")
    page.wait_for_function("document.querySelector('.yj-draft')?.innerText.includes('已停止')")
    page = open_page(like=page)
    if width == 400:
        page.click("#yj-history-toggle")
    page.locator(".yj-conv").first.click()
    page.wait_for_function("document.querySelector('.yj-draft')?.innerText.includes('已停止，以上草稿未经核对')")
    page.click(".yj-act-retry")
    page.wait_for_selector(".yj-busy")
    page.click("#yj-stop")
    page.wait_for_selector(".yj-act-retry")
    assert [question for question, _ in backend.asked[-2:]] == [f"慢慢说 {width}"] * 2
    assert page.locator(".yj-q").count() == 1, "in the place of the old one"
    ask(page, QUESTION)
    assert page.locator(".yj-act-retry").count() == 1, "only the newest can be answered again"
    ask_again(page)
    assert [question for question, _ in backend.asked[-2:]] == [QUESTION] * 2


@pytest.mark.parametrize("width", [400, 1500])
def test_an_edited_question_takes_the_place_of_the_old_one(
    open_page: OpenPage, backend: FakeBackend, width: int
) -> None:
    page = open_page(width)
    for question in (QUESTION, "目标", "那火星呢？"):
        ask(page, question)
    page.locator(".yj-act-edit").nth(1).click()
    page.get_by_text("会取代原来的这一问").wait_for()
    assert page.input_value(BOX) == "目标"
    page.locator(".yj-act-unedit").click()
    page.wait_for_selector(".yj-act-unedit", state="detached")
    assert page.input_value(BOX) == ""
    page.locator(".yj-act-edit").nth(1).click()
    page.get_by_text("会取代原来的这一问").wait_for()
    page.fill(BOX, "2027年的目标是什么？")
    page.press(BOX, "Enter")
    page.wait_for_function("document.querySelectorAll('.yj-q').length === 2")
    page.wait_for_selector("#yj-ask", state="visible")
    assert [turn.question for turn in backend.asked[-1][1]] == [QUESTION]
    assert page.locator(".yj-q").all_inner_texts() == [QUESTION, "2027年的目标是什么？"]
    page = open_page(like=page)
    if width == 400:
        page.click("#yj-history-toggle")
    page.locator(".yj-conv").first.click()
    page.wait_for_function("document.querySelectorAll('.yj-q').length === 2")


@pytest.mark.parametrize("width", [400, 1500])
def test_an_answer_is_copied_with_its_sources(open_page: OpenPage, width: int) -> None:
    page = open_page(width, permissions=["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    page.click(".yj-act-copy")
    page.wait_for_function("document.querySelector('.yj-done')?.innerText.includes('已复制')")
    text = page.evaluate("navigator.clipboard.readText()")
    assert "同比增长6.8%。[1]〔有据〕" in text
    assert f"[1] {HARBOUR.title} · 临江日报 · 2025-04-08 · {HARBOUR.url}" in text
    assert f"“{GROWTH.quote}”" in text
    html = page.evaluate(
        "navigator.clipboard.read().then(items => items[0].getType('text/html')).then(blob => blob.text())"
    )
    assert "<sup>[1]</sup>" in html
    assert "<del>港口因此成为全省第一大港。</del>" in html


def test_where_the_clipboard_is_closed_the_older_way_is_taken(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate(
        "document.addEventListener('copy', (e) => setTimeout(() => (window.copiedText = e.clipboardData && 1), 0))"
    )
    page.click(".yj-act-copy")
    page.wait_for_function("document.querySelector('.yj-done')?.innerText.includes('已复制')")


@pytest.mark.parametrize(
    ("width", "kind", "name"), [(1500, "md", "Markdown"), (1500, "html", "网页"), (400, "docx", "Word")]
)
def test_a_conversation_is_exported(open_page: OpenPage, tmp_path: Path, width: int, kind: str, name: str) -> None:
    page = open_page(width)
    page.click("#yj-export summary")
    page.get_by_role("button", name=name).click()
    page.get_by_text("还没有可以导出的回答。").wait_for()
    ask(page, f"2027年的目标是什么？ {HOSTILE}")
    ask(page, "火星上有港口吗？")
    page.click("#yj-export summary")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    file = waiting.value
    assert file.suggested_filename.startswith("youju-20")
    assert file.suggested_filename.endswith(f"年的目标是什么-script-alert-1-script-img-sr.{kind}")
    path = tmp_path / file.suggested_filename
    file.save_as(path)
    if kind == "docx":
        from docx import Document

        text = "\n".join(p.text for p in Document(str(path)).paragraphs)
    else:
        text = path.read_text(encoding="utf-8").replace("\\", "")
    assert DRAFT_TARGET.quote in text
    assert "资料中没有关于火星的内容。" in text
    if kind == "html":
        plain = page.context.new_page()
        plain.on("dialog", lambda dialog: pytest.fail(dialog.message))
        asked: list[str] = []
        plain.on("request", lambda request: asked.append(request.url))
        plain.goto(path.as_uri())
        assert plain.locator("h2").count() == 2
        assert asked == [path.as_uri()], "it loads nothing"


def test_what_a_reader_says_of_an_answer_is_kept(open_page: OpenPage, history: ChatHistory) -> None:
    page = open_page()
    ask(page, f"{QUESTION} 评价")

    def said() -> list[tuple[str, tuple[str, ...], str]]:
        mine = [r for r in history.rated() if r.exchange.question == f"{QUESTION} 评价"]
        return [(r.feedback.verdict, r.feedback.reasons, r.feedback.comment) for r in mine]

    page.get_by_role("button", name="答得对").click()
    page.wait_for_selector(".yj-act-up.yj-pressed")
    assert said() == [("up", (), "")]
    page.get_by_role("button", name="有问题").click()
    page.get_by_text("数字不对").click()
    page.get_by_text("资料里其实有").click()
    page.locator("#yj-judge textarea").fill(f"应为 {HOSTILE}")
    page.get_by_role("button", name="提交").click()
    page.wait_for_selector(".yj-act-down.yj-pressed")
    assert page.locator(".yj-pressed").count() == 1
    assert said() == [("down", ("wrong_figure", "is_in_articles"), f"应为 {HOSTILE}")]
    page = open_page(like=page)
    page.locator(".yj-conv").first.click()
    page.wait_for_selector(".yj-act-down.yj-pressed")
    page.click(".yj-act-down")
    page.wait_for_selector(".yj-pressed", state="detached")
    assert said() == []


@pytest.mark.parametrize("width", [400, 1500])
def test_what_was_chosen_to_search_shows_as_chips_that_can_be_taken_away(
    open_page: OpenPage, backend: FakeBackend, width: int
) -> None:
    page = open_page(width)
    page.click("#yj-filters button")
    page.get_by_label("发表日期从").fill("2022-05")
    page.get_by_label("发表日期从").blur()
    page.get_by_label("来源").click()
    page.get_by_role("option", name="港口周刊").click()
    page.get_by_role("option", name="临江日报").click()
    page.keyboard.press("Escape")
    page.get_by_label("按问题里的昨天").uncheck()
    page.wait_for_function("document.querySelectorAll('#yj-chips .yj-chip').length === 4")
    chips = page.locator("#yj-chips .yj-chip")
    assert [text.split("×")[0].strip() for text in chips.all_inner_texts()] == [
        "2022-05 起", "来源：港口周刊", "来源：临江日报", "不从问题推断日期",
    ]  # fmt: skip
    page.get_by_role("button", name="来源：港口周刊 去掉").click()
    page.wait_for_function("document.querySelectorAll('#yj-chips .yj-chip').length === 3")
    page.locator("#yj-chip-everything").click()
    page.wait_for_function("document.querySelectorAll('#yj-chips .yj-chip').length === 2")
    ask(page, QUESTION)
    assert backend.filters[-1] == Filters(after=date(2022, 5, 1), sources=("临江日报",))
    page.locator("#yj-chip-after").click()
    page.locator("#yj-chip-source-0").click()
    page.wait_for_selector("#yj-chips .yj-chip", state="detached")
    ask(page, QUESTION)
    assert backend.filters[-1] is None
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [400, 1500])
def test_a_day_taken_from_the_question_can_be_taken_away(open_page: OpenPage, backend: FakeBackend, width: int) -> None:
    page = open_page(width)
    ask(page, "昨天的目标是什么？")
    chip = page.get_by_role("button", name="按问题推断的范围：2025-04-08")
    chip.click()
    chip.wait_for(state="detached")
    page.wait_for_selector("#yj-ask", state="visible")
    assert backend.asked[-1][0] == "昨天的目标是什么？"
    assert backend.filters[-2:] == [None, Filters()]
    assert page.locator(".yj-q").count() == 1
    page = open_page(like=page)
    if width == 400:
        page.click("#yj-history-toggle")
    page.locator(".yj-conv").first.click()
    page.wait_for_selector(".yj-final")
    assert page.locator(".yj-act-widen").count() == 0


def test_the_mode_is_switched_on_the_page(open_page: OpenPage, backend: FakeBackend) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.get_by_label("只摘录原文").check()
    ask_again(page)
    ask(page, "目标")
    page.get_by_label("只摘录原文").uncheck()
    ask(page, "目标")
    assert backend.modes[-4:] == ["auto", "extractive", "extractive", "auto"]


def test_a_full_history_says_so_and_makes_room_only_when_told_to(open_page: OpenPage) -> None:
    page = open_page()
    for n in range(5):
        ask(page, f"第{n}个目标是什么？")
        if n < 4:
            page.click("#yj-new")
            page.wait_for_selector(".yj-welcome")
    assert "这一问没有保存" in page.inner_text(".yj-unsaved")
    assert page.locator(".yj-act-up").count() == 0, "there is nowhere to keep what is said of it"
    assert len(titles(page)) == 4
    assert "旧的不会自动删除" in page.inner_text(".yj-full")
    page.click(".yj-act-copy")  # what is not kept can still be taken along
    page.wait_for_function("document.querySelector('.yj-done')?.innerText.length > 0")
    page.click(".yj-prune")
    page.get_by_role("button", name="取消").click()
    assert len(titles(page)) == 4
    page.click(".yj-prune")
    page.click("#yj-pruning .yj-danger")
    page.wait_for_selector(".yj-full", state="detached")
    ask(page, "现在保存吗？目标")
    wait_for_titles(page, "现在保存吗？目标")


def test_suggested_questions_come_when_they_are_found(browser: Browser) -> None:
    found: list[str] = []
    backend = FakeBackend(pace=0)
    with LivePage(backend, samples=(), suggest=lambda: found) as live:
        context = browser.new_context(locale="zh-CN")
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(live.url)
        page.wait_for_selector(".yj-status")
        assert "这里不保存对话" in page.locator("#yj-history-list").text_content()
        assert page.locator("#yj-chat .example").count() == 0
        found += [f"2027年的目标是什么？{HOSTILE}", QUESTION]
        page.get_by_role("button", name=QUESTION).wait_for()
        assert page.locator("#yj-chat .examples img").count() == 0
        page.get_by_role("button", name=QUESTION).click()
        page.wait_for_selector(".yj-final")
        assert backend.asked[-1][0] == QUESTION
        context.close()


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (400, "light"), (1500, "dark"), (1500, "light")])
def test_every_visible_text_has_enough_contrast(open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page(width, color_scheme=scheme)
    ask(page, f"昨天的目标是什么？ {HOSTILE}")
    page.click("#yj-filters button")
    page.get_by_label("发表日期从").fill("去年")
    page.get_by_label("发表日期从").blur()
    page.wait_for_selector(".yj-chip-wrong")
    page.click(".yj-act-up")
    page.wait_for_selector(".yj-pressed")
    assert page.evaluate(CONTRAST)["poor"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("#yj-export summary")
    assert page.evaluate(CONTRAST)["poor"] == []
    page.keyboard.press("Escape")
    page.click(".yj-act-down")
    assert page.evaluate(CONTRAST)["poor"] == []
    page.get_by_role("button", name="取消").click()
    if width == 400:
        page.click("#yj-history-toggle")
        page.wait_for_selector(".yj-conv")
        assert page.evaluate(CONTRAST)["poor"] == []
    page.locator(".yj-conv-item").hover()
    page.click(".yj-conv-delete")
    assert page.evaluate(CONTRAST)["poor"] == []


def test_a_server_killed_in_the_middle_has_lost_nothing_that_was_shown(browser: Browser, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    arguments = [sys.executable, "-X", "utf8", str(PROGRAM), str(port), str(tmp_path / FILE_NAME)]
    context = browser.new_context(locale="zh-CN", viewport={"width": 1500, "height": 820})
    page = context.new_page()
    page.set_default_timeout(3 * PATIENCE)  # a program that has just started is slow where others are at work

    def start() -> tuple[subprocess.Popen[str], str]:
        """The program, and where it listens: its port may be taken when it comes back."""
        program = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        assert program.stdout is not None
        ready = next(line for line in program.stdout if "有据已就绪" in line)
        return program, ready.split("：")[1].split("（")[0]

    program, url = start()
    try:
        _go(page, url)
        ask(page, QUESTION)
        before = shown(page)
        ask(page, "慢慢说", wait=False)
        page.wait_for_selector(".yj-draft")
        program.send_signal(signal.SIGKILL)
        program.communicate()
        page.close()  # it would go on asking the dead one
        program, url = start()
        page = context.new_page()
        page.set_default_timeout(3 * PATIENCE)
        _go(page, url)
        page.get_by_role("button", name=QUESTION, exact=True).click()
        page.wait_for_function("document.querySelectorAll('.yj-q').length === 2")
        assert shown(page)[:2] == before
        assert "回答中途断了" in page.inner_text(".yj-error")
        page.click(".yj-act-retry")
        page.wait_for_selector(".yj-busy")
    finally:
        program.kill()
        program.communicate()
        context.close()


def test_the_lists_words_reach_the_page_as_json_would(open_page: OpenPage) -> None:
    """What wires carry is the browser's word: whatever it sends, the page goes on."""
    page = open_page()
    ask(page, QUESTION)
    for wire in ("open", "rename", "delete", "unfilter", "again", "amend", "edit", "copy", "judge"):
        for data in (
            "null",
            '"x"',
            '{"id": 5}',
            '{"id": ["a"], "question": {}, "reasons": "x"}',
            '{"id": "../../etc"}',
        ):
            page.evaluate("([wire, data]) => window.youju.send(wire, JSON.parse(data))", [wire, data])
    page.evaluate("data => window.youju.send('export', data)", json.loads('{"kind": "../x"}'))
    time.sleep(1)
    page = open_page(like=page)
    page.wait_for_selector(".yj-conv")
    assert titles(page) == [QUESTION]
