"""The built-in embedder: the shipped model run by onnxruntime, so that a question needs neither torch nor sentence-transformers.

Its folder is a plain sentence-transformers model, and `model.onnx` in it is a graph over the same `model.safetensors` that computes in
8 bits (see `embeddings.onnx_graph`); a test holds that both ways give nearly the same vectors. On a processor onnxruntime is the faster way for many texts, too: one text a run needs no padding, and
texts keep all cores busy without waiting for each other. Where torch finds a graphics card, many texts go there through
sentence-transformers.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.catalogue import ZH_SMALL, ZH_SMALL_FILES
from embeddings.embedder import Embedder, EmbeddingError, Matrix, Progress, Vector, check_matrix

FOLDER = Path(__file__).parent / "models" / "zh-small"

_GPU_WORTHWHILE = 256
"""From so many texts on (half a minute of work on two cores) it pays to import torch and ask it for a graphics card."""

_OVERHEAD = 4
"""Tokens of "passage: " and the two special ones; a test counts them."""

_STEP = 32
"""Texts handed to the threads at once: progress moves after each step."""


@dataclass(frozen=True, slots=True)
class _Engine:
    """Tokenizer and session: both serve any number of threads at once."""

    tokenizer: Any
    session: Any
    pool: ThreadPoolExecutor

    def run(self, ids: list[int]) -> Vector:
        if len(ids) > ZH_SMALL.max_tokens:
            ids = [*ids[: ZH_SMALL.max_tokens - 1], ids[-1]]  # the end mark stays
        (vector,) = self.session.run(None, {"ids": np.asarray(ids, dtype=np.int64)})
        return np.asarray(vector, dtype=np.float32)


class ZhSmall(Embedder):
    """multilingual-e5-small with its vocabulary cut to Chinese and English; 384 dimensions, passages of up to 508 tokens.

    Nothing is read before the first text. Safe to call from several threads. A text's vector depends on that text alone.

    Args:
        threads: texts computed at the same time; 0 for one a core.
        folder: where the model lies.
    """

    files: Mapping[str, tuple[int, str]] = ZH_SMALL_FILES

    def __init__(self, threads: int = 0, folder: Path = FOLDER) -> None:
        self.name = ZH_SMALL.name
        self.dim = ZH_SMALL.dim
        self.max_tokens = ZH_SMALL.max_tokens - _OVERHEAD
        self.fingerprint = _fingerprint()
        self._folder = folder
        self._threads = threads or available_cores()
        self._guard = threading.Lock()
        self._engine: _Engine | None = None
        self._accelerated: Embedder | None = None
        self._looked_for_accelerator = False

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Matrix:
        """See `Embedder.encode_passages`. Passages beyond `max_tokens` are cut off there.

        Raises:
            EmbeddingError: the model's files are missing or damaged.
        """
        if len(texts) >= _GPU_WORTHWHILE and (accelerated := self._on_accelerator()) is not None:
            return accelerated.encode_passages(texts, progress)
        return self._encode(ZH_SMALL.passage_prefix, texts, progress)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder.encode_queries`.

        Raises:
            EmbeddingError: the model's files are missing or damaged.
        """
        return self._encode(ZH_SMALL.query_prefix, texts, None)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `Embedder.count_tokens`."""
        encodings = self._ready().tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def _encode(self, prefix: str, texts: Sequence[str], progress: Progress | None) -> Matrix:
        engine = self._ready()
        matrix = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), _STEP):
            step = [prefix + text for text in texts[start : start + _STEP]]
            ids = [encoding.ids for encoding in engine.tokenizer.encode_batch_fast(step)]
            # the longest first, so that no thread is left alone with a long one at the end
            order = sorted(range(len(step)), key=[-len(row) for row in ids].__getitem__)
            vectors = engine.pool.map(engine.run, [ids[i] for i in order])
            for row, vector in zip(order, vectors, strict=True):
                matrix[start + row] = vector
            if progress:
                progress(len(step))
        return check_matrix(matrix, len(texts), self.dim, self.name)

    def _ready(self) -> _Engine:
        with self._guard:
            if self._engine is None:
                self._engine = _load(self._folder, self._threads, self.files)
            return self._engine

    def _on_accelerator(self) -> Embedder | None:
        with self._guard:
            if not self._looked_for_accelerator:
                from embeddings.sentence_transformer import SentenceTransformerEmbedder, accelerator

                device = accelerator()
                if device is not None:
                    self._accelerated = SentenceTransformerEmbedder(self.name, self._folder, device=device)
                self._looked_for_accelerator = True
            return self._accelerated


def _load(folder: Path, threads: int, files: Mapping[str, tuple[int, str]]) -> _Engine:
    tokenizer, session = open_session(folder, "model.onnx", files)
    return _Engine(tokenizer, session, ThreadPoolExecutor(threads, thread_name_prefix="zh-small"))


def open_session(folder: Path, graph: str, files: Mapping[str, tuple[int, str]]) -> tuple[Any, Any]:
    """The tokenizer in a folder, and the onnxruntime session of one of its graphs, which computes on one thread.

    Args:
        files: of each file that must be there, its size and sha256 (which is not computed here).

    Raises:
        EmbeddingError: a file is missing or damaged.
    """
    import onnxruntime
    from tokenizers import Tokenizer

    for name, (size, _) in files.items():
        path = folder / name
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            problem = "不存在" if found is None else f"大小是 {found} 字节，应为 {size} 字节"
            raise EmbeddingError(f"内置向量模型的文件 {path} {problem}，请重新安装 youju")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # parallel over texts, see the pools
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        session = onnxruntime.InferenceSession(str(folder / graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime and tokenizers raise classes of their own
        raise EmbeddingError(f"内置向量模型读不出来：{folder}（{error}），请重新安装 youju") from None
    _give_memory_back()
    return tokenizer, session


def _give_memory_back() -> None:
    """Rounding the weights took 400 MB for a moment, which glibc would keep for good."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


def _fingerprint() -> str:
    """Over weights, tokenizer, prefixes and what is done with the model's output."""
    digest = hashlib.sha256()
    for part in (
        ZH_SMALL_FILES["model.safetensors"][1],
        ZH_SMALL_FILES["tokenizer.json"][1],
        ZH_SMALL.query_prefix,
        ZH_SMALL.passage_prefix,
        f"mean, normalised, {ZH_SMALL.dim}, {ZH_SMALL.max_tokens}, 8 bits by row",
    ):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def available_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))  # what this process may use, in containers too
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
