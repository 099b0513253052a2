"""The index of a library on one machine: FAISS and Tantivy in the library's folder."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings import Embedder
from rag.errors import LibraryError
from rag.filters import Filters
from rag.keyword_index import KeywordIndex
from rag.records import IndexedChunk
from rag.search_index import ALL, Scored, SearchIndex, Vector
from rag.store import Store, unpack
from rag.vector_index import VectorIndex

_COMPARED_AT_ONCE = 10_000
_CAUGHT_UP_AT_OPENING = 2_000
"""The saved vectors may be so many changes behind the store (or a fiftieth of it, if that is more): they are read from it within a
tenth of a second, and adding one article to a million does not write a gigabyte."""


class FolderIndex(SearchIndex):
    """Vectors in memory, saved now and then and brought up from the store when opened; words on disk.

    Args:
        home: the library's folder.
        store: the truth.
        embedder: gives the embedder, loaded, when it is first needed.
        matching: ids of the chunks that filters let through, ascending.
    """

    def __init__(
        self,
        home: Path,
        store: Store,
        embedder: Callable[[], Embedder],
        matching: Callable[[Filters], NDArray[np.int64]],
    ) -> None:
        self._home = home
        self._store = store
        self._embedder = embedder
        self._matching = matching
        self._guard = threading.RLock()
        self._vectors: VectorIndex | None = None
        self._keywords: KeywordIndex | None = None
        self._mended = False
        self._first = store.database.shared and not (home / "keywords").exists()  # this machine has joined a library
        self.repairs: list[str] = []

    # -- searching -----------------------------------------------------------------------------------------------

    def dense(self, query: Vector, k: int, filters: Filters = ALL) -> Scored:
        """See `SearchIndex.dense`."""
        return self.vectors.search(query, k, self._matching(filters) if filters else None)

    def keyword(self, words: Sequence[str], k: int, filters: Filters = ALL, *, pairs: Sequence[str] = ()) -> Scored:
        """See `SearchIndex.keyword`."""
        return self.keywords.search(words, k, filters, pairs=pairs)

    def rows(self, ids: Sequence[int]) -> dict[int, Vector]:
        """See `SearchIndex.rows`."""
        return self.vectors.rows(ids)

    def idf(self, words: Sequence[str]) -> dict[str, float]:
        """See `SearchIndex.idf`."""
        return self.keywords.idf(words)

    @property
    def vectors(self) -> VectorIndex:
        """The dense leg."""
        return self._load()[0]

    @property
    def keywords(self) -> KeywordIndex:
        """The keyword leg."""
        return self._load()[1]

    # -- in step with the store ----------------------------------------------------------------------------------

    def follow(self) -> bool:
        """See `SearchIndex.follow`. Vectors are always brought up; words only as far as the writing process has brought them."""
        with self._guard:
            generation = self._store.generation()
            vectors, keywords = self._load()
            self._catch_up(vectors, generation)
            if keywords.generation < generation:
                keywords.reload()
            return keywords.generation >= generation and not self._mended

    def update(self, on_step: Callable[[int, int], None] | None = None) -> None:
        """See `SearchIndex.update`."""
        with self._guard:
            generation = self._store.generation()
            vectors, keywords = self._load()
            self._catch_up(vectors, generation)
            try:
                if keywords.generation < generation:
                    since = keywords.generation
                    keywords.update(
                        _counted(self._store.words_since(since), on_step, self._store.counts()[1]),
                        self._store.removed_since(since),
                        generation,
                    )
                if (
                    vectors.group()
                    or vectors.unsaved >= max(_CAUGHT_UP_AT_OPENING, len(vectors) // 50)
                    or self._mended
                    or not (self._home / "vectors.json").is_file()
                ):
                    vectors.save(self._home)
            except OSError as error:
                raise LibraryError(
                    f"索引写不进 {self._home}（{error.strerror or error}）；文章都已存好，索引可以随时重建",
                    "请腾出磁盘空间或检查文件夹权限，再运行同一条命令",
                ) from None
            self._mended = False
            if not self._store.meta().get("indexed"):
                self._store.set_meta({"indexed": "1"})

    def behind(self) -> bool:
        """See `SearchIndex.behind`."""
        return not (self._home / "vectors.json").is_file() or not (self._home / "keywords" / "youju.json").is_file()

    def faults(self) -> Mapping[str, Callable[[], bool]]:
        """See `SearchIndex.faults`."""
        return {"向量索引": self._vectors_fine, "关键词索引": self._keywords_fine}

    def discard(self) -> None:
        """See `SearchIndex.discard`."""
        with self._guard:
            (self._home / "vectors.json").unlink(missing_ok=True)  # without these two the rest counts as missing
            (self._home / "keywords" / "youju.json").unlink(missing_ok=True)
            self._vectors = self._keywords = None
            with suppress(OSError):  # some systems keep a file that another process reads
                (self._home / "vectors.faiss").unlink(missing_ok=True)
            shutil.rmtree(self._home / "keywords", ignore_errors=True)

    def _load(self) -> tuple[VectorIndex, KeywordIndex]:
        """Both legs as they lie on disk; one that is missing or damaged starts empty, and a repair is noted."""
        with self._guard:
            if self._keywords is None:
                self._keywords = KeywordIndex(self._home / "keywords")
                if self._keywords.generation > self._store.generation():  # the store is an older one, put back
                    self._keywords = None
                    shutil.rmtree(self._home / "keywords", ignore_errors=True)
                    self._keywords = KeywordIndex(self._home / "keywords")
                if not self._keywords.generation:
                    self._note_repair("关键词索引")
            if self._vectors is None:
                embedder = self._embedder()
                self._vectors = VectorIndex.load(self._home, embedder.dim, embedder.fingerprint)
                if self._vectors is None or self._vectors.generation > self._store.generation():
                    self._vectors = VectorIndex(embedder.dim, embedder.fingerprint)
                    self._note_repair("向量索引")
            return self._vectors, self._keywords

    def _note_repair(self, what: str) -> None:
        if self._store.meta().get("indexed") and not self._first:  # what was never indexed has nothing to repair
            self._mended = True
            self.repairs.append(f"{what}缺失或损坏，已从知识库重建")

    def _catch_up(self, vectors: VectorIndex, generation: int) -> None:
        if vectors.generation >= generation:
            return
        vectors.remove(self._store.removed_since(vectors.generation))
        ids: list[int] = []
        rows: list[Vector] = []
        for id_, vector in self._store.vectors_since(vectors.generation):
            ids.append(id_)
            rows.append(unpack(vector))
            if len(ids) == _COMPARED_AT_ONCE:
                vectors.add(ids, np.stack(rows))
                ids, rows = [], []
        if ids:
            vectors.add(ids, np.stack(rows))
        vectors.generation = generation

    def _vectors_fine(self) -> bool:
        self.follow()
        ids = sorted(self._store.chunk_ids())
        if self.vectors.ids() != set(ids):
            return False
        for start in range(0, len(ids), _COMPARED_AT_ONCE):
            batch = dict(self._store.vectors_of(ids[start : start + _COMPARED_AT_ONCE]))
            if batch and self.vectors.differing(list(batch), np.stack(list(batch.values()))):
                return False
        return True

    def _keywords_fine(self) -> bool:
        self.follow()
        return self.keywords.ids() == self._store.chunk_ids() and not self.keywords.damaged()


def _counted(
    items: Iterable[IndexedChunk], on_step: Callable[[int, int], None] | None, total: int
) -> Iterator[IndexedChunk]:
    for done, item in enumerate(items, 1):
        yield item
        if on_step:
            on_step(done, total)
