"""The index of a library that has outgrown one machine: a Milvus collection with both legs, beside the same store.

The collection is spoken to through pymilvus and not through langchain-milvus, whose searches return one fused list: retrieval needs
each leg's own scores. Words are cut here, exactly as for the index in a folder, and Milvus's jieba analyser takes them as they are.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings import Embedder
from rag.errors import LibraryError
from rag.filters import Filters, day_number, facet_terms, wanted_terms
from rag.keyword_index import WEIGHTS
from rag.records import IndexedChunk
from rag.search_index import ALL, Scored, SearchIndex, Vector
from rag.store import Store
from rag.words import index_pairs, index_words

_AT_ONCE = 200
"""Rows a request: with the longest texts still below the 64 MB that gRPC takes."""

_LONGEST = 65_000
"""Bytes of a text field; Milvus takes 65,535."""

_MOST = 16_384
"""Rows that Milvus returns at once."""

_MOST_FACETS = 64
_KEPT_WORDS = 20_000
_COMPARED_ONE_BY_ONE = 2_000
_GRAPH = {"M": 16, "efConstruction": 200}
"""HNSW (Malkov & Yashunin 2018): neighbours of each vector, and candidates looked at when it is put in."""

_NO_WORD = re.compile(r"[^\w.]+")
_MISSING = "Milvus 里的集合不见了，已从知识库重建"


class MilvusIndex(SearchIndex):
    """A collection `youju_<library>_<embedder>`: vectors by cosine, BM25 over words and pairs of text and title, filters as numbers.

    Its generation is kept in the store, so that a collection that is lost is made anew and an update that was broken off is done again.

    Args:
        uri: http(s)://host:19530 of a server or a cluster, or a file name that ends in .db for Milvus Lite.
        store: the truth.
        embedder: gives the embedder, loaded, when it is first needed.
        matching: ids of the chunks that filters let through, ascending.
        token: "user:password" or an API key; empty for none.

    Raises:
        LibraryError: pymilvus is not installed, or the server cannot be reached.
    """

    def __init__(
        self,
        uri: str,
        store: Store,
        embedder: Callable[[], Embedder],
        matching: Callable[[Filters], NDArray[np.int64]],
        token: str = "",
    ) -> None:
        self.uri = uri
        self.shared = "://" in uri
        self._store = store
        self._embedder = embedder
        self._matching = matching
        self._guard = threading.RLock()
        self._rarity: tuple[int, int, dict[str, float]] = (-1, 0, {})  # of a generation: chunks in all, and known words
        self._opened = ""
        self.repairs: list[str] = []
        self._client = self._connect(token)

    @property
    def name(self) -> str:
        """The collection's name."""
        return f"{self._prefix}{self._embedder().fingerprint}"

    @property
    def _prefix(self) -> str:
        return f"youju_{self._store.library_id()}_"

    # -- searching -----------------------------------------------------------------------------------------------

    def dense(self, query: Vector, k: int, filters: Filters = ALL) -> Scored:
        """See `SearchIndex.dense`. What few chunks a filter leaves are compared one by one: a graph search may miss some of them."""
        if filters:
            passing = self._matching(filters)
            if len(passing) <= _COMPARED_ONE_BY_ONE:
                rows = self._store.vectors_of(passing.tolist())
                found = [(id_, float(vector @ query)) for id_, vector in rows]
                return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]
        return self._search("dense", query.tolist(), k, _expression(filters))

    def keyword(self, words: Sequence[str], k: int, filters: Filters = ALL, *, pairs: Sequence[str] = ()) -> Scored:
        """See `SearchIndex.keyword`. A chunk that one field finds is scored in all of them, as in one index."""
        if not words or k < 1:
            return []
        passing = _expression(filters)
        asked = {field: " ".join(pairs if field.endswith("pairs") else words) for field in WEIGHTS}
        asked = {field: text for field, text in asked.items() if text}
        found = {field: dict(self._search(f"{field}_bm25", text, k, passing)) for field, text in asked.items()}
        ids = sorted(set().union(*found.values()))
        for field, scores in found.items():
            if len(scores) > 0 and (missing := [id_ for id_ in ids if id_ not in scores]):
                among = f"id in {missing}" + (f" and {passing}" if passing else "")
                scores |= dict(self._search(f"{field}_bm25", asked[field], len(missing), among))
        total = {id_: sum(WEIGHTS[field] * scores.get(id_, 0.0) for field, scores in found.items()) for id_ in ids}
        return sorted(total.items(), key=lambda hit: (-hit[1], hit[0]))[:k]

    def rows(self, ids: Sequence[int]) -> dict[int, Vector]:
        """See `SearchIndex.rows`."""
        found: dict[int, Vector] = {}
        for batch in _batches(ids, _AT_ONCE):
            with self._reaching():
                rows = self._client.get(self.name, ids=[int(id_) for id_ in batch], output_fields=["id", "dense"])
            found |= {int(row["id"]): np.asarray(row["dense"], dtype=np.float32) for row in rows}
        return found

    def idf(self, words: Sequence[str]) -> dict[str, float]:
        """See `SearchIndex.idf`. Counts are kept until the store changes."""
        generation = self._store.generation()
        with self._guard:
            if self._rarity[0] != generation or len(self._rarity[2]) > _KEPT_WORDS:
                self._rarity = (generation, self._count("id >= 0"), {})
            _, total, known = self._rarity
        for word in dict.fromkeys(words):
            if word not in known:
                plain = _NO_WORD.sub(" ", word).strip()  # no quote and no backslash stands in an expression
                n = self._count(f'text_match(text, "{plain}")') if plain else 0
                known[word] = math.log(1 + (max(total, n) - n + 0.5) / (n + 0.5))
        return {word: known[word] for word in words}

    # -- in step with the store ----------------------------------------------------------------------------------

    def follow(self) -> bool:
        """See `SearchIndex.follow`: another machine's writer brings the collection up for all."""
        return self._generation() >= self._store.generation()

    def update(self, on_step: Callable[[int, int], None] | None = None) -> None:
        """See `SearchIndex.update`. Broken off, it is done again; doing it twice is harmless."""
        with self._guard, self._reaching():
            since = self._generation()
            generation = self._store.generation()
            if not since:
                self._make()
            for ids in _batches(self._store.removed_since(since), _AT_ONCE):
                self._client.delete(self.name, ids=ids)
            total, done = self._store.counts()[1], 0
            chunks = self._store.words_since(since)
            while batch := list(islice(chunks, _AT_ONCE)):
                vectors = dict(self._store.vectors_of([chunk.id for chunk in batch]))
                self._client.upsert(
                    self.name, [_row(chunk, vectors[chunk.id]) for chunk in batch if chunk.id in vectors]
                )
                done += len(batch)
                if on_step:
                    on_step(done, total)
            self._record(generation)

    def behind(self) -> bool:
        """See `SearchIndex.behind`."""
        return self._recorded()[1] < self._store.generation()

    def faults(self) -> Mapping[str, Callable[[], bool]]:
        """See `SearchIndex.faults`."""
        return {"Milvus 索引": self._fine}

    def discard(self) -> None:
        """See `SearchIndex.discard`."""
        with self._guard, self._reaching():
            for name in self._client.list_collections():
                if name.startswith(self._prefix):
                    self._client.drop_collection(name)
            self._opened = ""
            if self._recorded()[0]:
                self._record(0)

    def close(self) -> None:
        """See `SearchIndex.close`."""
        self._client.close()

    # -- Milvus --------------------------------------------------------------------------------------------------

    def _connect(self, token: str) -> Any:
        try:
            from pymilvus import MilvusClient
        except ImportError:
            raise LibraryError(
                f"要用 Milvus（{self.uri}），但没有安装 pymilvus", 'pip install "pymilvus>=3,<4"'
            ) from None
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it prints tracebacks of what we say in Chinese
        with self._reaching():
            return MilvusClient(uri=self.uri, token=token, timeout=20)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Milvus's own errors as ours."""
        from grpc import RpcError
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except (MilvusException, RpcError, OSError) as error:
            self._opened = ""  # a server that was started again wants its collection loaded
            reason = str(getattr(error, "message", "") or error).split("\n")[0]
            raise LibraryError(
                f"Milvus 用不了：{self.uri}（{reason}）；文章都在知识库里，没有丢",
                "请检查 Milvus 是否在运行、地址与 YOUJU_INDEX_TOKEN 是否正确；要改回本机索引：youju move --to folder",
            ) from None

    def _generation(self) -> int:
        """How far the collection is; 0 for none. Looks for it once."""
        name, generation = self._recorded()
        if name != self.name or not generation:
            return 0
        with self._guard:
            if self._opened != name:
                with self._reaching():
                    if not self._client.has_collection(name):
                        if _MISSING not in self.repairs:
                            self.repairs.append(_MISSING)
                        return 0
                    self._client.load_collection(name)
                self._opened = name
        return generation

    def _recorded(self) -> tuple[str, int]:
        """The collection at this address that was last updated, as the store remembers it, and its generation."""
        place, name, generation = json.loads(self._store.meta().get("indexed_to", '["", "", 0]'))
        return (name, generation) if place == self.uri else ("", 0)

    def _record(self, generation: int) -> None:
        self._store.set_meta({"indexed_to": json.dumps([self.uri, self.name, generation]), "indexed": "1"})

    def _make(self) -> None:
        """A new, empty collection; what an earlier embedder left is dropped."""
        from pymilvus.exceptions import MilvusException

        for name in self._client.list_collections():  # of another embedder, or one whose generation is not known
            if name.startswith(self._prefix):
                self._client.drop_collection(name)
        try:
            self._create("whitespace")
        except MilvusException:
            self._create("standard")  # Milvus Lite has no other
        self._client.load_collection(self.name)
        self._opened = self.name

    def _create(self, pair_tokenizer: str) -> None:
        from pymilvus import DataType, Function, FunctionType, MilvusClient

        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("dense", DataType.FLOAT_VECTOR, dim=self._embedder().dim)
        schema.add_field("day", DataType.INT64)
        schema.add_field("facets", DataType.ARRAY, element_type=DataType.INT64, max_capacity=_MOST_FACETS)
        indexes = MilvusClient.prepare_index_params()
        indexes.add_index("dense", index_type="HNSW", metric_type="COSINE", params=_GRAPH)
        for field in WEIGHTS:
            tokenizer = pair_tokenizer if field.endswith("pairs") else {"type": "jieba", "mode": "exact"}
            schema.add_field(
                field, DataType.VARCHAR, max_length=65_535, enable_analyzer=True, enable_match=field == "text",
                analyzer_params={"tokenizer": tokenizer},
            )  # fmt: skip
            schema.add_field(f"{field}_bm25", DataType.SPARSE_FLOAT_VECTOR)
            schema.add_function(
                Function(
                    name=f"{field}_to_bm25", function_type=FunctionType.BM25,
                    input_field_names=[field], output_field_names=[f"{field}_bm25"],
                )
            )  # fmt: skip
            indexes.add_index(
                f"{field}_bm25", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25",
                params={"bm25_k1": 1.2, "bm25_b": 0.75},
            )  # fmt: skip
        self._client.create_collection(  # Strong: what was added is found
            self.name, schema=schema, index_params=indexes, consistency_level="Strong"
        )

    def _search(self, field: str, asked: Any, k: int, expression: str) -> Scored:
        limit = min(k, _MOST)
        how = {"params": {"ef": max(256, 2 * limit)}} if field == "dense" else {}
        with self._reaching():
            (rows,) = self._client.search(
                self.name,
                data=[asked],
                anns_field=field,
                limit=limit,
                filter=expression,
                output_fields=["id"],
                search_params=how,
            )
        # a distance of BM25 is its score; Milvus Lite turns its sign
        found = [
            (int(row["id"]), abs(float(row["distance"])) if field != "dense" else float(row["distance"]))
            for row in rows
        ]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def _count(self, expression: str) -> int:
        with self._reaching():
            (row,) = self._client.query(self.name, filter=expression, output_fields=["count(*)"])
        return int(row["count(*)"])

    def _fine(self) -> bool:
        if not self.follow():
            return False
        wanted = sorted(self._store.chunk_ids())
        if self._count("id >= 0") != len(wanted):
            return False
        for batch in _batches(wanted, _AT_ONCE):
            stored = dict(self._store.vectors_of(batch))
            found = self.rows(batch)
            if found.keys() != stored.keys() or any(
                not np.allclose(found[id_], vector, atol=1e-3) for id_, vector in stored.items()
            ):
                return False
        return True


