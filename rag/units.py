"""Units of Chinese news: their spellings, kinds, groups of counting words and exact conversions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from rag.quantity_drafts import Kind


def alternatives(words: Iterable[str]) -> str:
    """A pattern that matches any of the words, the longest first."""
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_MONEY: Final = {
    "元": "元 块钱 块 圆 人民币 RMB CNY 圆整 元整",
    "美元": "美元 美金 USD 美圆",
    "港元": "港元 港币 港圆 HKD",
    "欧元": "欧元 EUR",
    "日元": "日元 日圆 JPY",
    "英镑": "英镑 GBP",
    "韩元": "韩元 韩圆 韩币",
    "卢布": "卢布",
    "澳元": "澳元 澳币",
    "加元": "加元 加币",
    "新台币": "新台币 台币",
    "新加坡元": "新加坡元 新元 新币",
    "瑞士法郎": "瑞士法郎 瑞郎",
    "卢比": "卢比 印度卢比",
    "泰铢": "泰铢",
    "越南盾": "越南盾",
    "林吉特": "林吉特",
    "比特币": "比特币 BTC",
}
_COUNTED: Final = {
    "人": "人 名 位 口",
    "家": "家 户 间 所",
    "个": "个 项 款 种 类 件 大 只 条 座 处 支 道 组 批 宗",
}
_SINGLE: Final = (
    "台 辆 架 艘 部 套 股 手 单 笔 份 张 本 册 篇 首 幅 集 章 株 棵 头 匹 枚 块地 栋 幢 层 楼 期 场 届 起 例 床 次 轮 局 步 强 倍 点 "
    "级 桶 盎司 人次 岁 周岁 周年 页 行 句 字 词 段 节 颗 粒 把 副 门 根 瓶 杯 箱 袋 包 票 席 度 名额 分 角 字节 像素 元素 顿 "
    "艘次 架次 班次 车次 标箱 车位 床位 席位 机位 时区 步骤 战 胜 负 平 连胜 连败 篮板 助攻 球 红牌 黄牌 金 银 铜 星 环 卷 帧 排 班 队 国 省 "
    "市 县 区 镇 乡 村 州 校 院 店 站 馆 厂 库 线 路 号线 城 地 方 面 档 折 重 双 对 针 剂 剂次 针次 滴 斤 担 两 倍速 代 人份 圈 杆 "
    "英里 英尺 英寸 海里 寸 尺 丈 里 亩 毫米汞柱 马力 摄氏度 ℃ °C ° 华氏度 分贝 伏 安 瓦 千瓦 兆瓦 吉瓦 千瓦时 kWh kwh KWh kW KW MW GW TW "
    "Wh mAh GB MB TB KB PB Hz kHz MHz GHz nm μm um mm cm dm km m² ㎡ km² kg mg ml mL Gbps Mbps bps fps 帧/秒 卡 大卡 千卡 焦耳 帕 千帕 兆帕 "
    "克 千克 公斤 毫克 微克 吨 万吨级 公吨 磅 克拉 升 毫升 公升 立方米 立方 立方厘米 立方公里 平方米 平方公里 平方千米 平方 平米 公顷 公亩 "
    "公里 千米 米 厘米 毫米 纳米 微米 光年 毫秒 微秒 赫兹 兆赫 兆 英亩 平方英里 平方厘米 坪 TEU L"
)
_PERIOD: Final = {
    "年": "年 载",
    "个月": "个月 月 个多月",
    "周": "周 个星期 星期 个礼拜",
    "天": "天 日 昼夜",
    "个季度": "个季度 季度",
    "小时": "小时 个小时 钟头 个钟头 h",
    "分钟": "分钟",
    "秒": "秒 秒钟",
    "工作日": "个工作日 工作日",
    "交易日": "个交易日 交易日",
    "世纪": "个世纪",
    "学年": "学年 个学年",
}
_SPELLINGS: Final = {
    "名": "人", "位": "人", "口": "人",
    "千克": "公斤", "kg": "公斤", "公吨": "吨", "平米": "平方米", "平方": "平方米", "㎡": "平方米", "m²": "平方米", "km²": "平方公里",
    "平方千米": "平方公里", "千米": "公里", "km": "公里", "cm": "厘米", "mm": "毫米", "nm": "纳米", "μm": "微米", "um": "微米",
    "立方": "立方米", "公升": "升", "L": "升", "mL": "毫升", "ml": "毫升", "°C": "℃", "摄氏度": "℃", "周岁": "岁", "kW": "千瓦",
    "KW": "千瓦", "MW": "兆瓦", "GW": "吉瓦", "kWh": "千瓦时", "kwh": "千瓦时", "KWh": "千瓦时", "mg": "毫克", "赫兹": "Hz", "大卡": "千卡",
}  # fmt: skip
CANONICAL: Final[dict[str, str]] = {
    **{unit: unit for unit in (*_SINGLE.split(), *" ".join(_COUNTED.values()).split())},
    **{spelling: name for table in (_MONEY, _PERIOD) for name, all_ in table.items() for spelling in all_.split()},
    **_SPELLINGS,
}
"""Canonical unit by spelling."""

CURRENCIES: Final = frozenset(_MONEY)
"""Canonical currency units; 元 is the renminbi."""

COUNTERS: Final = {u: group for group, spellings in _COUNTED.items() for u in spellings.split()} | {
    u: u for u in "台 辆 架 艘 部 套 份 张 本 册 篇 首 幅 集 章 株 棵 头 匹 枚 栋 幢 期 场 届 起 例 床 次 轮 局 强 支 国 省 市 县 区 镇 村 "
    "店 站 馆 厂 城 人次 席 单 笔 股 手 剂 针 剂次 艘次 架次 名额 席位 车位 床位 桶 校 院".split()
}  # fmt: skip
"""Group of each counting word; words of one group agree (家 with 户), and 个 agrees with all of them."""

# Exact conversions: unit -> (base, how many of the base).
_BASE: Final[dict[str, tuple[str, Decimal]]] = {
    unit: (base, Decimal(factor))
    for unit, base, factor in (
        ("吨", "克", "1000000"), ("公斤", "克", "1000"), ("斤", "克", "500"), ("毫克", "克", "0.001"),
        ("公里", "米", "1000"), ("厘米", "米", "0.01"), ("毫米", "米", "0.001"), ("里", "米", "500"),
        ("微米", "米", "0.000001"), ("纳米", "米", "0.000000001"), ("平方公里", "平方米", "1000000"), ("公顷", "平方米", "10000"),
        ("毫升", "升", "0.001"), ("千瓦", "瓦", "1000"), ("兆瓦", "瓦", "1000000"), ("吉瓦", "瓦", "1000000000"),
        ("千瓦时", "度", "1"), ("千卡", "卡", "1000"), ("年", "个月", "12"), ("个季度", "个月", "3"), ("周", "天", "7"),
        ("小时", "秒", "3600"), ("分钟", "秒", "60"), ("角", "元", "0.1"),
    )
}  # fmt: skip
ANY_UNIT: Final = alternatives(CANONICAL)
"""Pattern of every spelling of a unit."""

# After a Chinese numeral the unit must be one that hardly ever makes a word of it (三地, 四方, 十分, 三角, 一级, 五星 are words).
_UNSAFE: Final = frozenset(
    "角 分 点 级 线 路 地 方 面 道 重 里 平 星 金 银 铜 环 球 号线 度 手 口 行 节 卡 安 伏 两 担 卷 排 班 档 双 市 区 城 州 国 院 校 站 队 字 "
    "句 步 楼 战 胜 负 处 载 省 县 乡 镇 村 店 厂 馆 库 ° h 块 门 包 单 折 圈 寸 尺 丈 针 票 席 首 本 组 月 对 头 代".split()
)  # fmt: skip
SAFE_UNIT: Final = alternatives(u for u in CANONICAL if u not in _UNSAFE)
"""Pattern of the spellings that count after a Chinese numeral."""


def base_unit(unit: str) -> tuple[str, Decimal]:
    """Base unit and how many of it one `unit` is: 公里 is (米, 1000); a unit without a conversion is its own base."""
    return _BASE.get(unit, (unit, Decimal(1)))


def read_unit(unit: str) -> tuple[Kind, str, Decimal]:
    """Kind, canonical unit and factor of a written unit: 千米 is (amount, 公里, 1), 基点 (point, 百分点, 0.01)."""
    if unit in ("%", "‰"):
        return "percent", "%", Decimal(1) if unit == "%" else Decimal("0.1")
    if unit.endswith("百分点"):
        return "point", "百分点", Decimal(1)
    if unit.endswith("基点") or unit in ("BP", "BPs", "bps"):
        return "point", "百分点", Decimal("0.01")
    canonical = CANONICAL.get(unit, unit)
    if canonical in _PERIOD:
        return "period", canonical, Decimal(1)
    return ("multiple" if canonical == "倍" else "amount"), canonical, Decimal(1)
