"""Numbers and units: what is found in a text, and what is left alone."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.numerals import fold
from rag.quantities import Quantity, find_quantities
from rag.quantity_match import missing_quantities
from tests.quantity_reading import DIGITS, REFERENCE, chinese, only


def written(quantity: Quantity) -> str:
    """kind value unit hedge, as the table below writes them."""
    value = quantity.value
    if isinstance(value, tuple):
        number = "~".join(f"{v.normalize():f}" for v in value)
    else:
        number = "?" if value is None else f"{value.normalize():f}"
    hedge = ("≈" if quantity.approx else "") + {"": "", "over": ">", "under": "<"}[quantity.bound]
    turn = {"": "", "up": "↑", "down": "↓"}[quantity.direction]
    return " ".join(part for part in (quantity.kind, number, quantity.unit, hedge + turn) if part)


# One case a line: text | span that must be found | kind value unit hedge.
AMOUNTS = """
400.69亿元|400.69亿元|amount 40069000000 元
1,100.9亿|1,100.9亿|amount 110090000000
250亿|250亿|amount 25000000000
1.69万亿|1.69万亿|amount 1690000000000
1.69万亿元|1.69万亿元|amount 1690000000000 元
两千三百九十二家|两千三百九十二家|amount 2392 家
2392家|2392家|amount 2392 家
一百二十万|一百二十万|amount 1200000
一百二十万元|一百二十万元|amount 1200000 元
三千五百万人|三千五百万人|amount 35000000 人
一万五千人|一万五千人|amount 15000 人
一亿二千万吨|一亿二千万吨|amount 120000000 吨
一点五亿元|一点五亿元|amount 150000000 元
两亿|两亿|amount 200000000
十二家|十二家|amount 12 家
二十个|二十个|amount 20 个
一百零五名|一百零五名|amount 105 人
三百五十位|三百五十位|amount 350 人
1600万吨|1600万吨|amount 16000000 吨
16万吨|16万吨|amount 160000 吨
7平方公里|7平方公里|amount 7 平方公里
3千米|3千米|amount 3 公里
5kg|5kg|amount 5 公斤
5千克|5千克|amount 5 公斤
30万千瓦|30万千瓦|amount 300000 千瓦
120平方米|120平方米|amount 120 平方米
120㎡|120㎡|amount 120 平方米
85亩|85亩|amount 85 亩
25℃|25℃|amount 25 ℃
128GB|128GB|amount 128 GB
50Mbps|50Mbps|amount 50 Mbps
3500点|3500点|amount 3500 点
2000万股|2000万股|amount 20000000 股
300辆|300辆|amount 300 辆
39张|39张|amount 39 张
9大支柱产业|9大|amount 9 大
四大银行|四大|amount 4 大
十大品牌|十大|amount 10 大
化工园区30强|30强|amount 30 强
世界500强|500强|amount 500 强
367家|367家|amount 367 家
3亿人次|3亿人次|amount 300000000 人次
12艘|12艘|amount 12 艘
35岁|35岁|amount 35 岁
３５岁|３５岁|amount 35 岁
１２３家|１２３家|amount 123 家
１，２３４家，|２３４家|amount 234 家
15亿元|15亿元|amount 1500000000 元
3亿美元|3亿美元|amount 300000000 美元
5.5亿港元|5.5亿港元|amount 550000000 港元
5.5亿港币|5.5亿港币|amount 550000000 港元
10亿欧元|10亿欧元|amount 1000000000 欧元
100日元|100日元|amount 100 日元
100英镑|100英镑|amount 100 英镑
2万亿韩元|2万亿韩元|amount 2000000000000 韩元
5亿人民币|5亿人民币|amount 500000000 元
5亿元人民币|5亿元人民币|amount 500000000 元
人民币5亿元|人民币5亿元|amount 500000000 元
¥100|¥100|amount 100 元
￥1,299|￥1,299|amount 1299 元
US$5亿|US$5亿|amount 500000000 美元
$12.5|$12.5|amount 12.5 美元
€30|€30|amount 30 欧元
5块钱|5块钱|amount 5 元
5000元/吨|5000元/吨|amount 5000 元/吨
10.55元/公斤|10.55元/公斤|amount 10.55 元/公斤
160万桶/日|160万桶/日|amount 1600000 桶/日
壹佰贰拾万元|壹佰贰拾万元|amount 1200000 元
3,000億元|3,000億元|amount 300000000000 元
兩萬人|兩萬人|amount 20000 人
5 万辆|5 万辆|amount 50000 辆
4700 万元|4700 万元|amount 47000000 元
10万+|10万|amount 100000
3千人|3千人|amount 3000 人
5百万|5百万|amount 5000000
-2.1℃|-2.1℃|amount -2.1 ℃
负5℃|负5℃|amount -5 ℃
两个|两个|amount 2 个
三家公司|三家|amount 3 家
五名员工|五名|amount 5 人
三项|三项|amount 3 项
四条|四条|amount 4 条
超过650家|650家|amount 650 家 ≈>
超650家|650家|amount 650 家 ≈>
突破50户|50户|amount 50 户 ≈>
逾3000人|3000人|amount 3000 人 ≈>
高于30元|30元|amount 30 元 ≈>
不低于30元|30元|amount 30 元 ≈>
不少于5次|5次|amount 5 次 ≈>
至少20人|20人|amount 20 人 ≈>
跌破110美元|110美元|amount 110 美元 ≈<
百余人|百余人|amount 100 人 ≈>
不到100人|100人|amount 100 人 ≈<
不足5万元|5万元|amount 50000 元 ≈<
近3万人|3万人|amount 30000 人 ≈<
将近20家|20家|amount 20 家 ≈<
接近1亿元|1亿元|amount 100000000 元 ≈<
不超过4500万元|4500万元|amount 45000000 元 ≈<
低于10元|10元|amount 10 元 ≈<
约400亿元|400亿元|amount 40000000000 元 ≈
大约20台|20台|amount 20 台 ≈
约为35家|35家|amount 35 家 ≈
100人左右|100人|amount 100 人 ≈
200亿元左右|200亿元|amount 20000000000 元 ≈
40岁上下|40岁|amount 40 岁 ≈
200亿元以上|200亿元|amount 20000000000 元 ≈>
30人以内|30人|amount 30 人 ≈<
18岁以下|18岁|amount 18 岁 ≈<
50人之多|50人|amount 50 人 ≈>
360余家|360余家|amount 360 家 ≈>
20多个|20多个|amount 20 个 ≈>
一百多人|一百多人|amount 100 人 ≈>
10多亿元|10多亿元|amount 1000000000 元 ≈>
3万多人|3万多人|amount 30000 人 ≈>
3万余人|3万余人|amount 30000 人 ≈>
四十多岁|四十多岁|amount 40 岁 ≈>
二十余家|二十余家|amount 20 家 ≈>
十几家|十几家|amount ? 家 ≈
数十人|数十人|amount ? 人 ≈
几十万元|几十万元|amount ? 元 ≈
数百万元|数百万元|amount ? 元 ≈
上千家|上千家|amount ? 家 ≈
上百名|上百名|amount ? 人 ≈
数千亿元|数千亿元|amount ? 元 ≈
2000亿级|2000亿级|amount 200000000000 ≈
500亿级|500亿级|amount 50000000000 ≈
千亿级|千亿级|amount 100000000000 ≈
百亿级|百亿级|amount 10000000000 ≈
百亿元规模|百亿元规模|amount 10000000000 元 ≈
千亿产业规模|千亿|amount 100000000000 ≈
突破万亿|万亿|amount 1000000000000 ≈>
纳税亿元以上|亿元|amount 100000000 元 ≈>
百万元|百万元|amount 1000000 元 ≈
千万级|千万级|amount 10000000 ≈
近千家|千家|amount 1000 家 ≈<
七八个|七八个|amount 7~8 个 ≈
十五六家|十五六家|amount 15~16 家 ≈
三四百人|三四百人|amount 300~400 人 ≈
二三十家|二三十家|amount 20~30 家 ≈
30000.00万元至40000.00万元|30000.00万元至40000.00万元|amount 300000000~400000000 元
3至5亿元|3至5亿元|amount 300000000~500000000 元
1.2亿元—1.45亿元|1.2亿元—1.45亿元|amount 120000000~145000000 元
2.35亿-3.15亿|2.35亿-3.15亿|amount 235000000~315000000
25—35岁|25—35岁|amount 25~35 岁
两至三家|两至三家|amount 2~3 家
10～12万辆|10～12万辆|amount 100000~120000 辆
亏损6亿元至3亿元|6亿元至3亿元|amount 300000000~600000000 元
5到10元|5到10元|amount 5~10 元
"""

RATES = """
6.3%|6.3%|percent 6.3 %
6.3％|6.3％|percent 6.3 %
６．３％|６．３％|percent 6.3 %
100%|100%|percent 100 %
5‰|5‰|percent 0.5 %
百分之六点三|百分之六点三|percent 6.3 %
百分之二十六点八|百分之二十六点八|percent 26.8 %
百分之百|百分之百|percent 100 %
百分之30|百分之30|percent 30 %
千分之三|千分之三|percent 0.3 %
万分之五|万分之五|percent 0.05 %
负百分之三|负百分之三|percent -3 %
3成|3成|percent 30 %
三成五|三成五|percent 35 %
近七成|七成|percent 70 % ≈<
六成以上|六成|percent 60 % ≈>
七八成|七八成|percent 70~80 % ≈
五分之一|五分之一|percent 20 %
四分之三|四分之三|percent 75 %
一半|一半|percent 50 %
-3.2%|-3.2%|percent -3.2 %
同比-3.2%|-3.2%|percent -3.2 %
为-0.5%|-0.5%|percent -0.5 %
同比增长6.3%|6.3%|percent 6.3 % ↑
上涨了5%|5%|percent 5 % ↑
涨0.41%|0.41%|percent 0.41 % ↑
同比下降10.2%|10.2%|percent 10.2 % ↓
跌超1%|1%|percent 1 % ≈>↓
下降约30%|30%|percent 30 % ≈↓
涨幅为3%|3%|percent 3 % ↑
降幅达12%|12%|percent 12 % ↓
下降至3%|3%|percent 3 %
增至15%|15%|percent 15 %
达91%|91%|percent 91 %
超过50%|50%|percent 50 % ≈>
5%~8%|5%~8%|percent 5~8 %
5-8%|5-8%|percent 5~8 %
49.56%到74.51%|49.56%到74.51%|percent 49.56~74.51 %
百分之五到百分之八|百分之五到百分之八|percent 5~8 %
9个百分点|9个百分点|point 9 百分点
0.1百分点|0.1百分点|point 0.1 百分点
一个百分点|一个百分点|point 1 百分点
提高2.5个百分点|2.5个百分点|point 2.5 百分点 ↑
25个基点|25个基点|point 0.25 百分点
10BP|10BP|point 0.1 百分点
1.5倍|1.5倍|multiple 1.5 倍
两倍|两倍|multiple 2 倍
一倍半|一倍半|multiple 1.5 倍
增长一倍|一倍|multiple 1 倍 ↑
翻番|翻番|multiple 2 倍 ↑
翻一番|翻一番|multiple 2 倍 ↑
翻了两番|翻了两番|multiple 4 倍 ↑
翻倍|翻倍|multiple 2 倍 ↑
"""


PERIODS_AND_CODES = """
3年|3年|period 3 年
十年|十年|period 10 年
两年半|两年半|period 2.5 年
半年|半年|period 0.5 年
半个月|半个月|period 0.5 个月
一年|一年|period 1 年
近三年|三年|period 3 年
3年多|3年|period 3 年 ≈>
三年以上|三年|period 3 年 ≈>
5到10年|5到10年|period 5~10 年
3-5年|3-5年|period 3~5 年
3至5年|3至5年|period 3~5 年
三到五年|三到五年|period 3~5 年
三五年|三五年|period 3~5 年 ≈
两个多月|两个多月|period 2 个月 ≈>
一个半月|一个半月|period 1.5 个月
6个月|6个月|period 6 个月
90天|90天|period 90 天
30日内|30日|period 30 天 ≈<
两周|两周|period 2 周
3个季度|3个季度|period 3 个季度
5个工作日|5个工作日|period 5 工作日
8小时|8小时|period 8 小时
5 个小时|5 个小时|period 5 小时
两个半小时|两个半小时|period 2.5 小时
45分钟|45分钟|period 45 分钟
11:59|11:59|time 719 分
11：59|11：59|time 719 分
16:07:47|16:07:47|time 967 分
9时30分|9时30分|time 570 分
上午9时|9时|time 540 分
下午3点|3点|time 900 分
晚上8点半|8点半|time 1230 分
凌晨两点|两点|time 120 分
8点整|8点整|time 480 分
2比1|2比1|score 2~1
3:0|3:0|score 3~0
3：0|3：0|score 3~0
二比一|二比一|score 2~1
第21届|第21届|ordinal 21 届
第二十一届|第二十一届|ordinal 21 届
第三名|第三名|ordinal 3 位
第2期|第2期|ordinal 2 期
第六阶段|第六阶段|ordinal 6 阶段
排名第三|第三|ordinal 3
位列全省第一|第一|ordinal 1
首次|首次|ordinal 1 次
首家|首家|ordinal 1 家
21世纪|21世纪|ordinal 21 世纪
3号|3号|ordinal 3 号
sz002032|sz002032|code ?
600519|600519|code ?
002032|002032|code ?
“965”|965|code ?
G107|G107|code ?
5G|5G|code ?
4K|4K|code ?
C919|C919|code ?
COVID-19|COVID-19|code ?
iPhone 12|iPhone 12|code ?
36kr|36kr|code ?
90后|90后|code ?
6.0.13版|6.0.13|code ?
10后|10后|code ?
第三大股东|第三大|ordinal 3 大
市值第三，|第三|ordinal 3
二十大报告|二十大|code ?
图3|3|code ?
Qwen3-ASR|Qwen3-ASR|code ?
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    lines = [line.split("|") for line in table.splitlines() if line]
    return [(text, span, expected) for text, span, expected in lines]


