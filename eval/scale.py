"""How a library behaves as it grows: real articles multiplied by a documented perturbation, then every cost measured.

A copy of an article keeps its shape. In its text every number becomes another one of as many digits, one word in ten becomes a word
of another passage, and its day moves by up to three years. The vector of a passage v becomes that of v + 0.35 (u - w), normalised,
for two random passages u and w: it stays where this embedder puts Chinese news (random noise would not), at a cosine of about 0.95
to its origin. Nothing is embedded anew: at 150 passages a second a million would take two hours, and cost nothing of what is measured.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eval.run import describe_machine, peak_mb
from rag import Article, Chunk, Filters, Library, load_settings, open_library
from rag.errors import YoujuError
from rag.folder_index import FolderIndex
from rag.near_duplicates import BANDS
from rag.retrieval import retrieve
from rag.store import DATABASE, Store, StoredArticle
from rag.words import search_form

SIZES = (10_000, 100_000, 1_000_000)
_MIX = 0.35
_WORDS_CHANGED = 0.1
_ARTICLES_AT_ONCE = 500
_QUESTIONS = 200
_NUMBER = re.compile(r"\d+")


class OnStep(Protocol):
    """Told what is being done, passages done and passages in all."""

    def __call__(self, what: str, /, done: int, total: int) -> None:
        """Show it."""


def grow(
    source: Path, target: Path, chunks: int, *, seed: int = 0, on_chunks: Callable[[int], None] | None = None
) -> None:
    """Make a library of at least `chunks` passages at `target`, its store filled and its indexes not yet built.

    Raises:
        YoujuError: the source holds no passages.
    """
    target.mkdir(parents=True, exist_ok=True)
    origin, grown = Store(source / DATABASE), Store(target / DATABASE)
    rng, draw = np.random.default_rng(seed), random.Random(seed)  # noqa: S311 - no secret
    articles = list(origin.articles())
    passages = {article.id: origin.chunks_of(article.id) for article in articles}
    vectors = [vector for found in passages.values() for _, vector in found]
    if not vectors:
        raise YoujuError(f"知识库是空的：{source}", "请先用 youju add 加入文章")
    pool = np.stack(vectors)
    words = _vocabulary([article.text for article in draw.sample(articles, min(300, len(articles)))])
    grown.set_meta(
        {name: value for name, value in origin.meta().items() if name not in ("schema", "generation", "indexed")}
    )
    made = copies = 0
    while made < chunks:
        batch: list[StoredArticle] = []
        for article in articles:
            found = passages[article.id]
            if made < chunks and found:
                batch.append(_copy(article, found, pool, words, copies, rng, draw))
                made += len(found)
            if len(batch) == _ARTICLES_AT_ONCE or (batch and made >= chunks):
                _write(grown, batch, draw)
                batch = []
                if on_chunks:
                    on_chunks(made)
        if batch:
            _write(grown, batch, draw)
        copies += 1
    for store in (origin, grown):
        store.close()


def measure(
    source: Path,
    work: Path,
    sizes: Sequence[int] = SIZES,
    *,
    keep: bool = False,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Grow a library to each size and measure it, each in a process of its own.

    Args:
        source: a library of real articles.
        work: folder for the grown ones; two gigabytes a million passages.
        keep: leave them there, to be used by the next run.
        on_step: see `OnStep`.

    Returns:
        machine and rows: for each size chunks, articles, build_seconds (both indexes from the store), open_seconds (process with its
        imports not counted, to the first result), resident_mb, p50 and p95 in milliseconds of dense, keyword and whole retrieval and of
        retrieval within a filter, recall10 of the dense leg against exact search, add_seconds and remove_seconds of one article,
        disk_mb, cells.
    """
    rows = []
    for size in sizes:
        place = work / f"scale-{size}"
        if not (place / "whole").is_file():
            shutil.rmtree(place, ignore_errors=True)
            grow(source, place, size, on_chunks=partial(on_step, "造文章", total=size) if on_step else None)
            (place / "whole").touch()
        if on_step:
            on_step("测量", done=size, total=size)
        rows.append({"asked_for": size, **_in_a_process("build", place), **_in_a_process("questions", place)})
        if not keep:
            shutil.rmtree(place)
    return {"machine": describe_machine(), "rows": rows}


