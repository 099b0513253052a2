"""What of a statement stands in none of its quotes: numbers with their units, dates, hedges. Shares no code with Youju.

It is strict rather than clever: the same number in the same unit, exactly; no rounding, no conversion between units other than
万 and 亿. What it passes needs no trust in `rag`; what it finds is read by a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from rag.records import Answer, Statement

_DIGITS = {**{c: i for i, c in enumerate("零一二三四五六七八九")}, "〇": 0, "两": 2}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10**4, "亿": 10**8}
_CN = "零〇一二两三四五六七八九十百千万亿"
_N = rf"(?:\d{{1,2}}|[{_CN[:12]}十]{{1,3}})"

# ---- Dates ----

_RELATIVE_DAYS = {"今": 0, "昨": -1, "前": -2, "明": 1, "后": 2}
_RELATIVE_YEARS = {"大前年": -3, "前年": -2, "去年": -1, "上年": -1, "今年": 0, "本年": 0, "明年": 1, "后年": 2}
_DATE = re.compile(
    rf"(?P<iso>(?<!\d)(?:19|20)\d\d[-/.]\d{{1,2}}[-/.]\d{{1,2}}(?!\d))"
    rf"|(?<!\d)(?P<y>(?:19|20)\d\d|[{_CN[:10]}]{{4}})(?:年|(?=\s?[-~至到—、和]\s?(?:19|20)\d\d年))"
    rf"(?:(?P<ym>{_N})(?:月份?|(?=[-~至到—]{_N}月))(?:(?P<yd>{_N})(?:[日号]|(?=[-~至到—、和]{_N}[日号])))?)?"
    rf"|(?<![\d.])(?P<m>{_N})(?:月份?|(?=[-~至到—、和]{_N}月))(?:(?P<d>{_N})(?:[日号]|(?=[-~至到—、和]{_N}[日号])))?"
    rf"|(?<![\d.])(?P<only>{_N})(?:日(?![元均常报夜])|(?=[-~至到—、和]{_N}日(?![元均常报夜])))"
    r"|(?P<part>[上下]半年|[前第]?[一二三四]季度|全年(?!龄))"
    r"|(?P<rel>[今昨前明后](?:日|天|晚|晨|夜)|大前年|[今去前明后本上]年(?!度)|[本上下]个?月|[本这上下]个?(?:周|星期)[一二三四五六日天])"
)


@dataclass(frozen=True)
class Day:
    """A date as far as it is said. Week days and days that words mean are resolved where the day of publication is known."""

    text: str
    year: int | None = None
    month: int | None = None
    day: int | None = None
    word: bool = False


@dataclass(frozen=True)
class Number:
    """A number in its unit, with what hedges it: "over", "under", "about", "plan"; `rise` is +1, -1 or 0 (not said); `said` is the text it stands in."""

    text: str
    value: Fraction
    unit: str
    hedges: frozenset[str] = frozenset()
    rise: int = 0
    said: str = ""


@dataclass(frozen=True)
class Reading:
    """All that a text says in numbers."""

    numbers: tuple[Number, ...] = ()
    days: tuple[Day, ...] = ()
    codes: frozenset[str] = field(default_factory=frozenset)


def unfounded(answer: Answer) -> list[tuple[str, list[str]]]:
    """The statements shown as supported with what stands in none of their quotes, and those whose quotes are not the article's."""
    found = []
    for statement in answer.shown:
        wrong = [f"不是原文：{c.quote}" for c in statement.citations if c.article.text[c.start : c.end] != c.quote]
        if statement.support == "supported":
            wrong += faults(statement)
        if wrong:
            found.append((statement.text, wrong))
    return found


def faults(statement: Statement) -> list[str]:
    """The numbers and dates of a statement that none of its quotes carries, and days in brackets that are wrong."""
    quotes = [
        (
            c.quote,
            c.article.published_at.astimezone(ZoneInfo("Asia/Shanghai")).date() if c.article.published_at else None,
        )
        for c in statement.citations
    ]
    return missing(statement.text, quotes)


def missing(text: str, quotes: Sequence[tuple[str, date | None]]) -> list[str]:
    """What of a text none of the quotes carries.

    Args:
        quotes: each with the day on which its article came out.
    """
    published = quotes[0][1] if quotes else None
    plain, wrong = _without_told_days(_fold(text), published)
    claim = read(plain, published)
    given = [(read(_fold(quote), day), day) for quote, day in quotes]
    numbers = [n for reading, _ in given for n in reading.numbers]
    codes = frozenset[str]().union(*(reading.codes for reading, _ in given))
    wrong += [n.text for n in claim.numbers if not any(_carries(own, n) for own in numbers)]
    wrong += [d.text for d in claim.days if not any(_tells(reading.days, d, day) for reading, day in given)]
    return wrong + sorted(claim.codes - codes)


