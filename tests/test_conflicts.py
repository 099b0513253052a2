"""Two sources, two figures: shown together, with their days; and figures that only look alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embeddings import HashingEmbedder
from rag.library import Library
from rag.records import Article, Statement
from rag.settings import Settings
from tests.conftest import make_article

QUESTION = "鹭角风电场总投资是多少？"
PAPER = make_article("鹭角风电场首批机组并网", "鹭角风电场位于北屿以东海域。项目总投资78亿元，明年全部并网。", day="2025-10-16", source="栖江日报", path="a.md")  # fmt: skip
FINANCE = make_article("鹭角风电场度电成本测算", "鹭角风电场材料显示，该项目总投资82.6亿元，其中风机采购23.8亿元。", day="2025-10-17", source="东澜财经", path="b.md")  # fmt: skip
OTHERS = {
    "another place": make_article("荻湾风电场开工", "荻湾风电场今天开工。项目总投资82.6亿元，三年建成。", path="c.md"),
    "another thing": make_article("鹭角风电场海缆招标", "鹭角风电场海缆开标。项目海缆投资19.5亿元。", path="c.md"),
    "the same value": make_article(
        "鹭角风电场又有新进展", "鹭角风电场再传捷报。项目总投资78亿元，进展顺利。", path="c.md"
    ),
    "rounded": make_article("鹭角风电场综述", "鹭角风电场备受关注。项目总投资约80亿元，规模可观。", path="c.md"),
    "another unit": make_article("鹭角风电场融资", "鹭角风电场引入外资。项目总投资11亿美元，由三方出资。", path="c.md"),
    "a rise": make_article("鹭角风电场调整概算", "鹭角风电场调整概算。项目总投资增加4.6亿元。", path="c.md"),
}


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    with Library(settings, HashingEmbedder()) as library:
        yield library


def asked(library: Library, question: str, *articles: Article) -> tuple[Statement, ...]:
    library.add_articles(articles)
    return library.ask(question).statements


def test_both_figures_are_shown_and_told_apart(library: Library) -> None:
    statements = asked(library, QUESTION, PAPER, FINANCE)
    first, second = statements[:2]
    assert {"总投资78亿元" in s.text for s in statements[:2]} == {True, False}
    assert any("总投资82.6亿元" in s.text for s in statements[:2])
    source = second.citations[0].article
    assert second.note == f"与[{first.citations[0].number}]说法不一：{source.source}，{source.date}"
    assert second.support == "supported"
    assert second.citations[0].quote in source.text
    assert f"（{second.note}）" in second.marked


@pytest.mark.parametrize("which", OTHERS)
def test_what_only_looks_alike_is_no_conflict(library: Library, which: str) -> None:
    statements = asked(library, QUESTION, PAPER, OTHERS[which])
    assert any("总投资78亿元" in statement.text for statement in statements)
    assert not any("说法不一" in statement.note for statement in statements)


def test_another_year_is_no_conflict(library: Library) -> None:
    old = make_article(
        "青石区2023年财政", "青石区统计局公布，2023年全区财政收入45亿元。", day="2024-01-20", path="o.md"
    )
    new = make_article(
        "青石区2024年财政", "青石区统计局公布，2024年全区财政收入48亿元。", day="2025-01-20", path="n.md"
    )
    statements = asked(library, "青石区2024年财政收入是多少？", old, new)
    assert "48亿元" in statements[0].text
    assert not any("说法不一" in statement.note for statement in statements)


def test_paragraphs_of_one_article_are_left_to_the_reader(library: Library) -> None:
    both = make_article("鹭角风电场", "鹭角风电场总投资78亿元。\n也有人说，鹭角风电场总投资82.6亿元。", path="x.md")
    assert not any("说法不一" in s.note for s in asked(library, QUESTION, both))


def test_questions_for_no_figure_have_no_conflicts(library: Library) -> None:
    assert not any("说法不一" in s.note for s in asked(library, "鹭角风电场在哪里？", PAPER, FINANCE))
