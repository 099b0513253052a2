"""A comparison on the page: a real table, its marks, and nothing from outside as markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.records import Answer, Article, Citation, Provenance, Statement
from rag.ui import render
from tests.conftest import make_article
from tests.ui.test_render import ATTACKS, Parsed, chinese

TEA = make_article("望川镇茶叶", "望川镇2020年茶叶产量为320.5吨。", path="a.md")
OTHER = make_article("西岭镇茶叶", "西岭镇2020年茶叶产量为275吨。", path="b.md")


def said(number: int, article: Article) -> Statement:
    end = article.text.index("。") + 1
    return Statement(article.text[:end], (Citation(number, article, 0, end, article.text[:end]),), "supported")


def compared(*statements: Statement, notice: str = "", llm: str = "", question: str = "") -> Answer:
    question = question or "望川镇和西岭镇2020年的茶叶产量，哪个更高？"
    return Answer(question, question, statements, (), False, "", {}, Provenance("e", llm, "p", "库", "0.1", notice))


def test_a_comparison_is_a_table() -> None:
    html = render.answer_html(compared(said(1, TEA), said(2, OTHER)), "u1")
    parsed = Parsed(html)
    assert parsed.open == []
    assert parsed.tags.count("table") == 1
    assert parsed.tags.count("tr") == 3
    text = chinese(html)
    assert "320.5吨" in text
    assert "望川镇较大，相差 45.5 吨（320.5 − 275）。" in text
    assert html.count('href="#yj-u1-1"') == 1, "the quotation is in the table, not beside it as well"
    assert 'id="yj-u1-2"' in html


def test_a_missing_figure_is_said_in_its_cell() -> None:
    notice = "关于“西岭镇2020年的茶叶产量是多少？”：资料中没有相关信息。"
    text = chinese(render.answer_html(compared(said(1, TEA), notice=notice), "u1"))
    assert "资料中没有" in text.replace(notice, "")
    assert "相差" not in text


def test_what_an_llm_said_stands_above_the_table() -> None:
    own = replace(said(1, TEA), text="望川镇的茶叶产量更高，为320.5吨。")
    false = Statement("西岭镇还产咖啡。", (), "unsupported", "资料中找不到")
    html = render.answer_html(compared(own, said(2, OTHER), false, llm="a-model"), "u1")
    text = chinese(html)
    assert text.index("望川镇的茶叶产量更高") < text.index("2020年的茶叶产量") < text.index("西岭镇还产咖啡")
    assert "另有1句未找到依据，未采用" in text.replace(" ", "")
    assert "未找到依据" in text


def test_other_answers_have_no_table() -> None:
    assert "<table" not in render.answer_html(compared(said(1, TEA), question="望川镇的茶叶产量是多少？"), "u1")


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_from_outside_is_markup(attack: str) -> None:
    line = attack.replace("\n", " ").replace("\ud800", "\ufffd")  # the store holds none
    hostile = make_article(line, f"{line}望川镇2020年茶叶产量为320.5吨。", source=line, path="h.md")
    quote = Statement(hostile.text, (Citation(1, hostile, 0, len(hostile.text), hostile.text),), "supported")
    html = render.answer_html(compared(quote, said(2, OTHER)), "u1")
    parsed = Parsed(html)
    assert parsed.open == []
    assert not {"script", "img", "svg", "style", "link", "math", "iframe"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    question = f"望川镇{attack}和西岭镇2020年的茶叶产量，哪个更高？"
    Parsed(render.answer_html(compared(quote, said(2, OTHER), question=question), "u1"))
