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
from rag.quantity_drafts import MEASURED, Kind
from rag.quantity_match import same_quantity
from rag.words import bigrams, search_form, topic_words

_BOUND = MEASURED | frozenset[Kind]({"time", "score"})
"""Kinds of figures that belong to something."""

_KINDS = frozenset({"place", "org", "person", "name"})
_EACH = re.compile(r"分别|依次|各为|各是")
_STOP = re.compile(r"[。；;！？!?\n]|\|\s*(?=\|)")
_FILLERS = re.compile(r"(?:为|达到|达|是|约|超过|超|近|有|共|仅|至|到)+$")
_COMPARED = re.compile(r"(?:比|较|較|对|跟|与|和)$")
_GROWN = re.compile(
    r"[，,、]\s*(?:同比|环比|比上年|较上年|比去年|较去年|比上年末|较上年末)?(?:增长|增加|增|上升|上涨|提高|下降|减少|降|回落|下跌)了?$"
)
_FURTHER = 2
"""Characters more of the words just before a figure that must agree with another figure's place than with its own."""
_GENERIC = frozenset(
    "达到 达 为 约 共 超过 其中 同比 环比 增长 下降 上升 上涨 下跌 增加 减少 提高 实现 完成 全年 累计 占 比 较 高达 近 仅 已 共计 合计 分别 "
    "时间 今年 去年 上年 同期 比上年 亿元 万元 目前 数据 显示 公布 发布 末 年末 全市 全省 全区 全国".split()
)


@dataclass(frozen=True, slots=True)
class _Binding:
    """A figure with the names nearest before it, one of each kind of rivals, the times before it, and the words of its clause.

    `lead` is the text between the figure before it (`previous`) and it, `told` the times in there (the last, and years);
    `base` is what it is compared with (比上年); `sentence` is what it stands in; `each`: 分别 is before it.
    """

    quantity: Quantity
    names: tuple[Anchor, ...]
    times: tuple[DateSpan, ...]
    told: tuple[DateSpan, ...]
    base: DateSpan | None
    words: frozenset[str]
    lead: str
    previous: Quantity | None
    sentence: str
    each: bool

    @property
    def time(self) -> DateSpan | None:
        """The time named last."""
        return self.times[-1] if self.times else None


def misplaced(
    statement: str, evidence: Sequence[str], reference: date | None, days: Sequence[date | None] = ()
) -> list[Quantity]:
    """The figures of a statement that stand in the evidence, but there belong to another name, time or thing.

    Args:
        statement: a sentence of an answer.
        evidence: the source sentences that should carry it.
        reference: day against which relative dates of the statement are read.
        days: those of the source sentences, where they are others.

    Returns:
        Only what is certain: the name, time or word that the statement gives the figure is the very one that the evidence gives
        another figure of the kind; or the sentence with the figure names another, and not the one of the statement.
    """
    if not any(q.kind in _BOUND for q in find_quantities(statement, reference=reference)):
        return []
    days = days or [reference] * len(evidence)
    given = [binding for text, day in zip(evidence, days, strict=True) for binding in _bindings(text, day)]
    wrong = []
    for claim in _bindings(statement, reference):
        alike = [g for g in given if (g.quantity.kind, g.quantity.unit) == (claim.quantity.kind, claim.quantity.unit)]
        own = [g for g in given if same_quantity(claim.quantity, g.quantity)]
        others = [g for g in alike if g not in own]
        if own and (
            all(_elsewhere(claim, g, others, alone=len(evidence) == 1) for g in own) or _in_place_of(claim, own, others)
        ):
            wrong.append(claim.quantity)
    return wrong


def owners(statement: str, reference: date | None) -> list[tuple[Quantity, tuple[Anchor, ...]]]:
    """The measured quantities of a statement, each with the names that it is said of."""
    return [(binding.quantity, binding.names) for binding in _bindings(statement, reference)]


def _elsewhere(claim: _Binding, own: _Binding, others: Sequence[_Binding], *, alone: bool) -> bool:
    """Whether a claim's figure `own` of the evidence belongs to something else, and what it is said of belongs to one of `others`.

    Args:
        alone: there is but one sentence of evidence, so that every time of the claim is of it.
    """
    for name in claim.names:
        against = [a for a in own.names if rivals(name, a)]
        if against and not any(a.core == name.core for a in own.names):
            unnamed = name.kind in ("place", "org") and name.core not in search_form(own.sentence)
            return unnamed or any(a.core == name.core for other in others for a in other.names)
    if claim.base and own.base and _apart(claim.base, own.base):
        return True
    told = claim.told if alone else claim.told[-1:]
    if any(_of_other_time(span, own.times) for span in told):
        return True
    if claim.time and own.time and not claim.time.same(own.time):
        if any(other.time is not None and claim.time.same(other.time) for other in others):
            return True  # the year's figure given to its first half, whose own figure is there too
        if _apart(claim.time, own.time):
            return any(other.time is not None and not _apart(claim.time, other.time) for other in others)
    rest = frozenset[str]().union(*(other.words for other in others))
    mine = own.words - rest
    return bool(mine) and not claim.words & mine and bool(claim.words & (rest - own.words))


