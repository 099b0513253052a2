"""Numbers with their units, in digits (400.69亿元, 360余家) and in Chinese numerals (两千三百九十二家), and codes (5G, 600519)."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

from rag.date_spans import DateSpan
from rag.hedges import HEDGE, HEDGE_AFTER
from rag.numerals import (
    DIGITS,
    NUMERAL_CHARS,
    chinese_integer,
    plain_number,
    rough_step,
    scale_factor,
    written_step,
)
from rag.quantity_drafts import Bound, Draft
from rag.units import ANY_UNIT, CANONICAL, COUNTERS, CURRENCIES, SAFE_UNIT, read_unit

_SCALE: Final = r"(?:万亿|[十百千]亿|[百千十]万(?!科)|亿(?!纬|联|晶|嘉)|万(?!科|达|华化|向|豪)|千(?![瓦米克卡帕里])|百(?![分度威])|兆(?![瓦赫帕]))"
_HALF_MORE: Final = r"(?P<half>半(?=[，。、；,;以左上\s）)]|$))?"


def _tail(units: str) -> str:
    """What may follow a number: more (余, 多), unit, currency, per-unit, half (两年半), order of magnitude (千亿级)."""
    return (
        rf"(?P<more>余|多)?\s?(?:个(?P<mid>半|多)(?P<midunit>月|小时|星期|世纪|钟头)"
        rf"|(?P<unit>%|‰|个?百分点|个?基点|BPs?|bps|{units})(?:人民币)?(?P<per>/(?:{ANY_UNIT}))?)?{_HALF_MORE}(?P<level>级别?|规模)?"
    )


_ASCII_NUMBER: Final = re.compile(
    rf"(?P<num>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?)\s?(?P<inner>余|多|几)?(?P<scale>{_SCALE})?{_tail(ANY_UNIT)}"
)
# A unit that the next character makes part of another word (965集群, 3部门) is none.
_NOT_UNITS: Final = frozenset(
    "人才 集群 集中 集团 集合 部门 部分 部队 部署 台湾 台北 台风 条件 条例 条约 名单 名称 名校 名企 位于 位置 种植 种子 类似 项目 股票 股份 股东 股权 "
    "股市 股价 手机 手段 手续 手术 单位 份额 本次 本地 本科 本届 期间 期货 期限 场景 场所 起来 轮胎 层次 天气 天津 天然 周边 周期 分别 分布 "
    "分析 分公 元旦 元素 米饭 倍率 国家 地区 地方 方面 方案 方式 方法 线上 线下 路线 级别 代表 代码 代理 点击 点评 个性 个股 个体 个案 个税 步入 平台 "
    "平均 平板 星级 金额 金融 双方 对于 对比 对外 面积 面向 面临 面对 重点 重要 重大 道路 局面 行业 行动 行情 折合 手游 球员 球队 球迷 队员 班级 环比".split()
)
_CN_RUN: Final = re.compile(rf"[{NUMERAL_CHARS}几数]+")
_CN_REST: Final = re.compile(
    rf"(?P<point>点[零〇一二三四五六七八九]+(?=[百千万亿%倍个元]|$))?(?P<inner>余|多)?(?P<scale>[百千万亿]+)?{_tail(SAFE_UNIT)}"
)
_CODE: Final = re.compile(r"\d[\dA-Za-z]*(?:[-.][\dA-Za-z]+)*")
_VERSION: Final = re.compile(r"\d{1,4}(?:\.\d{1,6}){2,}")
_BEFORE_CODE: Final = re.compile(r"(?<![A-Za-z])(?:[A-Za-z][A-Za-z0-9]*[-.]?|[A-Za-z]{2,}\s)$")
_CURRENCY_BEFORE: Final = re.compile(r"(US\$|HK\$|RMB|USD|CNY|EUR|HKD|JPY|GBP|[$¥€£]|人民币|港币|美元|美金)\s?$")
_SYMBOLS: Final = {"US$": "美元", "$": "美元", "HK$": "港元", "¥": "元", "€": "欧元", "£": "英镑"}
_MINUS: Final = re.compile(r"(?:(?:^|[^\w%)）.-])-|[\u4e00-\u9fff]-(?<![月日年号时分天元亿万千百家个吨倍岁成]-)|负)$")
_QUOTES: Final = {"“": "”", '"': '"', "「": "」", "『": "』", "‘": "’"}
_FIGURE: Final = re.compile(r"(?:图|表|附件|附表)\s?$")
_AFTER_AMOUNT: Final = frozenset("%万亿,.") | {u[0] for u in CANONICAL}
_VAGUE: Final = re.compile(r"(?:数|上|几|十几|[二三四五六七八九]十几)(?P<order>[十百千万亿]*)")
_PAIR: Final = re.compile(
    r"(?P<head>[一二两三四五六七八九十百千]*[十百千万亿])?(?P<a>[一二两三四五六七八])(?P<b>[二两三四五六七八九])(?P<scale>[十百千万亿]*)"
)
_ORDERS: Final = frozenset("百 千 万 十万 百万 千万 亿 十亿 百亿 千亿 万亿 十万亿".split())
_IDIOM: Final = re.compile(
    r"万一|三一(?=重工|集团|国际)|一[时旦些起定样直般切度汽带]|百分百|千万(?=[别不要记])|百万(?=富翁|雄师)|五粮|一家[人子]"
)
_CONGRESS: Final = re.compile("(?:十[五六七八九]|二十)大(?=[报精召以代会后开期胜闭，。、提的以将]|$)")
_LEADS: Final = re.compile(rf"\s?[至到~-]\s?(?=[0-9{NUMERAL_CHARS}])")
_ARTICLES: Final = frozenset(
    "天 秒 点 克 片 字 个 两 步 层 名额 英寸 年代 周 股 颗 粒 把 副 根 瓶 杯 箱 袋 句 页 段 滴 顿 圈 级 星 碗 盘 帧".split()
)


def code_before(folded: str, at: int, floor: int) -> Draft | None:
    """A code whose letters stand before its digits (sz002032, G107, COVID-19, iPhone 12), not before `floor`."""
    before = folded[max(floor, at - 16) : at]
    if _CURRENCY_BEFORE.search(before):
        return None
    head = _BEFORE_CODE.search(before)
    code = _CODE.match(folded, at) if head else None
    if head is None or code is None:
        return None
    if head[0].endswith(" ") and (
        "." in code[0] or len(code[0]) > 3 or folded[code.end() : code.end() + 1] in _AFTER_AMOUNT
    ):
        return None
    start = at - len(head[0])
    return Draft(start, code.end(), "code")


def read_digits(folded: str, at: int, floor: int) -> tuple[Draft | None, int]:
    """A number in digits with its scale and unit, or the code or year that it is part of; `floor` ends what was read before."""
    if version := _VERSION.match(folded, at):
        return Draft(at, version.end(), "code"), version.end()
    m = _ASCII_NUMBER.match(folded, at)
    assert m is not None  # the caller saw a digit
    if m["unit"] and m.end("unit") == m.end() and folded[m.end() - 1 : m.end() + 1] in _NOT_UNITS:
        m = _ASCII_NUMBER.match(folded, at, m.start("unit"))
        assert m is not None  # the number is still there
    number, end = m["num"], m.end()
    before, after = folded[max(floor, at - 8) : at], folded[end : end + 1]
    bare = m.end("num") == len(m[0].rstrip()) + at
    unit = m["unit"] or ""
    currency = _CURRENCY_BEFORE.search(before)
    if bare:
        end = m.end("num")
        after = folded[end : end + 1]
    if (bare or (unit.isascii() and unit.isalpha())) and after.isascii() and after.isalpha():
        code = _CODE.match(folded, at)
        assert code is not None
        return Draft(at, code.end(), "code"), code.end()
    if bare:
        if after == "号":
            return Draft(at, end + 1, "ordinal", plain_number(number), "号"), end + 1
        if not currency and number.isdecimal():
            quoted = at > 0 and after != "" and _QUOTES.get(folded[at - 1]) == after
            listed = len(number) == 6 and number[0] in "03689" and not HEDGE.search(before)
            if quoted or listed or (number[0] == "0" and len(number) > 1) or _FIGURE.search(before):
                return Draft(at, end, "code"), end
            if len(number) == 4 and number[:2] in ("19", "20") and not HEDGE.search(before) and after not in (".", "-"):
                year = int(number)
                return Draft(at, end, "date", span=DateSpan("year", date(year, 1, 1), date(year, 12, 31))), end
    if m["inner"] == "几":
        return Draft(at, end, read_unit(unit)[0], None, read_unit(unit)[1], True), end
    value = plain_number(number)
    # 400多亿, 360余家: the hedge is as coarse as the last digit that is not 0
    step = rough_step(value) if m["inner"] else written_step(value)
    draft = _measured(m, at, value, step, bool(m["inner"]))
    draft.end = end
    if currency:
        draft.start = at - len(currency[0])
        if not draft.unit or draft.unit == "元":
            draft.unit = _SYMBOLS.get(currency[1]) or CANONICAL[currency[1]]
    elif _MINUS.search(folded, max(0, at - 2), at):
        draft.start = at - 1
        draft.value = -draft.value if isinstance(draft.value, Decimal) else draft.value
    return draft, end


def read_chinese(folded: str, at: int) -> tuple[Draft | None, int]:
    """A Chinese numeral with its unit or scale."""
    if m := _CONGRESS.match(folded, at):
        return Draft(at, m.end(), "code"), m.end()
    if folded.startswith("一半", at) and (at == 0 or folded[at - 1] not in NUMERAL_CHARS):
        return Draft(at, at + 2, "percent", Decimal(50), "%"), at + 2
    if m := _IDIOM.match(folded, at):
        return None, m.end()
    if folded[at] == "上" and folded[at + 1 : at + 2] not in ("百", "千", "万", "亿"):
        return None, at + 1
    if (m := _VAGUE.match(folded, at)) and (m["order"] or "几" in m[0][1:]):
        return _vague(folded, at, m)
    run = _CN_RUN.match(folded, at)
    if run is None or len(run[0]) > 40:
        return None, run.end() if run else at + 1
    numeral = run[0].rstrip("几数零〇") or run[0]
    if folded[at] == "一" and folded[at - 1 : at] in ("统", "唯", "逐", "单", "专"):
        return None, at + 1
    if not numeral or numeral[0] in "几数":
        return None, run.end()
    rest = _CN_REST.match(folded, at + len(numeral))
    assert rest is not None  # every part of it is optional
    end = rest.end()
    if numeral in _ORDERS:
        return _order(folded, at, numeral, rest)
    if rest["unit"] and folded[rest.end("unit") - 1 : rest.end("unit") + 1] in _NOT_UNITS:
        rest = _CN_REST.match(folded, at + len(numeral), rest.start("unit"))
        assert rest is not None
        end = rest.end()
    has_unit = bool(rest["unit"] or rest["midunit"])
    big = bool(set("万亿").intersection(numeral + (rest["scale"] or "")))
    if (m := _PAIR.fullmatch(numeral)) and (pair := _pair(m)):
        if not (has_unit or big):
            return None, run.end()
        draft = _measured(rest, at, pair[1], Decimal(1), False)
        draft.value, draft.approx = (pair[0] * draft.factor, pair[1] * draft.factor), True
        return draft, end
    if len(numeral) > 1 and all(c in DIGITS for c in numeral):
        return None, run.end()
    whole = chinese_integer(numeral)
    if whole is None:
        return None, run.end()
    value = Decimal(whole)
    step = Decimal(1)
    if rest["point"]:
        fraction = "".join(str(DIGITS[c]) for c in rest["point"][1:])
        value = Decimal(f"{whole}.{fraction}")
        step = written_step(value)
    elif whole and (big or rest["inner"] or rest["more"]):
        step = rough_step(value)
    if not (has_unit or big):
        if _LEADS.match(folded, run.end()):
            return Draft(at, run.end(), "amount", value, step=step, pending=True), run.end()
        return None, run.end()
    draft = _measured(rest, at, value, step, bool(rest["inner"]))
    if (
        numeral == "一"
        and not big
        and not rest["midunit"]
        and (draft.unit in _ARTICLES or draft.unit in COUNTERS)
        and not rest["more"]
    ):
        return None, end
    if rest["unit"] == "大" and (
        whole > 10 or folded[end : end + 1] in ("学", "会", "小", "家", "于", "爷", "哥", "队")
    ):
        return None, end
    return draft, end


def _pair(m: re.Match[str]) -> tuple[Decimal, Decimal] | None:
    """七八, 十五六, 三四百 as (low, high); only neighbours, and 三五."""
    if DIGITS[m["b"]] - DIGITS[m["a"]] != 1 and m["a"] + m["b"] != "三五":
        return None
    head, scale = m["head"] or "", m["scale"]
    low, high = chinese_integer(head + m["a"] + scale), chinese_integer(head + m["b"] + scale)
    return None if low is None or high is None else (Decimal(low), Decimal(high))


def _vague(folded: str, at: int, m: re.Match[str]) -> tuple[Draft | None, int]:
    """数十人, 上千家, 几百万, 十几家: no value, but kind and unit."""
    rest = _CN_REST.match(folded, m.end())
    assert rest is not None
    big = set(m["order"]) & set("万亿") or rest["scale"]
    if not (rest["unit"] or rest["midunit"] or big):
        return None, m.end()
    kind, unit, _ = read_unit(rest["unit"] or ("个" + rest["midunit"] if rest["midunit"] else ""))
    return Draft(at, rest.end(), kind, None, unit, True), rest.end()


def _order(folded: str, at: int, numeral: str, rest: re.Match[str]) -> tuple[Draft | None, int]:
    """千亿, 百亿元规模, 千亿级: an order of magnitude, always approximate. 亿元 needs 以上 or 级 after it."""
    unit = rest["unit"] or ""
    kind, canonical, factor = read_unit(unit)
    follows = rest["level"] or unit == "级" or HEDGE_AFTER.match(folded, rest.end())
    enough = follows or canonical in CURRENCIES or (len(numeral) > 1 and "亿" in numeral) or (unit and unit != "个")
    hedged = HEDGE.search(folded, max(0, at - 6), at)
    more = rest["inner"] or rest["more"]
    if numeral in ("百", "千", "万"):  # 近千家餐厅; without a hedge it is a figure of speech (百家争鸣)
        enough = (hedged or more) and unit and not rest["level"]
    if (not enough and not (numeral == "亿" and hedged)) or (numeral == "亿" and not follows and not hedged):
        return None, rest.end()
    value = scale_factor(numeral) * factor
    canonical = "" if canonical == "级" else canonical
    bound: Bound = "over" if more else ""
    return Draft(at, rest.end(), kind, value, canonical, True, bound, step=value, factor=value), rest.end()


def _measured(m: re.Match[str], start: int, value: Decimal, step: Decimal, more: bool) -> Draft:
    """A draft from a number and the groups of `_tail`."""
    kind, unit, factor = read_unit(m["unit"] or "")
    level = bool(m["level"])
    if m["midunit"]:
        kind, unit, _ = read_unit("个" + m["midunit"])
        more = more or m["mid"] == "多"
        if m["mid"] == "半":
            value += Decimal("0.5")
    scale = m["scale"] or ""
    if unit == "级" and (scale or value >= 10**8):
        unit, level = "", True
    if m["half"] and kind in ("period", "multiple"):
        value += Decimal("0.5")
    if m["per"]:
        unit += m["per"]
    more = more or bool(m["more"])
    scaled = scale_factor(scale) * factor
    return Draft(
        start,
        m.end(),
        kind,
        value * scaled,
        unit,
        more or level,
        "over" if more else "",
        step=step * scaled,
        factor=scaled,
    )
