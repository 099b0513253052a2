"""How the page looks and sounds: still, quick, in one language, of the right measure, and open to everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import opencc
import pytest

from tests.ui.fake_backend import (
    DEEP,
    HARBOUR,
    MODEL,
    PLANS,
    REPRINT,
    ROUTES,
    TARGET_STATEMENTS,
    THROUGHPUT_STATEMENTS,
    TRAP,
    hit,
)
from tests.ui.live_page import SAMPLES, LivePage
from tests.ui.reader import BOX, QUESTION, OpenPage, ask

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

SHIFTS = """window.shifts = []; new PerformanceObserver((list) => {
  for (const { value, sources: [first] } of list.getEntries()) {
    window.shifts.push([value, String(first?.node?.outerHTML).slice(0, 99), JSON.stringify([first?.previousRect, first?.currentRect])]);
  }
}).observe({ type: "layout-shift", buffered: true });"""
STRINGS = """() => {
  const found = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const language = node.closest(".yj-zh, .yj-tw, .yj-en");
    if (node.closest("script, style, .yj-logo") || (language && getComputedStyle(language).display === "none")) continue;
    found.push(walker.currentNode.data);
  }
  for (const node of document.querySelectorAll("*")) {
    for (const name of ["aria-label", "aria-description", "aria-roledescription", "title", "placeholder", "alt"]) {
      found.push(node.getAttribute(name) ?? "");
    }
  }
  return found.map((text) => text.trim()).filter(Boolean);
}"""
CONFLICT, REFUSAL = "2027年的目标是什么？", "火星上有港口吗？"
ARTICLES = (HARBOUR, PLANS, TRAP, REPRINT, DEEP)
FOUND = [hit.chunk.text for hit in (hit(HARBOUR, 1), hit(PLANS, 2), hit(TRAP, 3, 8, 40))]
OUTSIDE = sorted(
    {
        *(piece for text in FOUND for piece in (text.strip().replace("\n", " "), *text.split("\n")) if piece),
        *SAMPLES, QUESTION, CONFLICT, REFUSAL, "失败", MODEL, "临江新闻@7", "临江新闻", "answer@abc123", "zh-small", "港口周刊", "金融/港口", "金融",
        "资料中没有关于火星的内容。", "请检查 YOUJU_API_KEY", "大模型没有回答：",
        *(text for article in ARTICLES for line in article.text.split("\n") for text in (line, *map(str.strip, line.split("|"))) if text.strip()),
        *(text for article in ARTICLES for text in (article.title, f"{article.title[:80]}…", article.source, *article.category) if text),
        *(text for told in (*THROUGHPUT_STATEMENTS, *TARGET_STATEMENTS) for text in (told.text, told.note) if text),
        *(citation.quote for told in (*THROUGHPUT_STATEMENTS, *TARGET_STATEMENTS) for citation in told.citations), ROUTES.quote,
    },
    key=len,
    reverse=True,
)  # fmt: skip
"""What articles, questions, answers and the library say: in their own language, longest first."""


def states(page: Page) -> dict[str, Callable[[], None]]:
    """Everything that the page can look like, each reached from the one before."""

    def answer() -> None:
        ask(page, QUESTION)
        page.locator(".yj-how > summary").click()
        page.locator(".yj-struck > summary").click()

    def popover() -> None:
        page.wait_for_timeout(500)  # the conversation scrolls to its end first
        page.locator(".yj-final a.yj-cite").first.hover()
        page.wait_for_selector("#yj-tip", state="visible")

    def panel() -> None:
        page.locator(".yj-final a.yj-cite").first.click()
        page.wait_for_selector("#yj-article-text .yj-on")

    def cards() -> None:
        page.click("#yj-back")
        page.wait_for_selector("#yj-panel-body .yj-card")
        page.keyboard.press("Escape")

    def filters() -> None:
        page.click("#yj-filters > button")
        page.locator("#yj-filters [role=combobox]").first.click()
        page.get_by_role("option").first.click()
        page.keyboard.press("Escape")

    return {
        "empty": lambda: None,
        "answer": answer,
        "conflict": lambda: ask(page, CONFLICT),
        "popover": popover,
        "panel": panel,
        "cards": cards,
        "refusal": lambda: ask(page, REFUSAL),
        "error": lambda: ask(page, "失败"),
        "filters": filters,
    }


def chrome_of(texts: list[str]) -> list[str]:
    """The page's own words: what is left of each text without what comes from outside."""
    left = set()
    for text in texts:
        for outside in OUTSIDE:
            text = text.replace(outside, " ")
        left.add(text.strip())
    return sorted(left - {""})