def markdown(result: dict[str, Any]) -> str:
    """The figures as a table, one column a size."""
    rows = result["rows"]
    labels = {
        "articles": "文章", "chunks": "片段", "build_seconds": "建两个索引（秒）", "open_seconds": "打开到第一条结果（秒）",
        "dense": "向量 p50 / p95（毫秒）", "keyword": "关键词 p50 / p95", "whole": "整个检索 p50 / p95", "narrow": "限 5 篇文章 p50 / p95",
        "year": "限一年 p50 / p95", "recall10": "向量前十对精确的召回", "add_seconds": "加入一篇（秒）", "remove_seconds": "删去一篇（秒）",
        "resident_mb": "常驻内存（MB）", "disk_mb": "磁盘（MB）", "cells": "分组",
    }  # fmt: skip
    lines = ["| | " + " | ".join(f"{row['chunks']:,}" for row in rows) + " |", "|---|" + "---:|" * len(rows)]
    for name, label in labels.items():
        if name in ("dense", "keyword", "whole", "narrow", "year"):
            cells = [f"{row[f'{name}_p50']:.1f} / {row[f'{name}_p95']:.1f}" for row in rows]
        else:
            cells = [f"{row[name]:,}" for row in rows]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plot(result: dict[str, Any]) -> str:
    """An SVG of milliseconds (95% quantile) over passages, both axes logarithmic."""
    rows = result["rows"]
    lines = {"whole": ("整个检索", "#1f7a4a"), "dense": ("向量", "#2f6fb3"), "keyword": ("关键词", "#b3722f")}
    left, top, width, height = 60, 16, 420, 220
    sizes = [math.log10(row["chunks"]) for row in rows]
    first, last = min(sizes), max(max(sizes), min(sizes) + 1e-9)

    def x(size: float) -> float:
        return left + width * (size - first) / (last - first)

    def y(milliseconds: float) -> float:
        return top + height * (1 - (math.log10(max(0.1, milliseconds)) + 1) / 4)  # 0.1 to 1,000 ms

    parts = []
    for value in (0.1, 1, 10, 100, 1000):
        parts.append(
            f"<line x1='{left}' x2='{left + width}' y1='{y(value):.0f}' y2='{y(value):.0f}' stroke='#d8dce3'/>"
            f"<text x='{left - 6}' y='{y(value) + 4:.0f}' text-anchor='end'>{value:g} ms</text>"
        )
    for size, row in zip(sizes, rows, strict=True):
        parts.append(f"<text x='{x(size):.0f}' y='{top + height + 18}' text-anchor='middle'>{row['chunks']:,}</text>")
    for i, (name, (label, colour)) in enumerate(lines.items()):
        places = [(x(size), y(row[f"{name}_p95"])) for size, row in zip(sizes, rows, strict=True)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
        dots = "".join(f"<circle cx='{a:.1f}' cy='{b:.1f}' r='3' fill='{colour}'/>" for a, b in places)
        parts.append(
            f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>{dots}"
            f"<text x='{left + 12}' y='{top + 16 + 18 * i}' fill='{colour}'>{label} p95</text>"
        )
    style = "font:12px system-ui,'Noto Sans CJK SC',sans-serif"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {left + width + 40} {top + height + 30}' style=\"{style}\">"
        f"<rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}</svg>\n"
    )


# -- growing ---------------------------------------------------------------------------------------------------------


