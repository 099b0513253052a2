"""Comparing quantities: what is the same, and what a statement has too much."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.quantities import Quantity, find_quantities
from rag.quantity_match import missing_quantities, same_quantity
from tests.quantity_reading import REFERENCE, chinese, only

SAME = """
4.69亿元|46900万元
4.69亿|469,000,000
46900万|469000000
百分之六点三|6.3%
6.3％|6.3%
3成|30%
五分之一|20%
千分之三|0.3%
两千三百九十二家|2392家
2392家|2392户
50户|50家
50名|50人
五位|5人
3款|3个
1.69万亿|16,900亿
1.69万亿|1.69万亿元
2392|2392家
约400亿|400.69亿
约400亿元|400.69亿元
近1.7万亿|1.69万亿
超过650家|652家
360余家|366家
超过650家|超650家
650家以上|逾650家
3-5年|3至5年
25—35岁|25到35岁
30000.00万元至40000.00万元|3亿元至4亿元
半年|6个月
一年半|18个月
两周|14天
25个基点|0.25个百分点
3千米|3公里
5公斤|10斤
1.6万吨|16000吨
同比-3.2%|同比下降3.2%
5000元|5000元/吨
翻番|翻一番
第21届|第二十一届
第三名|第3位
排名第三|第三名
首次|第一次
sz002032|SZ002032
5G|５Ｇ
数十家|几十家
2比1|2:1
下午3点|15:00
2021年7月2日|7月2日
2021年7月2日|2021-07-02
上半年|1-6月
一季度|1月至3月
2020年年底|2020年末
“十四五”|2021-2025年
今年|2021年
昨日|7月1日
五百亿元|500亿元
2000亿级|2000亿
千亿级|1000亿
"""

DIFFERENT = """
6.3%|6.3个百分点
6.3%|6.4%
6.3%|6.3
400.69亿元|400.69亿美元
400.69亿|400.69亿美元
400亿元|400.69亿元
400.69亿元|400.69万元
约400亿|450亿
超过650家|640家
超过650家|不到650家
650家以上|650家以下
650家|650人
650家|650辆
3年|3-5年
3-5年|3-6年
3年|3个月
增长6.3%|下降6.3%
第21届|第22届
第21届|21届
5G|5个
5G|4G
600519|600518
2021年|2021年7月
2021年7月2日|2021年7月3日
2020年底|2020年12月
上半年|下半年
今年|去年
2021年|2021家
2比1|1比2
数十家|数百家
数十家|数十人
3元|3美元
3倍|3%
7月2日|7月20日
1.69万亿|1.7万亿
30%|30成
100港元|100元
9点30分|9:31
去年同期|去年
"""


def pair(row: str) -> tuple[Quantity, Quantity]:
    left, right = row.split("|")
    return only(left), only(right)


@pytest.mark.parametrize("row", SAME.strip().splitlines())
def test_the_same_quantity(row: str) -> None:
    a, b = pair(row)
    assert same_quantity(a, b), (a, b)
    assert same_quantity(b, a), (b, a)


@pytest.mark.parametrize("row", DIFFERENT.strip().splitlines())
def test_different_quantities(row: str) -> None:
    left, right = row.split("|")
    a, b = find_quantities(left, reference=REFERENCE)[0], find_quantities(right, reference=REFERENCE)[0]
    assert not same_quantity(a, b), (a, b)
    assert not same_quantity(b, a), (b, a)


def test_without_a_reference_a_date_agrees_with_any_year() -> None:
    assert same_quantity(only("7月2日", None), only("2021年7月2日", None))
    assert not same_quantity(only("7月2日", None), only("2021年7月3日", None))
    assert same_quantity(only("今年", None), only("今年", REFERENCE))
    assert not same_quantity(only("今年7月", None), only("今年8月", REFERENCE))


@pytest.mark.parametrize(
    ("statement", "evidence", "missing"),
    [
        ("增加值为400.69亿元，同比增长6.3%。", "增加值达400.69亿元、同比增长6.3%，占26.8%", []),
        ("增加值为400.69亿元，同比增长6.4%。", "增加值达400.69亿元、同比增长6.3%", ["6.4%"]),
        ("共有2392家企业。", "涵盖了两千三百九十二家企业", []),
        ("规模约1.7万亿。", "规模1.69万亿", []),
        ("规模为1.7万亿。", "规模1.69万亿", ["1.7万亿"]),
        ("有655家企业。", "有超过650家企业", ["655家"]),
        ("7月2日举行。", "会议于2021年7月2日举行", []),
        ("2021年7月2日举行。", "会议7月2日举行", []),
        ("提高9个百分点。", "提高9%", ["9个百分点"]),
        ("支持5G和965集群。", "支持4G和“965”集群", ["5G"]),
        ("第21届大会。", "第20届大会", ["第21届"]),
        ("没有数字。", "没有", []),
    ],
)
def test_missing_quantities(statement: str, evidence: str, missing: list[str]) -> None:
    found = missing_quantities(statement, evidence, statement_reference=REFERENCE, evidence_reference=REFERENCE)
    assert [q.text for q in found] == missing


@pytest.mark.parametrize(
    ("statement", "evidence", "missing"),
    [
        ("基金规模达到2000亿元。", "基金规模或将突破2000亿元。", ["2000亿元"]),
        ("基金规模或将突破2000亿元。", "基金规模或将突破2000亿元。", []),
        ("企业650家。", "企业不到650家。", ["650家"]),
        ("企业超过650家。", "企业突破650家。", []),
        ("企业650家。", "企业650家。", []),
        ("企业超过650家。", "企业650家。", ["650家"]),
        ("增长超过6.4%。", "增长约6.4%。", ["6.4%"]),
        ("基金规模超过2000亿元。", "基金规模2012亿元。", []),
        ("企业650家。", "企业约650家。", []),  # only `strictly`
    ],
)
def test_a_statement_must_not_be_firmer_than_its_evidence(statement: str, evidence: str, missing: list[str]) -> None:
    assert [q.text for q in missing_quantities(statement, evidence, hedges=True)] == missing


@given(st.integers(min_value=2, max_value=10**12 - 1), st.sampled_from(["吨", "辆", "元", "美元"]))
def test_every_way_to_write_an_amount_is_the_same(number: int, unit: str) -> None:
    value = Decimal(number)
    ways = [f"{number}{unit}", f"{number:,}{unit}", f"{chinese(number)}{unit}"]
    ways += [f"{(value / 10**4).normalize():f}万{unit}", f"{(value / 10**8).normalize():f}亿{unit}"]
    found = [only(f"共{way}。") for way in ways]
    assert [q.text for q in found] == ways
    assert all(q.value == value and q.unit == unit and same_quantity(found[0], q) for q in found), found


@pytest.mark.parametrize(
    ("statement", "evidence", "missing"),
    [
        ("企业650家。", "企业约650家。", ["650家"]),
        ("企业约650家。", "企业约650家。", []),
        ("7月9日开通。", "计划7月9日开通。", ["7月9日"]),
        ("将于7月9日开通。", "计划7月9日开通。", []),
        ("7月9日开通。", "7月9日开通，计划运行三年。", []),
        ("7月9日开通。", "公司计划扩建，7月9日开通。", []),  # a plan of another clause
    ],
)
def test_strictly_neither_about_nor_planned_is_dropped(statement: str, evidence: str, missing: list[str]) -> None:
    found = missing_quantities(
        statement, evidence, statement_reference=REFERENCE, evidence_reference=REFERENCE, hedges=True, strictly=True
    )
    assert [q.text for q in found] == missing
