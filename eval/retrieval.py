"""Retrieval side by side: keywords alone, vectors alone, and the hybrid at each weight, on the same questions."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.datasets import EvalSet
from eval.scoring import MEANS, Scores, retrieval_scores
from eval.stacks import Way
from eval.statistics import mean_estimate, paired_difference, quantile_estimate
from rag import Hit, Library, __version__
from rag.conversation import standalone_question
from rag.retrieval import choose_scope, retrieve
from rag.words import search_form

DEPTH = 30
"""Passages retrieved a question: enough for ten distinct articles where an article has up to three of them."""

DEFAULT_WEIGHTS = (0.0, 0.5, 0.6, 0.7, 0.8, 1.0)
NAMES = ("hit@1", "hit@5", "hit@10", "recall@10", "all@10", "mrr@10", "ndcg@10")
TESTED = ("hit@1", "mrr@10", "ndcg@10")
LABELS = {metric.name: metric.label for metric in MEANS}
_ENCODED_AT_ONCE = 64
_TIMED_ALONE = 50


def compare_retrieval(
    library: Library,
    eval_set: EvalSet,
    weights: Sequence[float] = DEFAULT_WEIGHTS,
    on_step: Callable[[str, int, int], None] | None = None,
    others: Mapping[str, Way] | None = None,
) -> dict[str, Any]:
    """Search every question that has gold at each dense weight (0: BM25 alone, 1: dense alone).

    Follow-ups are made to stand alone first, as for users. The vectors of the questions are computed once; a search's time is therefore without them, and the time to embed one
    question is measured by itself.

    Args:
        on_step: called with what is being done, steps done and steps in all.
        others: other ways to rank passages (`eval.stacks`), measured on the same questions.

    Returns:
        set, articles, chunks, questions, embedder, version, query_ms (embedding one question) and rows: for each
        weight its name, dense_weight (None for other ways), metrics (value, low, high, n), p50_ms and p95_ms of a search, and p: for
        R@1, MRR and nDCG the p-value of its difference from the library's own weight (see `paired_difference`).
    """
    cases = [case for case in eval_set.cases if case.gold]
    questions = [standalone_question(case.question, case.history) for case in cases]
    vectors, query_ms = _encode(library, questions, on_step)
    library.search("预热", 1, dense_weight=0.5)  # the indexes are loaded on first use

    def own(weight: float) -> Way:
        def way(question: str, query: NDArray[np.float32], k: int) -> list[frozenset[str]]:
            scope = choose_scope(library, question)
            hits = retrieve(
                library, question, k, dense_weight=weight, query=query, filters=scope.filters, period=scope.period
            )
            return _passages(hits, eval_set)

        return way

    ways: list[tuple[str, float | None, Way]] = [(leg_name(weight), weight, own(weight)) for weight in weights]
    ways += [(name, None, way) for name, way in (others or {}).items()]
    rows: list[dict[str, Any]] = []
    measured: dict[str, list[Scores]] = {}
    for name, weight, way in ways:
        scores: list[Scores] = []
        milliseconds: list[float] = []
        for done, (case, question, vector) in enumerate(zip(cases, questions, vectors, strict=True), 1):
            started = time.perf_counter()
            passages = way(question, vector, DEPTH)
            milliseconds.append((time.perf_counter() - started) * 1000)
            scores.append(retrieval_scores(passages, case.gold_articles))
            if on_step:
                on_step(name, done, len(cases))
        measured[name] = scores
        rows.append(
            {
                "name": name,
                "dense_weight": weight,
                "metrics": {metric: mean_estimate([s[metric] for s in scores]).to_dict() for metric in NAMES},
                "p50_ms": quantile_estimate(milliseconds, 0.5).to_dict()["value"],
                "p95_ms": quantile_estimate(milliseconds, 0.95).to_dict()["value"],
            }
        )
    reference = measured.get(leg_name(library.settings.dense_weight))
    for row in rows:
        row["p"] = _p_values(measured[row["name"]], reference) if reference else {}
    articles, chunks = library.counts()
    return {
        "set": eval_set.name,
        "articles": articles,
        "chunks": chunks,
        "questions": len(cases),
        "embedder": library.embedder.name,
        "fingerprint": library.embedder.fingerprint,
        "version": __version__,
        "query_ms": query_ms,
        "rows": rows,
    }


def leg_name(dense_weight: float) -> str:
    """How a weight is called in tables."""
    if dense_weight <= 0:
        return "BM25"
    return "向量" if dense_weight >= 1 else f"混合 {dense_weight:g}"


def markdown(result: dict[str, Any]) -> str:
    """The comparison as a Markdown table; values in percent with their 95% intervals, times in milliseconds."""
    header = ["方式", *(LABELS[name] for name in NAMES), *(f"p {LABELS[name]}" for name in TESTED), "p50 ms", "p95 ms"]
    lines = [
        f"### {result['set']}：{result['questions']} 个问题，{result['articles']} 篇文章，{result['chunks']} 个片段，"
        f"向量模型 {result['embedder']}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
    ]
    for row in result["rows"]:
        cells = [_percent(row["metrics"][name]) for name in NAMES]
        cells += [f"{row['p'][name]:.3f}" if name in row["p"] else "–" for name in TESTED]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {_ms(row['p50_ms'])} | {_ms(row['p95_ms'])} |")
    lines += ["", "p：与有据现在所用的权重逐题配对比较。"]
    lines += ["", f"用时不含问题的向量化（每个问题 p50 {_ms(result['query_ms'])} 毫秒）。"]
    return "\n".join(lines) + "\n"


def _p_values(scores: Sequence[Scores], reference: Sequence[Scores]) -> dict[str, float]:
    """For each tested metric the paired p-value of the difference; empty for the reference itself."""
    if scores is reference:
        return {}
    found = {n: paired_difference([s[n] for s in reference], [s[n] for s in scores]) for n in TESTED}
    return {name: round(difference.p, 6) for name, difference in found.items() if difference}


def _encode(
    library: Library, questions: Sequence[str], on_step: Callable[[str, int, int], None] | None
) -> tuple[list[np.ndarray], float | None]:
    """The question vectors, and the median milliseconds of embedding one question alone."""
    texts = [search_form(question) for question in questions]
    vectors: list[np.ndarray] = []
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        vectors.extend(library.embedder.encode_queries(texts[start : start + _ENCODED_AT_ONCE]))
        if on_step:
            on_step("问题向量化", len(vectors), len(texts))
    milliseconds: list[float | None] = []
    for text in texts[:_TIMED_ALONE]:
        started = time.perf_counter()
        library.embedder.encode_queries([text])
        milliseconds.append((time.perf_counter() - started) * 1000)
    return vectors, quantile_estimate(milliseconds, 0.5).value


def _passages(hits: Sequence[Hit], eval_set: EvalSet) -> list[frozenset[str]]:
    return [frozenset(eval_set.key_of(article.path) for article in (hit.article, *hit.also)) for hit in hits]


def _percent(estimate: dict[str, Any]) -> str:
    if estimate["value"] is None:
        return "–"
    return f"{100 * estimate['value']:.1f} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
