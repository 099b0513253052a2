"""The dense leg: a FAISS index over chunk vectors, derived from the store and able to catch up with it."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.durable import sync_file, sync_folder, write_whole

_FORMAT = 3
GROUPED_FROM = 2_000_000
"""Number of vectors from which a question looks into the nearest cells only. Up to here exact search takes less than 50 ms on
two cores (24 ms for a million); `python -m eval scale` measures it."""

_LOOKED_INTO = 0.25
"""Share of the cells that a question looks into: finds 0.98 of the true first ten."""

_SAMPLE_PER_CELL = 64
_MOVED_AT_ONCE = 50_000
_READ_AT_ONCE = 1 << 20
_MERGED_FROM = 10_000


class VectorIndex:
    """Inner-product search over unit vectors (so scores are cosines), keyed by chunk id.

    Vectors are held in half precision, exactly as the store has them. Up to `grouped_from` of them the search is exact; beyond
    that `group` sorts them into cells by k-means (FAISS's IVF; Jégou, Douze & Schmid 2011, Product Quantization for Nearest
    Neighbor Search) and a search without a filter looks into the nearest quarter of the cells. What was added last waits in a small
    array of its own, so that adding one article to a million does not make FAISS copy a gigabyte into a larger array.

    Args:
        dim: length of the vectors.
        fingerprint: of the embedder that made them; saved with the index, and an index with another one is not loaded.
        grouped_from: see above.
        merged_from: so many of the last added join the rest.

    `generation` is the store's generation that the index has caught up with, `unsaved` the number of changes since it was saved
    or loaded.
    """

    def __init__(
        self, dim: int, fingerprint: str, grouped_from: int = GROUPED_FROM, merged_from: int = _MERGED_FROM
    ) -> None:
        import faiss

        # One question at a time: on busy cores OpenMP's threads wait for each other (43 ms instead of 5 for 23,000 chunks).
        faiss.omp_set_num_threads(1)
        self.dim = dim
        self.fingerprint = fingerprint
        self.generation = 0
        self.unsaved = 0
        self._grouped_from = grouped_from
        self._merged_from = merged_from
        self._index: Any = _flat(dim)
        self._recent: Any = _flat(dim)
        self._lock = threading.RLock()  # FAISS may be searched from many threads, but not while it changes

    def __len__(self) -> int:
        return int(self._index.ntotal + self._recent.ntotal)

    @property
    def cells(self) -> int:
        """Number of cells; 0 while the search is exact."""
        return int(getattr(self._index, "nlist", 0))

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
            self._recent.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), np.asarray(ids, dtype=np.int64))
            self.unsaved += len(ids)
            if self._recent.ntotal >= self._merged_from:
                self._merge()

    def _merge(self) -> None:
        """Put what was added last to the rest; half precision is kept bit for bit."""
        ids = _ids(self._recent)
        if len(ids):
            rows = self._recent.index.reconstruct_n(0, len(ids))
            self._index.add_with_ids(rows, ids)
            self._recent = _flat(self.dim)

    def remove(self, ids: Iterable[int]) -> None:
        """Remove vectors; ids that are not there are ignored."""
        wanted = np.fromiter(ids, dtype=np.int64)
        with self._lock:
            if len(wanted) and len(self):
                self.unsaved += sum(int(index.remove_ids(wanted)) for index in (self._index, self._recent))

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
            selector = None
            if among is not None:
                chosen = np.zeros(int(among[-1]) + 1, dtype=bool)
                chosen[among] = True
                selector = faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))  # type: ignore[call-arg, arg-type]
            exact = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
            main = exact
            if self.cells:
                cells = self.cells if among is not None else max(1, round(_LOOKED_INTO * self.cells))
                main = faiss.SearchParametersIVF(sel=selector, nprobe=cells)  # type: ignore[call-arg]
            found: list[tuple[int, float]] = []
            for index, how in ((self._index, main), (self._recent, exact)):
                if index.ntotal:
                    scores, ids = index.search(query.reshape(1, -1).astype(np.float32), k, params=how)
                    found += [
                        (int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0
                    ]  # padded with -1
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def rows(self, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of chunks; ids that are not in the index are left out."""
        with self._lock:
            vectors = {id_: self._vector(id_) for id_ in ids}
        return {id_: vector for id_, vector in vectors.items() if vector is not None}

    def differing(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> list[int]:
        """Those of the ids whose vector here is not the one given (or missing); vectors has shape (len(ids), dim)."""
        with self._lock:
            own = [self._vector(id_) for id_ in ids]
        return [
            int(id_)
            for id_, mine, vector in zip(ids, own, vectors, strict=True)
            if mine is None or not np.array_equal(mine, vector)
        ]

    def _vector(self, id_: int) -> NDArray[np.float32] | None:
        for index in (self._recent, self._index):
            with suppress(RuntimeError):  # FAISS's word for "no such id"
                vector: NDArray[np.float32] = index.reconstruct(int(id_))
                return vector
        return None

    def ids(self) -> set[int]:
        """Every id in the index."""
        with self._lock:
            return {int(i) for i in np.concatenate([np.empty(0, dtype=np.int64), *self._id_blocks()])}

    def _id_blocks(self) -> list[NDArray[np.int64]]:
        import faiss

        recent = _ids(self._recent)
        if not self.cells:
            return [_ids(self._index), recent]
        lists = self._index.invlists
        return [recent] + [
            np.array(faiss.rev_swig_ptr(lists.get_ids(cell), lists.list_size(cell)))
            for cell in range(self.cells)
            if lists.list_size(cell)
        ]

    def group(self) -> bool:
        """Sort the vectors into cells if there are enough, and anew whenever they are four times as many; tells whether it did.

        Takes about twenty seconds a million vectors on two cores, and as much memory again as the index has.
        """
        import faiss

        with self._lock:
            total = len(self)
            cells = 1 << max(4, int(np.log2(max(1.0, 2.0 * np.sqrt(total)))))
            if total < self._grouped_from or cells <= self.cells:
                return False
            self._merge()
            ids = np.concatenate(self._id_blocks())
            chosen = np.random.default_rng(0).choice(ids, min(total, cells * _SAMPLE_PER_CELL), replace=False)
            grouped = faiss.IndexIVFScalarQuantizer(
                faiss.IndexFlatIP(self.dim),
                self.dim,
                cells,
                faiss.ScalarQuantizer.QT_fp16,
                faiss.METRIC_INNER_PRODUCT,
                False,
            )
            grouped.cp.niter = 10
            grouped.train(np.stack([self._index.reconstruct(int(i)) for i in chosen]))
            grouped.set_direct_map_type(faiss.DirectMap.Hashtable)  # type: ignore[attr-defined]
            for start in range(0, total, _MOVED_AT_ONCE):
                block = ids[start : start + _MOVED_AT_ONCE]
                grouped.add_with_ids(np.stack([self._index.reconstruct(int(i)) for i in block]), block)
            self._index = grouped
            self.unsaved += total
            return True

    # -- on disk -------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the index and what made it; each file appears whole or not at all."""
        import faiss

        folder.mkdir(parents=True, exist_ok=True)
        about, target = folder / "vectors.json", folder / "vectors.faiss"
        partial = folder / "vectors.faiss.partial"
        with self._lock:
            self._merge()
            with partial.open("wb") as file:  # through Python's IO: FAISS fails on some paths
                checked = _Checked(file)
                faiss.write_index(self._index, faiss.PyCallbackIOWriter(checked.write, _READ_AT_ONCE))  # type: ignore[attr-defined]
            made = {
                "format": _FORMAT, "fingerprint": self.fingerprint, "dim": self.dim, "cells": self.cells,
                "generation": self.generation, "bytes": checked.length, "crc32": checked.crc,
            }  # fmt: skip
            self.unsaved = 0
        sync_file(partial)
        about.unlink(missing_ok=True)  # without it the index counts as missing: never old facts beside a new index
        partial.replace(target)
        sync_folder(folder)
        write_whole(about, json.dumps(made).encode())

    @classmethod
    def load(
        cls,
        folder: Path,
        dim: int,
        fingerprint: str,
        grouped_from: int = GROUPED_FROM,
        merged_from: int = _MERGED_FROM,
    ) -> VectorIndex | None:
        """The saved index, or None when there is none that is whole and made by this embedder (build it anew then)."""
        import faiss

        try:
            made = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
            if made["format"] != _FORMAT or made["fingerprint"] != fingerprint or made["dim"] != dim:
                return None
            path = folder / "vectors.faiss"
            if path.stat().st_size != made["bytes"]:
                return None
            if (
                _crc(path) != made["crc32"]
            ):  # before FAISS sees it: damaged lengths would cost it its memory, or its life
                return None
            with path.open("rb") as file:
                loaded = faiss.read_index(faiss.PyCallbackIOReader(file.read, _READ_AT_ONCE))  # type: ignore[attr-defined]
            if loaded.d != dim or getattr(loaded, "nlist", 0) != made["cells"]:
                return None
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, MemoryError):
            return None
        index = cls(dim, fingerprint, grouped_from, merged_from)
        index._index = loaded
        index.generation = int(made["generation"])
        return index


def _flat(dim: int) -> Any:
    """An empty exact index over vectors in half precision."""
    import faiss

    return faiss.IndexIDMap2(faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT))


def _ids(index: Any) -> NDArray[np.int64]:
    import faiss

    ids: NDArray[np.int64] = faiss.vector_to_array(index.id_map)
    return ids


class _Checked:
    """A file that is written from end to end, with its length and CRC-32."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.length = 0
        self.crc = 0

    def write(self, data: bytes) -> int:
        """Write; returns how much, as FAISS wants to know."""
        self._file.write(data)
        self.length += len(data)
        self.crc = zlib.crc32(data, self.crc)
        return len(data)


def _crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while block := file.read(_READ_AT_ONCE):
            crc = zlib.crc32(block, crc)
    return crc