def _row(chunk: IndexedChunk, vector: Vector) -> dict[str, Any]:
    texts = {
        "text": index_words(chunk.text), "title": index_words(chunk.title),
        "text_pairs": index_pairs(chunk.text), "title_pairs": index_pairs(chunk.title),
    }  # fmt: skip
    return {
        "id": chunk.id, "dense": vector, "day": day_number(chunk.published_at),
        "facets": [_number(term) for term in facet_terms(chunk.source, chunk.category, chunk.article_id)][:_MOST_FACETS],
        **{field: _cut(" ".join(words)) for field, words in texts.items()},
    }  # fmt: skip


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST].decode(errors="ignore")


def _number(term: str) -> int:
    """A facet as a number: no text of an article ever stands in a filter expression."""
    return int.from_bytes(hashlib.blake2b(term.encode(), digest_size=8).digest(), "big", signed=True)


def _expression(filters: Filters) -> str:
    """The filters in Milvus's language; empty for none."""
    parts = []
    if filters.after or filters.before:
        parts.append(f"day >= {filters.after.toordinal() if filters.after else 1}")
    if filters.before:
        parts.append(f"day <= {filters.before.toordinal()}")
    parts += [f"array_contains_any(facets, {[_number(term) for term in terms]})" for terms in wanted_terms(filters)]
    return " and ".join(parts)


def _batches(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(ids), size):
        yield [int(id_) for id_ in ids[start : start + size]]
