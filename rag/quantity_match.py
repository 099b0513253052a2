"""Comparing quantities: whether two mentions say the same, and which numbers of a statement its evidence does not carry."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from rag.numerals import fold, rough_step
from rag.quantities import Quantity, find_quantities
from rag.quantity_drafts import MEASURED
from rag.units import COUNTERS, CURRENCIES, base_unit


def same_quantity(a: Quantity, b: Quantity) -> bool:
    """Whether two mentions say the same, by exact conversion; symmetric.

    - 4.69亿 is 46900万; 百分之六点三 is 6.3%; 6.3% is never 6.3个百分点, 亿元 never 亿美元, 增长 never 下降, 超过 never 不到.
    - Tolerance only where one of them hedges: about 400亿 takes what rounds to it (half of its last digit that is not 0, at
      most 5%); over and under take one such unit on their side. Two exact numbers must be equal.
    - 个 agrees with every counting word, 家 with 户, 人 with 名 and 位. A bare number agrees with a counting word; with
      元, 股, or another measure only when it is written with 万 or 亿 (1.69万亿 - 1.69万亿元), never with foreign money or %.
    - Ranges agree with equal ranges; codes and vague amounts (数十人) as strings; dates as `DateSpan.same`.
    """
    if a.kind == "date" or b.kind == "date":
        return a.span is not None and b.span is not None and a.span.same(b.span)
    if a.kind == "code" or b.kind == "code":
        return fold(a.text).casefold() == fold(b.text).casefold()
    if a.kind != b.kind:
        return False
    if a.kind == "ordinal":
        return a.value == b.value and (a.unit == b.unit or bool({a.unit, b.unit} & {"", "位"}))
    if a.kind in ("score", "time"):
        return a.value == b.value
    if not _units_agree(a, b) or (a.direction and b.direction and a.direction != b.direction):
        return False
    if a.value is None or b.value is None:
        return a.value is b.value and _vague_key(a) == _vague_key(b)
    if isinstance(a.value, tuple) or isinstance(b.value, tuple):
        return _in_base(a) == _in_base(b)
    if a.bound and b.bound and a.bound != b.bound:
        return False
    (x, x_low, x_high), (y, y_low, y_high) = _interval(a), _interval(b)
    return x == y or (
        (a.approx or b.approx) and (not b.approx or y_low <= x <= y_high) and (not a.approx or x_low <= y <= x_high)
    )


def missing_quantities(
    statement: str,
    evidence: str,
    *,
    statement_reference: date | None = None,
    evidence_reference: date | None = None,
    hedges: bool = False,
    strictly: bool = False,
) -> list[Quantity]:
    """The quantities of a statement that nothing in the evidence carries; empty when all of them are there.

    A statement may be rounder than its evidence when it says so (约400亿 of 400.69亿), never more exact.

    Args:
        statement: a sentence of an answer.
        evidence: the source text that should carry it.
        statement_reference: day against which the statement's relative dates are read; usually the article's.
        evidence_reference: publication day of the evidence (Asia/Shanghai).
        hedges: also demand that the statement is not firmer than its evidence: 达到2000亿元 is missing where the
            evidence says 或将突破2000亿元, and so is 650家 where it says 不到650家, and 超过650家 where it says 650家.
        strictly: also demand that what is 约650家 there is no plain 650家 here, and 计划7月2日 no plain 7月2日.
    """
    given = find_quantities(evidence, reference=evidence_reference)
    claimed = find_quantities(statement, reference=statement_reference)
    return [q for q in claimed if not any(_carries(e, q, hedges=hedges, strictly=strictly) for e in given)]


def _carries(evidence: Quantity, claim: Quantity, *, hedges: bool, strictly: bool) -> bool:
    if not same_quantity(claim, evidence):
        return False
    if strictly and ((evidence.approx and not claim.approx) or (evidence.planned and not claim.planned)):
        return False
    if evidence.approx and not claim.approx and claim.kind in MEASURED and _in_base(claim)[1] != _in_base(evidence)[1]:
        return False
    if not hedges or claim.kind not in MEASURED:
        return True
    if claim.bound and not evidence.bound and _in_base(claim)[1] == _in_base(evidence)[1]:
        return False
    return not (evidence.planned and not claim.planned) and not (evidence.bound and evidence.bound != claim.bound)


def _vague_key(q: Quantity) -> str:
    return fold(q.text).replace("几", "数").replace("上", "数")[:3]


def _in_base(q: Quantity) -> tuple[str, tuple[Decimal, ...]]:
    """The value in the base unit (公里 in 米), as a fall where the text says fall; one element, or two of a range."""
    base, factor = base_unit(q.unit.partition("/")[0])
    values = q.value if isinstance(q.value, tuple) else () if q.value is None else (q.value,)
    sign = -1 if q.direction == "down" and all(v > 0 for v in values) else 1
    return base, tuple(v * factor * sign for v in values)


def _interval(q: Quantity) -> tuple[Decimal, Decimal, Decimal]:
    """Value, lowest and highest truth that the hedge allows, as magnitudes with the sign of the change, in the base unit."""
    value = _in_base(q)[1][0]
    if not q.approx or not isinstance(q.value, Decimal):
        return value, value, value
    factor = base_unit(q.unit.partition("/")[0])[1]
    unit = max(q.step, rough_step(q.value)) * factor
    slack = min(unit / 2, abs(value) / 20)
    outward = unit if q.bound else slack
    # A fall of 近6% lies nearer to zero, so "over" and "under" speak of magnitudes.
    low = abs(value) - (min(outward, abs(value) / 10) if q.bound == "under" else 0 if q.bound else slack)
    high = abs(value) + (outward if q.bound == "over" else 0 if q.bound else slack)
    return (value, low, high) if value >= 0 else (value, -high, -low)


def _units_agree(a: Quantity, b: Quantity) -> bool:
    (unit_a, _, per_a), (unit_b, _, per_b) = a.unit.partition("/"), b.unit.partition("/")
    if per_a and per_b and per_a != per_b:
        return False
    unit_a, unit_b = base_unit(unit_a)[0], base_unit(unit_b)[0]
    if unit_a == unit_b:
        return True
    if unit_a and unit_b:
        groups = COUNTERS.get(unit_a), COUNTERS.get(unit_b)
        return None not in groups and (groups[0] == groups[1] or "个" in groups)
    bare, unit = (a, unit_b) if not unit_a else (b, unit_a)
    if unit in COUNTERS:
        return True
    return any(c in fold(bare.text) for c in "万亿") and unit not in CURRENCIES - {"元"} and unit != "℃"
