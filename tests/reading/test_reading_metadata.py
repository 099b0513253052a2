"""Dates, titles, sources."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rag.reading.metadata import category_path, choose_source, parse_date, plain_title, restore_title

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fri, 02 Jul 2021 11:59:33 GMT", "2021-07-02T11:59:33"),
        ("Fri, 10 Oct 2025 19:32:58 +0800", "2025-10-10T11:32:58"),
        ("2026-03-18 14:06:36  +0800", "2026-03-18T06:06:36"),
        ("2026-07-24T06:26:03.000Z", "2026-07-24T06:26:03"),
        ("2021-07-02 11:59", "2021-07-02T03:59:00"),
        ("2025-09-29 03:00:02", "2025-09-28T19:00:02"),
        ("2021年7月2日 11:59", "2021-07-02T03:59:00"),
        ("2021年7月2日11时59分", "2021-07-02T03:59:00"),
        ("2021/7/2", "2021-07-01T16:00:00"),
        ("2021-07-02T11:59:33-05:30", "2021-07-02T17:29:33"),
        ("1625227173", "2021-07-02T11:59:33"),
        ("1625227173000", "2021-07-02T11:59:33"),
        ("20210702", "2021-07-01T16:00:00"),
        ("20210702115933", "2021-07-02T03:59:33"),
        ("20210702T115933Z", "2021-07-02T11:59:33"),
        ("2021/7/2 下午9:05", "2021-07-02T13:05:00"),
        ("2021/7/2 上午9:05", "2021-07-02T01:05:00"),
        ("2021年07月02日 周五 09:30", "2021-07-02T01:30:00"),
        ("2021年7月2日（星期五）09:30", "2021-07-02T01:30:00"),
        ("2021-07-02 11:59:33 +0000 UTC", "2021-07-02T11:59:33"),
        ("2021-07-02 11:59:33 CST", "2021-07-02T03:59:33"),
        ("2021-07-02 24:00", "2021-07-02T16:00:00"),
    ],
)
def test_dates_in_utc(text: str, expected: str) -> None:
    moment = parse_date(text, NOW)
    assert moment is not None
    assert moment.tzinfo is UTC
    assert moment.strftime("%Y-%m-%dT%H:%M:%S") == expected


@pytest.mark.parametrize(
    "text",
    ["", "昨天", "2021-13-45", "2021-02-30 10:00", "0001-01-01", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2026-12-24",
     "Mon, 99 Foo 2021 25:61:61 GMT", "20211302", "2021-07-02 25:00", "7月2日", "2021-07", "2021", "0", "9999999999", "123456789", "２０２１－０７－０２ｘ"],
)  # fmt: skip
def test_dates_that_cannot_be_true(text: str) -> None:
    assert parse_date(text, NOW) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('""""\'利率不变意味着什么？\'""""', "利率不变意味着什么？"),
        ("'甲'", "甲"),
        ('他说"好"', '他说"好"'),
        ("0！", "0！"),
    ],
)
def test_plain_title(given: str, expected: str) -> None:
    assert plain_title(given) == expected


@pytest.mark.parametrize(
    ("title", "candidate", "expected"),
    [
        ("武汉_三五_规划：出炉 意在百亿", "武汉“三五”规划：出炉 意在百亿", "武汉“三五”规划：出炉 意在百亿"),
        ("1-4月份全国价格上涨1.4%", "1—4月份 全国价格上涨1.4%", "1—4月份 全国价格上涨1.4%"),
        ("利率不变意味着什么？", "3月利率出炉，不变，意味着什么？", "利率不变意味着什么？"),
        ("投资下降18.0%", "投资下降180%", "投资下降18.0%"),
        ("01版 - _三农_新局", "“三农”新局", "01版 - “三农”新局"),
    ],
)
def test_title_is_restored_where_the_page_proves_it(title: str, candidate: str, expected: str) -> None:
    assert restore_title(title, [candidate], "") == expected


def test_quoted_words_of_a_title_are_found_in_the_text() -> None:
    assert restore_title("看懂_新基建_与_老问题_", [], "大家都谈“新基建”。") == "看懂“新基建”与_老问题_"


def test_category_path() -> None:
    assert category_path(["金融", "新浪财经 - 国内", "国内"]) == ("金融", "新浪财经", "国内")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("某某日报", "甲", (), ""), "某某日报"),
        (("", "新浪财经 - 国内", ("金融", "新浪财经", "国内"), "某报"), "新浪财经"),
        (("", "张三", ("金融", "新浪财经"), ""), "新浪财经"),
        (("", "张三", (), "某报"), "某报"),
        (("", "张三", (), ""), "张三"),
        (("", "", ("金融",), ""), "金融"),
    ],
)
def test_source(arguments: tuple[str, str, tuple[str, ...], str], expected: str) -> None:
    assert choose_source(*arguments) == expected
