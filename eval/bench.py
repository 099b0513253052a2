"""How fast files become a library and questions passages, against the usual LangChain stack, side by side in one run.

Each round is a process of its own, so that neither side profits from the other's warm caches and each one's memory can be told. The
two take turns (A B A B) and what counts is the median of the ratios: the machine may be busy with other things, but for both.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.run import describe_machine
from rag.errors import YoujuError

SYSTEMS = ("youju", "langchain")
CHUNK_CHARACTERS = 200
"""Chunk size of the LangChain side: its chunks then hold about as many characters as ours (138 to our 150)."""
CHUNK_OVERLAP = 20
_PACKAGES = (
    "sentence-transformers",
    "faiss-cpu",
    "langchain-core",
    "langchain-text-splitters",
    "langchain-huggingface",
    "torch",
    "onnxruntime",
)


def bench_ingest(
    articles: Path,
    *,
    limit: int = 120,
    seed: int = 0,
    rounds: int = 3,
    on_round: Callable[[str, int, Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Ingest the same random files with both systems in turns.

    Args:
        articles: folder of Markdown files.
        limit: how many files, drawn with `seed`.
        rounds: how often each system runs.
        on_round: called after each round with the system, the round and its figures.

    Returns:
        machine, versions, seed, files, rounds (for each the figures of both systems) and ratios: medians of youju / langchain for
        chunks, characters of clean text and articles a second, and of peak memory.
    """
    files = sorted(path for path in articles.rglob("*.md") if path.is_file())
    if not files:
        raise YoujuError(f"没有找到 .md 文件：{articles}", "请给出文章所在的文件夹")
    chosen = sorted(random.Random(seed).sample(files, min(limit, len(files))))  # noqa: S311 - a sample, not a secret
    results: list[dict[str, Any]] = []
    for number in range(rounds):
        row: dict[str, Any] = {}
        for system in SYSTEMS:
            row[system] = _in_a_process(system, chosen)
            if on_round:
                on_round(system, number, row[system])
        results.append(row)
    names = ("chunks_per_second", "characters_per_second", "articles_per_second", "peak_mb")
    ratios = {
        name: round(statistics.median(r["youju"][name] / r["langchain"][name] for r in results), 2) for name in names
    }
    return {
        "bench": "ingest",
        "machine": describe_machine(),
        "versions": {name: version(name) for name in _PACKAGES},
        "seed": seed,
        "files": len(chosen),
        "langchain": {"chunk_size": CHUNK_CHARACTERS, "chunk_overlap": CHUNK_OVERLAP},
        "rounds": results,
        "ratios": ratios,
    }