@pytest.mark.parametrize(("text", "span", "expected"), rows(RATES + PERIODS_AND_CODES))
def test_one_quantity_is_read(text: str, span: str, expected: str) -> None:
    quantity = only(text)
    assert (quantity.text, written(quantity)) == (span, expected)
    assert text[quantity.start : quantity.end] == span


@pytest.mark.parametrize(("text", "span", "expected"), rows(AMOUNTS))
def test_one_amount_is_read(text: str, span: str, expected: str) -> None:
    quantity = find_quantities(text)[-1]
    assert (quantity.text, written(quantity)) == (span, expected)
    assert text[quantity.start : quantity.end] == span


@pytest.mark.parametrize(
    "text",
    """三一重工 一汽 四川 七彩 万科 百度 千山 五粮液 一定 一些 一起 统一 万一 第一 十分 三峡 双十一 九江 百威 零售 一家公司 一个
    一种 一般 唯一 第一时间 三角洲 百分百 百家争鸣 千家万户 千万别 一带一路 第三方 两岸 两会 三农 半导体 数据 指数 上海 几乎 一旦
    首都 首席 一路 四方 八方 五味 七上八下 一方面 三亚 六安 百合花 千里 万象 单位：万元 单位：亿元 电话13812345678 [1] 【2】 （3）
    https://a.com/1234 x1@a.com 400-123-4567 010-12345678 周六福 一颗 战前日均""".split(),
)
def test_words_that_only_look_like_numbers_are_left_alone(text: str) -> None:
    assert [q.text for q in find_quantities(text)] == []


