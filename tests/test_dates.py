"""Dates: which days a date in an article covers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.quantities import find_quantities
from tests.quantity_reading import REFERENCE, chinese, only

DATES = """
2021年7月2日|2021-07-02 2021-07-02
2021 年 7 月 2 日|2021-07-02 2021-07-02
7月2日|2021-07-02 2021-07-02
7 月 2 日|2021-07-02 2021-07-02
７月２日|2021-07-02 2021-07-02
2021-07-02|2021-07-02 2021-07-02
2021/7/2|2021-07-02 2021-07-02
2021.7.2|2021-07-02 2021-07-02
二〇二一年七月二日|2021-07-02 2021-07-02
二○二一年七月二日|2021-07-02 2021-07-02
二〇二〇年|2020-01-01 2020-12-31
二零二零年|2020-01-01 2020-12-31
2020年|2020-01-01 2020-12-31
2020年度|2020-01-01 2020-12-31
2020年2月|2020-02-01 2020-02-29
2021年2月|2021-02-01 2021-02-28
2025年头七个月|2025-01-01 2025-07-31
2025年前11个月|2025-01-01 2025-11-30
2024年头两个月|2024-01-01 2024-02-29
2024年头三季度|2024-01-01 2024-09-30
2021-07|2021-07-01 2021-07-31
2020年年底|2020-10-01 2020-12-31
2020年底|2020-10-01 2020-12-31
2020年末|2020-10-01 2020-12-31
2020年初|2020-01-01 2020-03-31
年底|2021-10-01 2021-12-31
上半年|2021-01-01 2021-06-30
下半年|2021-07-01 2021-12-31
2020年上半年|2020-01-01 2020-06-30
2026年半年度|2026-01-01 2026-06-30
去年下半年|2020-07-01 2020-12-31
一季度|2021-01-01 2021-03-31
第一季度|2021-01-01 2021-03-31
2020年第三季度|2020-07-01 2020-09-30
2020年四季度|2020-10-01 2020-12-31
前三季度|2021-01-01 2021-09-30
Q1|2021-01-01 2021-03-31
今年|2021-01-01 2021-12-31
去年|2020-01-01 2020-12-31
前年|2019-01-01 2019-12-31
明年|2022-01-01 2022-12-31
今年一季度|2021-01-01 2021-03-31
今年3月|2021-03-01 2021-03-31
去年11月20日|2020-11-20 2020-11-20
昨日|2021-07-01 2021-07-01
昨天|2021-07-01 2021-07-01
今日|2021-07-02 2021-07-02
今天|2021-07-02 2021-07-02
明天|2021-07-03 2021-07-03
前天|2021-06-30 2021-06-30
上月|2021-06-01 2021-06-30
上个月|2021-06-01 2021-06-30
本月|2021-07-01 2021-07-31
下月|2021-08-01 2021-08-31
本月5日|2021-07-05 2021-07-05
上周|2021-06-21 2021-06-27
上周五|2021-06-25 2021-06-25
本周三|2021-06-30 2021-06-30
去年同期|2020-01-01 2020-12-31
“十四五”|2021-01-01 2025-12-31
十四五期间|2021-01-01 2025-12-31
十三五规划|2016-01-01 2020-12-31
20日|2021-06-20 2021-06-20
30日|2021-06-30 2021-06-30
5日|2021-07-05 2021-07-05
11月20日|2021-11-20 2021-11-20
11月|2021-11-01 2021-11-30
7月下旬|2021-07-21 2021-07-31
6月初|2021-06-01 2021-06-10
6月底|2021-06-21 2021-06-30
1-7月|2021-01-01 2021-07-31
1月至6月|2021-01-01 2021-06-30
2025年1—12月|2025-01-01 2025-12-31
2021-2025年|2021-01-01 2025-12-31
1997-2026|1997-01-01 2026-12-31
2021年至2025年|2021-01-01 2025-12-31
7月2日至5日|2021-07-02 2021-07-05
6月28日至7月2日|2021-06-28 2021-07-02
2日至5日|2021-07-02 2021-07-05
2019年12月30日至2020年1月5日|2019-12-30 2020-01-05
90年代|1990-01-01 1999-12-31
1990年代|1990-01-01 1999-12-31
20世纪80年代|1980-01-01 1989-12-31
上世纪90年代|1990-01-01 1999-12-31
2021世界大会|2021-01-01 2021-12-31
"""


@pytest.mark.parametrize("row", DATES.strip().splitlines())
def test_dates_are_resolved_against_the_publication_day(row: str) -> None:
    text, days = row.split("|")
    quantity = find_quantities(text, reference=REFERENCE)[0]
    assert quantity.kind == "date"
    assert quantity.span is not None
    assert f"{quantity.span.start} {quantity.span.end}" == days


@pytest.mark.parametrize(
    ("text", "reference", "day"),
    [
        ("12月30日", date(2021, 1, 5), date(2020, 12, 30)),
        ("31日", date(2021, 8, 2), date(2021, 7, 31)),
        ("2月28日", date(2021, 3, 1), date(2021, 2, 28)),
        ("昨日", date(2021, 1, 1), date(2020, 12, 31)),
    ],
)
def test_dates_without_a_year_lie_near_the_publication_day(text: str, reference: date, day: date) -> None:
    span = only(text, reference).span
    assert span is not None
    assert (span.start, span.end) == (day, day)


def test_unresolved_dates_keep_what_is_known() -> None:
    month_day, word, day = (only(text, None).span for text in ("7月2日", "去年", "20日"))
    assert month_day is not None
    assert month_day.start is None
    assert month_day.month_day == (7, 2, 7, 2)
    assert word is not None
    assert word.start is None
    assert word.word == "去年"
    assert day is not None
    assert day.month_day == (0, 20, 0, 20)


def test_a_date_in_an_enumeration_takes_the_year_before_it() -> None:
    found = find_quantities("2019年8月1日、9月3日", reference=REFERENCE)
    assert [str(q.span.start) for q in found if q.span] == ["2019-08-01", "2019-09-03"]


def test_days_that_do_not_exist_are_not_dates() -> None:
    assert [
        q.kind for q in find_quantities("2月30日", reference=REFERENCE) if q.kind == "date" and q.text == "2月30日"
    ] == []


def test_a_year_contains_its_month() -> None:
    year, month = only("2021年").span, only("2021年7月").span
    assert year is not None
    assert month is not None
    assert year.contains(month)
    assert not month.contains(year)


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2099, 12, 31)))
def test_dates_round_trip(day: date) -> None:
    spoken = "".join("〇一二三四五六七八九"[int(d)] for d in str(day.year))
    for text in (
        f"{day.year}年{day.month}月{day.day}日",
        day.isoformat(),
        f"{spoken}年{chinese(day.month).removeprefix('一') if day.month > 9 else chinese(day.month)}月{day.day}日",
    ):
        span = only(text).span
        assert span is not None, text
        assert (span.start, span.end) == (day, day), text
