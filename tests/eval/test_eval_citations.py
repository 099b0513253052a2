"""Citations against gold: places and overlaps."""

import pytest

from eval.citations import Cited, Span, locate, overlaps, score_citations

TEXT = "第一句话。\n　　武昌区金融业增加值400.69亿元，\n同比增长6.3%。末句。"


def test_locate_looks_past_white_space():
    [place] = locate(TEXT, "增加值400.69亿元，同比增长6.3%。")
    assert TEXT[slice(*place)] == "增加值400.69亿元，\n同比增长6.3%。"
    assert locate(TEXT, "第一句话。") == [(0, 5)]


def test_locate_finds_every_place():
    assert locate("甲 5.1\n乙 5.1", "5.1") == [(2, 5), (8, 11)]


@pytest.mark.parametrize("quote", ["增加值400.7亿元", "", "  "])
def test_locate_finds_nothing_else(quote):
    assert locate(TEXT, quote) == []


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (10, 20, True),  # the same
        (12, 14, True),  # inside gold: 2 of 2
        (0, 40, True),  # around gold: 10 of 10
        (5, 15, True),  # half: 5 of 10
        (4, 14, False),  # 4 of 10
        (20, 30, False),  # touching
    ],
)
def test_overlap_is_half_of_the_shorter(start, end, expected):
    assert overlaps(Span("a", start, end), Span("a", 10, 20)) is expected


def test_overlap_needs_the_same_article():
    assert not overlaps(Span("a", 10, 20), Span("b", 10, 20))


def cite(article: str, start: int, end: int, quote: str = "无关", statement: str = "无关") -> Cited:
    return Cited(Span(article, start, end), quote, statement, frozenset({article}))


def test_two_of_three_citations_are_right_and_one_of_two_gold_quotes_is_reached():
    scores = score_citations(
        [cite("a", 0, 10), cite("a", 2, 9), cite("x", 0, 10)],
        gold=[[Span("a", 0, 10)], [Span("b", 50, 60), Span("b", 0, 10)]],
        gold_articles=frozenset({"a", "b"}),
        key_facts=[],
        forbidden=[],
        quotes=["甲", "乙"],
    )
    assert scores.article_precision == pytest.approx(2 / 3)
    assert scores.article_recall == pytest.approx(1 / 2)
    assert scores.quote_precision == pytest.approx(2 / 3)
    assert scores.quote_recall == pytest.approx(1 / 2)


@pytest.mark.parametrize(
    ("quote", "statement", "forbidden", "expected"),
    [
        ("另一段也说400.69亿元", "增加值为400.69亿元", [], 1.0),
        ("另一段也说400.69亿元", "增长很快", [], 0.0),  # the statement does not state the fact
        ("另一段说399亿元", "增加值为400.69亿元", [], 0.0),  # the quote does not
        ("另一段也说400.69亿元，另一区88亿元", "增加值为400.69亿元", ["88亿元"], 0.0),
    ],
)
def test_a_citation_elsewhere_is_right_when_it_carries_the_stated_fact(quote, statement, forbidden, expected):
    scores = score_citations(
        [cite("x", 50, 60, quote, statement)],
        gold=[[Span("a", 0, 10)]],
        gold_articles=frozenset({"a"}),
        key_facts=[["400.69亿元"]],
        forbidden=forbidden,
        quotes=["增加值400.69亿元"],
    )
    assert scores.quote_precision == expected
    assert scores.quote_recall == expected
    assert scores.article_precision == 0.0


def test_a_repost_shown_as_one_hit_with_gold_is_gold():
    folded = Cited(Span("repost", 0, 5), "无关", "无关", frozenset({"repost", "a"}))
    scores = score_citations([folded], [[Span("a", 0, 5)]], frozenset({"a"}), [], [], ["甲"])
    assert (scores.article_precision, scores.article_recall) == (1.0, 1.0)
    assert scores.quote_precision == 0.0


def test_one_character_is_no_evidence_elsewhere():
    scores = score_citations(
        [cite("x", 0, 5, "第3名", "获第3名")], [[Span("a", 0, 5)]], frozenset({"a"}), [["3"]], [], ["第3名"]
    )
    assert scores.quote_precision == 0.0


def test_without_citations_precision_is_not_eligible_and_recall_is_zero():
    scores = score_citations([], [[Span("a", 0, 5)]], frozenset({"a"}), [], [], ["甲"])
    assert (scores.article_precision, scores.quote_precision) == (None, None)
    assert (scores.article_recall, scores.quote_recall) == (0.0, 0.0)


def test_without_gold_nothing_is_eligible():
    scores = score_citations([cite("a", 0, 5)], [], frozenset(), [], [], [])
    assert (scores.article_precision, scores.article_recall) == (None, None)
    assert (scores.quote_precision, scores.quote_recall) == (None, None)
