"""Our measures against other people's implementations, on random runs."""

from __future__ import annotations

import random

import ir_measures
import pytest
from ir_measures import AP, RR, R, Success, nDCG
from rouge_chinese import Rouge

from eval.metrics import (
    average_precision_at,
    figures,
    hit_at,
    mrr_at,
    ndcg_at,
    normalize,
    recall_at,
    rouge_l,
)

SEEDS = range(300)


def run_of(seed: int) -> tuple[list[str], set[str]]:
    rng = random.Random(seed)
    pool = [f"d{i}" for i in range(40)]
    return rng.sample(pool, rng.randint(0, 25)), set(rng.sample(pool, rng.randint(1, 12)))


@pytest.mark.parametrize("k", [1, 5, 10])
def test_rankings_agree_with_trec_eval(k: int) -> None:
    measures = {Success @ k: hit_at, R @ k: recall_at, RR @ k: mrr_at, nDCG @ k: ndcg_at, AP @ k: average_precision_at}
    runs = {str(seed): run_of(seed) for seed in SEEDS}
    qrels = {name: dict.fromkeys(gold, 1) for name, (_, gold) in runs.items()}
    scored = {
        name: {doc: float(len(docs) - i) for i, doc in enumerate(docs)} or {"none": 1.0}
        for name, (docs, _) in runs.items()
    }
    expected = {(row.query_id, row.measure): row.value for row in ir_measures.iter_calc(list(measures), qrels, scored)}
    for name, (docs, gold) in runs.items():
        ranking = [frozenset({doc}) for doc in docs]
        for measure, ours in measures.items():
            assert ours(ranking, gold, k) == pytest.approx(expected[name, measure], abs=1e-9), (name, measure)


def test_rouge_l_agrees_with_rouge_chinese() -> None:
    rng = random.Random(1)
    signs = "全区金融产业增加值达亿元同比增长占总量的居省市各城之首"
    for _ in range(300):
        one, two = ("".join(rng.choices(signs, k=rng.randint(2, 40))) for _ in range(2))
        assert normalize(one) == one
        (scores,) = Rouge(metrics=["rouge-l"]).get_scores(" ".join(one), " ".join(two))
        assert rouge_l(one, [two]) == pytest.approx(scores["rouge-l"]["f"], abs=1e-6)  # it adds 1e-8 to its denominator


def test_average_precision_by_hand() -> None:
    ranking = [frozenset({"a"}), frozenset({"x"}), frozenset({"b", "c"}), frozenset({"y"})]
    # a at 1: 1/1; b and c are one hit at 3: 2/3; d is not found; four gold articles, two of them folded
    assert average_precision_at(ranking, {"a", "b", "c", "d"}, 10) == pytest.approx((1 + 2 / 3) / 3)
    assert average_precision_at([], {"a"}, 10) == 0.0
    assert average_precision_at(ranking, set(), 10) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("达400.69亿元、同比增长6.3%[1]", {"400.69", "6.3"}),
        ("１，１００．９亿", {"1100.9"}),
        ("两千三百九十二家，三成", {"两千三百九十二"}),
        ("一个也没有", set()),
    ],
)
def test_figures_are_read_as_written(text: str, found: set[str]) -> None:
    assert figures(text) == found