def test_a_whole_paragraph() -> None:
    text = (
        "2020年，全区甲产业增加值达400.69亿元、同比增长6.3%，占全区总量的26.8%。"
        "预计到2025年，企业突破650家，基金规模或将超1.69万亿。"
    )
    found = [(q.text, written(q), q.planned) for q in find_quantities(text) if q.kind != "date"]
    assert found == [
        ("400.69亿元", "amount 40069000000 元", False),
        ("6.3%", "percent 6.3 % ↑", False),
        ("26.8%", "percent 26.8 %", False),
        ("650家", "amount 650 家 ≈>", True),
        ("1.69万亿", "amount 1690000000000 ≈>", True),
    ]


def test_an_enumeration_shares_its_direction() -> None:
    assert [q.direction for q in find_quantities("分别增长6.3%、5.1%和4%，占9%")] == ["up", "up", "up", ""]


@given(st.decimals(min_value="0.01", max_value="999", places=2))
def test_percentages_round_trip(value: Decimal) -> None:
    whole, _, fraction = f"{value:f}".partition(".")
    spoken = (chinese(int(whole)) if int(whole) else "零") + "点" + "".join(DIGITS[int(d)] for d in fraction)
    assert only(f"百分之{spoken}").value == value == only(f"{value}%").value


_ALPHABET = "0123456789０９.,，、。:：%％-—~至到/ \n第首半翻近约超多余几数零〇一二两三十百千万亿点成分之年月日号时季度元美家个人名吨倍上下今去昨本周“”（1）[]aGkQ@.http://重工大"


