"""The HTML of the page: what it shows, and that nothing from outside becomes markup."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rag.conflicts import told_differently
from rag.errors import YoujuError
from rag.records import Answer, Article, Citation, Provenance, Statement
from rag.ui import UiStatus, render
from rag.ui.markup import escape, safe_url
from tests.ui.fake_backend import GROWTH, HARBOUR, HOSTILE, PLANS, TARGET_STATEMENTS, THROUGHPUT_STATEMENTS, cite, hit

ATTACKS = (
    HOSTILE,
    "<script>alert(1)</script>",
    "</div></article><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<a href='javascript:alert(1)'>x</a>",
    "[点我](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "$$\\href{javascript:alert(1)}{x}$$ \\(x\\)",
    "```mermaid\ngraph TD; A-->B\n```",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} `${alert(1)}`",
    '__i18n__{"__type__": "translation_metadata", "key": "ask"}',
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
    "<svg/onload=alert(1)><math><mi xlink:href='data:x,<script>alert(1)</script>'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x00<scr\x00ipt>\x1b[31m\u202egnp.exe\ud800",
    "# 标题\n\n- 列表\n\n| 表 | 格 |\n|---|---|\n~~删~~ **粗** _斜_",
)


class Parsed(HTMLParser):
    """Tags, attributes and text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def answer(statements: tuple[Statement, ...] = (), **changes: object) -> Answer:
    base = Answer(
        question="临江港一季度吞吐量是多少？",
        standalone_question="临江港一季度吞吐量是多少？",
        statements=statements,
        hits=(hit(HARBOUR, 1), hit(PLANS, 2)),
        refused=False,
        reason="",
        timings={"total": 1.25},
        provenance=Provenance("zh-small", "a-model", "p", "库", "0.1"),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def chinese(html: str) -> str:
    """The text as a Chinese reader sees it."""
    return Parsed(re.sub(r'<span class="yj-(?:en|tw)">.*?</span>', "", html)).text


def trap(text: str) -> Article:
    return Article("ff", text, f"前文。\n{text}结尾。\n后文。", source=text, category=(text,), url=text)


def test_statement_links_to_its_exact_sentence() -> None:
    html = render.answer_html(answer(THROUGHPUT_STATEMENTS), "u1")
    marks = dict(re.findall(r'<mark class="yj-quote" lang="zh" id="([^"]+)">(.*?)</mark>', html))
    links = re.findall(r'<a class="yj-cite" href="#([^"]+)".*?\[(\d+)\]</a>', html)
    assert links == [("yj-u1-1", "1"), ("yj-u1-2", "2")]
    assert Parsed(marks["yj-u1-1"]).text == GROWTH.quote
    assert Parsed(marks["yj-u1-2"]).text == "港口方面表示，增长主要来自新开通的三条近洋航线。"


def test_support_is_said_in_words_and_notes_are_shown() -> None:
    text = chinese(render.answer_html(answer(THROUGHPUT_STATEMENTS + TARGET_STATEMENTS), "u"))
    for words in ("有据", "部分有据", "未找到依据", "说法不一", "没有提到内贸煤炭", "征求意见稿的目标是1.4亿吨。"):
        assert words in text, words


def test_sources_that_disagree_are_told_beside_both_statements() -> None:
    other = cite(2, PLANS, "此前的征求意见稿曾提出1.4亿吨的目标。")
    statements = (
        Statement("甲。", (cite(1, PLANS, "规划提出，到2027年，临江港货物吞吐量达到1.5亿吨。"),), "supported"),
        Statement("乙。", (other,), "supported", told_differently(cite(1, HARBOUR, GROWTH.quote), other)),
        Statement("丙。", (cite(3, HARBOUR, GROWTH.quote),), "supported"),
    )
    text = chinese(render.answer_html(answer(statements), "u"))
    assert "甲。出处[1]有据说法不一乙。出处[2]有据说法不一与[1]说法不一：江城晚报，2025-01-20丙。出处[3]有据" in text
    assert text.count("有据说法不一") == 2


def test_a_row_of_a_table_is_shown_as_its_cells() -> None:
    row = "| 货物吞吐量 | 3,126.5万吨 | 6.8% |"
    html = render.answer_html(answer((Statement(row, (cite(1, HARBOUR, row),), "supported"),)), "u")
    assert html.count('<span class="yj-cell">3,126.5万吨</span>') == 2, "in the answer and in its card"
    assert "货物吞吐量 3,126.5万吨 6.8%出处[1]" in chinese(html)
    assert "甲|乙" in chinese(render.answer_html(answer((Statement("甲|乙", (), "partial"),)), "u"))


def test_what_nothing_carries_is_struck_behind_a_closed_line() -> None:
    html = render.answer_html(answer(THROUGHPUT_STATEMENTS), "u")
    shown, _, rest = html.partition('<details class="yj-struck"><summary>')
    line, _, left_out = rest.partition("</details>")[0].partition("</summary>")
    assert "全省第一大港" not in chinese(shown)
    assert '<del class="yj-text" lang="zh">港口因此成为全省第一大港。</del>' in left_out
    assert chinese(line) == "另有 1 句未找到依据，未采用"
    assert "资料中没有这一说法。" in chinese(left_out)
    assert "yj-struck" not in render.answer_html(answer(THROUGHPUT_STATEMENTS[:2]), "u")


def test_card_says_title_source_and_the_date_in_shanghai() -> None:
    parsed = Parsed(render.answer_html(answer(THROUGHPUT_STATEMENTS[:1]), "u"))
    assert "临江港一季度吞吐量公布临江日报2025-04-08" in parsed.text  # 17:30 UTC on the 7th
    assert [href for href in parsed.all("href") if not href.startswith(("#yj-at?", "#yj-near?"))] == [
        "#yj-u-1",
        HARBOUR.url,
    ]
    assert parsed.all("rel") == ["noopener noreferrer"]


def test_a_sentence_cited_twice_has_one_card() -> None:
    twice = (Statement("甲。", (GROWTH,), "supported"), Statement("乙。", (GROWTH,), "supported"))
    html = render.answer_html(answer(twice), "u")
    assert html.count("<mark") == 1
    assert html.count('href="#yj-u-1"') == 2


def test_ids_differ_between_answers_and_exist_once() -> None:
    html = render.answer_html(answer(THROUGHPUT_STATEMENTS), "u1") + render.answer_html(answer(TARGET_STATEMENTS), "u2")
    ids = Parsed(html).all("id")
    assert len(ids) == len(set(ids))
    targets = [href for href in Parsed(html).all("href") if re.match(r"#yj-u\d-", href)]
    assert {target[1:] for target in targets} <= set(ids)


def test_refusal_shows_its_reason_and_the_nearest_passages() -> None:
    html = render.answer_html(answer(refused=True, reason="资料中没有火星。"), "u")
    text = chinese(html)
    assert "没有答案资料中没有火星。" in text
    assert "最接近的段落" in text
    assert "<mark" not in html, "a passage that answers nothing must not look like proof"
    assert html.count("yj-cite-near") == 2


def test_answer_without_citations_says_so() -> None:
    assert "这个回答没有引用原文" in chinese(render.answer_html(answer((Statement("无据。"),)), "u"))


def test_quiet_line_names_the_model_or_says_extractive() -> None:
    assert "a-model · 1.2 秒 · 检索到 2 段资料" in chinese(render.answer_html(answer(), "u"))
    extractive = replace(answer().provenance, llm="", notice="大模型超时。")
    text = chinese(render.answer_html(answer(provenance=extractive), "u"))
    assert "抽取式回答 · 1.2 秒" in text
    assert "大模型超时。" in text


def test_standalone_question_is_shown_when_it_differs() -> None:
    assert "按“临江港呢？”检索" in chinese(render.answer_html(answer(standalone_question="临江港呢？"), "u"))
    assert "按“" not in chinese(render.answer_html(answer(), "u"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_is_inert_everywhere(attack: str) -> None:
    article = trap(attack)
    citation = Citation(1, article, 4, 4 + len(attack), attack)
    statement = Statement(attack, (citation,), "partial", attack)
    provenance = Provenance(attack, attack, attack, attack, attack, attack)
    hostile = answer((statement,), question=attack, standalone_question=f"{attack}？", provenance=provenance)
    pieces = {
        "answer": render.answer_html(hostile, "u"),
        "refusal": render.answer_html(replace(hostile, refused=True, reason=attack, hits=(hit(article, 1),)), "u"),
        "question": render.question_html(attack),
        "draft": render.draft_html(attack),
        "stopped": render.stopped_html(attack),
        "error": render.error_html(YoujuError(attack, attack)),
        "status": render.status_html(UiStatus(attack, 1, attack, "failed", detail=attack)),
    }
    for name, html in pieces.items():
        parsed = Parsed(html)
        assert parsed.open == [], name
        assert set(parsed.tags) <= {
            *("div", "p", "span", "a", "br", "article", "header", "h3", "mark", "time", "ul", "ol", "li"),
            *("details", "summary", "dl", "dt", "dd"),
        }, name
        assert {attribute for attribute, _ in parsed.attributes} <= {
            *("class", "id", "href", "title", "tabindex", "target", "rel", "role", "aria-hidden", "lang"),
        }, name
        assert all(
            re.match(r"#yj-(u-\d+$|(at|near)\?id=[0-9a-f]+(&at=[\w-]+)*$)", href) for href in parsed.all("href")
        ), name
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\ud800]", html), name
        visible = re.sub(r"<[^>]*>", "", html)
        assert not re.search(r"[`$*_{}\[\]\\~|]", visible.replace("[1]</a>", "").replace("[1]", "")), name
        assert "\n" not in html, name
        html.encode("utf-8")


def test_hostile_text_still_reads_as_it_was() -> None:
    assert Parsed(escape("a<b>&\"'[1]${x}`_*\\")).text == "a<b>&\"'[1]${x}`_*\\"


def test_mark_inside_a_text_does_not_become_a_link() -> None:
    html = render.answer_html(answer((Statement("据[1]称[2]。", (), "unsupported"),)), "u")
    assert 'class="yj-cite' not in html
    assert "据[1]称[2]。" in Parsed(html).text


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "//evil.example/x",
        "/relative",
        "http://",
        'https://a.example/" onclick="x',
        "https://a.example/ b",
        "https://[bad",
        "ftp://a.example",
        "",
        "https://a.example/" + "x" * 3_000,
    ],
)
def test_only_plain_web_addresses_become_links(url: str) -> None:
    assert safe_url(url) == ""
    html = render.answer_html(
        answer((Statement("s", (cite(1, replace(HARBOUR, url=url), GROWTH.quote),), "supported"),)), "u"
    )
    assert {href[:4] for href in Parsed(html).all("href")} <= {"#yj-"}


