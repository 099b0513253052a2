"""Markdown and plain text to lines."""

from __future__ import annotations

import pytest

from rag.reading.markdown import read_markdown
from rag.reading.text import read_text


def texts(body: str) -> list[str]:
    return [line.text for line in read_markdown(body).lines]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("# 标题 #\n\n正文", ["标题", "正文"]),
        ("标题\n===\n正文", ["标题", "正文"]),
        ("这是*重点*，**很重**，***最重***", ["这是重点，很重，最重"]),
        ("3*4*5=60，武汉_965_产业，snake_case_name", ["3*4*5=60，武汉_965_产业，snake_case_name"]),
        ("[链接](http://a.cn/(b)) ![图](x.png) <https://c.cn>", ["链接 https://c.cn"]),
        ("`<script>` 与 `*x*` 和 \\*星\\*", ["<script> 与 *x* 和 *星*"]),
        ("&lt;b&gt; &amp; <b>粗</b>一<br>二", ["<b> & 粗一", "二"]),
        ("- 甲\n- 乙\n  * 丙\n1. 丁", ["甲", "乙", "丙", "1. 丁"]),
        ("> 引文\n> 第二行", ["引文", "第二行"]),
        ("上\n\n---\n\n下", ["上", "下"]),
        ("| 区 | 人 |\n|---|--:|\n| 甲 | **3** |\n\n后", ["| 区：甲 | 人：3 |", "后"]),
        ("<div>\n<p>块</p>\n</div>\n\n*末*段", ["块", "末段"]),
        ("前\n\n<style>\n.a{b:c}\n\n.d{e:f}\n</style>\n\n后", ["前", "后"]),
        ("前\n\n<!-- 注\n\n释 -->\n\n后", ["前", "后"]),
    ],
)
def test_marks_go_and_text_stays(body: str, expected: list[str]) -> None:
    assert texts(body) == expected


def test_code_is_kept_as_it_is() -> None:
    lines = read_markdown('```js\ndocument.write("*x*");\n```').lines
    assert [(line.text, line.kind) for line in lines] == [('document.write("*x*");', "code")]


def test_hard_wrapped_paragraphs_are_joined() -> None:
    width = "市政府今天说今年要修三十二个公园并且让每个人走"
    assert [line.text for line in read_text(f"{width}\n{width}\n{width}\n十分钟到。\n\n下一段。")] == [
        width * 3 + "十分钟到。",
        "下一段。",
    ]


def test_one_line_a_paragraph_stays_so() -> None:
    assert [line.text for line in read_text("第一段，很短。\n第二段也短。\n　　第三段。")] == [
        "第一段，很短。",
        "第二段也短。",
        "第三段。",
    ]


def test_markup_in_plain_text_is_text() -> None:
    assert [line.text for line in read_text("<script>alert(1)</script> &amp; **x**")] == [
        "<script>alert(1)</script> &amp; **x**"
    ]
