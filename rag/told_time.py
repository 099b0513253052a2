"""Which time a sentence speaks of, and whether that is the time asked for.

News names a period once (今年上半年, 2024年全年) and goes on for paragraphs; and a half-year's figure is no answer to a question on the year.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

from rag.date_spans import DateSpan
from rag.quantities import Quantity, find_quantities
from rag.words import search_form

_TOLD = re.compile(
    r"^[）)，,]?(?:\d{1,2}时\S{0,4})?(?:晚间?|上午|下午|中午|凌晨|从\S{1,16}?|对外|在\S{1,10}?)?"
    r"(?:发布|公布|披露|通报|宣布|公告|召开|举行|表示|获悉|电|讯|介绍|透露|印发|发文|消息|报道|报导)"
)
"""What follows the day on which something was said, which is not the time that it is about."""
_COMPARED = re.compile(r"同期|上年$|上一年|上月$|上季度$|前一年")
_AGO = re.compile(r"(?:比|较|同比|环比|从|由|自|对比|相比)$")
_WIDE = frozenset({"year", "half", "quarter", "month", "range", "part", "week"})
_LATE = timedelta(days=400)


def asked_spans(question: str) -> tuple[DateSpan, ...]:
    """The times that a question names: with their year, or without one (10月22日). Relative words (今年) say nothing here."""
    found = (q.span for q in find_quantities(question) if q.span is not None)
    return tuple(s for s in found if s.start is not None or (s.month_day and s.month_day[0] and not s.word))


def fits_time(
    asked: tuple[DateSpan, ...], text: str, start: int, end: int, title: str, published: date | None
) -> float:
    """How well the sentence `text[start:end]` of an article can speak of the times asked for, the best of them; 1 where none is.

    Returns:
        1: it names that time; 0.9: that time was named last before it; 0.7: no time is named and the article came out during it or within
        about a year after; 0.4: it names a part of that time, or more than it; 0.3: another time was named last before it; 0.2: it names
        another time; 0.1: the article came out before it.
    """
    if not asked:
        return 1.0
    own, before = _times(text, title, published, start, end)
    if own:
        return max(_compare(a, span) for a in asked for span in own)
    if before:
        best = max(_compare(a, span) for a in asked for span in before)
        return {1.0: 0.9, 0.2: 0.3}.get(best, best)
    if published is None:
        return 0.5
    return max(_by_day(a, published) for a in asked)


def _in_year(asked: DateSpan, year: int) -> DateSpan:
    """A span without a year as that of a year."""
    if asked.start is not None or asked.month_day is None:
        return asked
    first_month, first_day, last_month, last_day = asked.month_day
    last = min(last_day, monthrange(year, last_month)[1])
    return replace(asked, start=date(year, first_month, min(first_day, last)), end=date(year, last_month, last))


def _by_day(asked: DateSpan, published: date) -> float:
    asked = _in_year(asked, published.year)
    assert asked.start is not None
    assert asked.end is not None
    if published < asked.start:
        return 0.1
    return 0.7 if published <= asked.end + _LATE else 0.3


def _compare(asked: DateSpan, told: DateSpan) -> float:
    if asked.same(told):
        return 1.0
    if told.start is not None:
        asked = _in_year(asked, told.start.year)
    if asked.start is None or asked.end is None or told.start is None or told.end is None:
        return 0.5
    if asked.end < told.start or told.end < asked.start:
        return 0.2
    if "part" in (asked.granularity, told.granularity):  # 2024年末 is told by the news of 2024
        return 0.9
    if told.granularity == "day" and asked.contains(told):
        return 1.0
    if asked.granularity == "day":
        return 0.5
    return 0.4


def _times(
    text: str, title: str, published: date | None, start: int, end: int
) -> tuple[list[DateSpan], list[DateSpan]]:
    """The times that a sentence names itself, and if none those named last before it, in the text or in the title."""
    places, spans = _all_times(text, published)
    first, last = bisect_right(places, start - 1), bisect_right(places, end - 1)
    own = list(spans[first:last])
    if own:
        return own, []
    wide = [span for span in spans[:first] if span.granularity in _WIDE]
    if wide:
        return [], wide[-1:]
    _, named = _all_times(title, published)
    return [], [span for span in named if span.granularity in _WIDE][-1:]


@lru_cache(maxsize=256)
def _all_times(text: str, published: date | None) -> tuple[list[int], list[DateSpan]]:
    """Where times stand that the text is about, and which: without days of announcement and what is only compared with."""
    kept = [q for q in find_quantities(text, reference=published) if q.span is not None and q.span.start is not None]
    kept = [q for q in kept if _about(text, q)]
    return [q.start for q in kept], [q.span for q in kept if q.span is not None]


def _about(text: str, quantity: Quantity) -> bool:
    assert quantity.span is not None
    if _COMPARED.search(quantity.text):
        return False
    before = text[max(0, quantity.start - 4) : quantity.start]
    if _AGO.search(before):
        return False
    after = search_form(text[quantity.end : quantity.end + 16])
    return not (quantity.span.granularity == "day" and _TOLD.match(after))
