"""Enumerations in a sentence: 临澜、云汐、柏陵、沧屏、碧砚五地 or 心脏外科、血液肿瘤科和康复科, and their items."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLAUSE = re.compile(r"[，。；：！？!?;\n|]|,(?!\d)")
_AND = re.compile(r"以及|[和与及跟]")
_BEFORE = re.compile(
    r"^.*(?:包括|包含|涉及|分别[为是]|其中有|名单为|支持|邀请|推出|保留|拥有|涵盖|来自|属于|位于|迁入|前往|[有是为由将把对向在到])(?=\S{2})"
)
_BEHIND = re.compile(
    r"(?:等|均|都|整体|将|已|被|共同|先后|分别|各|[（(]|[两三四五六七八九十\d]+(?:大?[个家地市区县名位所国人省种项校]|科室|城市)).*$"
)
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Items of one enumeration and the clause that they stand in. The first and the last item are cut by rules and may be a little long."""

    items: tuple[str, ...]
    clause: str


def find_enumerations(text: str) -> list[Enumeration]:
    """The enumerations of a text with at least two items, joined by 、 and perhaps a last 和, in order."""
    found = []
    for clause in _CLAUSE.split(text):
        if "、" not in clause:
            continue
        pieces = [piece.strip() for piece in clause.split("、")]
        last = _AND.split(pieces.pop(), maxsplit=1)
        pieces += [piece.strip() for piece in last if piece.strip()]
        if len(pieces) < 2 or not all(pieces) or any(len(piece) > _LONGEST for piece in pieces[1:-1]):
            continue
        pieces[0] = _BEFORE.sub("", pieces[0])
        pieces[-1] = _cut_last(pieces[:-1], pieces[-1])
        items = tuple(piece.strip("“”‘’《》「」『』 ") for piece in pieces)
        if all(items):
            found.append(Enumeration(items, clause))
    return found


def _cut_last(others: list[str], last: str) -> str:
    """The last item without what goes on behind it: 康复科 of 康复科整体迁入, where the others end in 科 too."""
    ends = {item[-1] for item in others}
    if len(ends) == 1 and (at := last.find(ends.pop(), 1)) > 0:
        return last[: at + 1]
    cut = _BEHIND.sub("", last)
    lengths = {len(item) for item in others[1:]}
    if cut == last and len(others) > 2 and len(lengths) == 1:
        return last[: lengths.pop()]
    return cut or last
