"""A hundred hostile texts, as question, draft, answer, article, title, source, category, link, model and library: all inert."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from rag.errors import ChatModelError
from rag.filters import Filters
from rag.records import Answer, Article, Citation, Event, Mode, Provenance, Retrieved, Statement, Token, Turn
from rag.ui import UiStatus
from rag.ui.markup import visible
from rag.ui.render import LONGEST_QUESTION
from tests.ui.fake_backend import FakeBackend, hit
from tests.ui.payloads import PAYLOADS
from tests.ui.reader import OpenPage, ask

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]

HARM = """() => {
  const shown = document.querySelector(".gradio-container");
  const tags = "script, img, iframe, object, embed, link, meta, base, form, video, audio, svg a, math, style, marquee";
  const ours = (node) => node.closest(".icon-button, .dropdown-arrow, .icon-wrap, .toast-wrap, dialog[id^=yj-] > form[method=dialog]");
  const found = Array.from(shown.querySelectorAll(tags)).filter((node) => !ours(node)).map((node) => node.outerHTML);
  for (const node of shown.querySelectorAll("*")) for (const { name, value } of node.attributes) {
    if (/^on/i.test(name) || /^(href|src|action|style|poster|background)$/.test(name) && /javascript:|evil|data:text/i.test(value)) found.push(name + "=" + value);
  }
  if (window.pwned !== undefined) found.push("pwned");
  return found;
}"""
OPEN_ALL = """async () => {
  const titles = [];
  const title = document.querySelector("#yj-article-title");
  const mark = () => document.querySelector("#yj-article-text .yj-on")?.textContent;
  for (const link of document.querySelectorAll("#yj-chat .yj-final > .yj-s > a.yj-cite")) {
    title.textContent = "";
    link.click();
    for (let i = 0; i < 500 && !(title.textContent && mark()); i++) await new Promise((done) => setTimeout(done, 10));
    titles.push([title.textContent, document.querySelector("#yj-article-text").textContent, document.querySelector("#yj-article-where").textContent]);
  }
  return titles;
}"""


def article(number: int, payload: str) -> Article:
    text = f"前文。\n这一句要引用：{payload}。\n| 表 | {payload} |\n后文。"
    return Article(
        f"{number:016x}", payload, text, source=payload, category=(payload,), author=f"{payload}记者", url=payload
    )


ARTICLES = tuple(article(number, payload) for number, payload in enumerate(PAYLOADS))


class HostileBackend(FakeBackend):
    """Says every payload in every place that takes a text from outside."""

    def __init__(self) -> None:
        super().__init__(pace=0)
        self.articles = {article.id: article for article in ARTICLES}
        self.current = UiStatus(PAYLOADS[3], 7, PAYLOADS[7], "failed", detail=PAYLOADS[11])

    def events(
        self,
        question: str,
        history: Sequence[Turn],
        filters: Filters | None = None,
        mode: Mode = "auto",
        client: str = "",
    ) -> Iterator[Event]:
        if question == "失败":
            raise ChatModelError("\n".join(PAYLOADS[:9]), PAYLOADS[9])
        everything = "".join(PAYLOADS)
        hits = tuple(hit(article, rank, 0, 40) for rank, article in enumerate(ARTICLES, 1))
        yield Retrieved(hits, everything, everything, everything)
        yield from (Token(payload) for payload in PAYLOADS)
        made = Provenance(*(everything,) * 5, notice=everything)
        refused = "拒绝" in question
        statements = () if refused or "?" in question else tuple(map(_statement, ARTICLES))
        struck = tuple(Statement(payload, (), "unsupported", payload) for payload in PAYLOADS[:10] if statements)
        yield Answer(
            question=question, standalone_question=f"{question}{everything}", statements=statements + struck,
            hits=hits, refused=not statements, reason=everything, timings={PAYLOADS[3]: 1.0, "total": 2.0},
            provenance=made, scope=everything,
        )  # fmt: skip


def _statement(article: Article) -> Statement:
    start = article.text.index("这一句")
    end = article.text.index("。\n| 表") + 1
    number = int(article.id, 16) + 1
    return Statement(
        article.title, (Citation(number, article, start, end, article.text[start:end]),), "partial", article.title
    )


@pytest.fixture(scope="module")
def backend() -> FakeBackend:
    return HostileBackend()


def plain(text: str) -> str:
    """What a reader sees of a text: no control characters, no bars of tables, no space."""
    return re.sub(r"[\s|…]", "", visible(text))


def test_a_hundred_hostile_texts_are_shown_and_do_nothing(open_page: OpenPage) -> None:
    assert len(PAYLOADS) >= 100
    page = open_page()
    ask(page, "全部攻击")
    said = page.locator("#yj-chat .yj-final > .yj-s > .yj-text").all_text_contents()
    assert [plain(text) for text in said] == [plain(payload) for payload in PAYLOADS]
    opened = page.evaluate(OPEN_ALL)
    assert len(opened) == len(PAYLOADS)
    for (title, text, where), payload in zip(opened, PAYLOADS, strict=True):
        assert plain(title) == plain(payload)
        assert plain(text).count(plain(payload)) >= 2, "in a sentence and in a table"
        assert plain(where).count(plain(payload)) >= 3, "source, author and category"
    assert page.locator("a.yj-original").count() == 0, "none of them is the address of a page"
    page.locator(".yj-how > summary").click()
    page.locator(".yj-struck > summary").click()
    page.locator("#yj-chat .yj-final > .yj-s > a.yj-cite").first.hover()
    page.wait_for_selector("#yj-tip", state="visible")
    assert page.evaluate(HARM) == []
    question = ""
    for payload in (*PAYLOADS, " " * LONGEST_QUESTION):
        if len(question) + len(payload) >= LONGEST_QUESTION:
            ask(page, f"{question}?")
            assert plain(page.locator(".yj-q").last.text_content() or "") == plain(f"{question}?")
            question = ""
        question += payload + " "
    ask(page, "请拒绝")
    page.locator("a.yj-cite-near").first.click()
    page.wait_for_selector("#yj-article-text .yj-on")
    ask(page, "失败")
    page.wait_for_timeout(300)  # for a dialog or a request, which the fixture would report
    assert page.evaluate(HARM) == []
