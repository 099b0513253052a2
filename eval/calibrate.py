"""Where the weights of `rag.relevance` and the gate's threshold come from: a logistic regression over a set's gold quotes.

The set is cut in two by question; weights learned on one half are tested on the other, both ways, so that the figures are
honest. The weights printed for use are learned on all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from eval.citations import Span, locate, overlaps
from eval.datasets import Case, EvalSet
from eval.libraries import library_texts, progress_bar
from rag.conversation import standalone_question
from rag.gate import LOWEST, refusal_reason
from rag.library import Library
from rag.relevance import WEIGHTS, Candidate, rank_sentences

_NAMES = tuple(WEIGHTS)
_HITS = 5


@dataclass(frozen=True, slots=True)
class _Judged:
    case: Case
    features: NDArray[np.float64]  # (sentences, features)
    gold: NDArray[np.bool_]  # (sentences,): carries a gold quote
    refused: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """Weights, and what they did to questions they were not learned from.

    `best_of` is the share of answerable questions with a gold sentence among the first 1, 2 and 3; `refusals` are counts of
    (answerable, refused) with the gate in force.
    """

    weights: dict[str, float]
    bias: float
    best_of: tuple[float, float, float]
    refusals: dict[tuple[bool, bool], int]


def calibrate(eval_set: EvalSet, library: Library, console: Console) -> Calibration:
    """Learn the weights on `eval_set`, whose articles `library` holds."""
    texts = library_texts(library, eval_set)
    judged = []
    with progress_bar(console) as bar:
        for case in bar.track(eval_set.cases, description="评判句子"):
            judged.append(_judge(case, library, eval_set, texts))
    halves = (judged[::2], judged[1::2])
    ranks = [rank for learn, test in (halves, halves[::-1]) for rank in _gold_ranks(test, *_learn(learn))]
    weights, bias = _learn(judged)
    refusals = {
        (a, r): sum(j.case.answerable == a and j.refused == r for j in judged)
        for a in (True, False)
        for r in (True, False)
    }
    first, second, third = (float(np.mean([rank < n for rank in ranks])) for n in (1, 2, 3))
    return Calibration(dict(zip(_NAMES, weights, strict=True)), bias, (first, second, third), refusals)


def describe(calibration: Calibration) -> str:
    """The calibration as Markdown."""
    lines = ["| 特征 | 现用权重 | 学得权重 |", "|---|---:|---:|"]
    lines += [f"| {name} | {WEIGHTS[name]:.2f} | {weight:.2f} |" for name, weight in calibration.weights.items()]
    first, second, third = calibration.best_of
    counts = calibration.refusals
    return "\n".join(
        [
            *lines,
            f"\n截距 {calibration.bias:.2f}。交叉检验：有出处的句子排第一 {first:.1%}，前二 {second:.1%}，前三 {third:.1%}。",
            f"门槛 {LOWEST}：可答的 {counts[True, True] + counts[True, False]} 题误拒 {counts[True, True]} 题；"
            f"不可答的 {counts[False, True] + counts[False, False]} 题不问大模型就拒答 {counts[False, True]} 题。",
        ]
    )


def _judge(case: Case, library: Library, eval_set: EvalSet, texts: dict[str, str]) -> _Judged:
    question = standalone_question(case.question, case.history)
    candidates = rank_sentences(library, question, library.search(question)[:_HITS])
    golds = [Span(g.article, *place) for g in case.gold for place in locate(texts[g.article], g.quote)]
    return _Judged(
        case,
        np.array([[c.features[name] for name in _NAMES] for c in candidates]).reshape(len(candidates), len(_NAMES)),
        np.array([_carries(c, golds, eval_set) for c in candidates], dtype=bool),
        bool(refusal_reason(question, candidates)),
    )


def _carries(candidate: Candidate, golds: Sequence[Span], eval_set: EvalSet) -> bool:
    sentence = candidate.sentence
    own = Span(eval_set.key_of(sentence.article.path), sentence.start, sentence.end)
    return any(overlaps(own, gold) for gold in golds)


def _learn(judged: Sequence[_Judged]) -> tuple[list[float], float]:
    from sklearn.linear_model import LogisticRegression

    used = [j for j in judged if j.case.answerable and len(j.gold)]
    model = LogisticRegression(C=3, max_iter=1000).fit(
        np.concatenate([j.features for j in used]), np.concatenate([j.gold for j in used])
    )
    return [float(weight) for weight in model.coef_[0]], float(model.intercept_[0])


def _gold_ranks(judged: Sequence[_Judged], weights: Sequence[float], bias: float) -> list[int]:
    """Place of the first gold sentence of each answerable question, from 0; a large number where there is none."""
    ranks = []
    for j in judged:
        if not j.case.answerable:
            continue
        order = np.argsort(-(j.features @ np.asarray(weights) + bias), kind="stable")
        places = np.flatnonzero(j.gold[order])
        ranks.append(int(places[0]) if len(places) else 10**6)
    return ranks
