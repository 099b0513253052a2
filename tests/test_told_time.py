"""Which time a sentence speaks of."""

from __future__ import annotations

from datetime import date

import pytest

from rag.told_time import asked_spans, fits_time

HALF = "记者7月19日从望川市政府新闻办获悉，今年上半年，全市实现地区生产总值1698.2亿元。"
NEXT = "第二产业增加值600亿元。"
LAST = "去年全年出口1亿元，比2022年增长3%。"
TEXT = HALF + NEXT + LAST
PUBLISHED = date(2024, 7, 19)


def fits(question: str, sentence: str, text: str = TEXT, title: str = "", published: date | None = PUBLISHED) -> float:
    start = text.index(sentence)
    return fits_time(asked_spans(question), text, start, start + len(sentence), title, published)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("望川市GDP是多少", (1.0, 1.0, 1.0)),
        ("2024年上半年望川市GDP", (1.0, 0.9, 0.2)),
        ("2024年1-6月望川市GDP", (1.0, 0.9, 0.2)),
        ("2024年望川市GDP", (0.4, 0.4, 0.2)),  # the year is not the half of it
        ("2023年望川市GDP", (0.2, 0.3, 1.0)),
        ("2022年望川市出口", (0.2, 0.3, 0.2)),  # 比2022年 is only compared with
        ("2025年上半年望川市GDP", (0.2, 0.3, 0.2)),
        ("2024年7月19日发生了什么", (0.2, 0.3, 0.2)),  # the day of announcement is not what it is about
    ],
)
def test_time_of_a_sentence(question: str, expected: tuple[float, float, float]) -> None:
    assert (fits(question, HALF), fits(question, NEXT), fits(question, LAST)) == expected


def test_without_any_time_in_the_text_the_day_of_publication_counts() -> None:
    assert fits("2024年茶叶产量", NEXT, NEXT) == 0.7
    assert fits("2023年茶叶产量", NEXT, NEXT) == 0.7  # the news of the year after
    assert fits("2021年茶叶产量", NEXT, NEXT) == 0.3
    assert fits("2025年茶叶产量", NEXT, NEXT) == 0.1  # nothing can be told before it is
    assert fits("2024年茶叶产量", NEXT, NEXT, published=None) == 0.5
    assert fits("2023年茶叶产量", NEXT, NEXT, title="望川市2023年经济公报") == 0.9
    assert fits("2022年茶叶产量", NEXT, NEXT, title="望川市2023年经济公报") == 0.3


def test_days_without_a_year() -> None:
    text = "10月22日故障影响12万笔订单。次日又有更正。"
    day = date(2025, 10, 27)
    assert fits("10月22日那次故障", "10月22日故障影响12万笔订单。", text, published=day) == 1.0
    assert fits("11月22日那次故障", "10月22日故障影响12万笔订单。", text, published=day) == 0.2


def test_an_event_within_the_year_asked_for() -> None:
    text = "3月5日，大桥通车。"
    assert fits("大桥2024年哪天通车", text, text) == 1.0
    assert fits("大桥2023年哪天通车", text, text) == 0.2
