"""From one answer to its metrics, and from all rows of a run to the summary.

A row is what a run writes for a case (`eval.run`); scoring needs nothing but rows, so a finished run can be scored
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from eval.citations import Cited, Span, locate, overlaps, score_citations
from eval.datasets import Case
from eval.metrics import (
    all_at,
    average_precision_at,
    char_f1,
    collapse,
    exact_match,
    figures,
    hit_at,
    is_correct,
    key_fact_recall,
    mrr_at,
    ndcg_at,
    recall_at,
    rouge_l,
)
from eval.published import alce_citations, cmrc_exact_match, cmrc_f1
from eval.statistics import Estimate, mean_estimate, quantile_estimate, ratio_estimate, statistic_estimate
from eval.told_days import without_told_days

Row: TypeAlias = Mapping[str, Any]
"""One object of cases.jsonl; its keys are described in `eval.run`."""

Scores: TypeAlias = dict[str, float | None]
"""Metric name to value; None is not eligible."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the summary: its name in rows, what people read, and what it says."""

    name: str
    label: str
    meaning: str


MEANS = (
    Metric("passed", "通过率", "可回答的答对，不可回答的拒答"),
    Metric("correct", "答案正确率", "未拒答、要点齐全、无禁止内容（可回答的问题）"),
    Metric("key_facts", "要点召回", "答案说出的要点占全部要点的比例"),
    Metric("exact_match", "完全一致", "规范化后与参考答案逐字相同"),
    Metric("char_f1", "字 F1", "与参考答案共有的字，取最好的一个参考"),
    Metric("rouge_l", "ROUGE-L", "与参考答案的最长公共子序列（按字）"),
    Metric("cmrc_em", "CMRC2018 EM", "按 CMRC2018 官方公式的完全一致"),
    Metric("cmrc_f1", "CMRC2018 F1", "按 CMRC2018 官方公式的 F1（最长公共连续片段）"),
    Metric("hit@1", "R@1", "第一篇就是出处文章"),
    Metric("hit@5", "R@5", "前五篇中有出处文章"),
    Metric("hit@10", "R@10", "前十篇中有出处文章"),
    Metric("recall@10", "召回@10", "前十篇含有的出处文章占全部出处文章的比例"),
    Metric("all@10", "ALL@10", "前十篇含有全部出处文章"),
    Metric("mrr@10", "MRR@10", "第一篇出处文章排名的倒数"),
    Metric("map@10", "MAP@10", "每篇出处文章处的准确率之平均"),
    Metric("ndcg@10", "nDCG@10", "按排名折减的累计增益"),
    Metric("evidence@1", "原文@1", "第一个片段含有的出处原文占全部出处原文的比例"),
    Metric("evidence@3", "原文@3", "前三个片段含有的（放进小模型提示词的大约就是这些）"),
    Metric("evidence@5", "原文@5", "前五个片段含有的"),
    Metric("evidence@10", "原文@10", "检索到的片段含有的出处原文占全部出处原文的比例"),
    Metric("evidence_mrr@10", "原文 MRR@10", "含有出处原文的第一个片段排名的倒数"),
    Metric("citation_article_precision", "引用准确率（文章）", "引用中指向出处文章的比例"),
    Metric("citation_article_recall", "引用召回率（文章）", "被引用到的出处文章的比例"),
    Metric("citation_precision", "引用准确率（原文）", "引用中落在出处原文上、或另有原文支持同一要点的比例"),
    Metric("citation_recall", "引用召回率（原文）", "被引用到的出处原文的比例"),
    Metric("citation_f1", "引用 F1（原文）", "两者的调和平均"),
    Metric("alce_recall", "引用召回率（ALCE）", "所引原文合起来支持该句的语句比例（以数字与字对覆盖代替蕴含模型）"),
    Metric("alce_precision", "引用准确率（ALCE）", "支持了所在语句、且不是可有可无的引用比例"),
    Metric("numbers", "数字忠实", "含数字的语句中，每个数字都照样出现在所引原文里的比例（不用有据自己的核对）"),
    Metric("supported", "有据语句", "答案语句（连同未采用的）中判为 supported 的比例"),
    Metric("conversation", "追问通过率", "接着前文问的题的通过率"),
)
REFUSALS = (
    Metric("refusal_precision", "拒答准确率", "拒答的问题中确实不可回答的比例"),
    Metric("refusal_recall", "拒答召回率", "不可回答的问题中被拒答的比例"),
    Metric("refusal_f1", "拒答 F1", "两者的调和平均"),
    Metric("wrong_refusals", "误拒率", "可回答的问题中被拒答的比例"),
    Metric("aurc", "风险覆盖面积", "按把握从大到小回答时的平均错误率（AURC，越低越好）"),
)
LATENCIES = (
    Metric("latency_p50", "用时 p50（秒）", "一次提问从头到尾"),
    Metric("latency_p95", "用时 p95（秒）", "一次提问从头到尾"),
    Metric("first_token_p50", "首字 p50（秒）", "从提问到大模型的第一个字；没有大模型时不适用"),
    Metric("first_token_p95", "首字 p95（秒）", "从提问到大模型的第一个字；没有大模型时不适用"),
)
COSTS = (
    Metric("prompt_tokens", "提示词词元", "每次提问发给大模型的词元；没有问大模型的题不适用"),
    Metric("completion_tokens", "回答词元", "每次提问大模型写出的词元"),
    Metric("cost", "每题费用", "按 --prices 给出的每百万词元价格"),
)
EVIDENCE_DEPTHS = (1, 3, 5, 10)
METRICS = MEANS + REFUSALS + LATENCIES + COSTS


