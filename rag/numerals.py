"""Chinese numerals: folding of digits and signs, and the value of 两千三百九十二, 二〇二〇 or 一万五."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

DIGITS: Final = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
SCALES: Final = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
NUMERAL_CHARS: Final = "".join(DIGITS) + "".join(SCALES)
"""Every character of a Chinese numeral."""

_WIDE = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_WIDE |= {ord(c): ord(d) for c, d in zip("％．：－～／＋＄￥", "%.:-~/+$¥", strict=True)}
_WIDE |= {ord(c): ord("-") for c in "–—−‐‑"} | {ord("〜"): ord("~"), ord("○"): ord("〇"), ord("\u00a0"): ord(" ")}
_TRADITIONAL = "萬億兩幾個約餘點時間號歲噸圓條隻張輛臺處棟門項種類層場戶員長漲減過後開盤檔屆週兆數從還與幣鎊盧韓歐區萊"
_SIMPLIFIED = "万亿两几个约余点时间号岁吨元条只张辆台处栋门项种类层场户员长涨减过后开盘档届周兆数从还与币镑卢韩欧区莱"
_FOLD: Final = _WIDE | {ord(t): ord(s) for t, s in zip(_TRADITIONAL, _SIMPLIFIED, strict=True)}
_FORMAL: Final = re.compile(
    "[壹贰叁肆伍陆柒捌玖拾][壹贰叁肆伍陆柒捌玖拾佰仟万亿零]*[拾佰仟万亿][壹贰叁肆伍陆柒捌玖拾佰仟万亿零]*"
)
_FORMAL_PLAIN: Final = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")


def fold(text: str) -> str:
    """The same text, character for character, with half-width digits and signs and simplified, plain numerals.

    `len(fold(t)) == len(t)`, so offsets found in it hold in the original. Banker's numerals (壹佰万) are folded only in
    runs with a scale in them: 陆 and 伍 are also names.
    """
    folded = text.translate(_FOLD)
    if "佰" in folded or "仟" in folded or "拾" in folded:
        folded = _FORMAL.sub(lambda m: m[0].translate(_FORMAL_PLAIN), folded)
    return folded


def chinese_integer(numeral: str) -> int | None:
    """Read a Chinese integer: 两千三百九十二, 十二, 一万五 (15000), 二〇二〇 (digit by digit). None when it is not one.

    Leading bare scales count as one only for 十 (十二); 百, 千, 万, 亿 alone are orders of magnitude, not numbers.
    """
    if not numeral:
        return None
    if all(c in DIGITS for c in numeral):
        if len(numeral) > 1 and "两" in numeral:
            return None
        return int("".join(str(DIGITS[c]) for c in numeral))
    total = section = 0
    digit: int | None = None
    last_scale = 0  # the scale just before a final digit: 一万五 means 15000
    zero = False
    for c in numeral:
        value = DIGITS.get(c)
        if value is not None:
            if digit is not None:
                return None
            if value == 0:
                zero = True
            else:
                digit = value
            continue
        scale = SCALES.get(c)
        if scale is None:
            return None
        if scale < 10**4:
            if digit is None and (scale != 10 or section):
                return None
            if section and section % (scale * 10):
                return None
            section += (digit or 1) * scale
            last_scale = scale
        else:
            section += digit or 0
            if section == 0 and not (total and c == "亿"):
                return None
            if c == "亿":
                total = (total + section) * scale
            else:
                if total % 10**8:
                    return None
                total += section * scale
            section = 0
            last_scale = scale
        digit, zero = None, False
    if digit is not None:
        section += digit if zero or last_scale in (0, 10) else digit * last_scale // 10
    return total + section


def plain_number(numeral: str) -> Decimal:
    """The value of digits (with separators) or of a valid Chinese integer; 0 for anything else."""
    if numeral[0].isascii():
        return Decimal(numeral.replace(",", ""))
    return Decimal(chinese_integer(numeral) or 0)


def scale_factor(text: str) -> Decimal:
    """The product of scales: 万 is 10**4, 千亿 10**11, 兆 10**12."""
    factor = 1
    for c in text:
        factor *= SCALES.get(c, 10**12)
    return Decimal(factor)


def written_step(value: Decimal) -> Decimal:
    """One unit in the last written place: 400.69 -> 0.01, 360 -> 1."""
    return Decimal(1).scaleb(value.as_tuple().exponent)  # type: ignore[arg-type]  # never infinite here


def rough_step(value: Decimal) -> Decimal:
    """One unit in the last place that is not 0: 360 -> 10, 400 -> 100, 2.5 -> 0.1; 1 for 0."""
    return written_step(value.normalize()) if value else Decimal(1)
