"""Chinese numerals and the folding of digits and signs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.numerals import chinese_integer
from tests.quantity_reading import chinese


@given(st.integers(min_value=1, max_value=10**12 - 1))
def test_chinese_numerals_round_trip(number: int) -> None:
    assert chinese_integer(chinese(number)) == number
