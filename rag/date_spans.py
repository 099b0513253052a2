"""The days that a date covers, and when two dates name the same days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Granularity = Literal["day", "week", "month", "quarter", "half", "year", "range", "part", "word"]
"""How wide a date is. `part` is a vague part (年底, 上旬, 去年同期); `word` has no days without a reference (今年, 周五)."""


@dataclass(frozen=True, slots=True)
class DateSpan:
    """The days that a date covers, both ends included.

    Attributes:
        granularity: how it was written; `part` is vague and equals only another part.
        start: first day; None when the year is not known.
        end: last day; None exactly when `start` is.
        month_day: (month, day, month, day) of both ends, for a date without a year; month 0 is "some month" (20日).
        word: the relative word it was written with (今年, 昨日), in one canonical spelling, else empty.
    """

    granularity: Granularity
    start: date | None = None
    end: date | None = None
    month_day: tuple[int, int, int, int] | None = None
    word: str = ""

    def contains(self, other: DateSpan) -> bool:
        """Whether every day of `other` lies in this span; False when either is not resolved."""
        if self.start is None or self.end is None or other.start is None or other.end is None:
            return False
        return self.start <= other.start and other.end <= self.end

    def same(self, other: DateSpan) -> bool:
        """Whether both name the same days, as far as both say. A date without a year agrees with any year.

        2021年7月2日 is 2021-07-02; 上半年 is 1-6月; 2021年 is not 2021年7月, 2020年底 is not 2020年12月.
        """
        if (self.granularity == "part") != (other.granularity == "part"):
            return False
        if self.word and self.word == other.word and (self.start is None or other.start is None):
            return (self.month_day or other.month_day) is None or _month_day(self) == _month_day(other)
        if self.start is not None and other.start is not None:
            return self.start == other.start and self.end == other.end
        mine, theirs = _month_day(self), _month_day(other)
        if mine is None or theirs is None or (self.word and other.word and self.word != other.word):
            return False
        if self.start and self.end and self.start.year != self.end.year:
            return False
        if 0 in (mine[0], theirs[0]):
            return mine[1::2] == theirs[1::2] and self.granularity == other.granularity
        return mine == theirs


def _month_day(span: DateSpan) -> tuple[int, int, int, int] | None:
    if span.start is None or span.end is None:
        return span.month_day
    last = 29 if (span.end.month, span.end.day) == (2, 28) and span.granularity != "day" else span.end.day
    return span.start.month, span.start.day, span.end.month, last
