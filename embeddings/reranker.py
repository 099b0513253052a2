"""A question and a passage read together: any cross-encoder of sentence-transformers, by folder or by the name it has on the hub."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.embedder import EmbeddingError, Vector
from embeddings.sentence_transformer import locate

_BATCH = 16
_LONGEST = 512
"""Tokens of question and passage together; a chunk and its title have a quarter of that."""


class Reranker(ABC):
    """Scores how well passages answer a question. `name` is what the user wrote."""

    name: str

    @abstractmethod
    def score(self, question: str, passages: Sequence[str]) -> Vector:
        """One score a passage, shape (len(passages),), higher is better; comparable within one question only."""


class CrossEncoderReranker(Reranker):
    """A cross-encoder (BAAI/bge-reranker-v2-m3 and the like). Loads torch and the weights at once; safe to call from several threads.

    Code that comes with a model is never run, and weights in pickle files are refused.

    Args:
        name: what the user wrote.
        folder: where the model lies.
        threads: threads of torch, for the whole process; 0 leaves them alone.

    Raises:
        EmbeddingError: the folder holds no model that gives one score a pair.
    """

    def __init__(self, name: str, folder: Path, *, threads: int = 0) -> None:
        self.name = name
        self._model = _load(name, folder, threads)
        self._guard = threading.Lock()

    def score(self, question: str, passages: Sequence[str]) -> Vector:
        """See `Reranker.score`.

        Raises:
            EmbeddingError: the model gave values that are not finite.
        """
        if not passages:
            return np.empty(0, dtype=np.float32)
        with self._guard:
            scores = self._model.predict(
                [(question, passage) for passage in passages],
                batch_size=_BATCH,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        found = np.asarray(scores, dtype=np.float32)
        if found.shape != (len(passages),) or not np.isfinite(found).all():
            raise EmbeddingError(f"重排模型 {self.name} 给出了无效的分数，模型文件可能已损坏，请重新获取")
        return found


def load_reranker(name: str, *, threads: int = 0, models_dir: Path | None = None) -> Reranker:
    """The cross-encoder of that name. Never downloads anything.

    Args:
        name: a folder, or owner/name of a model that was fetched before.
        threads: processor threads; 0 lets the model decide.
        models_dir: where fetched models lie, as owner--name; the hub's own cache is looked at after it.

    Raises:
        EmbeddingError: there is no such model on this machine, or it cannot be used; the message says how to mend it.
    """
    return CrossEncoderReranker(name, locate(name, models_dir, kind="重排模型"), threads=threads)


def _load(name: str, folder: Path, threads: int) -> Any:
    if not any(folder.rglob("*.safetensors")):
        raise EmbeddingError(
            f"{folder} 里没有 safetensors 格式的权重，不能用作重排模型，请换一个模型或先把权重转换成 safetensors"
        )
    import torch
    from sentence_transformers import CrossEncoder

    if threads:
        torch.set_num_threads(threads)
    try:
        model = CrossEncoder(
            str(folder),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"dtype": torch.float32, "use_safetensors": True},
        )
        labels = int(model.num_labels)
        model.max_seq_length = min(model.max_seq_length or _LONGEST, _LONGEST)
    except Exception as error:  # noqa: BLE001 - whatever a strange folder makes the libraries raise, it is this folder's fault
        reason = str(error).strip().split("\n")[0]
        raise EmbeddingError(
            f"重排模型 {name} 加载失败（{folder}）：{reason}。请检查文件夹是否完整，或换一个模型"
        ) from None
    if labels != 1:
        raise EmbeddingError(f"{name} 对一个问题和一个段落给出 {labels} 个分数，不是重排模型，请换一个")
    return model
