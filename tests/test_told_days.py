"""昨日, 下周三 and 明年3月 with the day that they mean, and the checker of the evaluation that works it out by itself."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.told_days import without_told_days
from rag.told_days import asks_about_time, misread_days, with_days, without_days
from tests.conftest import make_article

DAY = "2025-06-18"  # a Wednesday

TOLD = [
    ("昨日上午10时，地铁开通", "昨日（2025年6月17日）上午10时，地铁开通"),
    ("昨夜在雾岚球场进行", "昨夜（2025年6月17日）在雾岚球场进行"),
    ("预计明晚起降温", "预计明晚（2025年6月19日）起降温"),
    ("前天公布", "前天（2025年6月16日）公布"),
    ("下周三将举办", "下周三（2025年6月25日）将举办"),
    ("市民政局上周五公布的数据", "市民政局上周五（2025年6月13日）公布的数据"),
    ("上週五夜間", "上週五（2025年6月13日）夜間"),
    ("问卷上月收回", "问卷上月（2025年5月）收回"),
    ("新館預定明年三月開幕", "新館預定明年三月（2026年3月）開幕"),
    ("延长到明年1月31日", "延长到明年1月31日（2026年1月31日）"),
    ("案件于去年9月12日至14日开庭", "案件于去年9月12日至14日（2024年9月12日至14日）开庭"),
]

YEARS = [
    ("去年全年为1231.6万标箱", "去年（2024年）全年为1231.6万标箱"),
    ("计划明年年底开通", "计划明年年底（2026年年底）开通"),
    ("今年上半年增长5%", "今年上半年（2025年上半年）增长5%"),
    ("今年前三季度份额为7.9%", "今年前三季度（2025年前三季度）份额为7.9%"),
]

UNTOLD = [
    "比去年同期增长8%", "比上年增长6%", "8月3日出现最高负荷", "10日17时发布预警", "周五夜间停运", "下半年开工", "昨日（17日）公布", "2024年9月开庭",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TOLD)
def test_days_and_months_are_always_told(text: str, expected: str) -> None:
    article = make_article("甲", "乙", day=DAY)
    assert with_days(text, article, years=False) == with_days(text, article, years=True) == expected


@pytest.mark.parametrize(("text", "expected"), YEARS)
def test_years_are_told_where_time_is_asked_about(text: str, expected: str) -> None:
    article = make_article("甲", "乙", day=DAY)
    assert with_days(text, article, years=True) == expected
    assert with_days(text, article, years=False) == text


@pytest.mark.parametrize("text", UNTOLD)
def test_what_may_mean_something_else_is_left(text: str) -> None:
    assert with_days(text, make_article("甲", "乙", day=DAY), years=True) == text


def test_on_sundays_nobody_agrees_on_the_week() -> None:
    sunday = make_article("甲", "乙", day="2025-09-07")
    assert with_days("上週五夜間擱淺，昨日公布", sunday, years=True) == "上週五夜間擱淺，昨日（2025年9月6日）公布"


def test_an_article_without_a_day_tells_none() -> None:
    from dataclasses import replace

    article = replace(make_article("甲", "乙"), published_at=None)
    assert with_days("昨日公布", article, years=True) == "昨日公布"


def test_days_that_a_model_wrote_behind_a_word_are_read_back() -> None:
    published = date(2025, 8, 12)
    assert misread_days("昨日（2025年8月11日）开工，去年（2024年）立项，今年（2025年）完工。", published) == []
    assert [q.text for q in misread_days("昨日（2025年8月10日）开工，去年（2025年）立项。", published)] == [
        "2025年8月10日",
        "2025年",
    ]
    assert without_days("昨日（2025年8月11日）开工，较去年（2024年）多。", published) == "昨日开工，较去年多。"


def test_questions_about_time() -> None:
    assert all(map(asks_about_time, ("什么时候开通？", "2024年的产量", "要到哪一年底？", "展出多久？", "周几开放")))
    assert not any(map(asks_about_time, ("董事长是谁？", "总投资多少？")))


@pytest.mark.parametrize(("text", "expected"), [*TOLD, *YEARS])
def test_the_evaluation_works_out_the_same_days(text: str, expected: str) -> None:
    assert without_told_days(expected, [text], f"{DAY}T12:00:00+08:00") == text


@pytest.mark.parametrize(
    "wrong",
    [
        "昨日（2025年6月16日）开通", "下周三（2025年6月18日）将举办", "上月（2025年6月）收回", "去年（2023年）全年",
        "明年三月（2026年4月）開幕", "延长到明年1月31日（2026年2月1日）", "明晚（2025年7月19日）起",
    ],
)  # fmt: skip
def test_the_evaluation_leaves_wrong_days_to_be_found(wrong: str) -> None:
    quote = wrong[: wrong.index("（")] + wrong[wrong.index("）") + 1 :]
    assert without_told_days(wrong, [quote], f"{DAY}T12:00:00+08:00") == wrong


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2080, 1, 1)), st.sampled_from([text for text, _ in (*TOLD, *YEARS)]))  # fmt: skip
def test_both_agree_on_every_day(day: date, text: str) -> None:
    told = with_days(text, make_article("甲", "乙", day=str(day)), years=True)
    assert without_told_days(told, [text], f"{day}T12:00:00+08:00") == text