def bench_retrieval(
    library: Path,
    questions: Sequence[str],
    *,
    rounds: int = 3,
    on_round: Callable[[str, int, Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Ask both systems the same questions in turns, over the passages and vectors of one library.

    Youju searches as it always does: vectors and words, fused, reposts folded. The LangChain way is the usual one: the
    question through HuggingFaceEmbeddings with the same model, the ten nearest of a flat FAISS index, their texts out of a docstore.

    Returns:
        machine, versions, chunks, questions, rounds (for each the figures of both systems) and ratios: medians of langchain / youju
        for the time of the median and of the slowest twentieth question and to open the library, of youju / langchain for memory.
    """
    results: list[dict[str, Any]] = []
    lines = [str(library), *(" ".join(question.split()) for question in questions)]
    for number in range(rounds):
        row: dict[str, Any] = {}
        for system in SYSTEMS:
            row[system] = _in_a_process(system, lines, task="retrieval")
            if on_round:
                on_round(system, number, row[system])
        results.append(row)
    faster = ("p50_ms", "p95_ms", "open_seconds")
    ratios = {
        name: round(statistics.median(r["langchain"][name] / r["youju"][name] for r in results), 2) for name in faster
    }
    ratios["peak_mb"] = round(statistics.median(r["youju"]["peak_mb"] / r["langchain"]["peak_mb"] for r in results), 2)
    return {
        "bench": "retrieval",
        "machine": describe_machine(),
        "versions": {name: version(name) for name in _PACKAGES},
        "chunks": results[0]["youju"]["chunks"],
        "questions": len(questions),
        "rounds": results,
        "ratios": ratios,
    }


def _in_a_process(system: str, lines: Sequence[object], *, task: str = "ingest") -> dict[str, Any]:
    code = f"from eval.bench import child; child({system!r}, {task!r})"
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code],
        input="\n".join(map(str, lines)),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    try:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):
        last = done.stderr.strip().splitlines()[-1:] or ["没有输出"]
        raise YoujuError(
            f"{system} 一侧没有跑完：{last[0]}", "缺包时请运行 pip install langchain-text-splitters"
        ) from None


def child(system: str, task: str = "ingest") -> None:
    """One round in this process: paths (for retrieval the library, then questions) on stdin, figures on stdout."""
    lines = sys.stdin.read().splitlines()
    if task == "ingest":
        figures = (_youju if system == "youju" else _langchain)(list(map(Path, lines)))
    else:
        figures = (_youju_search if system == "youju" else _langchain_search)(Path(lines[0]), lines[1:])
    figures["peak_mb"] = _peak_mb()
    sys.stdout.write(json.dumps(figures) + "\n")


def _youju(files: Sequence[Path]) -> dict[str, Any]:
    from rag import open_library

    with tempfile.TemporaryDirectory() as folder, open_library(folder, llm="none") as library:
        library.embedder.encode_passages(["预热"])  # loading the model is not what is measured
        started = time.perf_counter()
        report = library.add(files)
        seconds = time.perf_counter() - started
        texts = [article.text for article in library.articles()]
        stages = {name: round(value, 3) for name, value in report.stages.items()}
    return _figures(len(texts), report.chunks, sum(map(len, texts)), seconds) | {"stages": stages}


def _langchain(files: Sequence[Path]) -> dict[str, Any]:
    """As tutorials have it: load files as text, split, embed all chunks, put them into FAISS.

    `FAISS.from_documents` itself lies in langchain-community, which is archived; what it does is done here by hand.
    """
    import faiss
    import numpy as np
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    from embeddings.zh_small import FOLDER

    model = HuggingFaceEmbeddings(model_name=str(FOLDER), encode_kwargs={"normalize_embeddings": True})
    model.embed_documents(["预热"])
    started = time.perf_counter()
    documents = [
        Document(path.read_text(encoding="utf-8", errors="replace"), metadata={"source": str(path)}) for path in files
    ]
    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK_CHARACTERS, chunk_overlap=CHUNK_OVERLAP)
    chunks = splitter.split_documents(documents)
    vectors = model.embed_documents([chunk.page_content for chunk in chunks])
    index = faiss.IndexFlatL2(len(vectors[0]))
    index.add(np.asarray(vectors, dtype=np.float32))
    docstore = dict(enumerate(chunks))
    seconds = time.perf_counter() - started
    return _figures(len(files), len(docstore), sum(len(d.page_content) for d in documents), seconds)


def _youju_search(place: Path, questions: Sequence[str]) -> dict[str, Any]:
    from rag import open_library

    started = time.perf_counter()
    with open_library(place, llm="none") as library:
        library.search(questions[0], 10)
        opened = time.perf_counter() - started
        return _asked(questions, lambda question: library.search(question, 10), opened, library.counts()[1])


def _langchain_search(place: Path, questions: Sequence[str]) -> dict[str, Any]:
    import faiss
    import numpy as np
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings

    from embeddings.zh_small import FOLDER
    from rag import open_library
    from rag.store import unpack

    with open_library(place, llm="none") as library:  # what a saved FAISS index and docstore would hold
        stored = list(library.store.added_since(0))
        vectors = np.stack([unpack(vector) for *_, vector in stored])
        documents = [Document(text, metadata={"title": title}) for _, title, text, _ in stored]
    started = time.perf_counter()
    model = HuggingFaceEmbeddings(model_name=str(FOLDER), encode_kwargs={"normalize_embeddings": True})
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)

    def search(question: str) -> list[Document]:
        _, found = index.search(np.asarray([model.embed_query(question)], dtype=np.float32), 10)
        return [documents[i] for i in found[0]]

    search(questions[0])
    return _asked(questions, search, time.perf_counter() - started, len(documents))


def _asked(questions: Sequence[str], search: Callable[[str], object], opened: float, chunks: int) -> dict[str, Any]:
    times = []
    for question in questions:
        started = time.perf_counter()
        search(question)
        times.append(1000 * (time.perf_counter() - started))
    p50, p95 = (statistics.quantiles(times, n=20, method="inclusive")[i] for i in (9, 18))
    return {"chunks": chunks, "p50_ms": round(p50, 2), "p95_ms": round(p95, 2), "open_seconds": round(opened, 2)}


def _figures(articles: int, chunks: int, characters: int, seconds: float) -> dict[str, Any]:
    return {
        "articles": articles,
        "chunks": chunks,
        "characters": characters,
        "seconds": round(seconds, 3),
        "chunks_per_second": round(chunks / seconds, 3),
        "characters_per_second": round(characters / seconds, 1),
        "articles_per_second": round(articles / seconds, 3),
    }


def _peak_mb() -> float:
    """Peak resident memory of this process, in MB."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return round(float(psutil.Process().memory_info().peak_wset) / 1e6, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
