"""What 昨日, 下周三 or 明年3月 in an article mean, counted from the day it came out and written beside them: 昨日（2025年8月11日）.

Only words: the year of a bare 8月3日 may hang on a 去年 before it, and 上年 on the year that a sentence speaks of.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

from rag.quantities import Quantity, find_quantities
from rag.records import SHANGHAI, Article
from rag.words import search_form

_YEAR_WORD = re.compile(r"^(?:今年|本年|去年|前年|大前年|明年|后年|後年)")
_WEEK_WORD = re.compile(r"[上下本这這]个?(?:周|週|星期|礼拜)")
_SUNDAY = 7
_ABOUT_TIME = re.compile(r"年|月|日|号|周|时候|何时|哪天|多久|时间|季度")


def with_days(text: str, article: Article, *, years: bool) -> str:
    """The text with the day, month or year in brackets behind each word that means one; as it is where the article has no day.

    Args:
        text: of the article, or about it.
        years: also behind 今年, 去年 … alone; days and months are always told.
    """
    if article.published_at is None:
        return text
    published = article.published_at.astimezone(SHANGHAI).date()
    for quantity in reversed(find_quantities(text, reference=published)):
        if published.isoweekday() == _SUNDAY and _WEEK_WORD.match(quantity.text):
            continue  # to some the week begins on Sunday
        told = _told(quantity, years)
        if told and not text[quantity.end :].startswith(("（", "(")):
            text = f"{text[: quantity.end]}（{told}）{text[quantity.end :]}"
    return text


def misread_days(text: str, published: date | None) -> list[Quantity]:
    """The days in brackets behind 昨日 or 去年 that are not what the word means: what a model may make of ours."""
    return [
        told
        for word, told in _told_pairs(text, published)
        if word.span and told.span and told.span.start and not word.span.contains(told.span)
    ]


def without_days(text: str, published: date | None) -> str:
    """The text without the days in brackets behind words that mean one."""
    for word, told in reversed(_told_pairs(text, published)):
        closed = re.match(r"[^（()）]*[）)]", text[told.end :])
        text = f"{text[: word.end]}{text[told.end + closed.end() :]}" if closed else text
    return text


def _told_pairs(text: str, published: date | None) -> list[tuple[Quantity, Quantity]]:
    """Words that mean a day, month or year, each with the date in brackets behind it."""
    return [
        (word, told)
        for word, told in pairwise(find_quantities(text, reference=published))
        if word.span and word.span.word and word.span.start and told.span and text[word.end : told.start] in ("（", "(")
    ]


def asks_about_time(question: str) -> bool:
    """Whether a question names a time or asks for one, so that the years that words mean matter."""
    return _ABOUT_TIME.search(search_form(question)) is not None


def _told(quantity: Quantity, years: bool) -> str:
    span = quantity.span
    if span is None or span.start is None or span.end is None or not span.word or "同期" in quantity.text:
        return ""
    if quantity.text.startswith(("上年", "上一年", "上半年", "下半年")):
        return ""
    first, last = span.start, span.end
    match span.granularity:
        case "day":
            return _day(first)
        case "month":
            return f"{first.year}年{first.month}月"
        case "range" if re.search("[日号]", quantity.text):
            same = (first.year, first.month) == (last.year, last.month)
            return f"{_day(first)}至{last.day}日" if same else f"{_day(first)}至{_day(last)}"
        case "year":
            return f"{first.year}年" if years else ""
        case "range" | "quarter" | "half" | "part":
            rest = _YEAR_WORD.sub("", quantity.text)
            return f"{first.year}年{rest}" if years and rest != quantity.text else ""
        case _:
            return ""


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
