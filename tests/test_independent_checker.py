"""The checker itself: it reads what Chinese news writes, finds planted faults, and leaves honest wording alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from rag.records import Answer, Citation, Provenance, Statement
from tests.conftest import make_article
from tests.independent_checker import chinese, missing, read, unfounded

DAY = date(2025, 8, 12)  # a Tuesday

READ = [
    ("400.69亿元", 40_069_000_000, "元"), ("1,100.9亿", 110_090_000_000, ""), ("４．６９亿元", 469_000_000, "元"), ("46900万元", 469_000_000, "元"),
    ("百分之二十六点八", Fraction("26.8"), "%"), ("百分之五", 5, "%"), ("3成", 30, "%"), ("9个百分点", 9, "百分点"), ("16万吨", 160_000, "吨"),
    ("两千三百九十二家", 2392, "家"), ("七十一万人次", 710_000, "人次"), ("1.69万亿元", 1_690_000_000_000, "元"), ("-3.2%", Fraction("-3.2"), "%"),
    ("五億美元", 500_000_000, "美元"), ("6.5‰", Fraction("0.65"), "%"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "unit"), READ)
def test_numbers_are_read(text: str, value: int | Fraction, unit: str) -> None:
    assert [(n.value, n.unit) for n in read(text).numbers] == [(value, unit)]


DAYS = [
    ("2021年7月2日", (2021, 7, 2)), ("2021-07-02", (2021, 7, 2)), ("二〇二〇年", (2020, None, None)), ("十一月二十日", (None, 11, 20)),
    ("７月２日", (None, 7, 2)), ("昨日", (2025, 8, 11)), ("去年", (2024, None, None)), ("上周三", (2025, 8, 6)), ("本週五", (2025, 8, 15)),
    ("上月", (2025, 7, None)), ("下周日", (2025, 8, 24)), ("前天", (2025, 8, 10)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "day"), DAYS)
def test_dates_are_read(text: str, day: tuple[int | None, ...]) -> None:
    reading = read(text, DAY)
    assert [(d.year, d.month, d.day) for d in reading.days] == [day]
    assert reading.numbers == ()


def test_numerals_have_their_value() -> None:
    assert [int(chinese(text)) for text in ("十", "一百零五", "二〇二〇", "三亿二千万", "十二万三千", "两百")] == [
        10, 105, 2020, 320_000_000, 123_000, 200,
    ]  # fmt: skip


QUOTE = (
    "昨日，青石区公布：2024年全区增加值约400.69亿元，同比增长6.3%，占比提高2个百分点，企业超过650家，"
    "预计2025年达到450亿元；7月2日起，补贴由3成提至5成，共两千三百九十二户。"
)

FAULTS = [
    ("青石区2024年增加值约400.96亿元。", ["400.96亿元"]),  # a digit
    ("青石区2024年增加值约400.69万元。", ["400.69万元"]),  # a unit
    ("青石区2024年增加值约400.69亿美元。", ["400.69亿美元"]),
    ("占比提高2%。", ["2%"]),
    ("同比增长6.3个百分点。", ["6.3个百分点"]),
    ("青石区2023年增加值约400.69亿元。", ["2023年"]),  # a year
    ("同比下降6.3%。", ["6.3%"]),  # a fall for a rise
    ("增加值400.69亿元。", ["400.69亿元"]),  # without its 约
    ("企业有650家。", ["650家"]),
    ("企业不到650家。", ["650家"]),
    ("增加值超过400.69亿元。", ["400.69亿元"]),
    ("2025年达到450亿元。", ["450亿元"]),  # a forecast as a fact
    ("7月3日起补贴提至5成。", ["7月3日"]),
    ("8月2日起补贴提至5成。", ["8月2日"]),
    ("前日公布。", ["前日"]),
    ("昨日（2025年8月10日）公布。", ["昨日(2025年8月10日)"]),  # wrongly worked out
    ("共2393户。", ["2393户"]),
]
HONEST = [
    "青石区2024年增加值约400.69亿元，同比增长百分之六点三。",
    "企业逾650家。",
    "预计2025年达到450亿元。",
    "自2025年7月2日起，补贴从30%提至50%。",
    "昨日（2025年8月11日）公布。",
    "2025年8月11日公布。",
    "去年增加值约4006900万元。",
    "共2392户。",
    "共２，３９２户。",
]


@pytest.mark.parametrize(("statement", "wrong"), FAULTS)
def test_a_planted_fault_is_found(statement: str, wrong: list[str]) -> None:
    assert missing(statement, [(QUOTE, DAY)]) == wrong


@pytest.mark.parametrize("statement", [QUOTE, *HONEST])
def test_what_the_quote_says_is_left_alone(statement: str) -> None:
    assert missing(statement, [(QUOTE, DAY)]) == []


def test_each_quote_is_read_on_the_day_of_its_article() -> None:
    assert missing("2025年8月11日开工。", [("今日开工。", date(2025, 8, 11)), ("昨日开工。", date(2024, 1, 2))]) == []
    assert missing("2025年8月10日开工。", [("今日开工。", date(2025, 8, 11))]) == ["2025年8月10日"]


def test_a_quote_that_is_not_the_article_is_found() -> None:
    article = make_article("武昌区", "去年，增加值达400.69亿元。")
    good = Citation(1, article, 0, len(article.text), article.text)
    made = Answer(
        "？", "？", (Statement(article.text, (good,), "supported"),), (), False, "", {}, Provenance("", "", "", "", "")
    )
    assert unfounded(made) == []
    bad = replace(good, end=4)
    (found,) = unfounded(replace(made, statements=(Statement(article.text, (bad,), "partial"),)))
    assert found[1] == [f"不是原文：{article.text}"]
    assert unfounded(replace(made, statements=(Statement("增加值9亿元。", (), "unsupported"),))) == [], (
        "it is not shown"
    )
