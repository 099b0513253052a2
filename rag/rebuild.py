"""The same articles under another embedder: their chunks and vectors are made beside the library and put in place in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from embeddings import Embedder, EmbeddingError, load_embedder
from rag.chunking import chunk_article
from rag.errors import LibraryError, ModelError
from rag.ingest import PASSAGE_FORM, passage_text
from rag.settings import Settings
from rag.store import DATABASE, Store, open_store, pack
from rag.writing import write_lock

_BATCH_CHUNKS = 128
_WORKSHOP = "rebuild.sqlite"


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """How many articles and chunks were made anew."""

    articles: int
    chunks: int


def rebuild(
    settings: Settings,
    on_progress: Callable[[str, float, int, int], None] | None = None,
    embedder: Embedder | None = None,
) -> RebuildReport:
    """Chunk and embed every stored article anew with the settings in force.

    The articles come from the store, so their files need not be there any more. Until the last moment the library stands
    untouched and can be used; a rebuild that is broken off costs nothing but its time.

    Args:
        on_progress: told "embed", articles done, articles in all, chunks made.

    Raises:
        LibraryError: there is no library at `settings.library`, or the disk is full.
        LibraryBusy: another process is writing.
    """
    home = settings.library
    if not (home / DATABASE).is_file():
        raise LibraryError(f"这里没有知识库：{home}", "请检查 --library，或先用 youju add 建库")
    store = open_store(home)
    workshop = home / _WORKSHOP
    try:
        with write_lock(home), store.database.writing():
            _discard(workshop)
            embedder = embedder or _load_embedder(settings)
            with closing(sqlite3.connect(workshop, isolation_level=None)) as made:
                # What is in the workshop is worth nothing after a crash, so it need not be safe there.
                made.execute("PRAGMA journal_mode = OFF")
                made.execute("PRAGMA synchronous = OFF")
                made.execute(
                    "CREATE TABLE chunks (article_id TEXT, start INTEGER, finish INTEGER, heading TEXT, vector BLOB)"
                )
                report = _make(store, made, embedder, settings.chunk_tokens, on_progress)
                facts = {
                    "embedder": embedder.name, "fingerprint": embedder.fingerprint, "dim": str(embedder.dim),
                    "chunk_tokens": str(settings.chunk_tokens), "passage_form": PASSAGE_FORM,
                    "indexed": "",
                }  # fmt: skip
                rows = made.execute("SELECT article_id, start, finish, heading, vector FROM chunks ORDER BY rowid")
                store.replace_chunks(rows, facts)
    except sqlite3.OperationalError as error:
        raise LibraryError(f"重建写不进 {home}（{error}）；原来的知识库没有动", "请腾出磁盘空间再试") from None
    finally:
        store.close()
        _discard(workshop)
    return report


def _make(
    store: Store,
    made: sqlite3.Connection,
    embedder: Embedder,
    chunk_tokens: int,
    on_progress: Callable[[str, float, int, int], None] | None,
) -> RebuildReport:
    limit = min(chunk_tokens, embedder.max_tokens)
    total = store.counts()[0]
    articles = chunks = 0
    rows: list[tuple[str, int, int, str]] = []
    texts: list[str] = []

    def flush() -> None:
        nonlocal chunks
        vectors = embedder.encode_passages(texts)
        made.execute("BEGIN")
        made.executemany(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)",
            [(*row, pack(vector)) for row, vector in zip(rows, vectors, strict=True)],
        )
        made.execute("COMMIT")
        chunks += len(rows)
        rows.clear()
        texts.clear()

    for article in store.articles():
        for chunk in chunk_article(article, max_tokens=limit, count_tokens=embedder.count_tokens):
            rows.append((article.id, chunk.start, chunk.end, chunk.heading))
            texts.append(passage_text(article.title, chunk.text))
        articles += 1
        if len(rows) >= _BATCH_CHUNKS:
            flush()
        if on_progress:
            on_progress("embed", articles, total, chunks)
    if rows:
        flush()
    return RebuildReport(articles, chunks)


def _load_embedder(settings: Settings) -> Embedder:
    try:
        return load_embedder(settings.embedder, threads=settings.threads, models_dir=settings.models)
    except EmbeddingError as error:
        raise ModelError(str(error), "运行 youju models doctor 查看可用的模型") from None


def _discard(workshop: Path) -> None:
    for name in (workshop, workshop.with_name(workshop.name + "-journal")):
        name.unlink(missing_ok=True)