@pytest.mark.parametrize("url", ["https://news.example.com/a?b=1&c=[2]#d_e", "http://新闻.example/路径"])
def test_web_addresses_survive_unchanged(url: str) -> None:
    assert Parsed(f'<a href="{safe_url(url)}">x</a>').all("href") == [url]


def test_huge_inputs_are_cut() -> None:
    huge = "很" * 200_000
    article = Article("x", huge, huge, source=huge)
    statement = Statement(huge, (Citation(1, article, 0, len(huge), huge),), "partial", huge)
    assert len(render.answer_html(answer((statement,), question=huge), "u")) < 25_000
    assert len(render.draft_html(huge)) < 25_000
    assert len(render.question_html(huge)) < 3_000
    assert len(render.error_html(YoujuError(huge, huge))) < 3_000
    assert len(render.status_html(UiStatus(huge, 1, huge, "failed", detail=huge))) < 2_000


def test_unexpected_errors_keep_their_words_to_themselves() -> None:
    html = render.error_html(RuntimeError("secret /home/someone"))
    assert "secret" not in html
    assert "程序出了意外的错误。" in chinese(html)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (UiStatus("新闻", 1_286), "新闻 · 1,286 篇文章抽取式（未配置大模型）"),
        (UiStatus("新闻", 2, "m", "downloading", 0.434), "新闻 · 2 篇文章正在下载 m 43%"),
        (UiStatus("新闻", 2, "m", "downloading"), "新闻 · 2 篇文章正在下载 m"),
        (UiStatus("新闻", 2, "m", "downloading", 7.0), "新闻 · 2 篇文章正在下载 m 100%"),
        (UiStatus("新闻", 2, "m", "loading"), "新闻 · 2 篇文章正在载入 m"),
        (UiStatus("新闻", 2, "m", "ready"), "新闻 · 2 篇文章m"),
        (UiStatus("新闻", 2, "m", "failed"), "新闻 · 2 篇文章抽取式（m 不可用）"),
        (UiStatus("新闻", 2, "m", "failed", detail="校验失败"), "新闻 · 2 篇文章抽取式（m 不可用：校验失败）"),
        (None, "暂时读不到知识库的状态"),
    ],
)
def test_status_line(status: UiStatus | None, expected: str) -> None:
    assert chinese(render.status_html(status)) == expected


