"""The measures, each with its arithmetic worked out by hand."""

import math
import random

import pytest

from eval.metrics import (
    all_at,
    char_f1,
    collapse,
    contains_fact,
    exact_match,
    hit_at,
    is_correct,
    key_fact_recall,
    lcs_length,
    mrr_at,
    ndcg_at,
    normalize,
    recall_at,
    rouge_l,
)


def ranking(*names: str) -> list[frozenset[str]]:
    """One article a position; "a+b" is a hit that stands for two."""
    return [frozenset(name.split("+")) for name in names]


def test_collapse_keeps_the_best_place_of_each_article():
    assert collapse([{"a"}, {"b"}, {"a"}, {"c", "b"}]) == ranking("a", "b", "c")
    assert collapse([{"a", "b"}, {"b"}]) == ranking("a+b")


def test_single_gold_at_rank_two():
    found = ranking("x", "a", "y")
    assert hit_at(found, {"a"}, 1) == 0.0
    assert hit_at(found, {"a"}, 5) == 1.0
    assert recall_at(found, {"a"}, 5) == 1.0
    assert mrr_at(found, {"a"}, 10) == 1 / 2
    assert ndcg_at(found, {"a"}, 10) == pytest.approx((1 / math.log2(3)) / (1 / math.log2(2)))


def test_several_gold_articles():
    found = ranking("a", "x", "b", "y")
    gold = {"a", "b", "c"}
    assert recall_at(found, gold, 10) == pytest.approx(2 / 3)
    assert all_at(found, gold, 10) == 0.0
    assert all_at(found, {"a", "b"}, 3) == 1.0
    assert all_at(found, {"a", "b"}, 2) == 0.0
    dcg = 1 / math.log2(2) + 1 / math.log2(4)
    ideal = 1 / math.log2(2) + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg_at(found, gold, 10) == pytest.approx(dcg / ideal)


def test_gold_articles_folded_into_one_hit_count_once_in_ndcg():
    assert recall_at(ranking("a+b"), {"a", "b"}, 1) == 1.0
    assert ndcg_at(ranking("a+b", "x"), {"a", "b"}, 10) == 1.0
    assert ndcg_at(ranking("x", "a+b"), {"a", "b"}, 10) == pytest.approx(1 / math.log2(3))


def test_nothing_beyond_k_counts():
    found = ranking(*"xyzuvwpqrst", "a")
    assert mrr_at(found, {"a"}, 10) == 0.0
    assert ndcg_at(found, {"a"}, 10) == 0.0
    assert hit_at([], {"a"}, 10) == 0.0


@pytest.mark.parametrize("measure", [hit_at, recall_at, all_at, mrr_at, ndcg_at])
def test_without_gold_retrieval_is_not_eligible(measure):
    assert measure(ranking("a"), set(), 10) is None


def test_without_references_text_is_not_eligible():
    assert exact_match("答", []) is None
    assert char_f1("答", []) is None
    assert rouge_l("答", []) is None
    assert key_fact_recall("答", []) is None
    assert is_correct("答", [], [], refused=False) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("４００．６９亿元", "400.69亿元"),
        ("1,100.9亿元", "1100.9亿元"),
        ("百分之六点三", "6.3%"),
        ("中國經濟，增長！", "中国经济增长"),
        ("GDP 总量", "gdp总量"),
        ("3：2", "3:2"),
        ("十一月二十日", "11月20号"),
        ("十一月的", "11月的"),
        ("2021年07月02日", "二〇二一年七月二日"),
        ("2021-07-02", "2021年7月2日"),
        ("两千三百九十二家", "2392家"),
        ("4.6亿元", "46000万元"),
    ],
)
def test_the_same_thing_written_twice(one, other):
    assert normalize(one) == normalize(other)


@pytest.mark.parametrize(("one", "other"), [("3:2", "32"), ("6.3%", "63%"), ("6.3%", "6.3"), ("1亿", "1万")])
def test_different_things_stay_different(one, other):
    assert normalize(one) != normalize(other)


def test_exact_match_takes_any_reference():
    assert exact_match("光荣和ω-Force。", ["别的", "光荣和ω-force"]) == 1.0
    assert exact_match("光荣", ["光荣和ω-force"]) == 0.0


def test_char_f1_counts_shared_characters():
    # 武汉市长 / 武汉长江: shared 武 汉 长 = 3, P = 3/4, R = 3/4
    assert char_f1("武汉市长", ["武汉长江"]) == pytest.approx(0.75)
    # repeated characters are shared as often as both have them: 天天 / 天 -> 1 shared, P 1/2, R 1
    assert char_f1("天天", ["天"]) == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert char_f1("甲", ["乙", "甲"]) == 1.0
    assert char_f1("", ["甲"]) == 0.0


def test_rouge_l_follows_the_order():
    # 武汉市长 / 武汉长江: longest common subsequence 武汉长 = 3
    assert rouge_l("武汉市长", ["武汉长江"]) == pytest.approx(0.75)
    # 乙甲 / 甲乙: one character in order
    assert rouge_l("乙甲", ["甲乙"]) == pytest.approx(0.5)
    assert rouge_l("", ["甲"]) == 0.0


def test_lcs_equals_the_textbook_table():
    generator = random.Random(7)
    for _ in range(200):
        a = "".join(generator.choices("甲乙丙丁", k=generator.randint(0, 70)))
        b = "".join(generator.choices("甲乙丙丁", k=generator.randint(0, 70)))
        table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
        assert lcs_length(a, b) == table[-1][-1], (a, b)


@pytest.mark.parametrize(
    ("text", "fact", "found"),
    [
        ("同比增长6.3%。", "6.3%", True),
        ("同比增长6.3%。", "3%", False),
        ("增速63%", "6.3%", False),
        ("始建于2012年", "12", False),
        ("共12人，2012年", "12", True),
        ("投资100亿元", "100亿", True),
        ("AIGC大会", "AI", False),
        ("发展AI产业", "ai", True),
        ("以3比2，即3:2获胜", "3：2", True),
        ("增加值达四百亿元", "400亿元", True),
        ("销售面积63.92万平方米", "63.92", True),
        ("销售面积63.92万平方米", "3.92", False),
        ("回购524.48万股至1048.95万股", "524.48万股", True),
        ("<script>alert(1)</script>", "alert(1)", True),
        ("增长1.31%至2.62%", "1.31%", True),
    ],
)
def test_facts_are_found_whole(text, fact, found):
    assert contains_fact(text, [fact]) is found


def test_key_fact_recall_accepts_any_wording():
    facts = [["400.69亿元"], ["6.3%", "百分之六点三"], ["武昌区"]]
    assert key_fact_recall("金融业增加值400.69亿元，增长百分之六点三。", facts) == pytest.approx(2 / 3)


def test_correct_needs_every_fact_nothing_forbidden_and_an_answer():
    facts = [["400.69亿元"], ["6.3%"]]
    right = "达400.69亿元，增长6.3%"
    assert is_correct(right, facts, ["5.1%"], refused=False) == 1.0
    assert is_correct("达400.69亿元", facts, [], refused=False) == 0.0
    assert is_correct(right + "，另一区5.1%", facts, ["5.1%"], refused=False) == 0.0
    assert is_correct(right, facts, [], refused=True) == 0.0
    assert is_correct(right, facts, [""], refused=False) == 1.0
