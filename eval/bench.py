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
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypeAlias

from eval.run import describe_machine, peak_mb
from rag.errors import YoujuError

Task: TypeAlias = Literal["retrieval", "answer", "load"]
SYSTEMS = ("youju", "langchain")
USERS = (1, 2, 4, 8)
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


def bench_questions(
    task: Task,
    library: Path,
    questions: Sequence[str],
    *,
    llm: str = "none",
    rounds: int = 3,
    on_round: Callable[[str, int, Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Ask both systems the same questions in turns, over the passages and vectors of one library.

    The LangChain way is the usual one: the question through HuggingFaceEmbeddings with the same model, the nearest of a flat FAISS
    index, their texts out of a docstore.

    Args:
        task: "retrieval": ten passages a question. "answer": a whole answer of the LLM `llm`; LangChain's has its four nearest
            passages in the prompt of its tutorials, to the same model in the same runtime, and checks nothing. "load": passages for
            1, 2, 4 and 8 users at once, each asking all questions one after the other.

    Returns:
        machine, versions, chunks, questions, rounds (for each the figures of both systems) and ratios: medians of langchain /
        youju, how many times faster Youju is; for questions a second and memory youju / langchain.
    """
    results: list[dict[str, Any]] = []
    lines = [str(library), llm, *(" ".join(question.split()) for question in questions)]
    for number in range(rounds):
        row: dict[str, Any] = {}
        for system in SYSTEMS:
            row[system] = _in_a_process(system, lines, task=task)
            if on_round:
                on_round(system, number, row[system])
        results.append(row)
    ratios = {}
    for name in results[0]["youju"]:
        if name != "chunks":
            over, under = (
                ("youju", "langchain") if name == "peak_mb" or name.startswith("per_second") else ("langchain", "youju")
            )
            ratios[name] = round(statistics.median(r[over][name] / max(r[under][name], 1e-9) for r in results), 2)
    return {
        "bench": task,
        "machine": describe_machine(),
        "versions": {name: version(name) for name in _PACKAGES},
        "chunks": results[0]["youju"]["chunks"],
        "questions": len(questions),
        "llm": llm,
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
    """One round in this process: paths (or the library, the LLM and questions) on stdin, figures on stdout."""
    lines = sys.stdin.read().splitlines()
    if task == "ingest":
        figures = (_youju if system == "youju" else _langchain)(list(map(Path, lines)))
    else:
        ask = _youju_questions if system == "youju" else _langchain_questions
        figures = ask(task, Path(lines[0]), lines[1], lines[2:])
    figures["peak_mb"] = peak_mb()
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


def _youju_questions(task: str, place: Path, llm: str, questions: Sequence[str]) -> dict[str, Any]:
    from rag import Token, open_library

    started = time.perf_counter()
    with open_library(place, llm=llm) as library:
        library.search(questions[0], 10)
        opened = time.perf_counter() - started
        figures: dict[str, Any] = {"chunks": library.counts()[1], "open_seconds": round(opened, 2)}
        if task == "retrieval":
            return figures | _one_by_one(questions, lambda question: library.search(question, 10))
        if task == "load":
            return figures | _at_once(questions, lambda question: library.search(question, 10))
        library.ask(questions[0])  # loads the LLM
        return figures | _streamed(
            questions, lambda question: (isinstance(event, Token) for event in library.events(question))
        )


def _langchain_questions(task: str, place: Path, llm: str, questions: Sequence[str]) -> dict[str, Any]:
    import faiss
    import numpy as np
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings

    from embeddings.zh_small import FOLDER
    from rag import load_settings, open_library
    from rag.chat_models import load_chat_model
    from rag.store import unpack

    with open_library(place, llm="none") as library:  # what a saved FAISS index and docstore would hold
        vectors = np.stack([unpack(vector) for _, vector in library.store.vectors_since(0)])
        documents = [Document(chunk.text, metadata={"title": chunk.title}) for chunk in library.store.words_since(0)]
    started = time.perf_counter()
    model = HuggingFaceEmbeddings(model_name=str(FOLDER), encode_kwargs={"normalize_embeddings": True})
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors)

    def search(question: str, k: int = 10) -> list[Document]:
        _, found = index.search(np.asarray([model.embed_query(question)], dtype=np.float32), k)
        return [documents[i] for i in found[0]]

    search(questions[0])
    figures: dict[str, Any] = {"chunks": len(documents), "open_seconds": round(time.perf_counter() - started, 2)}
    if task == "retrieval":
        return figures | _one_by_one(questions, search)
    if task == "load":
        return figures | _at_once(questions, search)
    chat = load_chat_model(load_settings(None, llm=llm))
    assert chat is not None

    def stream(question: str) -> Iterator[bool]:
        context = "\n\n".join(document.page_content for document in search(question, 4))
        return (
            bool(chunk.content) for chunk in chat.model.stream(_TUTORIAL.format(context=context, question=question))
        )

    list(stream(questions[0]))
    return figures | _streamed(questions, stream)


_TUTORIAL = (
    "Use the following pieces of context to answer the question at the end. If you don't know the answer, just say that you don't know, "
    "don't try to make up an answer. Use three sentences maximum and keep the answer as concise as possible.\n\n{context}\n\n"
    "Question: {question}\n\nHelpful Answer:"
)
"""The prompt of LangChain's RAG tutorial (rlm/rag-prompt in its older form)."""


def _one_by_one(questions: Sequence[str], search: Callable[[str], object]) -> dict[str, Any]:
    times = []
    for question in questions:
        started = time.perf_counter()
        search(question)
        times.append(1000 * (time.perf_counter() - started))
    return {"p50_ms": _quantile(times, 9), "p95_ms": _quantile(times, 18)}


def _at_once(questions: Sequence[str], search: Callable[[str], object]) -> dict[str, Any]:
    figures = {}
    for users in USERS:
        times: list[float] = []

        def ask(user: int, times: list[float] = times) -> None:
            for i in range(len(questions)):
                started = time.perf_counter()
                search(questions[(i + user) % len(questions)])
                times.append(1000 * (time.perf_counter() - started))

        started = time.perf_counter()
        with ThreadPoolExecutor(users) as pool:
            list(pool.map(ask, range(users)))
        figures[f"per_second_{users}"] = round(len(times) / (time.perf_counter() - started), 2)
        figures[f"p95_ms_{users}"] = _quantile(times, 18)
    return figures


def _streamed(questions: Sequence[str], stream: Callable[[str], Iterator[bool]]) -> dict[str, Any]:
    """Times to the first piece of text (where there is one) and to the end, in seconds."""
    firsts, totals = [], []
    for question in questions:
        started = time.perf_counter()
        first = None
        for spoken in stream(question):
            if spoken and first is None:
                first = time.perf_counter() - started
        totals.append(time.perf_counter() - started)
        if first is not None:
            firsts.append(first)
    middle = statistics.median(firsts) if firsts else 0.0
    return {
        "first_token_p50": round(middle, 2),
        "answer_p50": _quantile(totals, 9),
        "answer_p95": _quantile(totals, 18),
    }


def _quantile(values: Sequence[float], twentieth: int) -> float:
    if len(values) == 1:
        return round(values[0], 2)
    return round(statistics.quantiles(values, n=20, method="inclusive")[twentieth], 2)


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
