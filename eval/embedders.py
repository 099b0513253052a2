"""Embedding models side by side on one evaluation set: dense retrieval alone, without library, keywords or fusion.

    python -m eval.embedders --set FOLDER --model zh-small --model BAAI/bge-m3

Exhaustive search by cosine over whole passages, or over their chunks with a passage standing where its best chunk stands.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

from embeddings import Embedder, EmbeddingError, load_embedder
from eval.datasets import EvalSet, load_folder
from eval.metrics import collapse, hit_at, mrr_at
from eval.statistics import Estimate, mean_estimate
from rag.chunking import chunk_article
from rag.errors import ModelError, ReadError, YoujuError
from rag.ingest import passage_text

_DEPTH = 100
"""Chunks looked at for each question: enough for ten different passages."""

_QUESTIONS_AT_ONCE = 256
_TIMED_QUESTIONS = 50


@dataclass(frozen=True, slots=True)
class EmbedderScores:
    """One model on one set.

    Attributes:
        passages: vectors searched (passages, or chunks of them).
        questions: answerable questions asked.
        hit_at_1: share of questions with a right passage first, 0 to 1; likewise hit_at_5 and hit_at_10.
        mrr_at_10: mean reciprocal rank of the first right passage within ten.
        passages_per_second: while embedding all passages, model loaded.
        query_ms: median milliseconds to embed one question alone.
    """

    model: str
    fingerprint: str
    dim: int
    passages: int
    questions: int
    hit_at_1: Estimate
    hit_at_5: Estimate
    hit_at_10: Estimate
    mrr_at_10: Estimate
    passages_per_second: float
    query_ms: float


def score_embedder(
    embedder: Embedder,
    eval_set: EvalSet,
    *,
    chunk_tokens: int = 0,
    titles: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> EmbedderScores:
    """Embed a set's articles and questions, and rank.

    Args:
        embedder: the model.
        eval_set: a corpus folder; its answerable questions with gold are asked.
        chunk_tokens: cut articles into chunks of so many of the model's tokens, as indexing does; 0 for whole articles, which the
            model cuts off at its own limit.
        titles: put the title before each passage, as indexing does.
        on_progress: called with passages embedded and passages in all.

    Raises:
        ReadError: the set has no question with gold, or no article.
        EmbeddingError: the model breaks its contract.
    """
    cases = [case for case in eval_set.cases if case.answerable and case.gold]
    owners, texts = _passages(embedder, eval_set, chunk_tokens, titles)
    if not cases or not texts:
        raise ReadError(
            f"评测集 {eval_set.name} 里没有带出处的问题或没有文章",
            "请检查 corpus.jsonl 与 queries.jsonl",
            reason="empty",
        )
    questions = [case.question for case in cases]
    embedder.encode_queries(questions[:1])  # the model may load on first use
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if on_progress:
            on_progress(done, len(texts))

    started = time.perf_counter()
    matrix = embedder.encode_passages(texts, advance)
    seconds = time.perf_counter() - started

    rankings = []
    for first in range(0, len(questions), _QUESTIONS_AT_ONCE):
        scores = embedder.encode_queries(questions[first : first + _QUESTIONS_AT_ONCE]) @ matrix.T
        for row in np.argsort(-scores, axis=1, kind="stable")[:, :_DEPTH]:
            rankings.append(collapse([{owners[i]} for i in row]))
    judged = list(zip(rankings, [case.gold_articles for case in cases], strict=True))
    return EmbedderScores(
        model=embedder.name,
        fingerprint=embedder.fingerprint,
        dim=embedder.dim,
        passages=len(texts),
        questions=len(cases),
        hit_at_1=mean_estimate([hit_at(ranking, gold, 1) for ranking, gold in judged]),
        hit_at_5=mean_estimate([hit_at(ranking, gold, 5) for ranking, gold in judged]),
        hit_at_10=mean_estimate([hit_at(ranking, gold, 10) for ranking, gold in judged]),
        mrr_at_10=mean_estimate([mrr_at(ranking, gold, 10) for ranking, gold in judged]),
        passages_per_second=len(texts) / seconds,
        query_ms=_query_milliseconds(embedder, questions[:_TIMED_QUESTIONS]),
    )


def markdown(name: str, rows: Sequence[EmbedderScores]) -> str:
    """A table in Chinese; percentages with 95% bootstrap intervals."""
    lines = [
        f"### {name}：{rows[0].questions} 题" if rows else f"### {name}",
        "",
        "| 模型 | 维 | 段落 | hit@1 | hit@5 | hit@10 | MRR@10 | 段落/秒 | 每问毫秒 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        measures = (row.hit_at_1, row.hit_at_5, row.hit_at_10, row.mrr_at_10)
        lines.append(
            f"| {row.model} | {row.dim} | {row.passages} | {' | '.join(map(_percent, measures))} "
            f"| {row.passages_per_second:.1f} | {row.query_ms:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; prints the table, or with --json one object a model. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m eval embedders", description="比较向量模型：只用向量检索。")
    parser.add_argument(
        "--set", dest="folder", type=Path, required=True, help="评测集文件夹（corpus.jsonl、queries.jsonl）"
    )
    parser.add_argument("--model", dest="models", action="append", help="向量模型，可重复；默认 zh-small")
    parser.add_argument("--models-dir", type=Path, help="下载的模型所在文件夹")
    parser.add_argument("--chunk-tokens", type=int, default=0, help="先切成这么多词元的片段；0 为整段")
    parser.add_argument("--titles", action="store_true", help="段落前加标题，与建库时相同")
    parser.add_argument("--limit", type=int, help="只抽这么多题")
    parser.add_argument("--seed", type=int, default=0, help="抽题的随机种子")
    parser.add_argument("--threads", type=int, default=0, help="线程数，0 为自动")
    parser.add_argument("--json", action="store_true", help="每个模型输出一行 JSON")
    arguments = parser.parse_args(argv)
    chosen = load_folder(arguments.folder).sample(arguments.limit, arguments.seed)
    rows = []
    for name in arguments.models or ["zh-small"]:
        try:
            embedder = load_embedder(name, threads=arguments.threads, models_dir=arguments.models_dir)
            row = score_embedder(
                embedder,
                chosen,
                chunk_tokens=arguments.chunk_tokens,
                titles=arguments.titles,
                on_progress=_show(name) if sys.stderr.isatty() else None,
            )
        except EmbeddingError as error:
            raise ModelError(str(error)) from None
        rows.append(row)
        if arguments.json:
            sys.stdout.write(json.dumps({"set": chosen.name, **asdict(row)}, ensure_ascii=False) + "\n")
    if not arguments.json:
        sys.stdout.write(markdown(chosen.name, rows))
    return 0


def _passages(embedder: Embedder, eval_set: EvalSet, chunk_tokens: int, titles: bool) -> tuple[list[str], list[str]]:
    """Article key and text of every passage."""
    owners, texts = [], []
    for article in eval_set.articles:
        pieces = [article.text]
        if chunk_tokens:
            limit = min(chunk_tokens, embedder.max_tokens)
            pieces = [c.text for c in chunk_article(article, max_tokens=limit, count_tokens=embedder.count_tokens)]
        owners += [eval_set.key_of(article.path)] * len(pieces)
        texts += [passage_text(article.title if titles else "", piece) for piece in pieces]
    return owners, texts


def _query_milliseconds(embedder: Embedder, questions: Sequence[str]) -> float:
    times = []
    for question in questions:
        started = time.perf_counter()
        embedder.encode_queries([question])
        times.append((time.perf_counter() - started) * 1000)
    return median(times)


def _show(name: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        sys.stderr.write(f"\r{name} {done}/{total}" + ("\n" if done >= total else ""))
        sys.stderr.flush()

    return show


def _percent(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except YoujuError as problem:
        sys.stderr.write(f"错误：{problem}\n")
        sys.exit(1)
