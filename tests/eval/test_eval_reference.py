"""Our measures against other people's implementations, on random runs."""

from __future__ import annotations

import itertools
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
from eval.published import alce_citations, cmrc_exact_match, cmrc_f1, covers

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


def cmrc_by_its_formula(answer: str, references: list[str]) -> tuple[float, float]:
    """The benchmark's exact match and F1, worked out the slow way: a table of common runs, filled cell by cell."""
    signs = set("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")

    def kept(text: str) -> list[str]:
        return [char for char in text.lower().strip() if char not in signs]

    best_f1 = exact = 0.0
    for reference in references:
        one, two = kept(reference), kept(answer)
        exact = max(exact, float(one == two))
        table = [[0] * (len(two) + 1) for _ in range(len(one) + 1)]
        longest = 0
        for i, a in enumerate(one):
            for j, b in enumerate(two):
                if a == b:
                    table[i + 1][j + 1] = table[i][j] + 1
                    longest = max(longest, table[i + 1][j + 1])
        if longest:
            precision, recall = longest / len(two), longest / len(one)
            best_f1 = max(best_f1, 2 * precision * recall / (precision + recall))
    return exact, best_f1


def test_cmrc2018_by_its_formula() -> None:
    rng = random.Random(2)
    signs = "全区金融产业，增加值《达》亿元。同比"
    for _ in range(300):
        answer, *references = ("".join(rng.choices(signs, k=rng.randint(1, 25))) for _ in range(4))
        if rng.random() < 0.1:
            answer = references[0] + "。"
        exact, f1 = cmrc_by_its_formula(answer, references)
        assert cmrc_exact_match(answer, references) == exact
        assert cmrc_f1(answer, references) == pytest.approx(f1, abs=1e-9)
    assert cmrc_f1("共12.5亿USD", ["12.5亿"]) == pytest.approx(2 * (2 / 4) * 1 / (2 / 4 + 1)), (
        "12.5 is one segment, and usd"
    )
    assert cmrc_f1("一", []) is cmrc_exact_match("一", []) is None


def alce_by_its_formula(
    statements: list[tuple[int, list[str]]], true: set[tuple[int, frozenset[str]]]
) -> tuple[float, float]:
    """Recall and precision from the paper's words; `true` says which sets of quotes entail which statement."""
    recall = precision = total = 0
    for number, quotes in statements:
        total += len(quotes)
        if not quotes or (number, frozenset(quotes)) not in true:
            continue
        recall += 1
        for quote in quotes:
            alone = (number, frozenset([quote])) in true
            without = (number, frozenset(quotes) - {quote}) in true
            irrelevant = not alone and without
            precision += not irrelevant
    return recall / len(statements), precision / total if total else 0.0


def test_alce_by_its_formula() -> None:
    rng = random.Random(3)
    for _ in range(300):
        statements = [(n, rng.sample("abcdef", rng.randint(0, 4))) for n in range(rng.randint(1, 5))]
        sets = {
            (n, frozenset(s))
            for n, quotes in statements
            for r in range(1, 5)
            for s in itertools.combinations(quotes, r)
        }
        true = {entry for entry in sets if rng.random() < 0.5}

        def entails(premise: str, text: str, true: set[tuple[int, frozenset[str]]] = true) -> bool:
            return (int(text), frozenset(premise.split("\n"))) in true

        recall, precision = alce_citations([(str(n), quotes) for n, quotes in statements], entails)
        expected = alce_by_its_formula(statements, true)
        assert recall == pytest.approx(expected[0], abs=1e-9)
        assert (precision or 0.0) == pytest.approx(expected[1], abs=1e-9)
    assert alce_citations([]) == (None, None)


@pytest.mark.parametrize(
    ("premise", "statement", "expected"),
    [
        ("武昌区2020年金融业增加值达400.69亿元，同比增长6.3%。", "武昌区金融业增加值为400.69亿元", True),
        ("武昌区2020年金融业增加值达400.69亿元，同比增长6.3%。", "武昌区金融业增加值为401亿元", False),
        ("武昌区2020年金融业增加值达400.69亿元，同比增长6.3%。", "明日多云转晴，气温回升", False),
        ("武昌区", "", False),
    ],
)
def test_what_counts_as_entailed(premise: str, statement: str, expected: bool) -> None:
    assert covers(premise, statement) is expected


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