def read(text: str, published: date | None = None) -> Reading:
    """Every number, date and code (5G, 600519.SH) of a text."""
    text = _fold(text)
    days = []
    for match in _DATE.finditer(text):
        if day := _day(match, published):
            days.append(day)
            text = f"{text[: match.start()]}{'|' * (match.end() - match.start())}{text[match.end() :]}"
    codes = frozenset(m[0].casefold() for m in _CODE.finditer(text))
    text = _CODE.sub(lambda m: "|" * len(m[0]), text)
    return Reading(tuple(_numbers(text)), tuple(days), codes)


def _fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(
        str.maketrans("−–億萬兩後週號點個餘這歲", "--亿万两后周号点个余这岁")
    )
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d) +(?=[\u4e00-\u9fff%])|(?<=[\u4e00-\u9fff]) +(?=\d)", "", text)  # 10 月 2 日
    text = re.sub(
        r"\(([^()|:\d]{1,8})\):\s*(-?[\d.]+)(?=\s*(?:\||$))", r":\2\1", text
    )  # the unit in the label of a table's value
    text = re.sub("(?<=[一二三四])季报", "季度", text)
    for months, part in (("6", "上半年"), ("3", "一季度"), ("9", "前三季度")):
        text = re.sub(rf"(?<!\d)1[-~至到—]{months}月份?", part, text)
    return re.sub(r"(?:^|(?<=[\n。]))\s*\d{1,2}[、.](?!\d)", "", text)  # the number of an item says nothing


def _day(match: re.Match[str], published: date | None) -> Day | None:
    whole = match[0]
    if match["iso"]:
        year, month, day = map(int, re.split(r"[-/.]", whole))
        return Day(whole, year, month, day)
    if match["part"]:
        return Day(whole, word=True)
    if match["rel"]:
        return _relative(whole, published)
    if match["y"]:
        year = int(match["y"]) if match["y"].isdecimal() else int("".join(str(_DIGITS[c]) for c in match["y"]))
        return Day(whole, year, _small(match["ym"]), _small(match["yd"]))
    month, day = _small(match["m"]), _small(match["d"] or match["only"])
    fits = (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= 31)
    return Day(whole, None, month, day) if fits else None


def _small(text: str | None) -> int | None:
    return None if text is None else int(text) if text.isdecimal() else int(chinese(text))


