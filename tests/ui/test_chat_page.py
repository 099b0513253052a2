"""The page in a real browser: asking, streaming, opening the exact sentence, and staying inert, offline and readable."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from rag.filters import Filters
from rag.ui import UiStatus
from tests.ui.fake_backend import DRAFT_TARGET, GROWTH, HOSTILE, MODEL, TARGET, FakeBackend
from tests.ui.live_page import SAMPLES, LivePage
from tests.ui.reader import BOX, CONTRAST, PEN, QUESTION, OpenPage, ask, lit, place

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    # Gradio sums up its queue with pandas now and then, in ways that pandas is about to drop.
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]


def test_a_draft_streams_and_gives_way_to_the_checked_answer(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, f"{QUESTION}（缓）", wait=False)
    page.wait_for_selector(".yj-draft .yj-s")
    first = page.inner_text(".yj-draft")
    assert "草稿，正在核对" in first
    row = place(page, ".yj-draft .yj-s")
    box = place(page, "#yj-question-row")
    page.wait_for_function(f"document.querySelector('.yj-draft')?.innerText.length > {len(first) + 5}")
    assert page.locator(".yj-draft a").count() == 0, "a draft has not been checked and cites nothing"
    page.wait_for_selector(".yj-final")
    text = page.inner_text(".yj-final")
    assert "同比增长6.8%。" in text
    for words in (
        "有据",
        "部分有据",
        "另有 1 句未找到依据，未采用",
        "没有提到内贸煤炭",
        f"{MODEL} · 1.2 秒 · 检索到 3 段资料",
    ):
        assert words in text
    assert "草稿" not in text
    assert place(page, ".yj-final .yj-s") == row, "the answer jumped when it was checked"
    assert place(page, "#yj-question-row") == box


def test_the_beginning_of_an_answer_stays_in_view(open_page: OpenPage) -> None:
    page = open_page(width=400, height=560)
    view = """() => { const box = document.querySelector("#yj-chat [role=log]").getBoundingClientRect();
      const asked = Array.from(document.querySelectorAll(".yj-q")).at(-1).getBoundingClientRect();
      return [asked.top - box.top, box.bottom - asked.bottom]; }"""
    for question in (QUESTION, f"{QUESTION}（缓）", "火星上有港口吗？"):
        ask(page, question)
        page.wait_for_timeout(400)
        above, below = page.evaluate(view)
        assert above >= 0, question
        assert below > 0, question
    log = page.locator("#yj-chat [role=log]")
    assert log.evaluate("n => n.scrollHeight - n.clientHeight - n.scrollTop") > 50, "the answer is longer than the view"
    ask(page, f"{QUESTION}（缓）", wait=False)
    page.wait_for_selector(".yj-draft .yj-s")
    log.hover()
    page.mouse.wheel(0, -2_000)
    page.wait_for_function("document.querySelectorAll('.yj-final').length === 4")
    page.wait_for_timeout(300)
    assert log.evaluate("n => n.scrollTop") == 0, "a reader who went elsewhere is left there"


def test_what_was_left_out_is_struck_and_shown_only_to_who_asks(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    left_out = page.locator(".yj-final .yj-struck del")
    assert not left_out.is_visible()
    page.locator(".yj-struck summary").focus()
    page.keyboard.press("Enter")
    assert left_out.is_visible()
    assert left_out.inner_text() == "港口因此成为全省第一大港。"
    assert "line-through" in left_out.evaluate("node => getComputedStyle(node).textDecorationLine")
    assert "资料中没有这一说法" in page.inner_text(".yj-struck")


def test_a_mark_opens_the_exact_sentence_also_in_older_answers(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    ask(page, "2027年的目标是什么？")
    answers = page.locator(".yj-final")
    answers.nth(1).locator("a.yj-cite").nth(0).click()
    assert lit(page) == [[TARGET.quote, PEN]]
    answers.nth(1).locator("a.yj-cite").nth(1).click()
    assert lit(page) == [[DRAFT_TARGET.quote, PEN]]
    answers.nth(0).locator("a.yj-cite").nth(0).click()
    assert lit(page) == [[GROWTH.quote, PEN]]
    assert "2025-04-08" in page.inner_text("#yj-article > header")
    link = page.locator("#yj-article a.yj-original")
    assert link.get_attribute("href") == "https://news.example.com/port/q1.html"
    assert "noopener" in (link.get_attribute("rel") or "")


def test_every_id_of_the_page_exists_once(open_page: OpenPage) -> None:
    page = open_page()
    for question in (QUESTION, QUESTION):
        ask(page, question)
    page.locator(".yj-final a.yj-cite").first.click()
    ids = page.eval_on_selector_all("[id^=yj-]", "nodes => nodes.map(n => n.id)")
    assert sorted(ids) == sorted(set(ids))


def test_a_sentence_deep_in_its_passage_is_scrolled_into_view(open_page: OpenPage) -> None:
    page = open_page(height=520)
    ask(page, QUESTION)
    page.locator(".yj-final a.yj-cite").nth(1).click()
    assert lit(page)
    mark = page.locator("#yj-article-text .yj-quote.yj-on").bounding_box()
    body = page.locator("#yj-article-text").bounding_box()
    assert mark is not None
    assert body is not None
    assert body["y"] <= mark["y"] <= body["y"] + body["height"] - mark["height"]
    assert page.evaluate("scrollY + document.scrollingElement.scrollTop") == 0, "the page itself must not move"


def test_the_newest_sources_show_by_themselves_unless_the_reader_chose(open_page: OpenPage) -> None:
    page = open_page()
    assert "点击回答中的编号" in page.inner_text("#yj-panel-body")
    ask(page, QUESTION)
    page.wait_for_selector("#yj-panel-body .yj-card")
    assert not page.locator("#yj-article").is_visible()
    page.locator(".yj-final a.yj-cite").first.click()
    ask(page, "2027年的目标是什么？")
    page.wait_for_function("document.querySelector('#yj-panel-body').innerText.includes('三年规划')")
    ask(page, "火星上有港口吗？ 请慢慢说", wait=False)
    page.wait_for_selector(".yj-busy")
    page.locator(".yj-final a.yj-cite").first.click()
    page.wait_for_function("document.querySelectorAll('.yj-final').length === 3")
    page.wait_for_timeout(500)
    assert lit(page) == [[GROWTH.quote, PEN]]


def test_keyboard_reaches_and_opens_a_mark(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.focus(BOX)
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('a.yj-cite')"):
            break
    assert page.evaluate("document.activeElement.innerText").endswith("[2]")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert [text for text, _ in lit(page)] == ["港口方面表示，增长主要来自新开通的三条近洋航线。"]


def test_hostile_text_is_shown_and_does_nothing(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, f"攻击 {HOSTILE}")
    page.locator(".yj-final a.yj-cite").first.click()
    page.wait_for_selector("#yj-article-text .yj-on")
    shown = page.inner_text("#yj-article")
    assert "<script>alert(1)</script>" in shown
    assert "${value}" in shown
    assert "{{value}}" in shown
    assert "**b**" in shown
    assert "$$x$$" in page.inner_text(".yj-final")
    assert HOSTILE in page.inner_text(".yj-q")
    assert page.locator(".yj-final a.yj-cite").count() == 1, "[1] in a text is not a mark"
    assert page.locator("#yj-panel a.yj-original").count() == 0, "javascript: is not a link"
    assert page.locator("#yj-main img, #yj-main script, #yj-main .katex, #yj-main strong").count() == 0
    page.wait_for_timeout(300)  # for a dialog, which the fixture would report


def test_a_refusal_shows_the_nearest_passages(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "火星上有港口吗？")
    text = page.inner_text(".yj-final")
    assert "资料中没有关于火星的内容。" in text
    assert "最接近的段落" in text
    assert "临江港一季度吞吐量公布" in text
    page.locator("a.yj-cite-near").first.click()
    assert lit(page)[0][0].startswith("临江港集团4月8日")
    assert page.locator("#yj-panel mark").count() == 0


def test_errors_are_sentences(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "失败")
    assert "大模型没有回答" in page.inner_text(".yj-error")
    ask(page, "崩溃")
    text = page.locator(".yj-error").nth(1).inner_text()
    assert "程序出了意外的错误。" in text
    assert "Traceback" not in page.inner_text("body")
    assert "内部细节" not in page.inner_text("body")
    ask(page, QUESTION)
    assert page.locator(".yj-final").count() == 1, "the page goes on after errors"


def test_a_lost_server_is_told_in_our_words(browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN")
    with LivePage(FakeBackend()) as live:
        page = context.new_page()
        page.goto(live.url)
        page.wait_for_selector(".yj-status")
        assert not page.locator("#yj-trouble-offline").is_visible()
    page.wait_for_selector("#yj-trouble-offline", state="visible")
    assert page.inner_text("#yj-trouble-offline").startswith("与有据的连接断了。")
    assert page.locator(".toast-body:visible").count() == 0
    context.close()


def test_a_too_long_question_is_refused_and_kept(open_page: OpenPage) -> None:
    page = open_page()
    page.fill(BOX, "问" * 2_001)
    page.press(BOX, "Enter")
    page.wait_for_selector("#yj-remark .yj-remark")
    assert "最多 2,000 个" in page.inner_text("#yj-remark")
    assert len(page.input_value(BOX)) == 2_001
    ask(page, QUESTION)
    assert page.locator("#yj-remark .yj-remark").count() == 0


def test_stop_keeps_the_draft_and_frees_the_model(open_page: OpenPage, backend: FakeBackend) -> None:
    page = open_page()
    question = "慢慢说 stop"
    ask(page, question, wait=False)
    page.wait_for_selector(".yj-draft")
    page.click("#yj-stop")
    page.wait_for_function("document.querySelector('.yj-draft')?.innerText.includes('已停止')")
    deadline = time.monotonic() + 5
    while question not in backend.closed:
        assert time.monotonic() < deadline, "the stream was not closed"
        time.sleep(0.05)
    page.wait_for_timeout(600)
    assert "已停止，以上草稿未经核对" in page.inner_text(".yj-draft")
    ask(page, QUESTION)
    assert page.locator(".yj-final").count() == 1


def test_closing_the_tab_frees_the_model(open_page: OpenPage, backend: FakeBackend) -> None:
    page = open_page()
    question = "慢慢说 close"
    ask(page, question, wait=False)
    page.wait_for_selector(".yj-draft")
    page.close()
    deadline = time.monotonic() + 10
    while question not in backend.closed:
        assert time.monotonic() < deadline, "the stream was not closed"
        time.sleep(0.05)


def test_new_conversation_forgets(open_page: OpenPage, backend: FakeBackend) -> None:
    page = open_page()
    ask(page, QUESTION)
    ask(page, "那么目标呢？")
    assert [turn.question for turn in backend.asked[-1][1]] == [QUESTION]
    page.click("#yj-new")
    page.wait_for_selector(".yj-welcome")
    assert "点击回答中的编号" in page.inner_text("#yj-panel-body")
    page.get_by_role("button", name=SAMPLES[2]).click()
    page.wait_for_selector(".yj-final")
    assert backend.asked[-1] == (SAMPLES[2], ())


def test_the_standalone_question_can_be_changed_in_its_place_and_is_then_taken_as_it_stands(
    open_page: OpenPage, backend: FakeBackend
) -> None:
    page = open_page()
    ask(page, QUESTION)
    assert page.locator(".yj-understood").count() == 0
    ask(page, "那目标呢？")
    assert page.inner_text(".yj-understood-text") == "临江港目标呢？"
    page.get_by_role("button", name="改", exact=True).click()
    field = page.locator(".yj-amending input")
    assert field.input_value() == "临江港目标呢？"
    field.fill("不要了")
    field.press("Escape")
    assert page.locator(".yj-understood-text").is_visible()
    page.get_by_role("button", name="改", exact=True).click()
    field.fill("临江港2030年的目标是什么？")
    field.press("Enter")
    page.wait_for_function("document.querySelectorAll('.yj-final').length === 3")
    assert backend.asked[-1] == ("临江港2030年的目标是什么？", ())
    page.wait_for_selector(".yj-understood", state="detached")
    ask(page, "那火星呢？")
    assert len(backend.asked[-1][1]) == 3


def test_small_talk_is_a_plain_reply(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "你好")
    assert page.inner_text(".yj-final") == f"你好！{HOSTILE}"
    assert page.locator(".yj-final a, .yj-badge, #yj-panel-body .yj-card").count() == 0
    ask(page, QUESTION)
    page.wait_for_selector("#yj-panel-body .yj-card")


def test_status_line_follows_without_touching_the_chat(open_page: OpenPage, backend: FakeBackend) -> None:
    page = open_page()
    before = backend.current
    try:
        assert f"正在下载 {MODEL} 43%" in page.inner_text("#yj-status")
        assert "临江新闻 · 1,286 篇文章" in page.inner_text("#yj-status")
        page.fill(BOX, "写到一半")
        backend.current = UiStatus("临江新闻", 1_286, MODEL, "ready")
        page.wait_for_selector(".yj-model-ready")
        assert page.input_value(BOX) == "写到一半"
        assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    finally:
        backend.current = before


def test_a_long_answer_blocks_nobody_else(open_page: OpenPage) -> None:
    slow, quick = open_page(), open_page()
    ask(slow, "慢", wait=False)
    slow.wait_for_selector(".yj-draft")
    started = time.monotonic()
    ask(quick, QUESTION)
    quick.locator(".yj-final a.yj-cite").first.click()
    assert lit(quick) == [[GROWTH.quote, PEN]]
    assert time.monotonic() - started < 12
    assert slow.locator(".yj-final").count() == 0, "the slow answer should still be running"
    slow.click("#yj-stop")
    slow.wait_for_selector("#yj-ask")


def test_a_phone_gets_the_sources_as_a_sheet(open_page: OpenPage) -> None:
    page = open_page(width=400, height=800)
    ask(page, QUESTION)
    assert not page.locator("#yj-panel").is_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
    mark = page.locator(".yj-final a.yj-cite").first
    mark.click()
    page.wait_for_selector("#yj-panel", state="visible")
    assert lit(page) == [[GROWTH.quote, PEN]]
    assert page.evaluate("document.getElementById('yj-talk').inert") is True
    page.keyboard.press("Escape")
    page.wait_for_selector("#yj-panel", state="hidden")
    assert page.evaluate("document.activeElement === document.querySelector('.yj-final a.yj-cite')")
    mark.click()
    page.click("#yj-panel-close")
    page.wait_for_selector("#yj-panel", state="hidden")
    for selector in (BOX, "#yj-ask", "#yj-new"):
        box = page.locator(selector).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 400
        assert box["y"] + box["height"] <= 800


@pytest.mark.parametrize("width", [400, 1280])
def test_filters_are_chips_that_go_with_the_question(open_page: OpenPage, backend: FakeBackend, width: int) -> None:
    page = open_page(width=width)
    ask(page, QUESTION)
    assert backend.filters[-1] is None
    page.click("#yj-filters button")
    page.get_by_label("发表日期从").fill("2022-05")
    page.get_by_label("来源").click()
    page.get_by_role("option", name="港口周刊").click()
    page.keyboard.press("Escape")
    ask(page, QUESTION)
    assert backend.filters[-1] == Filters(after=date(2022, 5, 1), sources=("港口周刊",))
    page.get_by_label("发表日期从").fill("去年")
    page.fill(BOX, QUESTION)
    page.press(BOX, "Enter")
    page.get_by_text("看不懂日期：去年").wait_for()
    page.get_by_label("发表日期从").fill("")
    page.get_by_role("button", name="Remove 港口周刊").or_(
        page.locator("#yj-filters .token-remove").first
    ).first.click()
    page.get_by_label("按问题里的昨天").uncheck()
    ask(page, QUESTION)
    assert backend.filters[-1] == Filters(), "all articles, whatever the question says"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_visible_text_has_enough_contrast(open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme)
    assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    seen = 0
    empty = page.evaluate(CONTRAST)
    assert empty["poor"] == []
    for question in (QUESTION, "2027年的目标是什么？", "火星上有港口吗？", "抽取", "失败"):
        ask(page, question)
        links = page.locator(".yj-final a.yj-cite")
        links.nth(links.count() - 1).click()
        found = page.evaluate(CONTRAST)
        assert found["poor"] == []
        seen = max(seen, found["seen"])
    assert seen > 60


def test_english_browsers_get_english(open_page: OpenPage) -> None:
    page = open_page(locale="en-US")
    assert page.inner_text("#yj-new") == "New chat"
    assert page.get_attribute(BOX, "placeholder") == "Type a question and press Enter"
    ask(page, QUESTION)
    text = page.inner_text(".yj-final")
    for words in ("Supported", "Partly supported", "Left out, because no source was found: 1", "3 passages retrieved"):
        assert words in text
    assert "有据" not in text
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("locale", ["zh-CN", "zh-SG", "zh-Hans-CN", "zh"])
def test_chinese_browsers_get_chinese(open_page: OpenPage, locale: str) -> None:
    page = open_page(locale=locale)
    assert page.inner_text("#yj-new") == "新对话"
    assert page.inner_text("#yj-ask") == "提问"
    assert page.get_attribute(BOX, "placeholder") == "输入问题，按 Enter 提问"
    assert "每一句都有出处" in page.inner_text("#yj-header")


@pytest.mark.parametrize("locale", ["zh-TW", "zh-HK", "zh-Hant-MO"])
def test_browsers_in_traditional_script_get_it(open_page: OpenPage, locale: str) -> None:
    page = open_page(locale=locale)
    assert page.inner_text("#yj-new") == "新對話"
    assert page.get_attribute(BOX, "placeholder") == "輸入問題，按 Enter 提問"
    assert "每一句都有出處" in page.inner_text("#yj-header")
    ask(page, QUESTION)
    answer = page.inner_text(".yj-final")
    assert "這個回答是怎麼來的" in answer
    assert "临江港完成货物吞吐量" in answer, "an answer stays in the words of its article"
