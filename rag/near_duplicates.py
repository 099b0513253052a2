"""Which articles tell the same story in nearly the same words: MinHash to find candidates, exact overlap to decide."""

from __future__ import annotations

import re
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag.words import search_form

SAME_STORY = 0.7
"""Jaccard similarity of shingles from which two articles tell the same story; see `python -m eval near-duplicates`."""

_SHINGLE = 5
BANDS = 25
_ROWS = 5
_SHORT = 40
_NOISE = re.compile(r"\W+")


@lru_cache(maxsize=256)
def shingles(text: str) -> frozenset[str]:
    """Every run of five letters, figures and ideographs of the search form."""
    plain = _NOISE.sub("", search_form(text))
    return frozenset(plain[i : i + _SHINGLE] for i in range(max(1, len(plain) - _SHINGLE + 1)))


def signature(text: str) -> bytes:
    """MinHash of the text's shingles: 125 minima of fixed permutations, uint32 (Broder 1997)."""
    values = np.fromiter((crc32(s.encode()) for s in shingles(text)), dtype=np.uint64)
    a, b = _permutations()
    minima = np.full(len(a), np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(values), 2048):
        mixed = (values[start : start + 2048, None] * a + b) >> np.uint64(32)
        minima = np.minimum(minima, mixed.min(axis=0).astype(np.uint32))
    return minima.astype("<u4").tobytes()


@lru_cache(maxsize=1)
def _permutations() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    rng = np.random.Generator(np.random.PCG64(20211102))
    odd = rng.integers(0, 1 << 63, BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return odd, rng.integers(0, 1 << 63, BANDS * _ROWS, dtype=np.uint64)


def band_keys(signature: bytes) -> tuple[int, ...]:
    """Signed 64-bit keys of the bands; articles that share one are candidates."""
    keys = []
    for band in range(BANDS):
        part = signature[band * _ROWS * 4 : (band + 1) * _ROWS * 4]
        keys.append(int.from_bytes((crc32(part) << 32 | crc32(part, band + 1)).to_bytes(8, "big"), "big", signed=True))
    return tuple(keys)


def similarity(a: str, b: str) -> float:
    """Jaccard similarity of the texts' shingles, 0 to 1."""
    one, two = shingles(a), shingles(b)
    return len(one & two) / len(one | two) if one or two else 0.0


def same_story(a: str, b: str) -> bool:
    """Whether two articles tell the same story in nearly the same words."""
    return min(len(shingles(a)), len(shingles(b))) >= _SHORT and similarity(a, b) >= SAME_STORY
