"""Figures that are copied right and given to the wrong name, time or thing."""

from __future__ import annotations

from datetime import date

import pytest

from rag.bindings import misplaced

DISTRICTS = "上半年，澄湖区规模以上工业增加值同比增长11.6%，云麓区增长7.2%，望汀区增长2.9%。"
TRADE = "进出口总额788.3亿元，增长6.2%，其中出口556.4亿元，增长7.2%。"
YEARS = "2023年全市地区生产总值3412.6亿元，2024年为3601.8亿元。"
PRICES = "标准版定价2699元，带集尘基站的Pro版定价3399元。"
HARVEST = "6月23日通报，今年全省播种面积1186.5万亩，总产量468.3万吨，比上年增长2.4%。"
PIGS = "前三季度出栏生猪1864.2万头，同比增长3.1%，其中三季度出栏603.8万头，增长4.7%。"
QUARTERS = "二季度用电量718.3亿千瓦时，同比增长5.9%，比一季度加快2.2个百分点。"
LOANS = "双缴存职工家庭最高额度由100万元提高到120万元；单缴存职工由60万元提高到75万元。"

WRONG = [
    ("云麓区规模以上工业增加值同比增长11.6%。", DISTRICTS, ["11.6%"]),
    ("望汀区上半年增长7.2%。", DISTRICTS, ["7.2%"]),
    ("去年出口788.3亿元。", TRADE, ["788.3亿元"]),
    ("2024年地区生产总值为3412.6亿元。", YEARS, ["3412.6亿元"]),
    ("Pro版定价2699元。", PRICES, ["2699元"]),
    ("云麓区和澄湖区的产量分别为275吨和318吨。", "澄湖区和云麓区的产量分别为275吨和318吨。", ["275吨", "318吨"]),
    ("去年全省播种面积1186.5万亩。", HARVEST, ["1186.5万亩"]),  # another time than all of its sentence
    ("前三季度出栏生猪1864.2万头，同比增长4.7%。", PIGS, ["4.7%"]),  # the growth of another amount
    ("二季度用电量同比增长5.9%，比二季度加快2.2个百分点。", QUARTERS, ["2.2个百分点"]),  # compared with another time
    ("汉川区产量为318吨。", "澄湖区产量为318吨。", ["318吨"]),  # a place that its sentence does not name
    ("标准版定价3399元。", "标准版定价2699元，Pro版的3399元要到年底。", ["3399元"]),  # behind the words of another
]
RIGHT = [
    ("云麓区规模以上工业增加值增长7.2%。", DISTRICTS),
    ("澄湖区的增速最高，为11.6%，望汀区只有2.9%。", DISTRICTS),
    ("出口556.4亿元，增长7.2%。", TRADE),
    ("2023年，当地GDP是3412.6亿元。", YEARS),
    ("Pro版卖3399元。", PRICES),
    ("单缴存职工的额度从60万元提高到75万元。", LOANS),
    ("前年的经济总量是3412.6亿元。", YEARS),
    ("澄湖区和云麓区的产量分别为275吨和318吨。", "澄湖区和云麓区的产量分别为275吨和318吨。"),
    ("会议在望川举行。", DISTRICTS),
    ("三季度出栏生猪603.8万头。", PIGS),
    ("今年播种面积1186.5万亩，总产468.3万吨。", HARVEST),
    ("", DISTRICTS),
]


@pytest.mark.parametrize(("statement", "evidence", "figures"), WRONG)
def test_a_figure_of_the_neighbour_is_found(statement: str, evidence: str, figures: list[str]) -> None:
    assert [q.text for q in misplaced(statement, [evidence], date(2025, 3, 1))] == figures


@pytest.mark.parametrize(("statement", "evidence"), RIGHT)
def test_a_figure_in_its_place_is_left_alone(statement: str, evidence: str) -> None:
    assert misplaced(statement, [evidence], date(2025, 3, 1)) == []


def test_every_source_sentence_carries_its_own_figures() -> None:
    for text in (DISTRICTS, TRADE, YEARS, PRICES, LOANS, HARVEST, PIGS, QUARTERS):
        assert misplaced(text, [text], date(2025, 3, 1)) == []


def test_every_source_counts_its_words_from_its_own_day() -> None:
    year = "1月24日，临澜市统计局发布2024年经济数据：全年地区生产总值3601.8亿元，比上年增长5.4%。"
    half = "今年上半年，全市实现地区生产总值1698.2亿元，同比增长5.6%。"
    days = [date(2025, 1, 24), date(2024, 7, 19)]
    wrong = misplaced("2024年上半年临澜市GDP为3601.8亿元。", [year, half], days[0], days)
    assert [q.text for q in wrong] == ["3601.8亿元"]
    assert misplaced("2024年上半年临澜市GDP为1698.2亿元。", [half, year], days[1], days[::-1]) == []


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("柏山院区夜间门诊时间为17时30分至21时。", True),
        ("钟鼓街院区夜间门诊时间为17时30分至21时。", False),
        ("柏山院区夜间门诊时间为18时至22时。", False),
    ],
)
def test_a_time_of_day_belongs_to_something_too(statement: str, wrong: bool) -> None:
    text = "柏山院区夜间门诊每天18时至22时开放，钟鼓街院区的夜间门诊时间为17时30分至21时。"
    assert bool(misplaced(statement, [text], date(2025, 9, 1))) == wrong


def test_a_score_belongs_to_its_match() -> None:
    told = ["临澜铁锚客场2比2战平沧屏青松；", "| 主队：鹤汀白鹭 | 比分：2比1 | 客队：栖江飞燕 |"]
    assert misplaced("临澜铁锚客场2比1战平鹤汀白鹭。", told, date(2025, 9, 1))
    assert not misplaced("鹤汀白鹭主场2比1战胜栖江飞燕。", told, date(2025, 9, 1))
