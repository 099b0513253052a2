"""The dense leg: a FAISS index over chunk vectors, derived from the store and able to catch up with it."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.durable import write_whole

_FORMAT = 2


class VectorIndex:
    """Exact inner-product search over unit vectors (so scores are cosines), keyed by chunk id.

    Args:
        dim: length of the vectors.
        fingerprint: of the embedder that made them; saved with the index, and an index with another one is not loaded.

    `generation` is the store's generation that the index has caught up with.
    """

    def __init__(self, dim: int, fingerprint: str) -> None:
        import faiss

        # One question at a time: on busy cores OpenMP's threads wait for each other (43 ms instead of 5 for 23,000 chunks).
        faiss.omp_set_num_threads(1)
        self.dim = dim
        self.fingerprint = fingerprint
        self.generation = 0
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        self._lock = threading.RLock()  # FAISS may be searched from many threads, but not while it changes

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add vectors, shape (len(ids), dim). An id that is there already gets the new vector."""
        if len(ids) == 0:
            return
        if vectors.shape != (len(ids), self.dim):
            raise ValueError(f"expected vectors of shape {(len(ids), self.dim)}, got {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise ValueError("vectors hold NaN or infinity")  # FAISS would take them and never find them
        with self._lock:
            self.remove(ids)
            self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), np.asarray(ids, dtype=np.int64))

    def remove(self, ids: Iterable[int]) -> None:
        """Remove vectors; ids that are not there are ignored."""
        wanted = np.fromiter(ids, dtype=np.int64)
        with self._lock:
            if len(wanted) and len(self):
                self._index.remove_ids(wanted)

    def search(
        self, query: NDArray[np.float32], k: int, among: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks: (id, cosine), best first, equal scores in the order of their ids; fewer when there are fewer.

        Args:
            query: a unit vector, shape (dim,).
            k: at least 1.
            among: only these ids, ascending, shape (n,); the nearest of them are found however few they are.
        """
        import faiss

        if query.shape != (self.dim,) or not np.isfinite(query).all():
            raise ValueError(f"expected a finite query of shape {(self.dim,)}, got {query.shape}")
        with self._lock:
            k = min(k, len(self), len(among) if among is not None else k)
            if k == 0:
                return []
            parameters = None
            if among is not None:
                chosen = np.zeros(int(among[-1]) + 1, dtype=bool)
                chosen[among] = True
                selector = faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))  # type: ignore[call-arg, arg-type]
                parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
            scores, ids = self._index.search(query.reshape(1, -1).astype(np.float32), k, params=parameters)
        found = [(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0]  # FAISS pads with -1
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def cosines(self, query: NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        """Cosine of the query with chosen chunks; ids that are not in the index are left out."""
        found = {}
        with self._lock:
            for id_ in ids:
                try:
                    vector = self._index.reconstruct(int(id_))
                except RuntimeError:  # FAISS's word for "no such id"
                    continue
                found[id_] = float(vector @ query)
        return found

    def differing(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> list[int]:
        """Those of the ids whose vector here is not the one given (or missing); vectors has shape (len(ids), dim)."""
        found = []
        with self._lock:
            for id_, vector in zip(ids, vectors, strict=True):
                try:
                    same = np.array_equal(self._index.reconstruct(int(id_)), vector)
                except RuntimeError:
                    same = False
                if not same:
                    found.append(int(id_))
        return found

    def ids(self) -> set[int]:
        """Every id in the index."""
        import faiss

        with self._lock:
            return {int(i) for i in faiss.vector_to_array(self._index.id_map)}

    # -- on disk -------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the index and what made it; each file appears whole or not at all."""
        import faiss

        with self._lock:
            data = faiss.serialize_index(self._index).tobytes()  # through Python's IO: FAISS fails on some paths
            made = {
                "format": _FORMAT, "fingerprint": self.fingerprint, "dim": self.dim,
                "generation": self.generation, "bytes": len(data), "crc32": zlib.crc32(data),
            }  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        about = folder / "vectors.json"
        about.unlink(missing_ok=True)  # without it the index counts as missing: never old facts beside a new index
        write_whole(folder / "vectors.faiss", data)
        write_whole(about, json.dumps(made).encode())

    @classmethod
    def load(cls, folder: Path, dim: int, fingerprint: str) -> VectorIndex | None:
        """The saved index, or None when there is none that is whole and made by this embedder (build it anew then)."""
        import faiss

        try:
            made = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
            if made["format"] != _FORMAT or made["fingerprint"] != fingerprint or made["dim"] != dim:
                return None
            data = (folder / "vectors.faiss").read_bytes()
            if len(data) != made["bytes"] or zlib.crc32(data) != made["crc32"]:
                return None
            loaded = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
            if loaded.d != dim or not isinstance(loaded, faiss.IndexIDMap2):
                return None
        except (OSError, ValueError, KeyError, TypeError, RuntimeError):
            return None
        index = cls(dim, fingerprint)
        index._index = loaded
        index.generation = int(made["generation"])
        return index
