"""Numbers that a phrase makes: ordinals, 百分之六点三, 三成, 四分之三, 翻番, 半年, times of day, scores, 21世纪, 90后."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from rag.numerals import DIGITS, NUMERAL_CHARS, SCALES, chinese_integer, plain_number, written_step
from rag.quantity_drafts import Draft
from rag.units import read_unit

# Only numbers like these can be fractions, times, scores, centuries, tenths or generations.
_SPECIAL: Final = re.compile(rf"[0-9.{NUMERAL_CHARS}]{{1,12}}\s?(?:分之|[时点:比成后]|世纪)")
_PERCENT_OF: Final = re.compile(
    rf"(?P<neg>负)?(?P<base>百|千|万)分之(?P<num>\d+(?:\.\d+)?|[{NUMERAL_CHARS}]+(?:点[零〇一二三四五六七八九]+)?)(?P<more>多|余|几)?"
)
_FRACTION: Final = re.compile(rf"(?P<den>\d+|[{NUMERAL_CHARS}]+)分之(?P<num>\d+|[{NUMERAL_CHARS}]+)")
_TENTHS: Final = re.compile(
    r"(?P<num>\d(?:\.\d)?|[一两二三四五六七八九十]{1,2})成(?P<rest>[一二三四五六七八九半])?(?!功|为|立|员|长|本|交|果|年|绩|都|分|效|人|品|名|型|熟|份|像|就|语|千|排|套|群)"
)
_HALF_PERIOD: Final = re.compile(r"半(?P<unit>年(?!报|线|度)|个月|个世纪|小时|个小时|个?世纪|天(?!下))")
_GENERATION: Final = re.compile(r"[0-9][05]后(?!卫|期|来)")
_TIMES: Final = re.compile(r"翻(?:了)?(?P<n>[一两二三四五六七八九\d])?(?P<w>番|倍)")
_ORDINAL: Final = re.compile(
    rf"(?P<head>第|首)(?P<num>\d+|[{NUMERAL_CHARS}]+)?(?P<unit>届|阶段|期|只|周(?!年)|支|大(?!道|街|会|学)|次|批|名|位|季|轮|集|场|代|章|条|款|号|个|家|版|站|步|层|强|世纪|天|年|台|例|座|艘|部|架|站)?"
)
_FIRSTS: Final = frozenset("届 次 批 位 家 个 期 轮 款 例 台 座 艘 部 架".split())
_RANKED: Final = re.compile(
    r"(?:排名|排行|排在|位列|位居|居|列|名列|跃居|升至|降至|全国|全省|全市|全球|世界)[到至了]?$"
)
# 市值第三，仅次于: not after a comma, where 第三 counts arguments.
_RANK_ENDS: Final = re.compile(rf"[\u4e00-\u9fff]第(?:\d+|[{NUMERAL_CHARS}]+)(?:[，。；、）)]|$)")
_CENTURY: Final = re.compile(r"(?P<num>\d{1,2}|[一二]?十[一二三四五六七八九]?)世纪")
_SCORE: Final = re.compile(
    r"(?P<a>\d{1,3})\s?(?P<sep>:|比)\s?(?P<b>\d{1,3})(?![\d:.%万亿])|(?P<c>[零一二两三四五六七八九十])比(?P<d>[零一二两三四五六七八九十])(?![\w])"
)
_CLOCK: Final = re.compile(
    r"(?P<h>[01]?\d|2[0-4]):(?P<m>[0-5]\d)(?::[0-5]\d)?(?![\d:])"
    r"|(?P<h2>[01]?\d|2[0-4]|[一二两三四五六七八九十]{1,3})(?P<word>时|点)(?!候|代|间|速|尚|装|常|刻|期|针|评|名|击|点|数|心|火|燃|赞)"
    r"(?:(?P<m2>[0-5]?\d|[一二三四五]?十?[一二三四五六七八九]?)分(?![之钟])|(?P<half>半)|(?P<oclock>钟|整|许))?"
)
_LATE: Final = ("下午", "傍晚", "晚上", "晚间", "深夜", "午后", "夜间", "昨晚", "今晚", "当晚", "晚")
_DAYTIME_BEFORE: Final = re.compile(
    r"(?P<part>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|晚间|深夜|午后|夜间|昨晚|今晚|今晨|当晚|当天|晚|早|午)\s?$"
)


def read_phrase(folded: str, at: int, last: Draft | None) -> tuple[Draft | None, int] | None:
    """The phrase that begins at `at` and where to go on; None when none does.

    The draft is None where the words only look like a number (第一时间, 首席).

    Args:
        folded: text that went through `rag.numerals.fold`.
        at: offset of a digit, a numeral or one of 第首半翻负.
        last: the quantity before; 8点 is a time after a date.
    """
    char = folded[at]
    if char in "第首":
        return _ordinal(folded, at)
    if char == "半":
        m = _HALF_PERIOD.match(folded, at)
        return (Draft(at, m.end(), "period", Decimal("0.5"), read_unit(m["unit"])[1]), m.end()) if m else (None, at + 1)
    if char == "翻":
        return _doubled(folded, at)
    if char in "百千万负" and (m := _PERCENT_OF.match(folded, at)):
        return _percent_of(m)
    if not _SPECIAL.match(folded, at):
        return None
    if (m := _FRACTION.match(folded, at)) and (draft := _fraction(m)):
        return draft, m.end()
    if (m := _CLOCK.match(folded, at)) and (draft := _clock(folded, m, last)):
        return draft, m.end()
    if m := _SCORE.match(folded, at):
        pair = plain_number(m["a"] or m["c"]), plain_number(m["b"] or m["d"])
        return Draft(at, m.end(), "score", pair), m.end()
    if m := _CENTURY.match(folded, at):
        return Draft(at, m.end(), "ordinal", plain_number(m["num"]), "世纪"), m.end()
    if (m := _TENTHS.match(folded, at)) and (draft := _tenths(m)):
        return draft, m.end()
    if m := _GENERATION.match(folded, at):
        return Draft(at, m.end(), "code"), m.end()
    return None


def _ordinal(folded: str, at: int) -> tuple[Draft | None, int]:
    m = _ORDINAL.match(folded, at)
    if m is None:
        return None, at + 1
    numeral, unit = m["num"], m["unit"] or ""
    if m["head"] == "首":
        if numeral or unit not in _FIRSTS:
            return None, at + 1
        return Draft(at, m.end(), "ordinal", Decimal(1), unit), m.end()
    if not numeral or not (value := plain_number(numeral)):
        return None, m.end()
    if (
        not unit
        and not _RANKED.search(folded[max(0, at - 5) : at])
        and not _RANK_ENDS.search(folded, max(0, at - 1), m.end() + 1)
    ):
        return None, m.end()
    return Draft(at, m.end(), "ordinal", value, "位" if unit == "名" else unit), m.end()


def _doubled(folded: str, at: int) -> tuple[Draft | None, int]:
    m = _TIMES.match(folded, at)
    if m is None:
        return None, at + 1
    count = int(plain_number(m["n"] or "1"))
    value = Decimal(2) ** count if m["w"] == "番" else Decimal(max(count, 2))
    return Draft(at, m.end(), "multiple", value, "倍", direction="up"), m.end()


def _decimal(numeral: str) -> Decimal | None:
    """二十六点八, 百 or 6.3 as a Decimal; None when it is no number."""
    if numeral[0].isascii():
        return plain_number(numeral)
    whole, _, fraction = numeral.partition("点")
    value = chinese_integer(whole)
    if value is None:
        return Decimal(SCALES[whole]) if whole in ("百", "千") else None
    return Decimal(f"{value}.{''.join(str(DIGITS[c]) for c in fraction)}") if fraction else Decimal(value)


def _percent_of(m: re.Match[str]) -> tuple[Draft | None, int]:
    value = _decimal(m["num"])
    if value is None:
        return None, m.end()
    divisor = SCALES[m["base"]] // 100
    step = written_step(value) / divisor
    value = (-value if m["neg"] else value) / divisor
    more = bool(m["more"])
    return Draft(m.start(), m.end(), "percent", value, "%", more, "over" if more else "", step=step), m.end()


def _fraction(m: re.Match[str]) -> Draft | None:
    low, high = plain_number(m["den"]), plain_number(m["num"])
    if not low or not high:
        return None
    return Draft(m.start(), m.end(), "percent", high * 100 / low, "%")


def _tenths(m: re.Match[str]) -> Draft | None:
    numeral = m["num"]
    if len(numeral) == 2 and not numeral[0].isascii() and "十" not in numeral:
        pair = DIGITS[numeral[0]] * Decimal(10), DIGITS[numeral[1]] * Decimal(10)
        return Draft(m.start(), m.end(), "percent", pair, "%", True, step=Decimal(10))
    value = plain_number(numeral) * 10
    step = Decimal(10)
    if m["rest"]:
        value += 5 if m["rest"] == "半" else DIGITS[m["rest"]]
        step = Decimal(1)
    return Draft(m.start(), m.end(), "percent", value, "%", step=step)


def _clock(folded: str, m: re.Match[str], last: Draft | None) -> Draft | None:
    """11:59, 上午9时30分, 晚8点半; N点 is a time only with a part of the day, a minute or a date before it."""
    part = _DAYTIME_BEFORE.search(folded[max(0, m.start() - 3) : m.start()])
    if m["h"]:
        hour, minute = int(m["h"]), int(m["m"])
    else:
        after_date = last is not None and last.kind in ("date", "time") and m.start() - last.end <= 1
        sure = part or m["half"] or m["oclock"] or m["m2"] or after_date
        if not sure and not (m["word"] == "时" and m["h2"].isdecimal()):
            return None
        hour = int(plain_number(m["h2"]))
        minute = 30 if m["half"] else int(plain_number(m["m2"])) if m["m2"] else 0
    if part and part["part"] in _LATE and hour < 12:
        hour += 12
    if hour > 24 or minute > 59:
        return None
    return Draft(m.start(), m.end(), "time", Decimal(hour * 60 + minute), "分", approx=bool(m["oclock"] == "许"))