def test_braces_in_values_are_not_filled_again() -> None:
    assert "{model}" in chinese(render.status_html(UiStatus("{model}", 1, "m", "ready")))


def test_how_an_answer_came_about_is_told_whole() -> None:
    timings = {"retrieve": 0.25, "judge": 0.5, "total": 1.25, "new stage": 0.1}
    text = chinese(render.answer_html(answer(timings=timings, scope="2025年5月的文章"), "u"))
    for words in (
        *("检索的问题临江港一季度吞吐量是多少？", "检索范围2025年5月的文章", "检索到2 段，出自 2 篇文章"),
        *("检索 0.25 秒 · 评判 0.50 秒 · new stage 0.10 秒 · 共 1.25 秒", "由 a-model 起草，逐句核对"),
        *("提示词p", "向量模型zh-small", "知识库库", "有据版本0.1"),
    ):
        assert words in text, words
    several = chinese(render.answer_html(answer(hits=(hit(HARBOUR, 1), hit(PLANS, 2), hit(HARBOUR, 3, 9, 40))), "u"))
    assert several.count(HARBOUR.title) == 1, "an article is named once"
    assert f"{HARBOUR.title}临江日报2025-04-08（2 段）" in several
    extractive = replace(answer().provenance, llm="")
    assert "提示词" not in chinese(render.answer_html(answer(provenance=extractive), "u")), "no prompt was used"


def test_a_card_names_the_articles_that_tell_the_same() -> None:
    reprints = tuple(Article(f"{n:016x}", f"转载{n}", "文", source="晚报") for n in range(7))
    hits = (replace(hit(HARBOUR, 1), also=reprints),)
    html = render.answer_html(answer(THROUGHPUT_STATEMENTS[:1], hits=hits), "u")
    assert "同一报道还见于" in chinese(html)
    assert [f"转载{n}" in chinese(html) for n in range(7)] == [True] * 5 + [False] * 2
    assert 'href="#yj-at?id=0000000000000003"' in html


def test_the_conversation_carries_quotes_and_no_articles() -> None:
    long = Article("1f", "题", "引文在此。" + "其余的话。" * 50_000)
    statement = Statement("s", (cite(1, long, "引文在此。"),), "supported")
    html = render.answer_html(answer((statement,), hits=(hit(long, 1),)), "u")
    assert len(html) < 10_000
    assert 'href="#yj-at?id=1f&#38;at=0-5-' in html
