"""Where the weights of `rag.relevance` and the gate's threshold come from: sentences that carry the answer (see `eval.fit`).

What is reported is honest: weights learned on the other sets are tested on each (with one set, on its other half). The weights
printed for use are learned on all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.citations import Span, locate, overlaps
from eval.datasets import Case, EvalSet
from eval.fit import fit_order, fit_scale
from eval.libraries import library_texts
from eval.metrics import contains_fact
from rag.conversation import standalone_question
from rag.gate import LOWEST, refusal_reason
from rag.library import Library
from rag.relevance import READ_WEIGHTS, WEIGHTS, Candidate, rank_sentences

_HITS = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """One question's sentences: features (sentences, features), which carry the answer, and whether the gate in force refuses."""

    answerable: bool
    features: NDArray[np.float64]
    gold: NDArray[np.bool_]
    refused: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights for use, and what weights learned elsewhere do to each set.

    `first` gives for each set the share of answerable questions with a gold sentence in the first place and among the first three,
    with the weights in force and with those learned from the others; `refusals` are counts of (answerable, refused).
    """

    weights: dict[str, float]
    bias: float
    first: dict[str, tuple[tuple[float, float], tuple[float, float]]]
    refusals: dict[tuple[bool, bool], int]


def judge(eval_set: EvalSet, library: Library, on_step: Callable[[int, int], None] | None = None) -> list[Judged]:
    """Every question of a set with its sentences; those that carry a gold quote, or a key fact in a gold article, are gold."""
    texts = library_texts(library, eval_set)
    names = tuple(READ_WEIGHTS if library.reader else WEIGHTS)
    judged = []
    for done, case in enumerate(eval_set.cases, 1):
        judged.append(_judge(case, library, eval_set, texts, names))
        if on_step:
            on_step(done, len(eval_set.cases))
    return judged


def calibrate(sets: dict[str, list[Judged]]) -> Calibration:
    """Learn the weights on what `judge` made of one set or several."""
    whole = [judged for own in sets.values() for judged in own]
    with_reader = whole[0].features.shape[1] == len(READ_WEIGHTS)
    used = READ_WEIGHTS if with_reader else WEIGHTS
    first = {}
    for name, own in sets.items():
        if len(sets) == 1:
            halves = (own[::2], own[1::2])
            ranks = [rank for learn, test in (halves, halves[::-1]) for rank in _gold_ranks(test, _learn(learn)[0])]
        else:
            others = [judged for other, judgements in sets.items() if other != name for judged in judgements]
            ranks = _gold_ranks(own, _learn(others)[0])
        first[name] = (_shares(_gold_ranks(own, list(used.values()))), _shares(ranks))
    weights, bias = _learn(whole)
    refusals = {
        (a, r): sum(j.answerable == a and j.refused == r for j in whole) for a in (True, False) for r in (True, False)
    }
    return Calibration(dict(zip(used, weights, strict=True)), bias, first, refusals)


def describe(calibration: Calibration) -> str:
    """The calibration as Markdown."""
    used = READ_WEIGHTS if "reader" in calibration.weights else WEIGHTS
    lines = ["| 特征 | 现用权重 | 学得权重 |", "|---|---:|---:|"]
    lines += [f"| {name} | {used[name]:.2f} | {weight:.2f} |" for name, weight in calibration.weights.items()]
    lines += [
        f"\n截距 {calibration.bias:.2f}。\n",
        "| 答案句排第一 / 前三 | 现用权重 | 用别的题学得的权重 |",
        "|---|---:|---:|",
    ]
    for name, (now, learned) in calibration.first.items():
        lines.append(f"| {name} | {now[0]:.1%} / {now[1]:.1%} | {learned[0]:.1%} / {learned[1]:.1%} |")
    counts = calibration.refusals
    lines.append(
        f"\n门槛 {LOWEST}：可答的 {counts[True, True] + counts[True, False]} 题误拒 {counts[True, True]} 题；"
        f"不可答的 {counts[False, True] + counts[False, False]} 题不问大模型就拒答 {counts[False, True]} 题。"
    )
    return "\n".join(lines)


def _judge(case: Case, library: Library, eval_set: EvalSet, texts: dict[str, str], names: Sequence[str]) -> Judged:
    question = standalone_question(case.question, case.history)
    candidates = rank_sentences(library, question, library.search(question)[:_HITS])
    golds = [Span(g.article, *place) for g in case.gold if g.quote for place in locate(texts[g.article], g.quote)]
    return Judged(
        case.answerable,
        np.array([[c.features[name] for name in names] for c in candidates]).reshape(len(candidates), len(names)),
        np.array([_carries(c, golds, case, eval_set) for c in candidates], dtype=bool),
        bool(refusal_reason(question, candidates)),
    )


def _carries(candidate: Candidate, golds: Sequence[Span], case: Case, eval_set: EvalSet) -> bool:
    sentence = candidate.sentence
    own = Span(eval_set.key_of(sentence.article.path), sentence.start, sentence.end)
    if own.article in case.gold_articles and any(contains_fact(sentence.text, fact) for fact in case.key_facts):
        return True
    return any(overlaps(own, gold) for gold in golds)


def _learn(judged: Sequence[Judged]) -> tuple[list[float], float]:
    """Weights and intercept: first the order of the sentences, then how sure the first one is."""
    order = fit_order([(j.features, j.gold) for j in judged if j.answerable and j.gold.any()])
    scored = [(j.features @ order, j.gold) for j in judged if len(j.gold)]
    best = [(float(scores.max()), bool(gold[int(scores.argmax())])) for scores, gold in scored]
    factor, bias = fit_scale([score for score, _ in best], [right for _, right in best])
    return [factor * float(weight) for weight in order], bias


def _gold_ranks(judged: Sequence[Judged], weights: Sequence[float]) -> list[int]:
    """Place of the first gold sentence of each answerable question, from 0; a large number where there is none."""
    ranks = []
    for j in judged:
        if j.answerable:
            order = np.argsort(-(j.features @ np.asarray(weights)), kind="stable")
            places = np.flatnonzero(j.gold[order])
            ranks.append(int(places[0]) if len(places) else 10**6)
    return ranks


def _shares(ranks: Sequence[int]) -> tuple[float, float]:
    return float(np.mean([rank < 1 for rank in ranks])), float(np.mean([rank < 3 for rank in ranks]))