def _copy(
    article: Article,
    found: Sequence[tuple[Chunk, NDArray[np.float32]]],
    pool: NDArray[np.float32],
    words: Sequence[str],
    number: int,
    rng: np.random.Generator,
    draw: random.Random,
) -> StoredArticle:
    article_id = hashlib.sha256(f"{article.id}/{number}".encode()).hexdigest()[:16]
    text, chunks = "", []
    for chunk, _ in found:
        piece = _perturbed(chunk.text, words, draw) if number else chunk.text
        chunks.append(Chunk(-1, article_id, len(text), len(text) + len(piece), piece, chunk.heading))
        text += piece + "\n"
    own = np.stack([vector for _, vector in found])
    if number:
        u, w = (pool[rng.integers(len(pool), size=len(own))] for _ in range(2))
        own = own + _MIX * (u - w)
        own /= np.linalg.norm(own, axis=1, keepdims=True)
    moved = article.published_at and article.published_at + timedelta(days=draw.randint(-1000, 1000) if number else 0)
    copy = replace(
        article, id=article_id, text=text, path=f"{article.path}#{number}", digest=article_id, published_at=moved,
        title=_perturbed(article.title, words, draw) if number else article.title, metadata={},
    )  # fmt: skip
    return StoredArticle(copy, article_id, chunks, own.astype(np.float32), story=article_id, bands=b"")


def _perturbed(text: str, words: Sequence[str], draw: random.Random) -> str:
    import rjieba

    text = _NUMBER.sub(lambda m: str(draw.randint(10 ** (len(m[0]) - 1), 10 ** len(m[0]) - 1)), text)
    return "".join(
        draw.choice(words) if len(word) > 1 and draw.random() < _WORDS_CHANGED else word for word in rjieba.cut(text)
    )


def _vocabulary(texts: Sequence[str]) -> list[str]:
    import rjieba

    return [word for text in texts for word in rjieba.cut(text) if len(word) > 1 and word.isalpha()]


def _write(store: Store, batch: Sequence[StoredArticle], draw: random.Random) -> None:
    """Store the articles, with bands such as `youju add` would find: adding one more has to look among them."""
    marked = []
    with store.transaction() as db:
        for stored in batch:
            keys = [draw.getrandbits(62) for _ in range(BANDS)]
            db.executemany("INSERT OR IGNORE INTO bands VALUES (?, ?)", [(key, stored.article.id) for key in keys])
            marked.append(replace(stored, bands=np.asarray(keys, dtype="<i8").tobytes()))
    store.write(marked)


# -- measuring -------------------------------------------------------------------------------------------------------


def _in_a_process(part: str, place: Path) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - this interpreter, this module
        [sys.executable, "-X", "utf8", "-m", "eval.scale", part, str(place)],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if done.returncode:
        raise YoujuError(f"测量失败：{done.stderr.strip()[-500:]}", "请看上面的错误")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _open(place: Path) -> Library:
    store = Store(place / DATABASE)
    made_by = store.meta().get("embedder")
    store.close()
    return open_library(settings=load_settings(None, library=place, embedder=made_by, llm="none"))


def _build(place: Path) -> dict[str, Any]:
    for name in ("vectors.json", "vectors.faiss"):
        (place / name).unlink(missing_ok=True)
    shutil.rmtree(place / "keywords", ignore_errors=True)
    with _open(place) as library:
        started = time.perf_counter()
        library.index()
        seconds = time.perf_counter() - started
        articles, chunks = library.counts()
    return {"articles": articles, "chunks": chunks, "build_seconds": round(seconds, 1)}


