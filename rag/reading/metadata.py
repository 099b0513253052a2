"""What a file says about itself, made comparable: dates in UTC, the true title, the source, the category path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from rag.reading.lines import tidy
from rag.records import SHANGHAI

_FIRST_YEAR = 1900
_TOLERANCE = timedelta(days=7)  # clocks differ, and weeklies carry the day on which they will lie in the shops
_ISO = re.compile(
    r"(\d{4})[-/.年]\s?(\d{1,2})[-/.月]\s?(\d{1,2})日?"
    r"(?:[\s(（]*(?:星期|周|礼拜)[一二三四五六日天][)）]?)?"
    r"(?:[T\s]*(凌晨|早上|上午|中午|下午|傍晚|晚上|晚间)?\s?(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2})(?:[.,]\d{1,9})?)?[秒分]?)?"
    r"\s*(Z|UTC|GMT|CST|[+-]\d{2}:?\d{2})?(?:\s(?:UTC|GMT|CST))?"
)
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})?)?")
_EPOCH = re.compile(r"(1\d{9})(?:\.\d+)?|(1\d{12})")
_AFTERNOON = frozenset({"下午", "傍晚", "晚上", "晚间"})
_SPLIT = re.compile(r"\s+[-–—|/>＞»]\s+|[/>＞»]")
_DECIMAL = re.compile(r"\d+\.\d+")
_PUNCTUATION = re.compile(r"[\W_]+")
_MANGLED_WRAP = "\"'“”‘’ "


def parse_date(text: str, now: datetime | None = None) -> datetime | None:
    """A publication date as an aware moment in UTC, or None where it cannot be true.

    RFC 822 ("Fri, 02 Jul 2021 11:59:33 GMT", "+0800"), ISO 8601, "2021年7月2日 周五 下午3:05", "20210702" and seconds or
    milliseconds since 1970 (from 2001 on: shorter numbers are something else) are read; a date without its year is not
    guessed. A moment without a zone is Asia/Shanghai, as is a day without a time (its midnight). Before 1900, the epoch
    itself (what software writes when it knows no date) and more than a week after `now` cannot be true.
    """
    moment = _read_date(tidy(text))
    if moment is None:
        return None
    try:
        moment = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    latest = (now or datetime.now(UTC)) + _TOLERANCE
    return moment if moment.year >= _FIRST_YEAR and moment.timestamp() != 0 and moment <= latest else None


def _read_date(text: str) -> datetime | None:
    try:
        if epoch := _EPOCH.fullmatch(text):
            return datetime.fromtimestamp(int(epoch[1]) if epoch[1] else int(epoch[2]) / 1000, UTC)
        if compact := _COMPACT.fullmatch(text):
            year, month, day, hour, minute, second, zone = compact.groups()
            half = ""
        elif match := _ISO.fullmatch(text):
            year, month, day, half, hour, minute, second, zone = match.groups()
        else:
            moment = parsedate_to_datetime(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
        hours = int(hour or 0) + (12 if half in _AFTERNOON and int(hour) < 12 else 0)
        midnight = hours == 24 and not int(minute)  # the end of the day
        moment = datetime(
            int(year),
            int(month),
            int(day),
            0 if midnight else hours,
            int(minute or 0),
            int(second or 0),
            tzinfo=SHANGHAI,
        ) + timedelta(days=midnight)
        if zone in ("Z", "UTC", "GMT"):
            return moment.replace(tzinfo=UTC)
        if zone and zone != "CST":  # CST is China Standard Time here
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            return moment.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
    return moment


def plain_title(text: str) -> str:
    r"""A title without the quotation marks that a broken exporter wrapped around it, as in `\"\"\"'LPR…'\"\"\"`."""
    title = tidy(text)
    if title[:2] in ('""', "'\"", "\"'", "''") or (len(title) > 1 and title[0] == title[-1] and title[0] in "\"'"):
        title = title.strip(_MANGLED_WRAP) if title.count('"') + title.count("'") > 2 else title[1:-1]
    return tidy(title)


def restore_title(title: str, candidates: Iterable[str], text: str) -> str:
    """The title as it was printed, where the page proves how it was.

    Exporters replace what a file name cannot hold (“ ” : ?) by `_`. A candidate that reads the same but for punctuation is
    the true form; one that truly differs (an agency's own headline, say) is not, and the title stays. `_词_` becomes “词”
    where the text itself has “词”, in its own quotation marks.
    """
    head, dash, tail = title.rpartition(" - ")
    keys = {_PUNCTUATION.sub("", title): "", _PUNCTUATION.sub("", tail): head + dash}
    for candidate in candidates:
        candidate = tidy(candidate)
        key = _PUNCTUATION.sub("", candidate)
        if key and key in keys and "_" not in candidate and _same_numbers(title, candidate):
            return keys[key] + candidate
    parts = title.split("_")
    restored = parts[0]
    position = 1
    while position < len(parts):
        quoted = _quoted(parts[position], text) if position + 1 < len(parts) else ""
        restored += quoted + parts[position + 1] if quoted else "_" + parts[position]
        position += 2 if quoted else 1
    return restored


def _same_numbers(title: str, candidate: str) -> bool:
    """Whether the candidate keeps the decimals of the title; file names lose the point, and 4.69亿 becomes 469亿."""
    decimals = _DECIMAL.findall(title)
    return not decimals or decimals == _DECIMAL.findall(candidate)


def _quoted(words: str, text: str) -> str:
    """The words in the quotation marks in which the text has them; empty if it has them in none."""
    if not words.strip():
        return ""
    return next((o + words + c for o, c in ("“”", "「」", "『』", "‘’") if o + words + c in text), "")


def category_path(values: Sequence[str]) -> tuple[str, ...]:
    """The category from broad to narrow; "新浪财经 - 国内" is two levels, a level that repeats the one above is one."""
    levels = (tidy(level) for value in values for level in _SPLIT.split(value))
    return tuple(dict.fromkeys(level for level in levels if level))


def choose_source(given: str, author: str, category: Sequence[str], printed: str) -> str:
    """Who published the article.

    In this order: what the file calls its source; the author, where the category path knows it (mirrors write the feed's
    name there); the second level of the category; “文章来源：” in the text; the author.
    """
    feed = _SPLIT.split(author)[0].strip()
    if given:
        return tidy(given)
    if feed and any(level == feed or level.startswith(feed) for level in category):
        return feed
    if len(category) > 1:
        return category[1]
    return printed or feed or "".join(category[:1])