def gold_rows(case: Case, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """The gold of a case as rows carry it: article, quote, and the places [start, end] where the quote stands."""
    return [
        {
            "article": gold.article,
            "quote": gold.quote,
            "places": [list(place) for place in locate(texts.get(gold.article, ""), gold.quote)],
        }
        for gold in case.gold
    ]


def score_answer(
    case: Case, gold: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], key_of: Callable[[str], str]
) -> Scores:
    """Every metric of one answer.

    Args:
        case: the question and what a right answer is.
        gold: its gold as `gold_rows` gives it.
        answer: `Answer.to_dict()`.
        key_of: from the path of an article in the answer to its key in the set.

    Text is compared without citation marks and without struck statements, which only `supported` counts. A refusal of an answerable question scores 0 on text and citation recall:
    the user got nothing. Citation precision of an answer without citations is not eligible. Retrieval is judged on
    the hits that the answer came with, at most `top_k` passages, as a ranking of articles.
    """
    refused = declined(answer)
    drafted = [] if refused else answer["statements"]
    statements = [s for s in drafted if s["support"] != "unsupported"]  # what is struck is not shown
    text = "".join(statement["text"] for statement in statements)
    correct = is_correct(text, case.key_facts, case.forbidden, refused=refused)
    answerable = case.answerable
    scores: Scores = {
        "passed": correct if answerable else float(refused),
        "correct": correct if answerable else None,
        "key_facts": key_fact_recall(text, case.key_facts),
        "exact_match": exact_match(text, case.references),
        "char_f1": char_f1(text, case.references),
        "rouge_l": rouge_l(text, case.references),
        "cmrc_em": cmrc_exact_match(text, case.references),
        "cmrc_f1": cmrc_f1(text, case.references),
    }
    scores |= _retrieval(case, gold, answer["hits"], key_of)
    scores |= _citations(case, gold, statements, answer["hits"], key_of)
    cited = [(_as_quoted(s), list(dict.fromkeys(c["quote"] for c in s["citations"]))) for s in statements]
    scores["alce_recall"], scores["alce_precision"] = alce_citations(cited)
    supports = [statement["support"] == "supported" for statement in drafted]
    scores["supported"] = sum(supports) / len(supports) if supports else None
    scores["numbers"] = _faithful_numbers(statements)
    scores["conversation"] = scores["passed"] if case.history else None
    return scores


def declined(answer: Mapping[str, Any]) -> bool:
    """Whether an answer claims nothing of the articles: a refusal, or a reply to small talk (no statement, no citation)."""
    return bool(answer["refused"]) or answer.get("statements") == []


def retrieval_scores(passages: Sequence[frozenset[str]], gold: frozenset[str]) -> Scores:
    """The article-level measures of one ranking of passages, each given as the keys of the articles it stands for."""
    ranking = collapse(passages)
    return {
        "hit@1": hit_at(ranking, gold, 1),
        "hit@5": hit_at(ranking, gold, 5),
        "hit@10": hit_at(ranking, gold, 10),
        "recall@10": recall_at(ranking, gold, 10),
        "all@10": all_at(ranking, gold, 10),
        "mrr@10": mrr_at(ranking, gold, 10),
        "map@10": average_precision_at(ranking, gold, 10),
        "ndcg@10": ndcg_at(ranking, gold, 10),
    }


