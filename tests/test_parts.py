"""Questions that ask for several things, taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings import HashingEmbedder
from rag.library import Library
from rag.parts import leans_on_answer, split_question, with_answer
from rag.settings import Settings
from tests.conftest import make_article

SPLIT = [
    ("电影《潮汐》导演是谁？头一周票房多少？", ["电影《潮汐》导演是谁？", "电影《潮汐》导演头一周票房多少？"]),
    ("青石区2020年增加值是多少，同比增长多少？", ["青石区2020年增加值是多少？", "青石区2020年增加值同比增长多少？"]),
    ("北屿区今年总量多少亿，增速多快？（2025年）", ["北屿区今年总量多少亿？（2025年）", "北屿区今年总量增速多快？（2025年）"]),
    ("望川银行行长和远山重工董事长分别叫什么？", ["望川银行行长叫什么？", "远山重工董事长叫什么？"]),
    ("2024年，望川银行和远山重工各赚了多少净利润？", ["2024年，望川银行赚了多少净利润？", "2024年，远山重工赚了多少净利润？"]),
    ("青石县2025年的油菜和蜜橘各有多少万亩？", ["青石县2025年的油菜有多少万亩？", "青石县2025年的蜜橘有多少万亩？"]),
    ("青石县2023年和2024年的净利润分别是多少？", ["青石县2023年的净利润是多少？", "青石县2024年的净利润是多少？"]),
    ("临澜和云汐2024年的GDP各是多少？", ["临澜2024年的GDP是多少？", "云汐2024年的GDP是多少？"]),
    ("北屿港2025年前8个月吞吐量多少？它的泊位什么时候试运行？", ["北屿港2025年前8个月吞吐量多少？", "北屿港的泊位什么时候试运行？"]),
]  # fmt: skip

WHOLE = [
    "武昌区2020年金融产业增加值是多少？", "项目建成后，年产能是多少？", "昨天发生了什么？", "介绍一下望川镇。", "", "？？？",
    "听说青石区修了桥，全长多少？", "谁、什么时候、在哪里、为什么、怎么做、多少钱？",
]  # fmt: skip


@pytest.mark.parametrize(("question", "parts"), SPLIT)
def test_several_things_are_asked_one_by_one(question: str, parts: list[str]) -> None:
    assert split_question(question) == parts


@pytest.mark.parametrize("question", WHOLE)
def test_one_question_stays_as_it_is(question: str) -> None:
    assert split_question(question) == [question]


@pytest.mark.parametrize(
    ("question", "later", "answer", "filled"),
    [
        ("给鹭角风电场造塔筒的是哪家公司？这家公司2024年营收多少？", "这家公司2024年营收多少？", "远山重工", "远山重工2024年营收多少？"),
        ("冠军是哪国选手？那个国家选举的投票率有多高？", "那个国家选举的投票率有多高？", "维兰达", "维兰达选举的投票率有多高？"),
        ("队员要去哪个国家集训？那里的议会总共多少席？", "那里的议会总共多少席？", "维兰达", "维兰达议会总共多少席？"),
        ("新总理是哪位？他那个党一共拿了多少议席？", "他那个党一共拿了多少议席？", "科尔万", "科尔万那个党一共拿了多少议席？"),
    ],
)  # fmt: skip
def test_a_part_that_leans_on_the_answer_before_it(question: str, later: str, answer: str, filled: str) -> None:
    _, second = split_question(question)
    assert second == later
    assert leans_on_answer(second)
    assert with_answer(second, answer) == filled
    assert not leans_on_answer(filled)
    assert with_answer(filled, answer) == filled


@given(st.text(alphabet="多少是谁什么和与、，？?（）各分别的2024年银行区", max_size=60))
def test_never_more_than_four_and_never_nothing(question: str) -> None:
    parts = split_question(question)
    assert 1 <= len(parts) <= 4
    assert len(parts) == 1 or all(part.strip("？") for part in parts)


def test_each_part_gets_its_sentence_and_what_is_missing_is_said(settings: Settings) -> None:
    with Library(settings, HashingEmbedder()) as library:
        library.add_articles(
            [
                make_article("望川镇茶叶", "望川镇去年茶叶产量为320.5吨。镇上新修了一座桥。", path="a.md"),
                make_article("西岭镇粮食", "西岭镇去年粮食产量为1.2万吨。县里奖励了农户。", path="b.md"),
            ]
        )
        answer = library.ask("望川镇茶叶产量是多少？西岭镇粮食产量是多少？")
        quotes = [statement.citations[0].quote for statement in answer.statements]
        assert quotes == ["望川镇去年茶叶产量为320.5吨。", "西岭镇去年粮食产量为1.2万吨。"]
        assert [statement.citations[0].number for statement in answer.statements] == [1, 2]
        assert [hit.rank for hit in answer.hits] == list(range(1, len(answer.hits) + 1))
        half = library.ask("望川镇茶叶产量是多少？南屏镇茶叶产量是多少？")
        assert [statement.citations[0].quote for statement in half.statements] == ["望川镇去年茶叶产量为320.5吨。"]
        assert "关于“南屏镇茶叶产量是多少？”：资料中没有相关信息" in half.provenance.notice
        neither = library.ask("南屏镇茶叶产量是多少？北山镇粮食产量是多少？")
        assert neither.refused
