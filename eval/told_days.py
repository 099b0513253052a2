"""Takes out of a statement the days that Youju wrote beside 昨日, 下周三 or 明年3月, where they are right; shares no code with it.

A day that is wrong stays, and is then a number that stands in no quote.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from eval.metrics import figures

_DAYS = {"今": 0, "昨": -1, "前": -2, "明": 1, "后": 2, "後": 2}
_WEEKS = {"上": -1, "本": 0, "这": 0, "這": 0, "下": 1}
_YEARS = {"大前年": -3, "前年": -2, "去年": -1, "今年": 0, "本年": 0, "明年": 1, "后年": 2, "後年": 2}
_TOLD = re.compile(
    r"(?P<day>[今昨前明后後][日天晚夜晨早])(?:[上下]午|早晨|清晨|傍晚|晚间?|夜间?|凌晨)?（(?P<d>[^（）]{6,14})）"
    r"|(?P<week>[上本这這下])个?(?:周|週|星期|礼拜)(?P<weekday>[一二三四五六日天])（(?P<w>[^（）]{6,14})）"
    r"|(?P<month>[上本这這下])个?月（(?P<m>[^（）]{5,9})）"
    r"|(?P<year>大前年|[前去今本明后後]年)(?P<rest>[^（）。；，]{0,14})（(?P<y>[^（）]{4,22})）"
)


def without_told_days(statement: str, quotes: list[str], published: str) -> str:
    """The statement without the days that are right.

    Args:
        quotes: the sentences that it cites.
        published: ISO moment in Asia/Shanghai of the article that it cites; empty where it has none.
    """
    if not published:
        return statement
    day = date.fromisoformat(published[:10])
    stated = frozenset[str]().union(*map(figures, quotes))

    def check(match: re.Match[str]) -> str:
        told = match["d"] or match["w"] or match["m"] or match["y"]
        return match[0].replace(f"（{told}）", "") if _is_right(match, told, day, stated) else match[0]

    return _TOLD.sub(check, statement)


def _is_right(match: re.Match[str], told: str, day: date, stated: frozenset[str]) -> bool:
    numbers = [int(number) for number in re.findall(r"\d+", told)]
    if match["day"]:
        right = day + timedelta(days=_DAYS[match["day"][0]])
        return numbers == [right.year, right.month, right.day]
    if match["week"]:
        monday = day - timedelta(days=day.weekday()) + timedelta(weeks=_WEEKS[match["week"]])
        right = monday + timedelta(
            days="一二三四五六日天".index(match["weekday"]) % 7 if match["weekday"] != "天" else 6
        )
        return numbers == [right.year, right.month, right.day]
    if match["month"]:
        months = day.year * 12 + day.month - 1 + _WEEKS[match["month"]]
        return numbers == [months // 12, months % 12 + 1]
    year = day.year + _YEARS[match["year"]]
    known = (
        stated
        | figures(match["rest"])
        | {str(_chinese(part)) for part in re.findall(r"[一二三四五六七八九十]+", match["rest"])}
    )
    return (
        bool(numbers) and numbers[0] == year and all(number == year or str(number) in known for number in numbers[1:])
    )


def _chinese(text: str) -> int:
    head, ten, tail = text.partition("十")
    digits = "零一二三四五六七八九"
    if not ten:
        return digits.find(head)
    return 10 * (digits.find(head) if head else 1) + (digits.find(tail) if tail else 0)
