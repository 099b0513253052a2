"""Numbers, units and dates as Chinese news writes them: where they stand in a text and what they say.

What is reported, and what is not:
- A quantity is its number with its unit (400.69亿元, 360余家); hedges around it (超过, 以上) are flags, not part of the span.
- Chinese numerals count only with a unit, a scale (万, 亿, 千亿级) or 百分之/分之: 三一重工, 一汽, 百度, 万一 are words.
- 一 with a counting word (一家公司) is an article, not a count; neither are lone 几 and 第一 (第一时间), except after 排名.
- Addresses, telephone numbers, list numbers and citation marks are skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from rag.amounts import code_before, read_chinese, read_digits
from rag.date_spans import DateSpan
from rag.dates import TRIGGERS, match_date
from rag.hedges import planned, read_hedges
from rag.number_phrases import read_phrase
from rag.numerals import NUMERAL_CHARS, fold
from rag.quantity_drafts import MEASURED, Bound, Direction, Draft, Kind

_SKIP: Final = re.compile(
    r"(?=[0-9a-zA-Z_.+\[【(（ \t\u3000-])(?:36氪|https?://[!-~]+|www\.[!-~]+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}\.[\w.]{1,64}|(?<![\d.])1[3-9]\d{9}(?!\d|[万亿元美港家人名台辆吨千米股桶个年])"
    r"|(?<!\d)0\d{2,3}-\d{7,8}(?!\d)|(?<!\d)[48]00-\d{3,4}-\d{3,4}(?!\d)|[\[【(（]\d{1,2}(?:[,，、-]\d{1,2}){0,9}[\]】)）]"
    r"|(?m:^[ \t\u3000]{0,8}\d{1,2}[、.．)）](?!\d))|(?<=[：:；;。-])\s?\d{1,2}(?:\.\s|[)）]))",
    re.ASCII,
)
_JOIN: Final = re.compile(r"\s?(?:-{1,2}|~|至|到)\s?")
_COLUMN: Final = re.compile(r"[(（]\s?([^()（）|:：\d]{1,8}?)\s?[)）]\s?[:：]\s?-?$")
"""The unit in the label of a table's value: 均价（元/平方米）：24,496."""
_COMING: Final = frozenset({"明年", "后年"})
"""Years of which a day is told further on: of 去年 the day that follows is as often that of the report."""
_STOP: Final = re.compile(r"[。；;！!？?\n]")
_TRIGGER: Final = re.compile(rf"[0-9{NUMERAL_CHARS}几数上半翻第首负{re.escape(TRIGGERS)}]")


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity, date or code in a text.

    Attributes:
        start: offset of its first character.
        end: offset after its last character.
        text: `source[start:end]`, exactly.
        kind: amount (money, counts, measures, bare numbers), percent, point (百分点), multiple (倍, 翻番), period (3年),
            date, time (value: minutes since midnight), ordinal (第21届), score (3:0) or code (5G, 600519, “965”).
        value: with scales applied (亿 is 10**8), in `unit`; (low, high) of a range or (first, second) of a score; None for
            dates, codes and vague amounts (数十人).
        unit: canonical: 元, 美元, %, 百分点, 人, 家, 吨, 平方公里, 年, …; empty for bare numbers.
        approx: the text hedges (约, 近, 余, 多, 左右, 超, 突破, 不到, 以上, 千亿级).
        bound: the hedge says on which side the truth lies: over (超过, 余, 以上) or under (近, 不到, 以内).
        direction: the quantity is a rise (增长6.3%) or a fall (下降6.3%); empty for levels.
        planned: a plan or forecast stands before it in the sentence (预计, 力争, 或将), of a date in the clause.
        span: the days of a date; None for everything else.
        step: size of one unit in the last digit that is written (0.01亿 for 400.69亿); what about rounds to.
    """

    start: int
    end: int
    text: str
    kind: Kind
    value: Decimal | tuple[Decimal, Decimal] | None = None
    unit: str = ""
    approx: bool = False
    bound: Bound = ""
    direction: Direction = ""
    planned: bool = False
    span: DateSpan | None = None
    step: Decimal = Decimal(0)


def find_quantities(text: str, *, reference: date | None = None) -> list[Quantity]:
    """Every quantity, date and code of a text, from left to right, without overlaps.

    Args:
        text: any text; hostile input costs linear time.
        reference: the day on which the text was published (Asia/Shanghai), which resolves 今年, 昨日, 7月2日.

    Returns:
        Quantities with `text[q.start:q.end] == q.text`.
    """
    folded = fold(text)
    drafts: list[Draft] = []
    skips = [m.span() for m in _SKIP.finditer(folded)]
    skips.reverse()
    position = 0
    while trigger := _TRIGGER.search(folded, position):
        position = trigger.start()
        while skips and skips[-1][1] <= position:
            skips.pop()
        if skips and skips[-1][0] <= position:
            position = skips[-1][1]
            continue
        last = drafts[-1] if drafts else None
        dated = next((d for d in reversed(drafts) if d.span), None)
        draft, position = _read(folded, position, last, dated, reference)
        if draft is None:
            continue
        if last and _join(folded, last, draft):
            continue
        if last and last.pending:
            drafts.pop()
        if draft.kind in MEASURED:
            read_hedges(folded, draft, drafts[-1] if drafts else None)
        drafts.append(draft)
    if drafts and drafts[-1].pending:
        drafts.pop()
    plans = planned(folded, drafts)
    return [
        Quantity(
            d.start, d.end, text[d.start : d.end], d.kind, d.value, d.unit, d.approx, d.bound, d.direction, plan, d.span, d.step
        )
        for d, plan in zip(drafts, plans, strict=True)
    ]  # fmt: skip


def _read(
    folded: str, at: int, last: Draft | None, dated: Draft | None, reference: date | None
) -> tuple[Draft | None, int]:
    """What begins at a trigger character, and where to go on. `last` is the quantity before it, `dated` the last date."""
    char = folded[at]
    digit = "0" <= char <= "9"
    floor = last.end if last else 0
    if digit and at > floor and folded[at - 1].isascii() and (code := code_before(folded, at, floor)):
        return code, code.end
    year = None
    if last and last.span and last.span.start and folded[last.end : at] in ("、", "和", "及", "与"):
        year = last.span.start.year
    elif dated and dated.span and dated.span.word in _COMING and not _STOP.search(folded, dated.end, at):
        year = dated.span.start.year if dated.span.start else None  # 明年的赛事提前到10月18日
    if found := match_date(folded, at, reference=reference, year=year):
        end, span = found
        return Draft(at, end, "date", span=span), end
    if phrase := read_phrase(folded, at, last):
        return phrase
    if digit:
        return _with_column_unit(folded, *read_digits(folded, at, floor))
    if char in NUMERAL_CHARS or char in "几数上":
        return read_chinese(folded, at)
    return None, at + 1


def _with_column_unit(folded: str, draft: Draft | None, end: int) -> tuple[Draft | None, int]:
    """A bare number in the unit that the label of its column names, where it does."""
    if draft is None or draft.kind != "amount" or draft.unit:
        return draft, end
    column = _COLUMN.search(folded, max(0, draft.start - 14), draft.start)
    whole = folded[draft.start : end].removeprefix("-") + column[1] if column else ""
    told, stop = read_digits(whole, 0, 0) if whole[:1].isdecimal() else (None, 0)
    if told is None or not (told.unit or told.factor != 1) or stop != len(whole):
        return draft, end
    if isinstance(draft.value, Decimal) and isinstance(told.value, Decimal) and draft.value < 0:
        told.value = -told.value
    told.start, told.end, told.pending = draft.start, draft.end, False
    return told, end


def _join(folded: str, last: Draft, draft: Draft) -> bool:
    """Make one range of two drafts (3-5年, 30000万元至40000万元); changes `last` and says whether it did."""
    if not (isinstance(last.value, Decimal) and isinstance(draft.value, Decimal)):
        return False
    if last.kind not in MEASURED or draft.kind not in MEASURED or draft.start - last.end > 3:
        return False
    if (last.unit and last.unit != draft.unit) or not _JOIN.fullmatch(folded, last.end, draft.start):
        return False
    if last.pending and draft.pending:
        return False
    low, high = last.value, draft.value
    if not last.unit and last.factor == 1 and low * draft.factor < high:
        low *= draft.factor
    if low > high and draft.unit and last.unit:
        low, high = high, low  # 亏损6亿元至3亿元
    if not low < high:
        return False
    last.end, last.kind, last.value, last.unit = draft.end, draft.kind, (low, high), draft.unit
    last.step, last.factor, last.pending = draft.step, draft.factor, False
    read_hedges(folded, last, None)
    return True
