"""One spelling for every number of a text, for matching answers in the evaluation."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from rag.numerals import DIGITS, fold, plain_number
from rag.quantities import Quantity, find_quantities
from rag.quantity_drafts import MEASURED

_MORE: Final = re.compile("[余多]")
_ORDER_ONLY: Final = re.compile("[十百千]?[万亿]+(?!分之)|[百千](?!分之)")
_NUMERAL_IN: Final = re.compile(rf"\d+(?:,\d{{3}})*|[{''.join(DIGITS)}十百千]+")


def normalize_numbers(text: str) -> str:
    """One spelling for every number, for matching answers in the evaluation; a second pass changes nothing in ordinary text.

    Half-width digits and signs; 百分之六点三 and 3成 become 6.3% and 30%; 两千三百九十二家 and 1,100 become 2392家 and 1100;
    46900万 becomes 469000000; units become canonical (3千米 is 3公里); 第二十一届 becomes 第21届; full dates become
    2021年7月2日. Hedges and words without a number (翻番, 半年, 数十人, 千亿级) stay as they are. Relative dates are not resolved.
    """
    folded = fold(text)
    pieces = []
    position = 0
    for q in find_quantities(text):
        written = folded[q.start : q.end]
        pieces += [folded[position : q.start], _canonical(q, written)]
        position = q.end
    return "".join([*pieces, folded[position:]])


def _canonical(q: Quantity, written: str) -> str:
    if q.kind == "date":
        span = q.span
        if span and span.granularity == "day" and span.start and not span.word and written[0] in "12一二":
            return f"{span.start.year}年{span.start.month}月{span.start.day}日"
        if span and span.granularity == "year" and span.start and not span.word and not written.isdecimal():
            return f"{span.start.year}年" + ("度" if written.endswith("度") else "")
        return written
    if q.kind == "ordinal" and isinstance(q.value, Decimal) and written[0] == "第":
        return f"第{_plain_decimal(q.value)}" + _NUMERAL_IN.sub("", written[1:], count=1)
    if q.kind not in MEASURED or q.value is None or written[0] in "翻半" or _ORDER_ONLY.match(written):
        return written
    more = _MORE.search(written)
    hedge = more[0] if more else ""
    if isinstance(q.value, tuple):
        return f"{_plain_decimal(q.value[0])}-{_plain_decimal(q.value[1])}{hedge}{q.unit}"
    if "分之" in written and written[0] not in "百千万负":
        den, _, num = written.partition("分之")
        return f"{plain_number(num)}/{plain_number(den)}"
    return f"{_plain_decimal(q.value)}{hedge}{q.unit}"


def _plain_decimal(value: Decimal) -> str:
    """No exponent, no trailing zeros after the point."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