def summarize(rows: Sequence[Row], *, seed: int = 0, prices: Sequence[float] | None = None) -> dict[str, Any]:
    """Counts, every metric with its interval, and the same by type of question.

    Args:
        prices: of a million prompt tokens and of a million completion tokens, in any currency.

    Rows with an error are counted and take part in no metric: what they would have scored is not known.
    """
    good = [row for row in rows if row["error"] is None]
    types = sorted({str(row["type"]) for row in rows})
    return {
        "counts": {
            "cases": len(rows),
            "errors": len(rows) - len(good),
            "answerable": sum(bool(row["answerable"]) for row in rows),
            "refused": sum(declined(row["answer"]) for row in good),
            "fallbacks": sum(bool(row["fallback"]) for row in good),
        },
        "metrics": {name: estimate.to_dict() for name, estimate in _estimates(good, seed, prices).items()},
        "by_type": {kind: _of_type(rows, kind, seed, prices) for kind in types},
        "latencies": _histogram([row["seconds"] for row in good if row["seconds"] is not None]),
        "risk_coverage": [[round(c, 4), round(r, 4)] for c, r in risk_coverage(good)],
    }


def _of_type(rows: Sequence[Row], kind: str, seed: int, prices: Sequence[float] | None) -> dict[str, Any]:
    mine = [row for row in rows if row["type"] == kind]
    good = [row for row in mine if row["error"] is None]
    return {
        "counts": {"cases": len(mine), "errors": len(mine) - len(good)},
        "metrics": {name: estimate.to_dict() for name, estimate in _estimates(good, seed, prices).items()},
    }


def _estimates(rows: Sequence[Row], seed: int, prices: Sequence[float] | None) -> dict[str, Estimate]:
    estimates = {m.name: mean_estimate([row["metrics"].get(m.name) for row in rows], seed=seed) for m in MEANS}
    refused = [float(declined(row["answer"])) for row in rows]
    unanswerable = [float(not row["answerable"]) for row in rows]
    both = [r * u for r, u in zip(refused, unanswerable, strict=True)]
    # F1 = 2 TP / (predicted + actual): a ratio of sums like the other two.
    estimates["refusal_precision"] = ratio_estimate(both, refused, seed=seed)
    estimates["refusal_recall"] = ratio_estimate(both, unanswerable, seed=seed)
    sums = [r + u for r, u in zip(refused, unanswerable, strict=True)]
    wrong = [r * (1 - u) for r, u in zip(refused, unanswerable, strict=True)]
    estimates["wrong_refusals"] = ratio_estimate(wrong, [1 - u for u in unanswerable], seed=seed)
    estimates["aurc"] = _area(rows, seed)
    estimates["refusal_f1"] = ratio_estimate([2 * b for b in both], sums, seed=seed)
    totals = [row["seconds"] for row in rows]
    firsts = [row["first_token"] for row in rows]
    for name, values in (("latency", totals), ("first_token", firsts)):
        estimates[f"{name}_p50"] = quantile_estimate(values, 0.5, seed=seed)
        estimates[f"{name}_p95"] = quantile_estimate(values, 0.95, seed=seed)
    tokens = [row.get("tokens") for row in rows]
    for side in ("prompt", "completion"):
        estimates[f"{side}_tokens"] = mean_estimate([spent and spent[side] for spent in tokens], seed=seed)
    estimates["cost"] = mean_estimate([_cost(spent, prices) for spent in tokens], seed=seed)
    return estimates


def _cost(tokens: Mapping[str, int] | None, prices: Sequence[float] | None) -> float | None:
    if tokens is None or prices is None:
        return None
    return (tokens["prompt"] * prices[0] + tokens["completion"] * prices[1]) / 1e6


def _histogram(seconds: Sequence[float], bins: int = 20) -> list[list[float]]:
    """Counts of answers by time: [from, to, count], up to the 99th percentile; slower ones are in the last bin."""
    if not seconds:
        return []
    values = np.asarray(seconds)
    edges = np.linspace(0.0, max(float(np.quantile(values, 0.99)), 1e-3), bins + 1)
    counts, _ = np.histogram(np.minimum(values, edges[-1]), edges)
    return [[round(float(a), 4), round(float(b), 4), int(n)] for a, b, n in zip(edges, edges[1:], counts, strict=False)]


def _area(rows: Sequence[Row], seed: int) -> Estimate:
    """Mean risk over the coverages that were reached (AURC; Geifman, Uziel & El-Yaniv 2019), resampled by case."""
    answered = [row for row in rows if row["metrics"]["passed"] is not None and not declined(row["answer"])]
    sure = np.asarray([confidence(row["answer"]) for row in answered])
    wrong = np.asarray([1.0 - row["metrics"]["passed"] for row in answered])

    def area(index: NDArray[np.int64]) -> float:
        ranked = wrong[index][np.argsort(-sure[index], kind="stable")]
        return float(np.mean(np.cumsum(ranked) / np.arange(1, len(ranked) + 1)))

    return statistic_estimate(len(answered), area, seed=seed)


