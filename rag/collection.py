"""One collection of articles on disk: the store, the two indexes derived from it, and what keeps them in step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from embeddings import Embedder, EmbeddingError, PassageReader, Reranker
from rag.checking import CheckReport, back_up, check_sample, check_store
from rag.database import SqliteDatabase
from rag.errors import EmbedderMismatch, LibraryBusy, LibraryError, ModelError
from rag.facets import facets, matching_chunks
from rag.fetch import is_web_address
from rag.filters import Facets, Filters
from rag.folder_index import FolderIndex
from rag.inbox import Inbox
from rag.ingest import PASSAGE_FORM, AddReport, Ingest, OnProgress, Reader
from rag.moving import move_home, move_out
from rag.records import Article
from rag.search_index import SearchIndex
from rag.settings import Settings
from rag.store import Store, open_store
from rag.uploads import Upload
from rag.writing import SaveNowAndThen, write_lock

_REBUILD = "youju rebuild"


_KEPT_MATCHES = 8


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
        self._store = open_store(self.path)
        self._left: list[Store] = []
        self._given = embedder
        self._embedder: Embedder | None = None
        self._reranker: Reranker | None = None
        self._index: SearchIndex | None = None
        self._index_place: tuple[Store, str] | None = None
        self._guard = threading.RLock()
        self._counted: tuple[int, tuple[int, int]] | None = None
        self._matches: dict[Filters, tuple[int, NDArray[np.int64]]] = {}
        self._lock = FileLock(self.path / "write.lock", thread_local=False)
        self._one_writer = threading.Lock()  # the other one lets the threads of a process in together
        try:
            self._check_embedder(self.store)
        except EmbedderMismatch:
            self.store.close()
            raise

    def close(self) -> None:
        """Close the files and connections."""
        if self._index is not None:
            self._index.close()
        for store in (*self._left, self._store):
            store.close()

    @property
    def store(self) -> Store:
        """The truth, wherever another process may have moved it meanwhile."""
        if self._store.moved():
            with self._guard:
                if self._store.moved():
                    self._left.append(self._store)  # others may be reading in it
                    self._store = open_store(self.path)
        return self._store

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

    @property
    def reranker(self) -> Reranker | None:
        """The reranker that the settings name, loaded on first use; None for none.

        Raises:
            ModelError: it is not on this machine, or cannot be used.
        """
        if not self.settings.reranker:
            return None
        with self._guard:
            if self._reranker is None:
                from embeddings import load_reranker

                try:
                    self._reranker = load_reranker(
                        self.settings.reranker, threads=self.settings.threads, models_dir=self.settings.models
                    )
                except EmbeddingError as error:
                    raise ModelError(
                        str(error), "运行 youju models doctor 查看可用的模型，或去掉设置 reranker"
                    ) from None
            return self._reranker

    def _check_embedder(self, store: Store) -> None:
        made_by = store.meta().get("embedder")
        wanted = self._given.name if self._given else self.settings.embedder
        if made_by and made_by != wanted:
            raise self._mismatch(made_by, wanted)

    @property
    def reader(self) -> PassageReader | None:
        """What reads passages with a question, loaded on first use; None where the settings name none.

        Raises:
            ModelError: its files are missing or damaged.
        """
        if not self.settings.reader:
            return None
        from embeddings.reader import load_reader

        try:
            return load_reader(self.settings.threads)
        except EmbeddingError as error:
            raise ModelError(str(error), "或去掉：设置 reader 留空") from None

    def _mismatch(self, made_by: str, wanted: str) -> EmbedderMismatch:
        return EmbedderMismatch(
            f"知识库 {self.path} 是用向量模型 {made_by} 建的，现在设置的是 {wanted}，两者的向量不能混用",
            f"改回 --embedder {made_by}，或运行 {_REBUILD} --library {self.path} 用新模型重建",
        )

    def index(self) -> SearchIndex:
        """Both legs, in step with the store (or as far as another process that is writing has brought them)."""
        with self._guard:
            meta = self.store.meta()
            if meta.get("fingerprint", self.embedder.fingerprint) != self.embedder.fingerprint:
                # another process has rebuilt the library with another embedder meanwhile
                raise self._mismatch(meta["embedder"], self.embedder.name)
            index = self._opened_index(meta)
            if not index.follow() and not self._lock.is_locked:
                try:
                    with self._lock.acquire(blocking=False), self._sharing(index):
                        index.update()
                except (Timeout, LibraryBusy):
                    pass  # the process that is writing will finish them; until then its news is missing here
            return index

    @property
    def repairs(self) -> list[str]:
        """What was found damaged or missing since the collection was opened, and made anew (Chinese)."""
        return self._index.repairs if self._index is not None else []

    def _opened_index(self, meta: Mapping[str, str] | None = None) -> SearchIndex:
        place = (self.store.meta() if meta is None else meta).get("index", "")
        with self._guard:
            if self._index is None or self._index_place != (self.store, place):  # another process may have moved it
                self._index, self._index_place = self._index_at(place), (self.store, place)
            return self._index

    def _index_at(self, place: str) -> SearchIndex:
        if place:
            from rag.milvus_index import MilvusIndex

            return MilvusIndex(
                place, self.store, lambda: self.embedder, self.matching, self.settings.index_token.get_secret_value()
            )
        return FolderIndex(self.path, self.store, lambda: self.embedder, self.matching)

    def move_index(self, place: str, on_step: Callable[[int, int], None] | None = None) -> None:
        """Build the index at another place and use it from now on, here and in every other process; the articles stay where they are.

        Args:
            place: a Milvus address (http://host:19530; host.db for Milvus Lite), or empty for the library's folder.
            on_step: told how many chunks are done, and how many there are.

        Raises:
            LibraryError: the place cannot be reached; the index stays where it is.
            LibraryBusy: another process is writing.
        """
        with self._writing():
            self._embedder_for_writing()
            index = self._index_at(place)
            index.discard()
            index.update(on_step)
            index.repairs.clear()  # a folder that has no index yet is nothing damaged
            before = self.store.meta().get("index", "")
            self.store.set_meta({"index": place})
            with self._guard:
                self._index, self._index_place = index, (self.store, place)
            if before != place:
                with suppress(LibraryError):  # what lies in a server that is gone cannot be dropped
                    old = self._index_at(before)
                    old.discard()
                    old.close()

    def _sharing(self, index: SearchIndex) -> AbstractContextManager[None]:
        """Hold off writers on other machines where they would write to this very index."""
        return self.store.database.writing() if index.shared else nullcontext()

    def move_articles(self, place: str, on_step: Callable[[int, int], None]) -> bool:
        """Move the articles into a database and use them there from now on, here and in every other process; the index stays where it is.

        Args:
            place: postgresql://… (see `rag.postgres.articles_place`), or empty for the library's folder, where they are copied to.
            on_step: told how many rows are copied, and how many there are.

        Returns:
            Whether a library that is at that place already was joined instead, because there are no articles here.

        Raises:
            LibraryError: the place cannot be reached, or both have articles; nothing is changed.
            EmbedderMismatch: the library there was made by another embedder.
            LibraryBusy: another process or machine is writing.
        """
        joined = False
        with self._writing():
            store = self.store
            if place == ("" if isinstance(store.database, SqliteDatabase) else store.name):
                return False
            if place and not isinstance(store.database, SqliteDatabase):
                raise LibraryError(
                    f"文章在 {store.name}，不能直接搬到另一个数据库", "请先 youju move --to sqlite，再搬过去"
                )
            if place:
                from rag.postgres import PostgresDatabase

                target = Store(PostgresDatabase(place))
                try:
                    with target.database.writing():
                        joined = move_out(store, self.path, target, self._check_embedder, on_step)
                finally:
                    target.close()
            else:
                move_home(store, self.path, on_step)
            with self._guard:
                self._left.append(store)
                self._store = open_store(self.path)
                self._index = self._counted = None
                self._matches.clear()
                if joined:  # what index lies here belongs to other articles
                    self._index_at("").discard()
        return joined

    def _update_index(self) -> None:
        """Bring the index up to the store. The caller holds the write lock."""
        with self._guard:
            self._opened_index().update()

    # -- writing -------------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._one_writer.acquire(blocking=False):
            raise LibraryBusy(f"正在写入知识库 {self.path}（加入、移除或重建索引）", "请等它完成后再试")
        try:
            with write_lock(self.path, self._lock), self.store.database.writing():
                yield
        finally:
            self._one_writer.release()

    def _ingest(self, run: Callable[[Ingest], AddReport], on_progress: OnProgress | None, rows: bool) -> AddReport:
        with self._writing():
            before = self.store.generation()
            saved = SaveNowAndThen(self._update_index)
            ingest = Ingest(
                self.store,
                self._embedder_for_writing,
                self.settings.chunk_tokens,
                self.settings.column_names,
                on_progress,
                saved.tick,
                keep_rows=rows,
            )
            report = run(
                ingest
            )  # broken off, it leaves the indexes as they were last saved; they catch up by themselves
            if self.store.generation() > before or self._indexes_behind():
                started = time.perf_counter()
                self._update_index()
                stages = dict(report.stages)
                stages["index"] = stages.get("index", 0.0) + time.perf_counter() - started
                report = replace(report, stages=stages)
            return report

    def _indexes_behind(self) -> bool:
        """Whether an earlier run stored chunks and was broken off before the indexes had them."""
        if not self.store.counts()[1]:
            return False
        return self._opened_index().behind()

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

    def add(
        self,
        paths: Sequence[Path | str],
        on_progress: OnProgress | None = None,
        *,
        rows: bool = False,
        reader: Reader | None = None,
        uploads: Sequence[Upload] = (),
    ) -> AddReport:
        """Read files and folders into the collection; what it already has is left alone.

        Args:
            paths: files and folders; web addresses too where the setting `fetch` allows it.
            on_progress: see `OnProgress`.
            rows: list in the report what became of each file.
            reader: instead of the one that reads in a process of its own.
            uploads: files that somebody sent; they may be deleted afterwards.

        Raises:
            LibraryBusy: another process is writing.
            LibraryError: the disk is full or not writable; what was written before is whole.
        """
        addresses = [str(path) for path in paths if is_web_address(str(path))]
        if addresses and not self.settings.fetch:
            raise LibraryError(
                f"没有允许联网，不取网址：{addresses[0]}", "加 --fetch，或把设置 fetch 改为 true，就会从网上取这一页"
            )
        places = [Path(path) for path in paths if not is_web_address(str(path))]
        return self._ingest(lambda ingest: ingest.files(places, reader, addresses, uploads), on_progress, rows)

    def withdraw(self, uploads: Sequence[Upload]) -> int:
        """Give up what was read from uploads and still waits, after an `add` that was broken off. Returns how many articles."""
        with self._writing():
            waiting = Inbox(self.store).waiting_in([upload.place() for upload in uploads])
            self.store.write(remove=[id_ for id_ in waiting if self.store.digest(id_) is None])
            return len(waiting)

    def add_articles(self, articles: Iterable[Article], on_progress: OnProgress | None = None) -> AddReport:
        """Add articles that are already in memory; their `id` and `digest` must be set."""
        return self._ingest(lambda ingest: ingest.articles(articles), on_progress, rows=False)

    def remove(self, ids: Sequence[str]) -> int:
        """Remove articles by id; the files they came from are not touched. Returns how many there were."""
        with self._writing():
            known = [id_ for id_ in dict.fromkeys(ids) if self.store.article(id_)]
            if known:
                self.store.write(remove=known)
                self._update_index()
            return len(known)

    # -- reading -------------------------------------------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        """Number of articles and of chunks."""
        generation = self.store.generation()
        if self._counted is None or self._counted[0] != generation:
            self._counted = generation, self.store.counts()
        return self._counted[1]

    def matching(self, filters: Filters) -> NDArray[np.int64]:
        """Ids of the chunks that filters let through, ascending, shape (n,); kept for the next question with the same filters."""
        generation = self.store.generation()
        with self._guard:
            known = self._matches.get(filters)
        if known is None or known[0] != generation:
            known = generation, matching_chunks(self.store, filters)
            with self._guard:
                if len(self._matches) >= _KEPT_MATCHES:
                    self._matches.pop(next(iter(self._matches)))
                self._matches[filters] = known
        return known[1]

    def facets(self) -> Facets:
        """What the collection can be filtered by."""
        return facets(self.store)

    def articles(self) -> Iterator[Article]:
        """Every article, newest first."""
        return self.store.articles()

    def outline(self) -> Iterator[tuple[str, str, int]]:
        """Month of publication in Asia/Shanghai ("2021-07", or empty), source and number of characters of every article."""
        for article in self.store.articles():
            yield article.date[:7], article.source, len(article.text)

    def article(self, article_id: str) -> Article | None:
        """One article by id, or None."""
        return self.store.article(article_id)

    def vanished(self) -> list[str]:
        """Ids of the articles none of whose files is still where it was read."""
        alive: dict[str, bool] = {}
        exists: dict[str, bool] = {}
        for article_id, path in self.store.places():
            if path not in exists:
                exists[path] = not self.store.database.gone(path)
            alive[article_id] = alive.get(article_id, False) or exists[path]
        return [id_ for id_, here in alive.items() if not here]

    def backup(self, target: Path) -> None:
        """Write the whole library into one file, while others read and write it. See `restore`.

        Raises:
            LibraryError: the file exists already, or cannot be written.
        """
        back_up(self.store, target)

    def check(self, on_step: Callable[[int, int], None] | None = None) -> CheckReport:
        """Prove that the collection is whole; derived indexes that are not are made anew on the way.

        What `repairs` held is in the report and cleared.

        Args:
            on_step: told how many articles are checked, and how many there are.
        """
        meta = self.store.meta()
        dim = int(meta.get("dim", "0"))
        problems = check_store(self.store, dim, on_step)
        repaired: list[str] = []
        if dim and not problems:
            problems += check_sample(self.store, self.embedder)
            for name, fine in self.index().faults().items():
                if not fine():
                    repaired.append(f"{name}与文章不一致，已重建")
                    self._renew_index()
                    if not fine():
                        problems.append(f"{name}重建后仍与文章不一致，请检查磁盘")
        gone = {path for path in {path for _, path in self.store.places()} if self.store.database.gone(path)}
        articles, chunks = self.counts()
        told = (*self.repairs, *repaired)
        self.repairs.clear()  # nobody needs to be told twice
        return CheckReport(
            articles, chunks, tuple(problems), told, self.store.waiting(),
            tuple(sorted(gone)),
        )  # fmt: skip

    def _renew_index(self) -> None:
        """Make the index anew from the store."""
        with self._guard, self._writing():
            index = self._opened_index()
            noted = list(index.repairs)
            index.discard()
            index.update()
            index.repairs[:] = noted
