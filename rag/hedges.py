"""Words around a number: hedges (约, 超过, 以上), rise or fall (增长, 下降), plans and forecasts (预计, 或将)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from rag.quantity_drafts import Draft

HEDGE: Final = re.compile(
    r"(?:(?P<over>超过了?|超出|突破了?|超|逾|高于|多于|大于|不低于|不少于|至少|起码|站上|跨越|跨过|迈上|迈过|冲破|(?<!跌)破)"
    r"|(?P<under>跌破|跌穿|失守|不到|不足|将近|接近|逼近|(?<![最附临])近|低于|少于|小于|不超过|不高于|不多于|至多|最多)"
    r"|约为|约合|大约|大概|约|估计)(?:人民币|[$¥€£]|US\$)?\s?$"
)
"""Hedges that end a text: what stands just before a number."""

HEDGE_AFTER: Final = re.compile(
    r"(?P<over>以上|有余|之多|开外)|(?P<under>以下|以内|之内|内(?!地|部|容|外|饰|存|需|资|蒙|幕|涵|阁|政|卷))|(?P<about>左右|上下)|(?P<more>多(?!家|个|名|种|项|次|元化|数|年)|余)"
)
"""Hedges that follow a number."""

_UP: Final = "增长|上涨|上升|提高|提升|增加|扩大|上浮|上调|攀升|增幅|涨幅|增速|回升|走高|反弹|多增|高出|涨|升|增"
_DOWN: Final = "下降|下跌|减少|降低|回落|下滑|缩减|收窄|下调|下浮|萎缩|跌幅|降幅|减幅|缩水|走低|少增|跌|降|减"
_DIRECTION: Final = re.compile(
    rf"(?:(?P<up>{_UP})|(?P<down>{_DOWN}))(?:了|约|近|超过?|逾|达到?|为|突破|大约|幅度?|分别|不到|不足|至少|将近|接近|高达|速|率|比例|[：:]|\s)*$"
)
_ALSO: Final = re.compile(r"、|和|及|与|以及|，|,")
_PLAN: Final = re.compile("预计|预期|预测|有望|力争|或将|计划|打算|目标|争取|拟(?!合)|料将|将(?!近|军|士|领|来)|规划")
_SENTENCE: Final = re.compile("[。！？；!?;\n]")
_CLAUSE: Final = re.compile("[。！？；!?;\n，：:]")


def read_hedges(folded: str, draft: Draft, previous: Draft | None) -> None:
    """Read the words around a number: hedges on both sides, rise or fall."""
    before = folded[max(0, draft.start - 12) : draft.start]
    if m := HEDGE.search(before):
        window = draft.kind == "period" and m[0].strip() == "近"  # 近三年 is a window, not a hedge
        if not window:
            draft.approx, draft.bound = True, "over" if m["over"] else "under" if m["under"] else ""
    if m := HEDGE_AFTER.match(folded, draft.end):
        if m["over"] or m["under"]:
            draft.approx, draft.bound = True, "over" if m["over"] else "under"
        elif m["about"]:
            draft.approx = True
        elif m["more"] and (draft.kind == "period" or draft.factor > 1 or m[0] == "余"):
            draft.approx, draft.bound = True, "over"
    if m := _DIRECTION.search(before):
        draft.direction = "up" if m["up"] else "down"
    elif (
        previous
        and previous.direction
        and previous.kind == draft.kind
        and _ALSO.fullmatch(folded, previous.end, draft.start)
    ):
        draft.direction = previous.direction


def planned(folded: str, drafts: Sequence[Draft]) -> list[bool]:
    """For each quantity, whether a word of planning stands before it in its sentence; for a date, in its clause."""
    plans = [m.start() for m in _PLAN.finditer(folded)]
    sentences = [m.start() for m in _SENTENCE.finditer(folded)] if plans else []
    clauses = [m.start() for m in _CLAUSE.finditer(folded)] if plans else []
    flags = []
    for draft in drafts:
        stops = clauses if draft.kind == "date" else sentences
        plan, stop = bisect_right(plans, draft.start), bisect_right(stops, draft.start)
        flags.append(plan > 0 and (stop == 0 or plans[plan - 1] > stops[stop - 1]))
    return flags
