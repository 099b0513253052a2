"""The kinds of quantities, and the draft in which one is kept while its words are still being read."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from rag.date_spans import DateSpan

Kind = Literal["amount", "percent", "point", "multiple", "period", "date", "time", "ordinal", "score", "code"]
Bound = Literal["", "over", "under"]
Direction = Literal["", "up", "down"]

MEASURED: Final = frozenset[Kind]({"amount", "percent", "point", "multiple", "period"})
"""Kinds with a value and a unit: they can be hedged, make ranges and be compared by size."""


@dataclass(slots=True)
class Draft:
    """A quantity while it is being read. `factor` is its written scale; `pending` means: drop unless a range takes it."""

    start: int
    end: int
    kind: Kind
    value: Decimal | tuple[Decimal, Decimal] | None = None
    unit: str = ""
    approx: bool = False
    bound: Bound = ""
    direction: Direction = ""
    span: DateSpan | None = None
    step: Decimal = Decimal(0)
    factor: Decimal = Decimal(1)
    pending: bool = False
