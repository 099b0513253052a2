"""Sentences: known answers for what Chinese news does, and laws that hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.sentences import MAX_PAIR, Span, middle_cut, split_clauses, split_sentences

PIECES = st.sampled_from(
    ["武汉", "增长", "他说", "，", "。", "！", "？！", "……", "；", "：", "“", "”", "「", "」", "《", "》", "（", "）", '"', "400.69亿元",
     "1,100.9亿", "6.3%", "\n", " ", "　", "| 区：甲。 | 值：3 |", "https://a.cn/b?c=1;d", "Mr. Lee", "A.", "e\u0301", "👩‍👧", "|"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join)


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["今天开会。", "明天放假！", "真的吗？！", "是的……", "好；", "就这样"],
        ["全区产值达400.69亿元、同比增长6.3%。", "人均1,100.9元。"],
        ["专家表示：“经济回升向好！”他说，增速为5.2%。", "以上。"],
        ["“今天很好。”", "李四说：“明天更好。”"],
        ["他问：“真的吗？是谁说的？”", "没有人回答。"],
        ["他喊了三遍“加油！”才停下。", "《你好！李焕英》昨天上映。"],
        ["（本文有删节。）", "下文如此。"],
        ["這是「第一句。第二句。」", "第三句。"],
        ["见https://a.cn/b?c=1;d=2。", "完。"],
        ["Yahoo!财经今天改版。"],
        ["他停下来……，然后走了。"],
        ["时间是11：59。", "比分3:2。"],
    ],
)
def test_known_sentences(expected: list[str]) -> None:
    assert sentences("".join(expected)) == expected


def test_english_sentences() -> None:
    expected = ["Mr. Smith came to the U.S. in 2020.", "He stayed.", "他留下了。"]
    assert sentences("Mr. Smith came to the U.S. in 2020. He stayed.\n他留下了。") == expected


def test_line_ends_end_sentences_and_spaces_belong_to_none() -> None:
    assert sentences("  标题\n\n　　第一段。 第二句\n") == ["标题", "第一段。", "第二句"]


def test_a_table_row_is_one_sentence() -> None:
    assert sentences("表。\n| 区：甲。 | 说明：好！真好。 |\n完。") == [
        "表。",
        "| 区：甲。 | 说明：好！真好。 |",
        "完。",
    ]


def test_a_long_quotation_is_split_between_its_sentences() -> None:
    inner = "这一句话在引号里面说了很久。" * (MAX_PAIR // 14 + 1)
    found = sentences(f"他说：“{inner}”会议结束了。")
    assert found[0] == "他说：“这一句话在引号里面说了很久。"
    assert found[-1] == "会议结束了。"
    assert found[-2].endswith("。”")


def test_a_mark_without_partner_keeps_nothing_together() -> None:
    assert sentences("他说：“一。二。三。") == ["他说：“一。", "二。", "三。"]


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_every_character_is_in_exactly_one_sentence(text: str) -> None:
    spans = split_sentences(text)
    position = 0
    for span in spans:
        assert not text[position : span.start].strip()
        assert span.start < span.end
        assert "\n" not in text[span.start : span.end]
        assert not text[span.start].isspace()
        assert not text[span.end - 1].isspace()
        position = span.end
    assert not text[position:].strip()


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_no_sentence_ends_inside_a_number_or_begins_with_a_closing_mark(text: str) -> None:
    for before, after in zip(split_sentences(text), split_sentences(text)[1:], strict=False):
        if "\n" not in text[before.end : after.start]:
            assert not (text[before.end - 1].isdigit() and text[after.start].isdigit())
            assert not (before.end == after.start and text[after.start] in "。！？」”》）")


def test_clauses() -> None:
    text = "产值1,100.9亿元，增长6.3%；其中：甲区3，000人、乙区。"
    assert [text[a:b] for a, b in split_clauses(text, Span(0, len(text)))] == [
        "产值1,100.9亿元，",
        "增长6.3%；",
        "其中：",
        "甲区3，000人、",
        "乙区。",
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("增长400.69亿元以上", ("增长", "400.69亿元以上")),
        ("使用Transformer模型好", ("使用Transformer", "模型好")),
        ("e\u0301e\u0301", ("e\u0301", "e\u0301")),
        ("👩‍👧👩‍👧", ("👩‍👧", "👩‍👧")),
        ("12345678", ("1234", "5678")),
    ],
)
def test_middle_cut(text: str, parts: tuple[str, str]) -> None:
    cut = middle_cut(text, Span(0, len(text)))
    assert cut is not None
    assert (text[:cut], text[cut:]) == parts


def test_one_character_cannot_be_cut() -> None:
    assert middle_cut("e\u0301", Span(0, 2)) is None
    assert middle_cut("字", Span(0, 1)) is None