def _relative(word: str, published: date | None) -> Day:
    """What 昨日, 去年, 上月 or 下周三 mean, counted from the day of publication."""
    if published is None:
        return Day(word, word=True)
    if word in _RELATIVE_YEARS:
        return Day(word, published.year + _RELATIVE_YEARS[word], word=True)
    if "周" in word or "星期" in word:
        weeks = {"上": -1, "下": 1}.get(word[0], 0)
        right = published + timedelta(
            days=7 * weeks + "一二三四五六日".index(word[-1].replace("天", "日")) - published.weekday()
        )
        return Day(word, right.year, right.month, right.day, word=True)
    if word.endswith("月"):
        months = published.year * 12 + published.month - 1 + {"上": -1, "下": 1}.get(word[0], 0)
        return Day(word, months // 12, months % 12 + 1, word=True)
    right = published + timedelta(days=_RELATIVE_DAYS[word[0]])
    return Day(word, right.year, right.month, right.day, word=True)


_TOLD = re.compile(r"(?P<words>[^，。；、|()]{1,24})\((?P<told>\d{4}年[^()]{0,20})\)")


def _without_told_days(text: str, published: date | None) -> tuple[str, list[str]]:
    """The text without the days in brackets that Youju worked out, and those of them that are wrong."""
    wrong: list[str] = []

    def check(match: re.Match[str]) -> str:
        words = [m for m in _DATE.finditer(match["words"]) if m["rel"]]
        if not words or published is None:
            return match[0]
        meant = _relative(words[-1][0], published)
        told = [d for m in _DATE.finditer(match["told"]) if (d := _day(m, None))]
        rest = match["words"][words[-1].end() :]
        own = [d for m in _DATE.finditer(rest) if (d := _day(m, None))]
        first = told[0]
        right = first.year == meant.year and (meant.month is None or first.month == meant.month)
        right = right and (meant.day is None or first.day == meant.day)
        if meant.month is None and own:  # 去年3月（2024年3月）
            right = right and (first.month, first.day) == (own[0].month, own[0].day)
        if not right:
            wrong.append(match[0])
        return match["words"]

    return _TOLD.sub(check, text), wrong


def _tells(given: Sequence[Day], claim: Day, published: date | None) -> bool:
    """Whether a date stands in one quote: with the year and month that a date before it there, or the day of publication, gives."""
    year = month = None
    for own in given:
        if own.text == claim.text:
            return True
        if claim.year is claim.month is claim.day is None:
            continue
        year = own.year or year
        month = own.month or (month if own.year is None else None)
        years = {own.year} if own.year else {year, published.year if published else None}
        if own.word and own.year is None and (claim.month or claim.day):
            continue
        months = {own.month} if own.month else {month, published.month if published and own.day else None}
        if claim.day is not None and claim.day != own.day:
            continue
        if claim.month is not None and claim.month not in months:
            continue
        if claim.year is not None and claim.year not in years:
            continue
        return True
    return False


# ---- Numbers ----

_UNITS = (
    "个百分点 百分点 个基点 基点 BP bp 人民币 美元 美金 港元 港币 欧元 日元 英镑 韩元 卢布 元 角 平方公里 平方千米 平方米 平米 立方米 公里 千米 海里 "
    "厘米 毫米 纳米 微米 米 公顷 亩 万吨级 吨 公斤 千克 克 斤 千瓦时 度 千伏安 千瓦 兆瓦 吉瓦 瓦 伏 kWh MWh GWh KW kW MW GW km kg mm cm nm GB TB "
    "标箱 标准箱 % ‰ ℃ 倍 成 人次 人 名 位 家 户 个月 个 只 支 项 件 条 台 辆 架 艘 套 座 栋 幢 所 处 场 次 届 期 批 份 部 本 篇 首 张 枚 款 种 类 "
    "级 层 桶 股 手 单 笔 宗 起 例 票 箱 颗 株 头 对 双 间 门 线 站 区 县 市 省 国 村 镇 年 天 日 小时 分钟 秒 岁 周 星期 季度 月 分 号 点 字 集 轮 环 步 位次"
).split()
_UNIT = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_SAME = {
    "人民币": "元", "美金": "美元", "港币": "港元", "个百分点": "百分点", "个基点": "基点", "BP": "基点", "bp": "基点", "名": "人", "位": "人",
    "户": "家", "千米": "公里", "平方千米": "平方公里", "平米": "平方米", "千克": "公斤", "度": "千瓦时", "kg": "公斤", "km": "公里",
}  # fmt: skip
_CODE = re.compile(
    rf"(?:[A-Za-z]+[-.]?\d[\w.-]*|(?<![\d.])\d+(?:\.\d+)?(?!(?:{_UNIT})(?![A-Za-z]))[A-Za-z][A-Za-z0-9.-]*|(?<!\d)[036]\d{{5}}(?![\d.{_CN}元]))",
    re.ASCII,
)
_NUMBER = re.compile(
    rf"(?P<part>(?P<den>[{_CN}]{{1,3}})分之)?"
    rf"(?:(?P<sign>(?<![\d\w%)年月日])-)?(?P<digits>\d+(?:\.\d+)?)|(?P<cn>[{_CN}]+)(?:点(?P<point>[零〇一二三四五六七八九]+))?)"
    rf"\s?(?P<inner>[多余几])?(?P<scale>[十百千万亿]*)(?P<more>[多余])?\s?(?P<unit>{_UNIT})?(?P<per>/(?:{_UNIT}|平|桶|盎司))?(?P<next>\w?)"
)
_IDIOMS = re.compile(
    "一带一路|万一|一[时旦些起定样直般切度汽带体流方边面同致系对半]|三农|十分|百姓|百度|千万(?=别|不)|统一|唯一|第一(?=时间)|万元户|四川|九江|千里|万里|八方"
)
_BEFORE = re.compile(
    r"(?:(?P<over>超过了?|超出|超|逾|突破了?|高于|多于|大于|不低于|不少于|至少)|(?P<under>不到|不足|将近|接近|逼近|(?<![最附临])近|(?<!略)低于|少于|不超过|不高于|最多|至多)"
    r"|(?P<about>约为|约合|大约|大概|约))(?:人民币)?\s?$"
)
_AFTER = re.compile(r"(?:人民币)?(?:(?P<over>以上|有余|之多)|(?P<under>以下|以内|之内)|(?P<about>左右|上下|级|规模))")
_PLAN = re.compile(
    "预计|预期|预测|有望|力争|或将|计划|目标|争取|拟(?!合)|规划|将(?=达|突破|超|增|实现|建|投|设立|形成|新增|完成|于|在|是|有|会)"
)
_UP = "增长|上涨|上升|提高|提升|增加|扩大|上浮|上调|攀升|增幅|涨幅|增速|回升|涨|增"
_DOWN = "下降|下跌|减少|降低|回落|下滑|缩减|收窄|下调|萎缩|跌幅|降幅|跌|降|减"
_RISE = re.compile(rf"(?:(?P<up>{_UP})|(?P<down>{_DOWN}))[^\d，。；、,%|]{{0,4}}$")


def chinese(text: str) -> Fraction:
    """The value of a Chinese numeral: 两千三百九十二, 一百零五万, 二〇二〇."""
    if len(text) > 1 and all(c in _DIGITS for c in text):
        return Fraction(int("".join(str(_DIGITS[c]) for c in text)))
    for large, scale in (("亿", 10**8), ("万", 10**4)):
        head, found, rest = text.rpartition(large)
        if found:
            return chinese(head) * scale + (chinese(rest) if rest else 0)
    total = digit = 0
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        else:
            total += (digit or 1) * _SMALL[c]
            digit = 0
    return Fraction(total + digit)


def _numbers(text: str) -> Iterator[Number]:
    text = _IDIOMS.sub(lambda m: "|" * len(m[0]), text)
    waiting: tuple[int, re.Match[str], Fraction] | None = (
        None  # the first end of a range, whose unit stands behind the second
    )
    for m in _NUMBER.finditer(text):
        scale = 1
        for c in m["scale"] or "":
            scale *= _SMALL.get(c) or _LARGE[c]
        end = m.start("next")
        unit = m["unit"] or ""
        if m["cn"]:
            value = chinese(m["cn"]) + (
                Fraction(int("".join(str(_DIGITS[c]) for c in m["point"])), 10 ** len(m["point"])) if m["point"] else 0
            )
            if not m["part"] and (
                (not m["unit"] and (len(m["cn"]) < 2 or not set("十百千万亿") & set(m["cn"])))
                or m["cn"] == "一"
                or unit == "号"
            ):
                continue
        else:
            value = Fraction(m["digits"])
        value *= scale * (-1 if m["sign"] else 1)
        if m["part"]:
            value, unit = (value * 100 / (chinese(m["den"])), "%")
        if unit == "成":
            value, unit = value * 10, "%"
        elif unit == "‰":
            value, unit = value / 10, "%"
        unit = _SAME.get(unit, unit) + (m["per"] or "")
        if waiting and not re.fullmatch(r"\s?[-~至到—]+\s?", text[waiting[1].start("next") : m.start()]):
            yield _number(text, waiting[1], waiting[2], "")
            waiting = None
        if waiting:
            yield _number(text, waiting[1], waiting[2] * scale, unit)
            waiting = None
        if (
            not m["unit"]
            and not m["scale"]
            and not m["part"]
            and re.match(r"\s?[-~至到—]+\s?[\d零〇一二两三四五六七八九十]", text[end:])
        ):
            waiting = (end, m, value)
            continue
        yield _number(text, m, value, unit)
    if waiting:
        yield _number(text, waiting[1], waiting[2], "")


def _number(text: str, m: re.Match[str], value: Fraction, unit: str) -> Number:
    start, end = m.start(), m.start("next")
    hedges = set()
    if before := _BEFORE.search(text, max(0, start - 8), start):
        hedges.add(str(before.lastgroup))
    if after := _AFTER.match(text, end):
        hedges.add(str(after.lastgroup))
    if m["inner"] or m["more"]:
        hedges.add("over")
    sentence = max(text.rfind(stop, 0, start) for stop in "。；;!?\n") + 1
    if _PLAN.search(text, sentence, start):
        hedges.add("plan")
    rise = _RISE.search(text, max(0, start - 10), start)
    return Number(
        text[start:end].strip(), value, unit, frozenset(hedges), 0 if rise is None else 1 if rise["up"] else -1, text
    )


def _carries(own: Number, claim: Number) -> bool:
    if own.value != claim.value or (own.rise and claim.rise and own.rise != claim.rise):
        return False
    if own.unit != claim.unit and (own.unit or claim.unit[:1] not in own.said):  # | 上座人数：9210 | is 9210人
        return False
    return own.hedges <= claim.hedges and {"over", "under"} & claim.hedges <= own.hedges
