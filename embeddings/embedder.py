"""The contract every embedder keeps, and a deterministic one for tests.

An embedder turns Chinese text into unit vectors. Queries and passages may need different prefixes; which ones is part of the
`fingerprint`, because a wrong prefix fails silently.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
"""float32, shape (n, dim); rows are unit vectors."""

Vector: TypeAlias = NDArray[np.float32]
"""float32, shape (dim,); length 1."""

Progress: TypeAlias = Callable[[int], None]
"""Called with the number of texts finished since the last call."""


class EmbeddingError(Exception):
    """A model that cannot be loaded or does not keep the contract; the message says which and how to mend it."""


def check_matrix(rows: NDArray[np.floating], count: int, dim: int, name: str) -> Matrix:
    """What a model gave back, as a `Matrix`.

    Raises:
        EmbeddingError: another shape than (count, dim), or values that are not finite.
    """
    matrix = np.ascontiguousarray(rows, dtype=np.float32)
    if matrix.shape != (count, dim):
        raise EmbeddingError(
            f"向量模型 {name} 给出的形状是 {matrix.shape}，应为 {(count, dim)}，请检查模型文件夹是否完整"
        )
    if not np.isfinite(matrix).all():
        raise EmbeddingError(f"向量模型 {name} 给出了无效的数值（NaN 或无穷大），模型文件可能已损坏，请重新获取")
    return matrix


class Embedder(Embeddings):
    """Text in, unit vectors out. A LangChain `Embeddings` with what an index must know.

    Attributes:
        name: what the user wrote, e.g. "zh-small" or "BAAI/bge-m3".
        dim: length of the vectors.
        max_tokens: the longest passage in the model's own tokens, prefix and special tokens already taken off.
        fingerprint: 16 hex digits over weights, prefixes, pooling and dimension; equal fingerprints give equal vectors.
    """

    name: str
    dim: int
    max_tokens: int
    fingerprint: str

    @abstractmethod
    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Matrix:
        """Vectors of passages, in the order given; shape (len(texts), dim). An empty list gives shape (0, dim)."""

    @abstractmethod
    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Vectors of questions, in the order given; shape (len(texts), dim)."""

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Length of each text in the model's own tokens, without prefix and special tokens."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """LangChain's name for `encode_passages`."""
        return [[float(x) for x in row] for row in self.encode_passages(texts)]

    def embed_query(self, text: str) -> list[float]:
        """LangChain's name for `encode_queries` of one text."""
        return [float(x) for x in self.encode_queries([text])[0]]


class HashingEmbedder(Embedder):
    """A fake for tests: character bigrams hashed into `dim` buckets. Same text, same vector; shared bigrams, close vectors.

    Args:
        dim: length of the vectors; few buckets make strangers collide.
        seed: another seed is another model, with another fingerprint.
    """

    def __init__(self, dim: int = 512, seed: int = 0, max_tokens: int = 512) -> None:
        self.name = f"hashing-{dim}-{seed}"
        self.dim = dim
        self.max_tokens = max_tokens
        self.fingerprint = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self._seed = seed

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Matrix:
        """See `Embedder.encode_passages`."""
        matrix = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(matrix, texts, strict=True):
            for gram in {text[i : i + 2] for i in range(max(1, len(text) - 1))}:
                digest = hashlib.blake2b(gram.encode(), digest_size=8, salt=self._seed.to_bytes(8, "little")).digest()
                row[int.from_bytes(digest, "little") % self.dim] += 1.0
            if progress:
                progress(1)
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        return np.asarray(matrix / np.maximum(norms, 1e-12), dtype=np.float32)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder.encode_queries`."""
        return self.encode_passages(texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """One token a character."""
        return [len(text) for text in texts]
