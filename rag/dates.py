"""Dates: the ways news writes a day, a month or a quarter, each read into a span of days.

Everything here works on text folded by `rag.numerals.fold`, which keeps every offset.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from rag.date_spans import DateSpan, Granularity
from rag.numerals import chinese_integer

_YEAR = r"(?P<y>(?:1[0-9]|2[01])\d\d|[一二][零〇一二三四五六七八九]{3})\s?"
_REL = r"(?P<rel>今年|去年|大前年|前年|明年|后年|上一?年|本年)"
_ANY_YEAR = rf"(?:(?:{_YEAR}年度?的?|{_REL}度?的?)\s?)"
_MONTH = r"(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])\s?"
_DAY = r"(?:3[01]|[12]\d|0?[1-9]|三十一?|二十[一二三四五六七八九]?|十[一二三四五六七八九]?|[一二三四五六七八九])\s?"
_TO = r"\s?(?:-{1,2}|~|至|到)\s?"
_EDGE = r"[初末底中](?!国|心|央|旬|共|报|线|区|部|级|秋|期|标|学|医|小|东|西|南|北)"
_QUARTER = (
    r"(?:第?[一二三四1-4]季(?:度|(?=报))|第[一二三四]个季度|首个?季度|[前头][三3]个?季度|[qQ][1-4](?![0-9A-Za-z]))"
)
_MONTH_DAYS = rf"(?P<m>{_MONTH})月份?(?:\s?(?P<d>{_DAY})[日号]|(?P<part>[上中下]旬|{_EDGE}))?"
_MONTH_DAY_RANGE = (
    rf"(?P<m>{_MONTH})月?份?(?:(?<=月)\s?(?P<d>{_DAY})[日号]?)?{_TO}"
    rf"(?:(?P<y2>(?:19|20|21)\d\d)年)?(?:(?P<m2>{_MONTH})月份?\s?)?(?:(?P<d2>{_DAY})[日号])?(?<=[月份日号])(?!\d)"
)
_MONTHS_SO_FAR = rf"[前头首](?P<n>{_MONTH}|[两兩])个月"
_PART = rf"(?P<part>{_QUARTER}|[上下]半年|半年[度报]|年?(?:{_EDGE}|终))"

_Handler = Callable[[re.Match[str], date | None, int | None], DateSpan | None]


def _last(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isdecimal() else chinese_integer(text) or 0


_REL_OFFSET: Final = {
    "今年": 0,
    "本年": 0,
    "去年": -1,
    "上年": -1,
    "上一年": -1,
    "前年": -2,
    "大前年": -3,
    "明年": 1,
    "后年": 2,
}
_REL_WORD: Final = {"本年": "今年", "上年": "去年", "上一年": "去年"}


def _year_of(m: re.Match[str], reference: date | None) -> tuple[int | None, str]:
    """The year that a match states, and its relative word ("" for a written year)."""
    groups = m.groupdict()
    if groups.get("y"):
        return _number(groups["y"]), ""
    word = groups.get("rel") or ""
    if not word:
        return None, ""
    year = reference.year + _REL_OFFSET[word] if reference else None
    return year, _REL_WORD.get(word, word)


def _in_year(
    year: int | None,
    word: str,
    bounds: tuple[int, int, int, int],
    granularity: Granularity,
    reference: date | None,
) -> DateSpan | None:
    """A span of months and days in a year; without a year, in the year that `reference` suggests.

    A date more than 270 days ahead of the reference is read as last year's: news looks back (30日 December, read in January).
    Day 0 at the end means the month's last day.
    """
    first_month, first_day, last_month, last_day = bounds
    if first_month > last_month or (first_month == last_month and last_day and first_day > last_day):
        return None
    if first_day > _last(2020, first_month) or last_day > _last(2020, last_month):
        return None
    known = (first_month, first_day, last_month, last_day or _last(2020, last_month))
    if year is None and reference is not None and not word:
        year = reference.year
        if date(year, first_month, 1) - reference > timedelta(days=270):
            year -= 1
    if year is None or not 1 <= year <= 9999:
        return DateSpan(granularity, None, None, known, word)
    if first_day > _last(year, first_month) or (last_day and last_day > _last(year, last_month)):
        return None
    start = date(year, first_month, first_day)
    end = date(year, last_month, last_day or _last(year, last_month))
    return DateSpan(granularity, start, end, None, word)


def _iso(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    day = int(m["d"])
    return _in_year(int(m["y"]), "", (int(m["m"]), day, int(m["m"]), day), "day", reference)


def _years(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    first, last = int(m["a"]), int(m["b"])
    return DateSpan("range", date(first, 1, 1), date(last, 12, 31)) if first < last else None


def _year_month(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    return _in_year(int(m["y"]), "", (int(m["m"]), 1, int(m["m"]), 0), "month", reference)


def _plan(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    start = 1966 + 5 * (_number("十" + m["n"]) - 3)
    return DateSpan("range", date(start, 1, 1), date(start + 4, 12, 31))


def _decade(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    century = m["c"] or ""
    if century.isdecimal():  # 1990年代
        return DateSpan("range", date(int(century), 1, 1), date(int(century) + 9, 12, 31))
    base = (int(century[:2]) - 1) * 100 if century[:2].isdecimal() else 2000 if century == "本世纪" else 1900
    start = base + _number(m["n"])
    return DateSpan("range", date(start, 1, 1), date(start + 9, 12, 31))


# First and last day; 0 is the last day of the month.
_MONTH_PARTS: Final = {"上": (1, 10), "初": (1, 10), "中": (11, 20), "下": (21, 0), "末": (21, 0), "底": (21, 0)}


def _month_days(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    """[Y年]M月[D日|旬] [至 [Y年][M月][D日]]."""
    year, word = _year_of(m, reference)
    if year is None and not word:
        year = hint
    month = _number(m["m"])
    if m["d"]:
        day = _number(m["d"])
        first: tuple[int, int, int, int] = (month, day, month, day)
        kind: Granularity = "day"
    elif m["part"]:
        low, high = _MONTH_PARTS[m["part"][0]]
        first, kind = (month, low, month, high), "part"
    else:
        first, kind = (month, 1, month, 0), "month"
    return _in_year(year, word, first, kind, reference)


def _month_day_range(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    year, word = _year_of(m, reference)
    if year is None and not word:
        year = hint
    month, last = _number(m["m"]), _number(m["m2"] or m["m"])
    first_day = _number(m["d"]) if m["d"] else 1
    last_day = _number(m["d2"]) if m["d2"] else 0
    if bool(m["d"]) != bool(m["d2"]):
        return None
    other = int(m["y2"]) if m["y2"] else None
    if other is None and (last, last_day or 31) > (month, first_day):
        return _in_year(year, word, (month, first_day, last, last_day), "range", reference)
    start = _in_year(year, word, (month, first_day, month, first_day), "day", reference)
    if start is None or start.start is None:
        return None
    finish = _in_year(other or start.start.year + 1, "", (last, 1, last, last_day), "day", reference)
    if finish is None or finish.end is None or finish.end <= start.start:
        return None
    return DateSpan("range", start.start, finish.end, None, word)


def _part(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    """A half, a quarter or a vague part of a year; 年底 is Oct-Dec, 年中 May-Aug, 年初 Jan-Mar, all vague."""
    year, word = _year_of(m, reference)
    part = m["part"].replace("第", "").replace("个", "")
    if "半年" in part:
        first, kind = ((1, 1, 6, 0) if part[0] in "上半" else (7, 1, 12, 0)), "half"
    elif part[0] in "前头":
        first, kind = (1, 1, 9, 0), "range"
    elif "季" in part or part[0] in "qQ":
        number = part[1] if part[0] in "qQ" else part[0].replace("首", "1")
        month = 3 * _number(number) - 2
        first, kind = (month, 1, month + 2, 0), "quarter"
    else:
        first = {"初": (1, 1, 3, 0), "中": (5, 1, 8, 0)}.get(part[-1], (10, 1, 12, 0))
        kind = "part"
    return _in_year(year, word, first, kind, reference)  # type: ignore[arg-type]


def _months_so_far(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    """Y年前N个月: from January on."""
    year, word = _year_of(m, reference)
    return _in_year(year, word, (1, 1, _number(m["n"]), 0), "range", reference)


def _same_period(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    year, word = _year_of(m, reference)
    word = word + "同期"
    if year is None:
        return DateSpan("part", word=word)
    return DateSpan("part", date(year, 1, 1), date(year, 12, 31), None, word)


def _year(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    year, word = _year_of(m, reference)
    if year is None:
        return DateSpan("word", word=word)
    return DateSpan("year", date(year, 1, 1), date(year, 12, 31), None, word)


def _relative_day(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    offset, word = {
        "昨": (-1, "昨日"), "今": (0, "今日"), "明": (1, "明日"), "前": (-2, "前日"), "后": (2, "后日"),
    }[m[0][0]]  # fmt: skip
    if reference is None:
        return DateSpan("word", word=word)
    day = reference + timedelta(days=offset)
    return DateSpan("day", day, day, None, word)


def _shift_month(reference: date, months: int) -> tuple[int, int]:
    index = reference.year * 12 + reference.month - 1 + months
    return index // 12, index % 12 + 1


def _relative_month(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    offset = {"上": -1, "下": 1}.get(m["rel"][0], 0)
    word = {-1: "上月", 0: "本月", 1: "下月"}[offset]
    low, high, kind = 1, 0, "month"
    if m["d"]:
        low = high = _number(m["d"])
        kind = "day"
    elif m["part"]:
        low, high = _MONTH_PARTS[m["part"][0]]
        kind = "part"
    if reference is None:
        known = (0, low, 0, high) if kind == "day" else None
        return DateSpan("word" if kind == "month" else kind, None, None, known, word)  # type: ignore[arg-type]
    year, month = _shift_month(reference, offset)
    return _in_year(year, word, (month, low, month, high), kind, reference)  # type: ignore[arg-type]


def _week(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    offset = {"上": -7, "下": 7}.get(m["rel"][0], 0)
    weekday = m["wd"] or ""
    word = {-7: "上周", 0: "本周", 7: "下周"}[offset] + weekday.replace("天", "日")
    if reference is None:
        return DateSpan("word", word=word)
    monday = reference - timedelta(days=reference.weekday()) + timedelta(days=offset)
    if not weekday:
        return DateSpan("week", monday, monday + timedelta(days=6), None, word)
    if weekday == "末":
        return DateSpan("part", monday + timedelta(days=5), monday + timedelta(days=6), None, word)
    day = monday + timedelta(days="一二三四五六".find(weekday) % 7)
    return DateSpan("day", day, day, None, word)


def _weekday(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    return DateSpan("word", word="周" + m["wd"].replace("天", "日"))


def _day_only(m: re.Match[str], reference: date | None, hint: int | None) -> DateSpan | None:
    """20日: the one nearest to the reference, so 31日 read on 2 August is 31 July."""
    day, last = _number(m["d"]), _number(m["d2"] or m["d"])
    if last < day:
        return None
    kind: Granularity = "day" if day == last else "range"
    candidates = []
    for offset in (-1, 0, 1) if reference else ():
        assert reference is not None
        year, month = _shift_month(reference, offset)
        if last <= _last(year, month):
            candidates.append(date(year, month, day))
    if not candidates or reference is None:
        return DateSpan(kind, None, None, (0, day, 0, last))
    start = min(candidates, key=lambda c: abs((c - reference).days))
    return DateSpan(kind, start, start + timedelta(days=last - day))


_NUMERIC: Final[tuple[tuple[re.Pattern[str], _Handler], ...]] = tuple(
    (re.compile(pattern), handler)
    for pattern, handler in (
        (
            r"(?P<y>(?:19|20|21)\d\d)(?P<sep>[-/.])(?P<m>1[0-2]|0?[1-9])(?P=sep)(?P<d>3[01]|[12]\d|0?[1-9])(?![\d.])",
            _iso,
        ),
        (rf"(?P<a>(?:19|20|21)\d\d)年?{_TO}(?P<b>(?:19|20|21)\d\d)(?:年(?!代|\d)|(?![\d.年%万亿/-]))", _years),
        (r"(?P<y>(?:19|20)\d\d)[-/](?P<m>0[1-9]|1[0-2])(?![\d年月%.万亿])", _year_month),
        (r"(?:(?P<c>1\d世纪|2[01]世纪))(?P<n>[1-9]0|[二三四五六七八九]十)年代", _decade),
        (r"(?P<c>(?:1[89]|20)\d0)(?P<n>)年代", _decade),
        (r"(?P<c>)(?P<n>[1-9]0|[二三四五六七八九]十)年代", _decade),
        (rf"{_ANY_YEAR}?{_MONTH_DAY_RANGE}", _month_day_range),
        (rf"{_ANY_YEAR}?{_MONTH_DAYS}", _month_days),
        (rf"{_ANY_YEAR}{_MONTHS_SO_FAR}", _months_so_far),
        (rf"{_ANY_YEAR}{_PART}", _part),
        (rf"{_YEAR}年(?P<part>{_EDGE})", _part),
        (rf"{_ANY_YEAR}同期", _same_period),
        (rf"{_YEAR}(?:财年|年度|年(?!代|期国|前|后|来|以[前来后]))", _year),
        (rf"{_YEAR}年(?=前|后|来|以[前来后])", _year),
        (rf"(?<![上下每另])(?P<part>{_QUARTER})末?", _part),
        (
            rf"(?=\d|[一二三四五六七八九十]{{2}})(?P<d>{_DAY})(?:日?{_TO}(?P<d2>{_DAY}))?日(?!游|内|均|线|年化|元|龄|常|报(?!道|告)|圆)",
            _day_only,
        ),
    )
)
_WORDS: Final[dict[str, tuple[tuple[re.Pattern[str], _Handler], ...]]] = {}
for _first, _pattern, _handler in (
    ("今去大前明后上本", rf"{_REL}\s?{_MONTH_DAY_RANGE}", _month_day_range),
    ("今去大前明后上本", rf"{_REL}的?\s?{_MONTH_DAYS}", _month_days),
    ("今去大前明后上本", rf"{_REL}度?的?{_MONTHS_SO_FAR}", _months_so_far),
    ("今去大前明后上本", rf"{_REL}度?的?{_PART}", _part),
    ("今去大前明后上本", rf"{_REL}同期", _same_period),
    ("今去大前明后上本", rf"{_REL}度?", _year),
    ("昨今明前后", r"昨[日天晚夜晨]|今[日天晚晨早](?!头条)|明[日天晚]|前[日天](?!线|均)|后天", _relative_day),
    ("本这上下", rf"(?P<rel>本月|这个月|上个?月(?![亮球台])|下个?月)(?:(?P<d>{_DAY})[日号]|(?P<part>[上中下]旬|{_EDGE}))?", _relative_month),
    ("本这上下", r"(?P<rel>本周|这周|上周|下周|上个?星期|下个?星期|本星期)(?P<wd>[一二三四五六日天末])?(?!年|期)", _week),
    ("周星礼", r"(?:周|星期|礼拜)(?P<wd>[一二三四五六日天末])(?![福围黑个年大到家])", _weekday),
    ("上下", r"(?P<part>[上下]半年)", _part),
    ("半", r"(?P<part>半年[度报])", _part),
    ("前头首qQ", rf"(?P<part>{_QUARTER})末?", _part),
    ("年", r"(?P<part>年[底末初]|年中(?!国))", _part),
    ("上", r"(?P<c>上个?世纪)(?P<n>[1-9]0|[二三四五六七八九]十)年代", _decade),
    ("本", r"(?P<c>本世纪)(?P<n>[1-9]0|[二三四五六七八九]十)年代", _decade),
    ("十“\"「『", r"[“\"「『]?十(?P<n>[一二三四五六])五(?P<q>[”\"」』])?(?(q)|(?![岁个天名家年人种项十百千万]))", _plan),
):  # fmt: skip
    for _char in _first:
        _WORDS[_char] = (*_WORDS.get(_char, ()), (re.compile(_pattern), _handler))
_NUMERIC_GATE: Final = re.compile(r"[第0-9零〇一二三四五六七八九十]{1,5}\s?(?:[年月日号季世~至到-]|个季)|\d{4}[/.]")
TRIGGERS: Final = "".join(_WORDS) + "第"
"""Characters other than digits and numerals with which a date may begin."""


def match_date(
    folded: str, position: int, *, reference: date | None = None, year: int | None = None
) -> tuple[int, DateSpan] | None:
    """The date that starts exactly at `position` of a text folded by `fold`, as (end, span); None when there is none.

    Args:
        folded: text that went through `fold`.
        position: where the date must begin.
        reference: the day on which the text was published, in Asia/Shanghai.
        year: the year of the date just before in the same enumeration (2019年8月1日、9月3日), where there is one.
    """
    for pattern, handler in _WORDS.get(folded[position], ()):
        if (m := pattern.match(folded, position)) and (span := handler(m, reference, year)):
            return m.end(), span
    if _NUMERIC_GATE.match(folded, position):
        for pattern, handler in _NUMERIC:
            if (m := pattern.match(folded, position)) and (span := handler(m, reference, year)):
                return m.end(), span
    return None
