"""Every way of `eval.rankings` on the same questions, against what is done now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from embeddings import Reranker
from eval.datasets import EvalSet
from eval.rankings import FORMS, RERANKED, VARIANTS, Asked, Bench, OnStep, Variant, other_vectors, search
from eval.retrieval import DEPTH, LABELS, TESTED
from eval.scoring import Scores, retrieval_scores
from eval.statistics import mean_estimate, paired_difference
from rag import Library
from rag.conversation import standalone_question
from rag.retrieval import fold
from rag.words import search_form


def compare_variants(
    library: Library,
    eval_set: EvalSet,
    *,
    reranker: Reranker | None = None,
    forms: bool = False,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Rank every question that has gold in each way.

    Args:
        reranker: try it at several weights, too.
        forms: also embed every passage in other forms (as long as indexing takes, for each).
        on_step: called with what is being done, steps done and steps in all.

    Returns:
        set, questions, embedder and rows: name, metrics (value, low, high, n) of R@1, MRR and nDCG, and p, their paired p-values
        against the first row, which is what the library does now.
    """
    bench = Bench(library, reranker)
    asked = _ask(bench, eval_set, on_step)
    ways: dict[str, Variant] = {"现在": lambda bench, asked: asked.found.fused, **VARIANTS}
    if reranker is not None:
        ways |= RERANKED
    rows: list[dict[str, Any]] = []
    reference: list[Scores] = []
    for name, way in ways.items():
        scores = _score(bench, eval_set, asked, name, way, on_step)
        reference = reference or scores
        rows.append(_row(name, scores, reference))
    for name in FORMS if forms else ():
        way = other_vectors(bench, name, on_step)
        rows.append(_row(name, _score(bench, eval_set, asked, name, way, on_step), reference))
    return {"set": eval_set.name, "questions": len(asked), "embedder": library.embedder.name, "rows": rows}


def markdown(result: Mapping[str, Any]) -> str:
    """The comparison as a Markdown table, in percent; differences of the first row with a star where p < 0.05."""
    names = [LABELS[name] for name in TESTED]
    lines = [
        f"### {result['set']}：{result['questions']} 个问题，向量模型 {result['embedder']}",
        "",
        "| 做法 | " + " | ".join(names) + " |",
        "|---|" + "---:|" * len(names),
    ]
    first = result["rows"][0]
    for row in result["rows"]:
        cells = []
        for name in TESTED:
            value, before = row["metrics"][name]["value"], first["metrics"][name]["value"]
            star = "*" if row["p"].get(name, 1.0) < 0.05 else ""
            cells.append(f"{100 * value:.1f}" if row is first else f"{100 * (value - before):+.1f}{star}")
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "星号：与第一行逐题配对比较，p < 0.05。"]) + "\n"


def _ask(bench: Bench, eval_set: EvalSet, on_step: OnStep | None) -> list[Asked]:
    cases = [case for case in eval_set.cases if case.gold]
    questions = [standalone_question(case.question, case.history) for case in cases]
    vectors = bench.library.embedder.encode_queries([search_form(question) for question in questions])
    asked = []
    for done, (case, question, vector) in enumerate(zip(cases, questions, vectors, strict=True), 1):
        asked.append(Asked(question, vector, case.gold_articles, search(bench, question, vector)))
        if on_step:
            on_step("检索", done, len(cases))
    return asked


def _score(
    bench: Bench, eval_set: EvalSet, asked: Sequence[Asked], name: str, way: Variant, on_step: OnStep | None
) -> list[Scores]:
    scores = []
    for done, one in enumerate(asked, 1):
        hits = fold(bench.library, replace(one.found, fused=way(bench, one)), DEPTH)
        passages = [frozenset(eval_set.key_of(article.path) for article in (hit.article, *hit.also)) for hit in hits]
        scores.append(retrieval_scores(passages, one.gold))
        if on_step:
            on_step(name, done, len(asked))
    return scores


def _row(name: str, scores: Sequence[Scores], reference: Sequence[Scores]) -> dict[str, Any]:
    tests = {m: paired_difference([s[m] for s in reference], [s[m] for s in scores]) for m in TESTED}
    return {
        "name": name,
        "metrics": {metric: mean_estimate([s[metric] for s in scores]).to_dict() for metric in TESTED},
        "p": {m: round(found.p, 6) for m, found in tests.items() if found} if scores is not reference else {},
    }
