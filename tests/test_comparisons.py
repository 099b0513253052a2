"""Comparisons: their parts, the table with figures from the cited sentences, and no table where one would be a guess."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.comparison_tables import MISSING, beside, table_of, to_markdown
from rag.comparisons import compared, comparison_parts
from rag.library import Library
from rag.records import Answer
from tests.chats import ask, scripted
from tests.conftest import make_article

PARTS = [
    ("望川镇和西岭镇2024年的茶叶产量，哪个更高？", ["望川镇2024年的茶叶产量是多少？", "西岭镇2024年的茶叶产量是多少？"]),
    ("比较一下青石县2023年和2024年的净利润", ["青石县2023年的净利润是多少？", "青石县2024年的净利润是多少？"]),
    ("望川镇2024年的茶叶产量比西岭镇多多少？", ["望川镇2024年的茶叶产量是多少？", "西岭镇2024年的茶叶产量是多少？"]),
    ("和2023年相比，望川镇2024年的产量如何？", ["望川镇2024年的产量是多少？", "望川镇2023年的产量是多少？"]),
    ("望川镇和西岭镇，谁的茶叶产量更多？", ["望川镇的茶叶产量是多少？", "西岭镇的茶叶产量是多少？"]),
    ("标准版和专业版的定价相差多少？", ["标准版的定价是多少？", "专业版的定价是多少？"]),
    ("标准版和专业版有什么区别？", ["标准版和专业版有什么区别？"]),
    ("望川镇茶叶产量是多少？", ["望川镇茶叶产量是多少？"]),
]  # fmt: skip
QUESTION = "望川镇和西岭镇2020年的茶叶产量，哪个更高？"


@pytest.mark.parametrize(("question", "parts"), PARTS)
def test_parts(question: str, parts: list[str]) -> None:
    assert comparison_parts(question) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["望川镇茶叶产量是多少？"],
        ["青石区2020年增加值是多少？", "青石区2020年增加值同比增长多少？"],
        ["青石县2025年的油菜有多少万亩？", "青石县2025年的蜜橘有多少万亩？"],
        ["电影的导演是谁？", "电影的票房是多少？"],
        ["大桥什么时候通车？", "大桥全长多少米？"],
    ],
)
def test_parts_that_ask_for_different_measures_are_no_comparison(parts: list[str]) -> None:
    assert compared(parts) == []


def test_what_is_compared() -> None:
    assert compared(["望川银行2024年的净利润是多少？", "望川农商行2024年的净利润是多少？"]) == [
        ("望川银行", "2024年的净利润"),
        ("望川农商行", "2024年的净利润"),
    ]
    assert compared(["青石县2023年的产量是多少？", "青石县2024年的产量是多少？"]) == [
        ("2023年", "产量"),
        ("2024年", "产量"),
    ]


@pytest.fixture
def teas(library: Library) -> Library:
    library.add_articles(
        [
            make_article(
                "望川镇茶叶", "望川镇2020年茶叶产量为320.5吨，茶叶种植面积1.2万亩。镇上新修了一座桥。", path="a.md"
            ),
            make_article("西岭镇茶叶", "西岭镇2020年茶叶产量为275吨，比上年增长3.1%。县里奖励了农户。", path="b.md"),
        ]
    )
    return library


def test_a_table_with_the_figures_and_their_difference(teas: Library) -> None:
    _, answer = ask(teas, None, QUESTION)
    table = table_of(answer)
    assert table is not None
    assert [(row.label, row.figure) for row in table.rows] == [("望川镇", "320.5吨"), ("西岭镇", "275吨")]
    assert [row.citation.quote[:3] for row in table.rows if row.citation] == ["望川镇", "西岭镇"]
    assert table.note == "望川镇较大，相差 45.5 吨（320.5 − 275）。"
    assert beside(table, answer) == ()


def test_markdown(teas: Library) -> None:
    _, answer = ask(teas, None, QUESTION)
    table = table_of(answer)
    assert table is not None
    lines = to_markdown(table).split("\n")
    assert lines[0] == "| | 2020年的茶叶产量 | 原文 |"
    assert lines[2].startswith("| 望川镇 | 320.5吨[1] | 望川镇2020年")
    assert lines[-1] == table.note
    assert all(line.count("|") == 4 for line in lines[:4])


def test_what_no_source_tells_is_said_in_its_cell(teas: Library) -> None:
    _, answer = ask(teas, None, "望川镇和南屏镇2020年的茶叶产量，哪个更高？")
    table = table_of(answer)
    assert table is not None
    assert [(row.label, row.figure) for row in table.rows] == [("望川镇", "320.5吨"), ("南屏镇", "")]
    assert table.note == ""
    assert MISSING in to_markdown(table)


def test_swapped_figures_of_a_draft_do_not_reach_the_table(teas: Library) -> None:
    draft = "望川镇2020年茶叶产量为275吨。西岭镇2020年茶叶产量为320.5吨。"
    _, answer = ask(teas, scripted(draft), QUESTION)
    assert not any(s.text in draft and s.support == "supported" for s in answer.statements)
    table = table_of(answer)
    assert table is None or [row.figure for row in table.rows] == ["320.5吨", "275吨"]


def test_a_thing_that_a_draft_leaves_out_is_quoted(teas: Library) -> None:
    _, answer = ask(teas, scripted("望川镇2020年茶叶产量为320.5吨。"), QUESTION)
    table = table_of(answer)
    assert table is not None
    assert [row.figure for row in table.rows] == ["320.5吨", "275吨"]


def test_the_figure_of_another_measure_is_no_cell(library: Library) -> None:
    library.add_articles(
        [
            make_article("望川银行年报", "望川银行2020年净利润12.4亿元，增长9.7%。", path="a.md"),
            make_article("西岭银行年报", "西岭银行2020年营业收入35.2亿元，增长6.3%。", path="b.md"),
        ]
    )
    _, answer = ask(library, None, "望川银行和西岭银行2020年的净利润哪个更高？")
    assert table_of(answer) is None


def test_units_that_differ_have_no_difference(library: Library) -> None:
    library.add_articles(
        [
            make_article("望川镇茶叶", "望川镇2020年茶叶产量为320.5吨。", path="a.md"),
            make_article("西岭镇茶叶", "西岭镇2020年茶叶产量为27.5万公斤。", path="b.md"),
        ]
    )
    _, answer = ask(library, None, QUESTION)
    table = table_of(answer)
    assert table is not None
    assert [row.figure for row in table.rows] == ["320.5吨", "27.5万公斤"]
    assert table.note == ""


def test_each_figure_of_one_sentence_goes_to_its_own_row(library: Library) -> None:
    text = "望川镇2020年茶叶产量为320.5吨，西岭镇茶叶产量为275吨，南屏镇茶叶产量为90吨。"
    library.add_articles([make_article("各镇茶叶", text)])
    _, answer = ask(library, None, "西岭镇和南屏镇2020年的茶叶产量各是多少？")
    table = table_of(answer)
    assert table is not None
    assert [(row.label, row.figure) for row in table.rows] == [("西岭镇", "275吨"), ("南屏镇", "90吨")]


def test_other_answers_have_no_table(teas: Library) -> None:
    _, answer = ask(teas, None, "望川镇2020年的茶叶产量是多少？")
    assert table_of(answer) is None
    _, refused = ask(teas, None, "南屏镇和北山镇2020年的粮食产量哪个更高？")
    assert refused.refused
    assert table_of(refused) is None


def test_nothing_of_the_table_is_in_the_record(teas: Library) -> None:
    _, answer = ask(teas, None, QUESTION)
    assert isinstance(answer, Answer)
    assert "table" not in answer.to_dict()
    assert table_of(replace(answer, timings={})) == table_of(answer)
