"""Saved web pages: the article is found among everything else, and date and source are read where the page shows them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rag.reading import read_file
from rag.reading.lines import Line
from rag.reading.page import trim
from rag.records import Article

STORY = (
    "青石市交通局昨日通报，东湖隧道主体结构已经完工，全长3.6公里，总投资12.6亿元。",
    "项目负责人表示，隧道预计明年6月通车，届时过江时间将由40分钟缩短到6分钟。",
    "据介绍，施工期间共浇筑混凝土28万立方米，高峰时有1200名工人同时作业。",
)
PARAGRAPHS = "".join(f"<p>　　{text}</p>" for text in STORY)
LINKS = "".join(f'<li><a href="/{i}.html">某地第{i}条新闻的标题写得很长很长</a></li>' for i in range(12))
TEASERS = "".join(
    f"<div><h3><a href='/{i}'>另一条新闻{i}</a></h3><p>另一条新闻的导语，也有逗号和句号。</p></div>" for i in range(4)
)
REPLIES = "".join(
    f"<div class='item'><p>网友{i}：我觉得这条隧道修得很好，希望早点通车，以后上班就方便了。</p></div>"
    for i in range(20)
)

PAGES = {
    "boxes without names": f"""
        <div><ul>{LINKS}</ul></div><div><div><h1>东湖隧道主体完工</h1><div>2024-05-06 09:30 来源：青石日报 作者：林舟</div>
        <div>{PARAGRAPHS}</div></div><div><ul>{LINKS}</ul></div></div><div>版权所有 青石新闻网 备案号123</div>""",
    "everything in a form and tables": f"""
        <form name="aspnetForm"><table><tr><td><a href="/">首页</a></td></tr></table><table><tr><td><table>
        <tr><td align=center>东湖隧道主体完工</td></tr><tr><td>发布时间：2024年5月6日 来源：青石日报 字号：大 中 小</td></tr>
        <tr><td id="zoom">{PARAGRAPHS}</td></tr></table></td></tr></table></form>""",
    "every paragraph in its own box": f"""
        <div class="wrap"><div class="bread-crumbs">首页 &gt; 城市</div><h1>东湖隧道主体完工</h1>
        <p class="info"><span>2024-05-06 09:30:00</span> <span>来源：青石日报</span></p>
        <section>{"".join(f"<div><div><span>{text}</span></div></div>" for text in STORY)}</section>
        <div class="recommend-list">{TEASERS}</div></div>""",
    "two boxes of text": f"""
        <div class="main"><div class="title"><h1>东湖隧道主体完工</h1><span>2024-05-06 09:30</span><span> 来源：青石日报</span></div>
        <div class="page-1"><p>{STORY[0]}</p><p>{STORY[1]}</p></div><div class="ads">广告，点击了解详情。</div>
        <div class="page-2"><p>{STORY[2]}</p></div></div><div class="side"><ul>{LINKS}</ul></div>""",
    "more comments than article": f"""
        <div class="left"><h1>东湖隧道主体完工</h1><div>2024-05-06 09:30　来源：青石日报</div><div class="text">{PARAGRAPHS}</div>
        <div class="comment">{REPLIES}</div></div>""",
    "recommendations among the paragraphs": f"""
        <div id="artibody" class="article BSHARE_POP"><h1>东湖隧道主体完工</h1><p>2024-05-06 09:30 来源：青石日报</p>{PARAGRAPHS}
        <p>为您推荐</p>{TEASERS}{TEASERS}</div>""",
    "a date in the page's data only": f"""
        <script type="application/ld+json">{{"pubDate": "2024-05-06T09:30:00"}}</script>
        <h1>东湖隧道主体完工</h1><div>来源：青石日报</div><div>{PARAGRAPHS}</div>""",
}


def page(tmp_path: Path, body: str) -> Article:
    path = tmp_path / "页面.html"
    path.write_text(
        f"<!DOCTYPE html><html><head><title>东湖隧道主体完工_青石新闻网</title></head><body>{body}</body></html>",
        encoding="utf-8",
    )
    return read_file(path)


@pytest.mark.parametrize("layout", PAGES)
def test_the_article_is_found(tmp_path: Path, layout: str) -> None:
    article = page(tmp_path, PAGES[layout])
    assert article.text == "\n".join(STORY)
    assert article.title.startswith("东湖隧道主体完工")
    assert (article.date, article.source) == ("2024-05-06", "青石日报")


def test_a_page_of_next_to_nothing_is_read_whole(tmp_path: Path) -> None:
    assert page(tmp_path, "<div><p>停水通知：明天停水。</p></div><div>物业</div>").text == "停水通知：明天停水。\n物业"


def test_a_table_of_the_article_stays(tmp_path: Path) -> None:
    table = "<table><tr><th>路段</th><th>长度</th></tr><tr><td>东段</td><td>1.2公里</td></tr></table>"
    article = page(tmp_path, f"<ul>{LINKS}</ul><div>{PARAGRAPHS}{table}</div>")
    assert article.text == "\n".join([*STORY, "| 路段：东段 | 长度：1.2公里 |"])


def test_related_news_at_the_head_does_not_cost_the_article(tmp_path: Path) -> None:
    article = page(tmp_path, f"<div><p>导语说，隧道完工了。</p><p>相关新闻</p><ul>{LINKS}</ul>{PARAGRAPHS}</div>")
    for sentence in STORY:
        assert sentence in article.text


@pytest.mark.parametrize(
    "own",
    [
        [*STORY[:2], "最新进展", STORY[2]],
        [STORY[0], "2022年5月6日", STORY[1], "2023年", STORY[2]],
        [STORY[0], "微博", STORY[1], "微信", STORY[2]],
        [STORY[0], "东湖隧道主体完工", STORY[1], STORY[2]],
        [*STORY, "推荐理由", "它省下半个多小时，也让两岸的学校、医院和市场连在了一起，居民盼了十一年。"],
    ],
    ids=["a heading of news", "a chronicle", "headings like buttons", "the title again", "a last section"],
)
def test_nothing_of_the_article_is_taken_for_what_stands_around_it(tmp_path: Path, own: list[str]) -> None:
    body = "".join(f"<p>{text}</p>" for text in own)
    article = page(
        tmp_path, f"<h1>东湖隧道主体完工</h1><p>2024-05-06 09:30 来源：青石日报</p><div>{body}</div><ul>{LINKS}</ul>"
    )
    assert [line for line in article.text.split("\n") if line in own] == own


@pytest.mark.parametrize("text", ["1" * 60, "A+" * 30, "扫一扫" * 20, "大号" * 30, "(1)" * 20, "-" * 100_000])
def test_hostile_lines_cost_no_time(text: str) -> None:
    started = time.process_time()
    trim([Line("一句话。"), *[Line(f"{text}甲")] * 50], [Line(text)], f"{text}甲")
    assert time.process_time() - started < 1.0
