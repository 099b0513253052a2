"""What a figure belongs to: whose it is, of which time, of what. A model that copies a figure right may still give it to the neighbour.

“北屿区增长11.6%，云麓区增长7.2%” holds every figure of “云麓区增长11.6%”, and does not say it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rag.anchors import Anchor, find_anchors, rivals
from rag.date_spans import DateSpan
from rag.quantities import Quantity, find_quantities
from rag.quantity_drafts import MEASURED
from rag.quantity_match import same_quantity
from rag.words import search_form, topic_words

_KINDS = frozenset({"place", "org", "person", "name"})
_EACH = re.compile(r"分别|依次|各为|各是")
_STOP = re.compile(r"[。；;！？!?\n|]")
_GENERIC = frozenset(
    "达到 达 为 约 共 超过 其中 同比 环比 增长 下降 上升 上涨 下跌 增加 减少 提高 实现 完成 全年 累计 占 比 较 高达 近 仅 已 共计 合计 分别 "
    "今年 去年 上年 同期 比上年 亿元 万元 目前 数据 显示 公布 发布 末 年末 全市 全省 全区 全国".split()
)


@dataclass(frozen=True, slots=True)
class _Binding:
    """A figure with the names nearest before it, one of each kind of rivals, the time named last, and the words of its clause."""

    quantity: Quantity
    names: tuple[Anchor, ...]
    time: DateSpan | None
    words: frozenset[str]


def misplaced(statement: str, evidence: Sequence[str], reference: date | None) -> list[Quantity]:
    """The figures of a statement that stand in the evidence, but there belong to another name, time or thing.

    Args:
        statement: a sentence of an answer.
        evidence: the source sentences that should carry it.
        reference: day against which relative dates of both are read.

    Returns:
        Only what is certain: the name, time or word that the statement gives the figure is the very one that the evidence gives
        another figure of the kind.
    """
    if not any(q.kind in MEASURED for q in find_quantities(statement, reference=reference)):
        return []
    given = [binding for text in evidence for binding in _bindings(text, reference)]
    wrong = []
    for claim in _bindings(statement, reference):
        alike = [g for g in given if (g.quantity.kind, g.quantity.unit) == (claim.quantity.kind, claim.quantity.unit)]
        own = [g for g in given if same_quantity(claim.quantity, g.quantity)]
        others = [g for g in alike if g not in own]
        if own and others and all(_elsewhere(claim, g, others) for g in own):
            wrong.append(claim.quantity)
    return wrong


def _elsewhere(claim: _Binding, own: _Binding, others: Sequence[_Binding]) -> bool:
    """Whether a claim's figure `own` of the evidence belongs to something else, and what it is said of belongs to one of `others`."""
    for name in claim.names:
        against = [a for a in own.names if rivals(name, a)]
        if against and not any(a.core == name.core for a in own.names):
            return any(a.core == name.core for other in others for a in other.names)
    if claim.time and own.time and _apart(claim.time, own.time):
        return any(other.time is not None and not _apart(claim.time, other.time) for other in others)
    rest = frozenset[str]().union(*(other.words for other in others))
    mine = own.words - rest
    return bool(mine) and not claim.words & mine and bool(claim.words & (rest - own.words))


def _apart(one: DateSpan, other: DateSpan) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return False
    return one.end < other.start or other.end < one.start


def _bindings(text: str, reference: date | None) -> list[_Binding]:
    """The measured quantities of a text with what they belong to, in order."""
    found = find_quantities(text, reference=reference)
    anchors = _located(text)
    bindings = []
    for quantity in found:
        if quantity.kind not in MEASURED or quantity.kind == "period":
            continue
        stop = max((m.end() for m in _STOP.finditer(text, 0, quantity.start)), default=0)
        earlier = [(start, anchor) for start, anchor in anchors if stop <= start < quantity.start]
        before = [q for q in found if stop <= q.start < quantity.start]
        same = [q for q in before if (q.kind, q.unit) == (quantity.kind, quantity.unit)]
        begin = max([stop, *(q.end for q in before if q.kind in MEASURED)])
        clause = text[begin : quantity.start]
        times = [q.span for q in before if q.span is not None and q.span.start is not None]
        each = max((m.start() for m in _EACH.finditer(text, stop, quantity.start)), default=-1)
        if each >= 0:
            members = _enumerated(text, [item for item in earlier if item[0] < each])
            place = len([q for q in same if q.start > each])
            names: tuple[Anchor, ...] = (members[place],) if place < len(members) else ()
            words: frozenset[str] = frozenset()
        else:
            names = _last_of_each_kind([anchor for _, anchor in earlier])
            words = frozenset(w for w in topic_words(clause) if w not in _GENERIC and not w[0].isdigit())
        bindings.append(_Binding(quantity, names, times[-1] if times else None, words))
    return bindings


def _located(text: str) -> list[tuple[int, Anchor]]:
    """Anchors with their places in the text itself (anchors have them in its search form, which keeps lengths but rarely does not)."""
    if len(search_form(text)) != len(text):
        return []
    return [(anchor.start, anchor) for anchor in find_anchors(text) if anchor.kind in _KINDS]


def _last_of_each_kind(anchors: Sequence[Anchor]) -> tuple[Anchor, ...]:
    """Of names that are rivals the last one counts."""
    kept: list[Anchor] = []
    for anchor in reversed(anchors):
        if not any(rivals(anchor, other) or anchor.core == other.core for other in kept):
            kept.append(anchor)
    return tuple(kept)


def _enumerated(text: str, items: Sequence[tuple[int, Anchor]]) -> list[Anchor]:
    """The names of the last enumeration (A、B和C) before 分别."""
    run: list[Anchor] = []
    for start, anchor in reversed(items):
        if run and not re.fullmatch(
            r"[“”\"《》]*(?:[、,，和与及]|以及).{0,12}", text[start + len(anchor.text) : run[0].start]
        ):
            break
        run.insert(0, anchor)
    return run
