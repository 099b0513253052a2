"""Enumerations and their items."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.enumerations import find_enumerations

ITEMS = [
    ("出现大面积故障，临澜、云汐、柏陵、沧屏、碧砚五地用户反映无法下单。", ("临澜", "云汐", "柏陵", "沧屏", "碧砚")),
    ("启用后，心脏外科、血液肿瘤科和康复科整体迁入新院区。", ("心脏外科", "血液肿瘤科", "康复科")),
    ("参展的有望川茶业、西岭粮油以及青石机械等。", ("望川茶业", "西岭粮油", "青石机械")),
    ("奖品包括“银杏”、“白鹭”和《潮汐》。", ("银杏", "白鹭", "潮汐")),
    ("由甲公司、乙公司与丙公司共同出资。", ("甲公司", "乙公司", "丙公司")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "items"), ITEMS)
def test_items(text: str, items: tuple[str, ...]) -> None:
    assert [found.items for found in find_enumerations(text)] == [items]


@pytest.mark.parametrize("text", ["", "、", "望川镇和西岭镇都产茶。", "增长6.3%，占全区的26.8%。", "甲、、乙"])
def test_no_enumeration(text: str) -> None:
    assert find_enumerations(text) == []


def test_each_clause_has_its_own() -> None:
    found = find_enumerations("东院保留呼吸科、消化科和口腔科，西院设心脏外科、康复科。")
    assert [e.items[-1] for e in found] == ["口腔科", "康复科"]
    assert "西院" in found[1].clause


@given(st.text(alphabet="甲乙丙、和与及等五地，。“”《》包括有 ", max_size=60))
def test_any_text(text: str) -> None:
    for found in find_enumerations(text):
        assert len(found.items) >= 2
        assert all(found.items)