@settings(max_examples=400)
@given(st.text(alphabet=_ALPHABET, max_size=60))
def test_offsets_are_exact_and_a_text_carries_its_own_numbers(text: str) -> None:
    assert len(fold(text)) == len(text)
    end = 0
    for quantity in find_quantities(text, reference=REFERENCE):
        assert end <= quantity.start < quantity.end
        assert text[quantity.start : quantity.end] == quantity.text
        end = quantity.end
    assert missing_quantities(text, text) == []


@given(st.text(max_size=80))
def test_any_text_is_survived(text: str) -> None:
    assert all(text[q.start : q.end] == q.text for q in find_quantities(text))


@pytest.mark.parametrize(
    "text",
    [c * 10_000 for c in "1一万十零数第.-\n a壹"]
    + ["一二" * 5000, "a1" * 5000, "a.@" * 3333, "1." * 5000, "百分之" * 3333],
    ids=lambda text: repr(text[:3]),
)
def test_hostile_repetition_costs_linear_time(text: str) -> None:
    fastest = min(_seconds(text) for _ in range(5))
    assert fastest < 0.15, fastest  # 50 ms on an idle machine; three times that where others work


def _seconds(text: str) -> float:
    begun = time.process_time()
    find_quantities(text)
    return time.process_time() - begun


@pytest.mark.parametrize(
    ("cell", "unit", "value"),
    [
        ("| 均价（元/平方米）：24,496 |", "元/平方米", "24496"),
        ("| 销售额(亿元)：142.91 |", "元", "14291000000"),
        ("| 增速（%）：-2.1 |", "%", "-2.1"),
        ("| 票数（万）：3 |", "", "30000"),
        ("| 人数（人）：12人 |", "人", "12"),
        ("| 备注（暂定）：12 |", "", "12"),
    ],
)
def test_a_value_of_a_table_has_the_unit_of_its_column(cell: str, unit: str, value: str) -> None:
    (quantity,) = find_quantities(cell)
    assert cell[quantity.start : quantity.end] == quantity.text
    assert (quantity.unit, quantity.value) == (unit, Decimal(value))
