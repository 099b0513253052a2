"""One collection of articles on disk: the store, the two indexes derived from it, and what keeps them in step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from embeddings import Embedder, EmbeddingError
from rag.errors import EmbedderMismatch, LibraryBusy, LibraryError, ModelError
from rag.ingest import PASSAGE_FORM, AddReport, Ingest, OnProgress
from rag.keyword_index import KeywordIndex
from rag.records import Article
from rag.settings import Settings
from rag.store import Store, unpack
from rag.vector_index import VectorIndex

_DATABASE = "youju.sqlite"
_REBUILD = "youju rebuild"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` found: counts, and a Chinese line for each thing that is wrong (none: all is well).

    `vanished` are files that are no longer where they were read; their articles are kept until removed.
    """

    articles: int
    chunks: int
    problems: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


@contextmanager
def write_lock(home: Path, lock: FileLock | None = None) -> Iterator[None]:
    """Hold a library's write lock; the operating system gives it back when a process dies.

    Raises:
        LibraryBusy: another process (or thread) holds it.
    """
    lock = lock or FileLock(home / "write.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise LibraryBusy(f"另一个程序正在写入知识库 {home}", "请等它完成后再试") from None
    try:
        yield
    finally:
        lock.release()


class Collection:
    """Articles on disk with their vectors and words. Safe to use from several threads; one process writes at a time.

    Args:
        settings: `library` is the folder, made when missing.
        embedder: instead of the one that `settings.embedder` names (for tests and for any LangChain `Embeddings`).

    Raises:
        EmbedderMismatch: the collection was made by another embedder.
        LibraryError: the folder cannot be used.
    """

    def __init__(self, settings: Settings, embedder: Embedder | None = None) -> None:
        self.settings = settings
        self.path = settings.library
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(
                f"知识库文件夹用不了：{self.path}（{error.strerror}）", "请换一个 --library，或检查权限"
            ) from None
        self.store = Store(self.path / _DATABASE)
        self._given = embedder
        self._embedder: Embedder | None = None
        self._vectors: VectorIndex | None = None
        self._keywords: KeywordIndex | None = None
        self._guard = threading.RLock()
        self._lock = FileLock(self.path / "write.lock", thread_local=False)
        made_by = self.store.meta().get("embedder")
        wanted = embedder.name if embedder else settings.embedder
        if made_by and made_by != wanted:
            raise self._mismatch(made_by, wanted)

    def close(self) -> None:
        """Close the files."""
        self.store.close()

    # -- parts, loaded when first needed -------------------------------------------------------------------------

    @property
    def embedder(self) -> Embedder:
        """The embedder, loaded on first use and checked against the collection."""
        with self._guard:
            if self._embedder is None:
                embedder = self._given or self._load_embedder()
                meta = self.store.meta()
                if meta.get("fingerprint", embedder.fingerprint) != embedder.fingerprint:
                    raise self._mismatch(meta["embedder"], f"{embedder.name}（另一版本，指纹 {embedder.fingerprint}）")
                self._embedder = embedder
            return self._embedder

    def _load_embedder(self) -> Embedder:
        from embeddings import load_embedder

        try:
            return load_embedder(self.settings.embedder, threads=self.settings.threads, models_dir=self.settings.models)
        except EmbeddingError as error:
            raise ModelError(str(error), "运行 youju models doctor 查看可用的模型") from None

    def _mismatch(self, made_by: str, wanted: str) -> EmbedderMismatch:
        return EmbedderMismatch(
            f"知识库 {self.path} 是用向量模型 {made_by} 建的，现在设置的是 {wanted}，两者的向量不能混用",
            f"改回 --embedder {made_by}，或运行 {_REBUILD} --library {self.path} 用新模型重建",
        )

    def vectors(self) -> VectorIndex:
        """The dense leg, in step with the store."""
        return self._current()[0]

    def keywords(self) -> KeywordIndex:
        """The keyword leg, in step with the store (or as far as another process that is writing has brought it)."""
        return self._current()[1]

    def _current(self) -> tuple[VectorIndex, KeywordIndex]:
        with self._guard:
            generation = self.store.generation()
            if self._keywords is None:
                self._keywords = KeywordIndex(self.path / "keywords")
            if self._vectors is None:
                embedder = self.embedder
                self._vectors = VectorIndex.load(self.path, embedder.dim, embedder.fingerprint) or VectorIndex(
                    embedder.dim, embedder.fingerprint
                )
            if self._vectors.generation < generation:
                self._catch_up_vectors(self._vectors, generation)
            if self._keywords.generation < generation:
                self._keywords.reload()
            if self._keywords.generation < generation and not self._lock.is_locked:
                try:
                    with self._lock.acquire(blocking=False):
                        self._save_indexes()
                except Timeout:
                    pass  # the process that is writing will finish them; until then its news is missing here
            return self._vectors, self._keywords

    def _catch_up_vectors(self, index: VectorIndex, generation: int) -> None:
        index.remove(self.store.removed_since(index.generation))
        ids: list[int] = []
        rows: list[np.ndarray] = []
        for id_, _, _, vector in self.store.added_since(index.generation):
            ids.append(id_)
            rows.append(unpack(vector))
            if len(ids) == 10_000:
                index.add(ids, np.stack(rows))
                ids, rows = [], []
        if ids:
            index.add(ids, np.stack(rows))
        index.generation = generation

    def _save_indexes(self) -> None:
        """Bring both indexes on disk up to the store. The caller holds the write lock."""
        with self._guard:
            generation = self.store.generation()
            embedder = self.embedder
            if self._vectors is None:
                self._vectors = VectorIndex.load(self.path, embedder.dim, embedder.fingerprint) or VectorIndex(
                    embedder.dim, embedder.fingerprint
                )
            if self._vectors.generation < generation:
                self._catch_up_vectors(self._vectors, generation)
            if self._keywords is None:
                self._keywords = KeywordIndex(self.path / "keywords")
            if self._keywords.generation < generation:
                since = self._keywords.generation
                added = ((id_, title, text) for id_, title, text, _ in self.store.added_since(since))
                self._keywords.update(added, self.store.removed_since(since), generation)
            self._vectors.save(self.path)

    # -- writing -------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with write_lock(self.path, self._lock):
            yield

    def _ingest(self, run: Callable[[Ingest], AddReport], on_progress: OnProgress | None) -> AddReport:
        with self._writing():
            before = self.store.generation()
            try:
                return run(Ingest(self.store, self._embedder_for_writing, self.settings.chunk_tokens, on_progress))
            finally:
                if self.store.meta().get("embedder") and self.store.generation() > before:
                    self._save_indexes()

    def _embedder_for_writing(self) -> Embedder:
        embedder = self.embedder
        if "embedder" not in self.store.meta():
            self.store.set_meta(
                {
                    "embedder": embedder.name,
                    "fingerprint": embedder.fingerprint,
                    "dim": str(embedder.dim),
                    "chunk_tokens": str(self.settings.chunk_tokens),
                    "passage_form": PASSAGE_FORM,
                }
            )
        return embedder

    def add(self, paths: Sequence[Path | str], on_progress: OnProgress | None = None) -> AddReport:
        """Read files and folders into the collection; what it already has is left alone.

        Raises:
            LibraryBusy: another process is writing.
            LibraryError: the disk is full or not writable; what was written before is whole.
        """
        places = [Path(path) for path in paths]
        return self._ingest(lambda ingest: ingest.files(places), on_progress)

    def add_articles(self, articles: Iterable[Article], on_progress: OnProgress | None = None) -> AddReport:
        """Add articles that are already in memory; their `id` and `digest` must be set."""
        return self._ingest(lambda ingest: ingest.articles(articles), on_progress)

    def remove(self, ids: Sequence[str]) -> int:
        """Remove articles by id; the files they came from are not touched. Returns how many there were."""
        with self._writing():
            known = [id_ for id_ in dict.fromkeys(ids) if self.store.article(id_)]
            if known:
                self.store.write(remove=known)
                self._save_indexes()
            return len(known)

    # -- reading -------------------------------------------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        """Number of articles and of chunks."""
        return self.store.counts()

    def articles(self) -> Iterator[Article]:
        """Every article, newest first."""
        return self.store.articles()

    def article(self, article_id: str) -> Article | None:
        """One article by id, or None."""
        return self.store.article(article_id)

    def vanished(self) -> list[str]:
        """Ids of the articles none of whose files is still where it was read."""
        places: dict[str, list[str]] = {}
        for path, state in self.store.files().items():
            if state.article_id:
                places.setdefault(state.article_id, []).append(path)
        return [id_ for id_, paths in places.items() if not any(Path(path).exists() for path in paths)]

    def check(self) -> CheckReport:
        """Prove that the collection is whole; derived indexes that are not are made anew on the way (and reported)."""
        problems = self.store.verify()
        meta = self.store.meta()
        dim = int(meta.get("dim", "0"))
        for article in self.store.articles():
            for chunk, vector in self.store.chunks_of(article.id):
                if not 0 <= chunk.start < chunk.end <= len(article.text):
                    problems.append(f"文章《{article.title}》的片段 {chunk.id} 越出了正文")
                if vector.shape != (dim,) or not np.isfinite(vector).all():
                    problems.append(f"文章《{article.title}》的片段 {chunk.id} 的向量坏了，请运行 {_REBUILD}")
        if dim:
            vectors, keywords = self._current()
            ids = self.store.chunk_ids()
            for name, index in (("向量索引", vectors), ("关键词索引", keywords)):
                if index.ids() != ids:
                    problems.append(f"{name}与文章不一致，已重建")
                    self._discard_indexes()
        vanished = tuple(
            path for path, state in self.store.files().items() if state.article_id and not Path(path).exists()
        )
        articles, chunks = self.counts()
        return CheckReport(articles, chunks, tuple(problems), vanished)

    def _discard_indexes(self) -> None:
        with self._guard, self._writing():
            (self.path / "vectors.json").unlink(missing_ok=True)
            (self.path / "keywords" / "youju.json").unlink(missing_ok=True)
            self._vectors = self._keywords = None
            self._save_indexes()
