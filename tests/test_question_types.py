"""What type of answer a question asks for."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.question_types import Expectation, meets_expectation, question_expects
from tests.quantity_reading import only


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("2020年全区金融产业增加值是多少，同比增长多少？", "money"),
        ("同比增长多少？", "percent"),
        ("占全区总量的比重是多少？", "percent"),
        ("提高了几个百分点？", "percent"),
        ("净利润增长多少？", "percent"),
        ("营收是多少亿元？", "money"),
        ("售价多少钱？", "money"),
        ("净利润是多少？", "money"),
        ("有几家企业？", "count"),
        ("多少人受伤？", "count"),
        ("涵盖了多少家企业？", "count"),
        ("什么时候召开？", "date"),
        ("发布会在哪一天举行？", "date"),
        ("何时上市？", "date"),
        ("哪年成立的？", "date"),
        ("谁是区长？", "person"),
        ("由哪位专家提出？", "person"),
        ("公司位于哪里？", "place"),
        ("在哪个城市举办？", "place"),
        ("包括哪些企业？", "list"),
        ("为什么下跌？", "reason"),
        ("主要原因是什么？", "reason"),
        ("是否盈利？", "yesno"),
        ("去年盈利了吗？", "yesno"),
        ("面积有多大？", "number"),
        ("产能是多少吨？", "number"),
        ("排名第几？", "number"),
        ("介绍一下武钢", "other"),
        ("什么是碳中和？", "other"),
    ],
)
def test_question_expects(question: str, expected: Expectation) -> None:
    assert question_expects(question) == expected


@pytest.mark.parametrize(
    ("expected", "text", "meets"),
    [
        ("money", "400.69亿元", True),
        ("money", "400.69亿", True),
        ("money", "650家", False),
        ("percent", "6.3%", True),
        ("percent", "9个百分点", True),
        ("percent", "400亿元", False),
        ("count", "650家", True),
        ("count", "400亿元", False),
        ("date", "7月2日", True),
        ("number", "16万吨", True),
        ("number", "7月2日", False),
        ("person", "650家", False),
    ],
)
def test_meets_expectation(expected: Expectation, text: str, meets: bool) -> None:
    assert meets_expectation(expected, only(text)) is meets


@given(st.text(max_size=80))
def test_any_text_has_a_type(text: str) -> None:
    assert question_expects(text) in get_args(Expectation)