@pytest.mark.parametrize("locale", ["zh-CN", "zh-TW", "fr"])
def test_the_page_speaks_one_language(open_page: OpenPage, locale: str) -> None:
    page = open_page(locale=locale)
    seen: list[str] = []
    for reach in states(page).values():
        reach()
        page.wait_for_timeout(50)  # for what is told to screen readers with the next frame
        seen += page.evaluate(STRINGS)
    said = chrome_of(seen)
    assert len(said) > 60
    if not locale.startswith("zh"):
        assert [text for text in said if re.search(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", text)] == []
        return
    names = re.compile("Enter|Markdown|HTML|Word|Cookie")  # of keys and formats: the same in every language
    latin = [text for text in said if re.search(r"[A-Za-z]{2,}", names.sub("", text))]
    assert latin == []
    to_other = opencc.OpenCC("s2tw" if locale == "zh-TW" else "t2s").convert
    assert [text for text in said if to_other(text) != text] == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light")])
def test_axe_finds_nothing_serious(open_page: OpenPage, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()
    page = open_page(width=width, scheme=scheme)
    for name, reach in states(page).items():
        reach()
        page.wait_for_timeout(100)
        found = axe.run(page).response
        assert len(found["passes"]) > 10, name
        serious = [
            (violation["id"], violation["nodes"][0]["html"][:200])
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert serious == [], name


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_jumps_while_the_page_opens_and_an_answer_streams(browser: Browser, live: LivePage, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 860}, locale="zh-CN")
    page.add_init_script(SHIFTS)
    page.goto(live.url)
    page.wait_for_selector(BOX)
    page.wait_for_timeout(500)
    for question in ("吞吐量（缓）", CONFLICT, REFUSAL):  # of one line: the box grows with a longer one
        ask(page, question)
        page.wait_for_timeout(600)  # the browser forgives what moves within half a second of a key
    shifts = page.evaluate("window.shifts")
    assert sum(shift for shift, *_ in shifts) <= 0.01, shifts
    page.evaluate("document.getElementById('yj-header').style.marginTop = '90px'")
    page.wait_for_timeout(300)
    assert sum(shift for shift, *_ in page.evaluate("window.shifts")) > 0.01, "the observer sees what jumps"
    page.close()


def test_the_first_paint_comes_within_two_seconds(browser: Browser, live: LivePage) -> None:
    times = []
    for _ in range(3):
        context = browser.new_context(locale="zh-CN")
        page = context.new_page()
        page.goto(live.url, wait_until="commit")
        page.wait_for_selector("#yj-shell", state="visible")
        assert page.inner_text("#yj-shell") == "正在打开…"
        page.wait_for_selector(BOX)
        assert page.locator("#yj-shell").count() == 0
        assert page.evaluate("document.activeElement.tagName") == "TEXTAREA", "one can type at once"
        times.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        context.close()
    assert min(times) <= 2_000, "milliseconds"


@pytest.mark.parametrize("width", [400, 900, 1280, 1920, 2560, 3840])
def test_lines_are_of_a_length_that_can_be_read(open_page: OpenPage, width: int) -> None:
    page = open_page(width=width, height=900)
    ask(page, "深处那一句")
    page.locator(".yj-final a.yj-cite").first.click()
    page.wait_for_selector("#yj-article-text .yj-on")
    for selector in ("#yj-article-text .yj-line", ".yj-final"):
        em = page.locator(selector).first.evaluate(
            "n => n.getBoundingClientRect().width / parseFloat(getComputedStyle(n).fontSize)"
        )
        assert 18 <= em <= 46, selector
    size = page.locator(".yj-final .yj-text").first.evaluate("n => parseFloat(getComputedStyle(n).fontSize)")
    assert size >= (24 if width == 3840 else 16)
    ratio = page.locator(".yj-final .yj-text").first.evaluate(
        "n => parseFloat(getComputedStyle(n).lineHeight) / parseFloat(getComputedStyle(n).fontSize)"
    )
    assert 1.7 <= ratio <= 1.9
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_spaces_between_scripts_are_drawn_and_not_copied(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    assert page.locator(".yj-final .yj-text").first.evaluate("n => getComputedStyle(n).textAutospace") == "normal"
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.yj-final .yj-text'))")
    assert page.evaluate("getSelection().toString()") == THROUGHPUT_STATEMENTS[0].text


def test_the_keyboard_reaches_everything_and_shows_where_it_is(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, QUESTION)
    page.locator(".yj-final a.yj-cite").first.click()
    page.wait_for_selector("#yj-article-text .yj-on")
    page.focus("#yj-new")
    reached = ["yj-new"]
    for _ in range(40):
        page.keyboard.press("Tab")
        name, marked = page.evaluate(
            """() => { const n = document.activeElement;
              const ring = (n) => { const s = getComputedStyle(n); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0; };
              const row = n.closest("#yj-question-row");
              return [n.id || n.className || n.tagName, n === document.body || ring(n) || Boolean(row)]; }"""
        )
        assert marked, f"the focus on {name} cannot be seen"
        reached.append(name)
        if name == "BODY" or (len(reached) > 1 and name == reached[0]):
            break
    for wanted in ("yj-new", "yj-cite", "yj-ask", "yj-back", "yj-original", "yj-article-text", "yj-following"):
        assert any(wanted in name for name in reached), (wanted, reached)


def test_a_screen_reader_hears_an_answer_once(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(
        """() => { window.heard = []; new MutationObserver(() => window.heard.push(document.querySelector("#yj-live").textContent))
          .observe(document.querySelector("#yj-live"), { childList: true }); }"""
    )
    ask(page, f"{QUESTION}（缓）")
    page.wait_for_function("document.querySelector('#yj-live').textContent.startsWith('回答完成')")
    told = "".join(statement.text for statement in THROUGHPUT_STATEMENTS[:2])
    assert [text.replace(" ", "") for text in page.evaluate("window.heard")] == ["正在检索资料…", f"回答完成。{told}"]
    live = page.eval_on_selector_all(
        "[aria-live], [role=status], [role=alert], [role=log]",
        "nodes => nodes.map(n => [n.id || n.className, n.getAttribute('aria-live')])",
    )
    assert [name for name, how in live if "wrap" in name and how != "off" and "toast" not in name] == []


def test_the_theme_can_be_asked_for_and_rest_too(open_page: OpenPage, live: LivePage) -> None:
    page = open_page(scheme="light")
    page.goto(f"{live.url}/?__theme=dark")
    page.wait_for_selector(BOX)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 26)"
    page.fill(BOX, f"{QUESTION}（缓）")
    page.press(BOX, "Enter")
    page.wait_for_selector(".yj-pulse")
    assert page.evaluate("getComputedStyle(document.querySelector('.yj-pulse')).animationName") == "none"
