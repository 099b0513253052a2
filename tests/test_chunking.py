"""Chunks: exact slices of whole sentences, never longer than the embedder reads, the same every time."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chunking import chunk_article
from rag.headings import HEADINGS, encode_headings
from rag.records import Article, Chunk
from tests.test_sentences import TEXTS

NUMBER = re.compile(r"\d+(?:[.,]\d+)*[亿%]?元?")


class Counter:
    """One token a character, and a memory of how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, texts: Sequence[str]) -> list[int]:
        self.calls += 1
        return [len(text) for text in texts]


def article(text: str, headings: Sequence[str] = ()) -> Article:
    starts = [text.index(heading) for heading in headings]
    return Article(id="a" * 16, title="题", text=text, metadata={HEADINGS: encode_headings(starts)} if starts else {})


def chunks(text: str, max_tokens: int, headings: Sequence[str] = ()) -> list[Chunk]:
    return chunk_article(article(text, headings), max_tokens=max_tokens, count_tokens=Counter())


def texts(text: str, max_tokens: int, headings: Sequence[str] = ()) -> list[str]:
    return [chunk.text for chunk in chunks(text, max_tokens, headings)]


def test_a_short_article_is_one_chunk() -> None:
    (chunk,) = chunks("第一段。\n第二段。", 50)
    assert chunk == Chunk(id=-1, article_id="a" * 16, start=0, end=9, text="第一段。\n第二段。", heading="")


@pytest.mark.parametrize("text", ["", " \n　\n"])
def test_nothing_gives_no_chunk(text: str) -> None:
    assert chunks(text, 10) == []


def test_chunks_end_at_paragraph_ends_where_that_leaves_them_full_enough() -> None:
    text = "一二三四五六七。\n一二三四五。一二三四五。一二三四五六七八九十。"
    assert texts(text, 13) == ["一二三四五六七。", "一二三四五。一二三四五。", "一二三四五六七八九十。"]


def test_a_tiny_tail_is_not_left_alone() -> None:
    found = texts("一二三四五六七八九。" * 4 + "完。", 40)
    assert [len(text) for text in found] == [20, 22]


def test_a_heading_stays_with_what_follows_and_is_recorded() -> None:
    text = "开头说了一些话很长。\n一季度\n产值增长百分之三。\n二季度\n产值增长百分之五。"
    found = chunks(text, 15, ["一季度", "二季度"])
    assert [(chunk.text, chunk.heading) for chunk in found] == [
        ("开头说了一些话很长。", ""),
        ("一季度\n产值增长百分之三。", "一季度"),
        ("二季度\n产值增长百分之五。", "二季度"),
    ]


def test_the_heading_above_holds_for_later_chunks() -> None:
    text = "工业\n" + "产值又增长了百分之三。" * 3
    assert [chunk.heading for chunk in chunks(text, 16, ["工业"])] == ["工业", "工业", "工业"]


def test_table_rows_stay_whole() -> None:
    row = "| 区：甲区 | 产值：400.69亿元 |"
    found = texts("\n".join([row] * 5), len(row) + 3)
    assert found == [row] * 5


def test_a_row_too_long_is_cut_between_cells() -> None:
    assert texts("| 区：甲区甲区 | 产值：400.69亿元 |", 16) == ["| 区：甲区甲区", "| 产值：400.69亿元 |"]


def test_a_sentence_too_long_is_cut_at_clauses() -> None:
    assert texts("产值400.69亿元，同比增长6.3%，全省第一。", 13) == ["产值400.69亿元，", "同比增长6.3%，", "全省第一。"]


def test_a_clause_too_long_is_cut_but_not_in_its_number() -> None:
    found = texts("某区去年金融产业增加值达到400.69亿元以上", 14)
    assert "".join(found) == "某区去年金融产业增加值达到400.69亿元以上"
    assert any("400.69亿元" in text for text in found)
    assert all(len(text) <= 14 for text in found)


def test_the_counter_is_called_once_for_sentences_and_once_for_chunks() -> None:
    counter = Counter()
    chunk_article(article("今天开会。" * 100), max_tokens=20, count_tokens=counter)
    assert counter.calls == 2


def test_a_run_longer_than_the_sum_of_its_parts_is_split_again() -> None:
    def with_glue(batch: Sequence[str]) -> list[int]:
        return [len(text) + 5 * text.count("\n") for text in batch]

    text = "\n".join(["一二三四。"] * 8)
    found = chunk_article(article(text), max_tokens=20, count_tokens=with_glue)
    assert [with_glue([chunk.text])[0] for chunk in found] == [16] * 4
    assert "".join(chunk.text for chunk in found).replace("\n", "") == text.replace("\n", "")


def test_the_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_tokens"):
        chunks("文", 0)


@given(TEXTS, st.integers(1, 60), st.lists(st.integers(0, 80), max_size=4))
@settings(max_examples=400, deadline=None)
def test_laws_of_chunks(text: str, max_tokens: int, offsets: list[int]) -> None:
    subject = Article(id="b" * 16, title="题", text=text, metadata={HEADINGS: encode_headings(sorted(set(offsets)))})
    found = chunk_article(subject, max_tokens=max_tokens, count_tokens=Counter())
    assert found == chunk_article(subject, max_tokens=max_tokens, count_tokens=Counter())
    position = 0
    for chunk in found:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert not text[position : chunk.start].strip()
        assert len(chunk.text) <= max(max_tokens, 5), "only a joined character may exceed the limit"
        position = chunk.end
    assert not text[position:].strip()


@pytest.mark.parametrize("number", ["US1,100.9亿", "Lee1,100.9亿", "1,100.9亿", "-1,100.9亿"])
def test_a_number_after_a_latin_word_is_not_cut(number: str) -> None:
    assert not any(
        chunk.text.endswith(("1", ",", "100", "."))
        for size in range(14, 30)
        for chunk in chunks("字" * 9 + number, size)
    )


@given(TEXTS, st.integers(16, 60))
@settings(max_examples=300, deadline=None)
def test_no_number_is_cut(text: str, max_tokens: int) -> None:
    spaced = re.sub(
        r"(?<=[\d元%亿])(?=[\dA-Za-z])", "，", text
    )  # numbers and words that stand next to each other are one run
    numbers = [match.span() for match in NUMBER.finditer(spaced)]
    for chunk in chunks(spaced, max_tokens):
        assert not any(start < chunk.start < end or start < chunk.end < end for start, end in numbers), chunk.text
