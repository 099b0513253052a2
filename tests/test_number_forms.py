"""One spelling for every number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.number_forms import normalize_numbers
from rag.numerals import fold
from rag.quantities import find_quantities


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("百分之六点三", "6.3%"),
        ("两千三百九十二家", "2392家"),
        ("１１００．９亿", "110090000000"),
        ("1,100家", "1100家"),
        ("46900万", "469000000"),
        ("4.69亿元", "469000000元"),
        ("超过360余家", "超过360余家"),
        ("约三成", "约30%"),
        ("三分之二", "2/3"),
        ("五分之一到50%", "20-50%"),
        ("五分之一到百分之三十", "20-30%"),
        ("3-5年", "3-5年"),
        ("30000.00万元至40000.00万元", "300000000-400000000元"),
        ("第二十一届", "第21届"),
        ("二〇二〇年", "2020年"),
        ("2021-07-02", "2021年7月2日"),
        ("二〇二一年七月二日", "2021年7月2日"),
        ("翻番，半年，数十人，千亿级", "翻番，半年，数十人，千亿级"),
        ("-3.2%", "-3.2%"),
        ("三一重工在四川", "三一重工在四川"),
        ("ＡＢＣ", "ABC"),
    ],
)
def test_normalize_numbers(text: str, normal: str) -> None:
    assert normalize_numbers(text) == normal
    assert normalize_numbers(normal) == normal


@given(st.text(max_size=80))
def test_a_text_without_numbers_is_only_folded(text: str) -> None:
    assert find_quantities(text) or normalize_numbers(text) == fold(text)
