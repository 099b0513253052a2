"""The source panel and the popover in a real browser, on desktop and as a sheet, with mouse, keyboard and finger."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.ui.fake_backend import DRAFT_TARGET, GROWTH, HARBOUR, PLANS, REPRINT, ROUTES, TARGET, FakeBackend
from tests.ui.reader import PEN, QUESTION, OpenPage, ask, lit

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.browser,
    # Gradio sums up its queue with pandas now and then, in ways that pandas is about to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

CITATION = ".yj-final a.yj-cite"
TEXT = "#yj-article-text"
SIZES = [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")]


def focused(page: Page) -> str:
    """What has the focus: its id, or its text."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent"))


def reads(page: Page) -> list[str]:
    """The sentence that the open article shows as the cited one."""
    return [text for text, _ in lit(page)]


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_everything_that_can_be_clicked(open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page(width=width, scheme=scheme)
    ask(page, QUESTION)
    page.locator(CITATION).nth(0).click()
    assert reads(page) == [GROWTH.quote]
    assert page.locator(f"{TEXT} mark").all_inner_texts() == [GROWTH.quote, ROUTES.quote], (
        "both are marked, one strongly"
    )
    assert "第29段背景" in page.inner_text(TEXT), "the whole article"
    assert page.locator(f"{TEXT} td").all_inner_texts() == ["指标", "数值", "同比", "货物吞吐量", "3,126.5万吨", "6.8%"]
    assert page.inner_text("#yj-article-where").split("\n") == ["临江日报", "2025-04-08", "经济 / 港口", "打开原网页"]
    assert page.get_attribute("#yj-article-where a", "href") == HARBOUR.url
    assert page.inner_text("#yj-place") == "第 1 处，共 2 处"
    assert page.is_disabled("#yj-previous")
    page.click("#yj-following")
    assert reads(page) == [ROUTES.quote]
    assert page.is_disabled("#yj-following")
    page.click("#yj-previous")
    assert reads(page) == [GROWTH.quote]
    page.click("#yj-back")
    assert not page.locator("#yj-article").is_visible()
    cards = page.locator("#yj-panel-body .yj-card")
    assert cards.count() == 2
    assert GROWTH.quote in cards.first.inner_text()
    page.get_by_role("link", name="在全文中看").nth(1).click()
    assert reads(page) == [ROUTES.quote]
    page.click("#yj-back")
    page.get_by_role("link", name=REPRINT.title).first.click()
    page.wait_for_function(
        "title => document.querySelector('#yj-article-title').textContent === title", arg=REPRINT.title
    )
    assert page.locator(f"{TEXT} mark").count() == 0, "nothing of a reprint was cited"
    assert not page.locator("#yj-places").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#yj-panel").is_visible() == (width > 899)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_the_article_comes_when_it_is_opened_and_once(open_page: OpenPage) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "page/article" in request.url else None)
    ask(page, QUESTION)
    assert "第29段背景" not in page.content(), "the conversation carries quotes, not articles"
    assert asked == []
    for number in (0, 1, 0):
        page.locator(CITATION).nth(number).click()
        assert lit(page)
    assert len(asked) == 1


def test_keys_lead_through_the_places_of_several_articles(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "2027年的目标是什么？")
    page.locator(CITATION).first.focus()
    page.keyboard.press("Enter")
    assert reads(page) == [TARGET.quote]
    assert focused(page) == "yj-article-text"
    page.keyboard.press("ArrowRight")
    assert reads(page) == [DRAFT_TARGET.quote]
    page.keyboard.press("ArrowRight")
    assert reads(page) == [DRAFT_TARGET.quote], "there is no third"
    page.keyboard.press("ArrowLeft")
    assert reads(page) == [TARGET.quote]
    page.keyboard.press("Escape")
    assert not page.locator("#yj-article").is_visible()
    assert focused(page).endswith("[1]"), "the focus is where the reader came from"
    assert not page.locator("#yj-tip").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#yj-panel").is_visible(), "beside the conversation it stays"


def test_the_cited_sentence_is_scrolled_to_and_the_page_stays(open_page: OpenPage) -> None:
    page = open_page(height=520)
    ask(page, "深处那一句")
    page.locator(CITATION).click()
    assert reads(page) == [ROUTES.quote]
    box, mark = page.locator(TEXT).bounding_box(), page.locator(f"{TEXT} .yj-on").bounding_box()
    assert box is not None
    assert mark is not None
    assert box["y"] <= mark["y"] <= mark["y"] + mark["height"] <= box["y"] + box["height"]
    assert page.evaluate(f"document.querySelector('{TEXT}').scrollTop") > 5_000
    assert page.evaluate("scrollY + document.scrollingElement.scrollTop") == 0


def test_a_list_of_three_hundred_is_marked_around_the_one_that_is_read(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "三百项")
    for number in (299, 0, 150):
        page.locator(CITATION).nth(number).click()
        page.wait_for_function(f"document.querySelector('#yj-place').textContent === '第 {number + 1} 处，共 300 处'")
        assert reads(page) == [f"第{number}项在此。"]
        assert page.locator(f"{TEXT} mark").count() == 100


def test_an_article_that_was_lost_or_changed_is_told_and_the_quote_stays(
    open_page: OpenPage, backend: FakeBackend
) -> None:
    page = open_page(expected="404 (Not Found)")
    ask(page, QUESTION)
    kept = dict(backend.articles)
    try:
        del backend.articles[HARBOUR.id]
        page.locator(CITATION).first.click()
        page.get_by_text("知识库里已经没有这篇文章").wait_for()
        assert page.inner_text("#yj-article-quote") == GROWTH.quote
        assert page.inner_text("#yj-article-title") == HARBOUR.title
        page.keyboard.press("Escape")
        backend.articles[HARBOUR.id] = replace(HARBOUR, text="更正：" + HARBOUR.text)
        page.locator(CITATION).first.click()
        page.get_by_text("回答之后这篇文章有过改动").wait_for()
        assert page.inner_text("#yj-article-quote") == GROWTH.quote
        assert page.inner_text(TEXT).startswith("更正：临江港集团")
        assert page.locator(f"{TEXT} mark").count() == 0
    finally:
        backend.articles.update(kept)


def test_a_library_that_fails_is_told_and_can_be_asked_again(open_page: OpenPage, backend: FakeBackend) -> None:
    page = open_page(expected="500 (Internal Server Error)")
    ask(page, QUESTION)
    kept, backend.articles = backend.articles, None  # type: ignore[assignment]
    try:
        page.locator(CITATION).first.click()
        page.get_by_text("文章没有打开，请再试一次").wait_for()
    finally:
        backend.articles = kept
    page.locator(CITATION).first.click()
    assert reads(page) == [GROWTH.quote]


@pytest.mark.parametrize("lines", [1_500, 1])
def test_an_article_of_300_000_characters_opens_without_freezing(
    open_page: OpenPage, backend: FakeBackend, lines: int
) -> None:
    filler = "港区沿江而建，岸线长度与货种结构历年变化不大。"
    line = filler * (330_000 // len(filler) // lines)
    huge = replace(HARBOUR, text=HARBOUR.text[: ROUTES.end] + f"\n{line}" * lines)
    page = open_page()
    ask(page, QUESTION)
    backend.articles[HARBOUR.id] = huge
    try:
        page.evaluate(
            """() => { window.blocked = 0; new PerformanceObserver((list) => {
              for (const task of list.getEntries()) window.blocked = Math.max(window.blocked, task.duration); })
              .observe({ entryTypes: ["longtask"] }); }"""
        )
        started = time.monotonic()
        page.locator(CITATION).first.click()
        assert reads(page) == [GROWTH.quote]
        assert len(page.inner_text(TEXT)) > 300_000
    finally:
        backend.articles[HARBOUR.id] = HARBOUR
    assert time.monotonic() - started < 8
    page.wait_for_timeout(100)
    assert page.evaluate("window.blocked") < 2_000, "milliseconds in which the page could not answer"


def test_a_phone_s_sheet_keeps_the_focus_and_gives_it_back(open_page: OpenPage) -> None:
    page = open_page(width=400, height=800)
    ask(page, QUESTION)
    page.locator(CITATION).first.click()
    assert lit(page)
    assert page.get_attribute("#yj-panel", "role") == "dialog"
    for _ in range(12):
        page.keyboard.press("Tab")
        inside = "document.getElementById('yj-side').contains(document.activeElement) || document.activeElement === document.body"
        assert page.evaluate(inside), "nothing behind the sheet can be reached"
    page.mouse.click(200, 40)
    page.wait_for_selector("#yj-panel", state="hidden")
    assert page.get_attribute("#yj-panel", "role") is None
    assert focused(page).endswith("[1]")


def test_a_mouse_and_the_keyboard_s_focus_show_the_quote(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    mark = page.locator(CITATION).first
    mark.hover()
    page.wait_for_selector("#yj-tip", state="visible")
    tip = page.inner_text("#yj-tip")
    for words in (GROWTH.quote, HARBOUR.title, "临江日报", "2025-04-08"):
        assert words in tip
    assert mark.get_attribute("aria-describedby") == "yj-tip"
    page.hover("#yj-tip")
    page.wait_for_timeout(400)
    assert page.locator("#yj-tip").is_visible(), "the mouse may go into it"
    page.mouse.move(5, 300)
    page.wait_for_selector("#yj-tip", state="hidden")
    assert mark.get_attribute("aria-describedby") is None
    page.focus("#yj-question textarea")
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('a.yj-cite')"):
            break
    page.wait_for_selector("#yj-tip", state="visible")
    assert ROUTES.quote in page.inner_text("#yj-tip")
    page.keyboard.press("Escape")
    assert not page.locator("#yj-tip").is_visible()
    assert focused(page).endswith("[2]")


def test_a_finger_sees_the_quote_first_and_then_the_article(open_page: OpenPage) -> None:
    page = open_page(width=400, height=800, has_touch=True)
    ask(page, QUESTION)
    mark = page.locator(CITATION).first
    mark.tap()
    page.wait_for_selector("#yj-tip", state="visible")
    assert GROWTH.quote in page.inner_text("#yj-tip")
    assert not page.locator("#yj-panel").is_visible()
    tip = page.locator("#yj-tip").bounding_box()
    assert tip is not None
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= 400
    page.get_by_role("button", name="在全文中看").tap()
    assert reads(page) == [GROWTH.quote]
    page.locator("#yj-panel-close").tap()
    page.wait_for_selector("#yj-panel", state="hidden")
    mark.tap()
    page.wait_for_selector("#yj-tip", state="visible")
    mark.tap()
    assert reads(page) == [GROWTH.quote], "a second tap opens it, too"


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_how_an_answer_came_about_is_one_click_away(open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page(width=width, scheme=scheme)
    ask(page, QUESTION)
    ask(page, "那目标呢？")
    how = page.locator(".yj-how").nth(1)
    assert not how.locator("dl").is_visible()
    how.locator("summary").click()
    page.wait_for_timeout(100)
    dl, box = how.locator("dl").bounding_box(), page.locator("#yj-question-row").bounding_box()
    assert dl is not None
    assert box is not None
    assert dl["y"] + 60 < box["y"], "what was unfolded is in view"
    told = how.inner_text().replace("\n", " ")
    for words in (
        *(
            "检索的问题 临江港目标呢？",
            "检索范围 全部文章",
            "3 段，出自 3 篇文章",
            "检索 0.05 秒 · 核对 0.10 秒 · 共 1.20 秒",
        ),
        *("逐句核对", "提示词 answer@abc123", "向量模型 zh-small", "知识库 临江新闻@7", "有据版本 0.1.0"),
    ):
        assert words in told, words
    how.get_by_role("link", name=PLANS.title).click()
    assert reads(page)[0].startswith("记者从市发改委获悉")
    assert page.locator(f"{TEXT} mark").count() == 0, "what was found is no proof yet"
    page.keyboard.press("Escape")
    assert focused(page) == PLANS.title


def test_a_refusal_s_nearest_passage_opens_in_its_article(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "火星上有港口吗？")
    page.locator("a.yj-cite-near").nth(1).click()
    assert "".join(reads(page)).startswith("记者从市发改委获悉")
    assert all(colour != PEN for _, colour in lit(page))
    assert page.inner_text("#yj-place") == "第 2 处，共 3 处"