def _retrieval(
    case: Case, gold: Sequence[Mapping[str, Any]], hits: Sequence[Mapping[str, Any]], key_of: Callable[[str], str]
) -> Scores:
    passages = [_stands_for(hit, key_of) for hit in hits]
    scores = retrieval_scores(passages, case.gold_articles)
    chunks = [(Span(key_of(hit["path"]), hit["start"], hit["end"]), str(hit["text"])) for hit in hits[:10]]
    ranks = [
        next((r for r, (chunk, text) in enumerate(chunks, 1) if _holds(chunk, text, places, quote)), None)
        for places, quote in _placed(gold)
    ]
    for k in EVIDENCE_DEPTHS:
        found = sum(rank is not None and rank <= k for rank in ranks)
        scores[f"evidence@{k}"] = found / len(ranks) if ranks else None
    scores["evidence_mrr@10"] = sum(1 / rank for rank in ranks if rank) / len(ranks) if ranks else None
    return scores


def _holds(chunk: Span, text: str, places: Sequence[Span], quote: str) -> bool:
    return bool(locate(text, quote)) or any(overlaps(chunk, place) for place in places)


def _faithful_numbers(statements: Sequence[Mapping[str, Any]]) -> float | None:
    """Share of the statements with a number whose numbers all stand in the quotes that they cite."""
    told = [
        wanted <= frozenset[str]().union(*(figures(citation["quote"]) for citation in statement["citations"]))
        for statement in statements
        if (wanted := figures(_as_quoted(statement)))
    ]
    return sum(told) / len(told) if told else None


def _as_quoted(statement: Mapping[str, Any]) -> str:
    """The statement without the days that Youju worked out rightly: they stand in no quote."""
    quotes = [citation["quote"] for citation in statement["citations"]]
    published = next((citation.get("published_at") or "" for citation in statement["citations"]), "")
    return without_told_days(statement["text"], quotes, published)


def confidence(answer: Mapping[str, Any]) -> float:
    """How sure Youju was that the articles tell: the score of the best sentence it judged, 0 to 1."""
    return max((hit["why"].get("sentence", 0.0) for hit in answer["hits"]), default=0.0)


def risk_coverage(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """The risk of answering only where one is sure: points (coverage, risk), the surest first.

    Coverage is the share of questions answered, risk the share of wrong ones among them (El-Yaniv & Wiener 2010, On the
    Foundations of Noise-free Selective Classification). To answer an unanswerable question is wrong. Rows without a judgement
    and refusals are never answered.
    """
    judged = [row for row in rows if row["metrics"]["passed"] is not None]
    answered = sorted(
        (row for row in judged if not declined(row["answer"])), key=lambda row: -confidence(row["answer"])
    )
    points = []
    wrong = 0.0
    for done, row in enumerate(answered, 1):
        wrong += 1.0 - row["metrics"]["passed"]
        points.append((done / len(judged), wrong / done))
    return points


def _citations(
    case: Case,
    gold: Sequence[Mapping[str, Any]],
    statements: Sequence[Mapping[str, Any]],
    hits: Sequence[Mapping[str, Any]],
    key_of: Callable[[str], str],
) -> Scores:
    cited = []
    for statement in statements:
        for c in statement["citations"]:
            key = key_of(c["path"])
            shown = [_stands_for(hit, key_of) for hit in hits if hit["article_id"] == c["article_id"]]
            articles = frozenset({key}).union(*shown)
            cited.append(Cited(Span(key, c["start"], c["end"]), c["quote"], statement["text"], articles))
    placed = _placed(gold)
    found = score_citations(
        cited,
        [places for places, _ in placed],
        case.gold_articles,
        case.key_facts,
        case.forbidden,
        [quote for _, quote in placed],
    )
    return {
        "citation_article_precision": found.article_precision,
        "citation_article_recall": found.article_recall,
        "citation_precision": found.quote_precision,
        "citation_recall": found.quote_recall,
        "citation_f1": _f1(found.quote_precision, found.quote_recall),
    }


def _f1(precision: float | None, recall: float | None) -> float | None:
    """Harmonic mean; 0 where nothing was cited and something should have been."""
    if recall is None:
        return None
    both = (precision or 0.0) + recall
    return 2 * (precision or 0.0) * recall / both if both else 0.0


def _stands_for(hit: Mapping[str, Any], key_of: Callable[[str], str]) -> frozenset[str]:
    """Keys of a hit's article and of the near-duplicates folded into it."""
    return frozenset(key_of(found["path"]) for found in (hit, *hit["also"]))


def _placed(gold: Sequence[Mapping[str, Any]]) -> list[tuple[list[Span], str]]:
    """The places of each gold quote and its text; gold that names a whole article has none and is left out."""
    return [([Span(g["article"], *place) for place in g["places"]], g["quote"]) for g in gold if g["places"]]
