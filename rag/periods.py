"""What a question says of time: the day on which news came out, or the time that it asks about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from rag.date_spans import DateSpan
from rag.filters import Filters
from rag.quantities import find_quantities

_RECENT = ("昨日", "今日", "前日", "上周", "本周", "上月", "本月")
"""Relative words that can only mean the day on which the news came out."""


def understood(question: str, today: date) -> tuple[Filters, DateSpan | None]:
    """What a question says of time.

    Returns:
        Filters: on the days of publication, for 昨天, 上周, 本月 and the like, which can mean nothing else; else empty.
        The span of time that it asks about (2022年5月, 去年上半年), which favours articles of that time without shutting out others.
    """
    spans = list(_spans(question, today))
    for span in spans:
        if span.word.startswith(_RECENT):
            return Filters(after=span.start, before=span.end), None
    if not spans:
        return Filters(), None
    first = min(spans, key=lambda span: span.start or today)
    last = max(spans, key=lambda span: span.end or today)
    return Filters(), replace(first, end=last.end)


def _spans(question: str, today: date) -> Iterator[DateSpan]:
    for quantity in find_quantities(question, reference=today):
        span = quantity.span
        if span is not None and span.start is not None and span.end is not None:
            yield span
