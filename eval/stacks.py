"""What people would use instead: plain BM25 over Chinese words, and the usual LangChain ways, as rankings of the same articles.

*LangChain*: RecursiveCharacterTextSplitter with its default separators (500 characters, 50 of overlap), every piece embedded as it
is, a flat FAISS index. *LangChain hybrid*: the same and BM25 over jieba's words of the same pieces, fused by reciprocal ranks as its
EnsembleRetriever does (half and half, c = 60; Cormack, Clarke & Büttcher 2009). Vectors are of the library's own embedder in its own
runtime, so that what differs is the way and not the model.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from eval.datasets import EvalSet
from rag import Library
from rag.keyword_index import KeywordIndex
from rag.records import IndexedChunk
from rag.words import query_words

CHUNK_CHARACTERS = 500
CHUNK_OVERLAP = 50
_C = 60
_AT_ONCE = 2048

Ranking: TypeAlias = list[frozenset[str]]
Way: TypeAlias = Callable[[str, NDArray[np.float32], int], Ranking]
"""A question, its vector and how many passages: the article keys of each passage, best first."""


@contextmanager
def other_ways(
    library: Library, eval_set: EvalSet, cache: Path, on_step: Callable[[str, int, int], None] | None = None
) -> Iterator[dict[str, Way]]:
    """Each way by its name. Vectors of the pieces are kept in `cache`."""
    import faiss

    keys = {article.id: eval_set.key_of(article.path) for article in library.articles()}
    of_chunk = {chunk.id: keys[chunk.article_id] for chunk in library.store.words_since(0)}
    owners, pieces = _pieces(library, keys)
    vectors = _vectors(library, pieces, cache, on_step)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    with tempfile.TemporaryDirectory() as folder:
        words = KeywordIndex(Path(folder) / "words")
        words.update((IndexedChunk(i, "", piece) for i, piece in enumerate(pieces)), [], 1)

        def bm25(question: str, query: NDArray[np.float32], k: int) -> Ranking:
            return [frozenset({of_chunk[i]}) for i, _ in library.index().keyword(query_words(question), k)]

        def dense(question: str, query: NDArray[np.float32], k: int) -> Ranking:
            _, found = index.search(query.reshape(1, -1), min(k, len(pieces)))
            return [frozenset({owners[i]}) for i in found[0]]

        def hybrid(question: str, query: NDArray[np.float32], k: int) -> Ranking:
            _, nearest = index.search(query.reshape(1, -1), min(k, len(pieces)))
            legs = [[int(i) for i in nearest[0]], [i for i, _ in words.search(query_words(question), k)]]
            return [frozenset({owners[i]}) for i in reciprocal_ranks(legs)[:k]]

        yield {"BM25（jieba 词）": bm25, "LangChain": dense, "LangChain 混合（RRF）": hybrid}


def reciprocal_ranks(legs: Sequence[Sequence[int]]) -> list[int]:
    """Fused order: the sum of 1 / (60 + rank) over the legs, best first, equal sums in the order of ids."""
    scores: dict[int, float] = {}
    for leg in legs:
        for rank, id_ in enumerate(leg, 1):
            scores[id_] = scores.get(id_, 0.0) + 1.0 / (_C + rank)
    return sorted(scores, key=lambda id_: (-scores[id_], id_))


def _pieces(library: Library, keys: dict[str, str]) -> tuple[list[str], list[str]]:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK_CHARACTERS, chunk_overlap=CHUNK_OVERLAP)
    owners, pieces = [], []
    for article in sorted(library.articles(), key=lambda article: article.id):
        for piece in splitter.split_text(f"{article.title}\n{article.text}"):
            owners.append(keys[article.id])
            pieces.append(piece)
    return owners, pieces


def _vectors(
    library: Library, pieces: Sequence[str], cache: Path, on_step: Callable[[str, int, int], None] | None
) -> NDArray[np.float32]:
    embedder = library.embedder
    digest = hashlib.sha256("\0".join([embedder.fingerprint, *pieces]).encode("utf-8", "replace")).hexdigest()[:16]
    path = cache / f"pieces-{digest}.npy"
    if path.is_file():
        known: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return known
    blocks = []
    for start in range(0, len(pieces), _AT_ONCE):
        blocks.append(embedder.encode_passages(pieces[start : start + _AT_ONCE]))
        if on_step:
            on_step("LangChain 的片段", min(start + _AT_ONCE, len(pieces)), len(pieces))
    vectors = np.concatenate(blocks)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors, allow_pickle=False)
    return vectors
