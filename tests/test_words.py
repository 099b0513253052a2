"""Text as search sees it."""

from __future__ import annotations

import pytest

from rag.words import bigrams, containment, index_pairs, index_words, query_pairs, query_words, search_form, topic_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("臺灣的經濟", "台湾的经济"),
        ("ＧＤＰ　增长６．３％", "gdp 增长6.3%"),
        ("武\u200b昌\ufeff区", "武昌区"),
        ("OpenAI", "openai"),
        ("", ""),
    ],
)
def test_search_form(text: str, expected: str) -> None:
    assert search_form(text) == expected


def test_a_district_is_also_found_by_its_short_name() -> None:
    assert {"武昌", "武昌区", "400.69", "亿元"} <= set(index_words("武昌区金融产业增加值达400.69亿元。"))


def test_topic_words_leave_out_the_asking() -> None:
    assert topic_words("请问武昌区2020年的金融产业增加值是多少？") == ["武昌区", "2020", "金融", "产业", "增加值"]


def test_a_question_of_nothing_but_stop_words_keeps_them() -> None:
    assert topic_words("为什么？") == []
    assert query_words("为什么？") == index_words("为什么？") != []


def test_bigrams_stay_within_runs_and_script() -> None:
    assert bigrams("經濟，增") == {"经济", "增"}
    assert containment({"经济", "增"}, frozenset({"经济"})) == 0.5
    assert containment((), frozenset({"a"})) == 0.0


def test_pairs_of_characters_and_whole_latin_words() -> None:
    assert index_pairs("武昌GDP增长6.3%，臺灣") == ["武昌", "gdp", "增长", "6", "3", "台湾"]
    assert index_pairs("东") == ["东"]
    assert query_pairs("什么是武昌武昌") == ["么是", "是武", "武昌", "昌武"], "each once, without stop words"


def test_numbers_are_words_in_one_notation() -> None:
    assert index_words("二〇二〇年，1,100.9亿元") == index_words("2020年，1100.9亿元")
    assert index_pairs("二零二五年有1,234,567人") == index_pairs("2025年有1234567人")
    assert "三百" in "".join(index_words("三百二十年前")), "no year"