def _in_place_of(claim: _Binding, own: Sequence[_Binding], others: Sequence[_Binding]) -> bool:
    """Whether a claim's figure stands where the evidence has another: behind the same words, or behind the same figure."""
    if _GROWN.search(claim.lead) and claim.previous and all(_grown_from_another(claim.previous, g) for g in own):
        return True
    dated = claim.time is not None and any(g.time is not None and claim.time.same(g.time) for g in own)
    there = [
        other
        for other in others
        if not _of_another(claim, other)
        and not (dated and claim.time and other.time and not claim.time.same(other.time))
    ]
    if not there or any(g.each != claim.each for g in (*own, *there)):
        return False
    behind_own, behind_other = (
        any(claim.previous and g.previous and same_quantity(claim.previous, g.previous) for g in group)
        for group in (own, there)
    )
    if behind_own and not behind_other:
        return False
    words_own, words_other = (max(len(bigrams(claim.lead) & bigrams(g.lead)) for g in group) for group in (own, there))
    as_own, as_other = (max(_common_end(claim.lead, g.lead) for g in group) for group in (own, there))
    if behind_other and not behind_own and words_other >= words_own and as_other >= as_own:
        return True
    return words_other > words_own and as_other >= as_own + _FURTHER


def _grown_from_another(amount: Quantity, own: _Binding) -> bool:
    """Whether a figure of the evidence is the growth of another amount: 1286.4亿元，下降0.6% of what says 141.9亿元，下降0.6%."""
    before = own.previous
    if before is None or not _GROWN.search(own.lead) or (before.kind, before.unit) != (amount.kind, amount.unit):
        return False
    return not same_quantity(amount, before)


def _of_another(claim: _Binding, other: _Binding) -> bool:
    """Whether a figure is of another name or time than the claim, so that the claim cannot mean it."""
    for name in claim.names:
        if any(rivals(name, a) for a in other.names) and not any(a.core == name.core for a in other.names):
            return True
    return claim.time is not None and other.time is not None and _apart(claim.time, other.time)


def _common_end(one: str, other: str) -> int:
    """How many characters two texts end in alike."""
    most = min(len(one), len(other))
    return next((i for i in range(most) if one[-1 - i] != other[-1 - i]), most)


def _of_other_time(span: DateSpan, times: Sequence[DateSpan]) -> bool:
    """Whether a time lies apart from one of the times, and falls together with none."""
    return any(_apart(span, time) for time in times) and all(
        _apart(span, time) or (time.start is None and not span.same(time)) for time in times
    )


def _apart(one: DateSpan, other: DateSpan) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        years = one.word.endswith("年") and other.word.endswith("年")  # 今年, 去年 of an article without a day
        return years and one.granularity == other.granularity and one.word != other.word
    return one.end < other.start or other.end < one.start


def _bindings(text: str, reference: date | None) -> list[_Binding]:
    """The measured quantities of a text with what they belong to, in order."""
    found = find_quantities(text, reference=reference)
    anchors = _located(text)
    bindings = []
    for quantity in found:
        if quantity.kind not in _BOUND or quantity.kind == "period":
            continue
        stop = max((m.end() for m in _STOP.finditer(text, 0, quantity.start)), default=0)
        earlier = [(start, anchor) for start, anchor in anchors if stop <= start < quantity.start]
        before = [q for q in found if stop <= q.start < quantity.start]
        same = [q for q in before if (q.kind, q.unit) == (quantity.kind, quantity.unit)]
        begin = max([stop, *(q.end for q in before if q.kind in _BOUND)])
        clause = text[begin : quantity.start]
        dates = [(q, q.span, bool(_COMPARED.search(text, stop, q.start))) for q in before if q.span is not None]
        times = [(q, span) for q, span, compared in dates if not compared]
        lead = [span for q, span in times if q.start >= begin]
        base = dates[-1][1] if dates and dates[-1][2] and dates[-1][0].start >= begin else None
        each = max((m.start() for m in _EACH.finditer(text, stop, quantity.start)), default=-1)
        if each >= 0:
            members = _enumerated(text, [item for item in earlier if item[0] < each])
            place = len([q for q in same if q.start > each])
            names: tuple[Anchor, ...] = (members[place],) if place < len(members) else ()
            words: frozenset[str] = frozenset()
        else:
            names = _last_of_each_kind([anchor for _, anchor in earlier])
            words = frozenset(w for w in topic_words(clause) if w not in _GENERIC and not w[0].isdigit())
        measured = [q for q in before if q.kind in _BOUND and q.kind != "period"]
        end = next((m.start() for m in _STOP.finditer(text, quantity.end)), len(text))
        bindings.append(
            _Binding(
                quantity, names, tuple(span for _, span in times),
                tuple(span for i, span in enumerate(lead, 1) if i == len(lead) or span.granularity == "year"),
                base, words, _FILLERS.sub("", clause.strip()),
                measured[-1] if measured else None, text[stop:end], each >= 0,
            )
        )  # fmt: skip
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