def _questions(place: Path) -> dict[str, Any]:
    started = time.perf_counter()
    with _open(place) as library:
        library.search("地区生产总值是多少？", filters=Filters())
        opened = time.perf_counter() - started
        questions = [article.title for article, _ in zip(_spread(library), range(_QUESTIONS), strict=False)]
        queries = library.embedder.encode_queries([search_form(question) for question in questions])
        figures: dict[str, Any] = {"open_seconds": round(opened, 2), "cells": _cells(library)}
        some = tuple(article.id for article, _ in zip(_spread(library), range(5), strict=False))
        year = Filters(after=_last_day(library) - timedelta(days=365))
        ways: dict[str, Callable[[str, NDArray[np.float32]], object]] = {
            "dense": lambda question, query: library.index().dense(query, 100),
            "keyword": lambda question, query: retrieve(library, question, 10, dense_weight=0.0, query=query),
            "whole": lambda question, query: retrieve(library, question, 10, dense_weight=0.6, query=query),
            "narrow": lambda question, query: retrieve(
                library, question, 10, dense_weight=0.6, query=query, filters=Filters(articles=some)
            ),
            "year": lambda question, query: retrieve(
                library, question, 10, dense_weight=0.6, query=query, filters=year
            ),
        }
        for name, way in ways.items():
            way(questions[0], queries[0])
            times = []
            for question, query in zip(questions, queries, strict=True):
                before = time.perf_counter()
                way(question, query)
                times.append(1000 * (time.perf_counter() - before))
            figures |= {f"{name}_p{q}": round(float(np.percentile(times, q)), 1) for q in (50, 95)}
        figures["resident_mb"] = peak_mb()
        figures["recall10"] = _recall(library, queries[:50])
        figures |= _one_more(library)
    figures["disk_mb"] = round(sum(f.stat().st_size for f in place.rglob("*") if f.is_file()) / 1e6)
    return figures


def _cells(library: Library) -> int:
    index = library.index()
    assert isinstance(index, FolderIndex)
    return index.vectors.cells


def _spread(library: Library) -> Iterator[Article]:
    """Articles in an order that has nothing to do with their days."""
    for (id_,) in library.store.query("SELECT id FROM articles ORDER BY id LIMIT 1000"):
        article = library.article(id_)
        if article is not None:
            yield article


def _last_day(library: Library) -> Any:
    last = library.facets().last
    if last is None:
        raise YoujuError("文章都没有发表日期", "请换一个知识库")
    return last


def _recall(library: Library, queries: NDArray[np.float32]) -> float:
    """Share of the true first ten, by multiplication with every stored vector, that the index finds among its first ten."""
    ids, blocks = [], []
    for id_, vector in library.store.vectors_since(0):
        ids.append(id_)
        blocks.append(vector)
    best: list[list[tuple[float, int]]] = [[] for _ in queries]
    for start in range(0, len(ids), 50_000):
        part = np.frombuffer(b"".join(blocks[start : start + 50_000]), dtype="<f2").astype(np.float32)
        scores = queries @ part.reshape(-1, queries.shape[1]).T
        for row, found in zip(best, scores, strict=True):
            top = np.argpartition(-found, min(10, len(found) - 1))[:10]
            row += [(-float(found[i]), ids[start + int(i)]) for i in top]
    hits = 0
    for row, query in zip(best, queries, strict=True):
        hits += len({i for _, i in sorted(row)[:10]} & {i for i, _ in library.index().dense(query, 10)})
    return round(hits / (10 * len(queries)), 4)


def _one_more(library: Library) -> dict[str, float]:
    text = "今天上午，镇上的茶叶合作社开了一个会。会上说，明年要再种三百亩茶树。"
    article = Article(id="f" * 16, title="茶叶合作社开会", text=text, source="测试", path="one.md", digest="one")
    figures = {}
    for name, act in (
        ("add", lambda: library.add_articles([article])),
        ("remove", lambda: library.remove([article.id])),
    ):
        started = time.perf_counter()
        act()
        library.search("茶叶合作社", 1, filters=Filters())
        figures[f"{name}_seconds"] = round(time.perf_counter() - started, 2)
    return figures


if __name__ == "__main__":
    result = {"build": _build, "questions": _questions}[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.write(json.dumps(result) + "\n")
