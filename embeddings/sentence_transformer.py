"""Any sentence-transformers model, by folder or by the name it has on the hub, as an `Embedder`."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embeddings.catalogue import find_entry
from embeddings.embedder import Embedder, EmbeddingError, Matrix, Progress, check_matrix

_BATCH = 32
_UNLIMITED = 8192
"""Tokens of a passage for models that know no limit (static word vectors): more than any chunk has."""

_SAMPLE = 1 << 16
_STRIDE = 1 << 20
_WEIGHTS = frozenset({".safetensors", ".bin"})
_SETTINGS = frozenset({".json", ".txt", ".model"})


class SentenceTransformerEmbedder(Embedder):
    """A sentence-transformers model. Loads torch and the weights at once; safe to call from several threads, one after the other.

    The prefixes come from the catalogue, or for models it does not know from their own config_sentence_transformers.json; a model
    that names none gets none. Weights are computed in float32 on every device, so that an index made on a graphics card serves a
    laptop. Code that comes with a model is never run, and weights in pickle files are refused.

    Args:
        name: what the user wrote; decides which entry of the catalogue applies.
        folder: where the model lies, see `locate`.
        threads: threads of torch, for the whole process; 0 leaves them alone.
        device: "cpu", "cuda", "mps" …; None takes the best there is.

    Raises:
        EmbeddingError: the folder holds no model that can be used.
    """

    def __init__(self, name: str, folder: Path, *, threads: int = 0, device: str | None = None) -> None:
        self._model = _load(name, folder, threads, device)
        self._guard = threading.Lock()
        self.name = name
        self.query_prefix, self.passage_prefix = _prefixes(name, self._model)
        self.dim = _dimension(name, self._model)
        self.max_tokens = _room(self._model, self._count([self.passage_prefix])[0])
        if self.max_tokens < 1:
            raise EmbeddingError(f"向量模型 {name} 的长度上限太小，放不下前缀“{self.passage_prefix}”，请换一个模型")
        self.fingerprint = _fingerprint(folder, self.query_prefix, self.passage_prefix, self.dim, self.max_tokens)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Matrix:
        """See `Embedder.encode_passages`. Passages beyond `max_tokens` are cut off there.

        Raises:
            EmbeddingError: the model gave vectors of another length or values that are not finite.
        """
        return self._encode(self.passage_prefix, texts, progress)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder.encode_queries`.

        Raises:
            EmbeddingError: the model gave vectors of another length or values that are not finite.
        """
        return self._encode(self.query_prefix, texts, None)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `Embedder.count_tokens`."""
        with self._guard:
            return self._count(texts)

    def _encode(self, prefix: str, texts: Sequence[str], progress: Progress | None) -> Matrix:
        matrix = np.empty((len(texts), self.dim), dtype=np.float32)
        # Like lengths together: a batch is padded to its longest text. Longest first shows a lack of memory at once.
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            with self._guard:
                vectors = self._model.encode(
                    [texts[i] for i in rows],
                    prompt=prefix or None,
                    prompt_name=None,
                    batch_size=_BATCH,
                    normalize_embeddings=True,
                    convert_to_numpy=True,
                    show_progress_bar=False,
                )
            matrix[rows] = check_matrix(vectors, len(rows), self.dim, self.name)
            if progress:
                progress(len(rows))
        return matrix

    def _count(self, texts: Sequence[str]) -> list[int]:
        tokenizer = self._model.tokenizer
        if not texts:
            return []
        if hasattr(tokenizer, "encode_batch"):  # static word vectors come with a bare tokenizer
            return [len(encoding) for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
        ids = tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        return [len(row) for row in ids]


def accelerator() -> str | None:
    """The graphics card that torch finds, as a device name, or None. Imports torch."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else None


def locate(name: str, models_dir: Path | None = None, kind: str = "向量模型") -> Path:
    """The folder of a model on this machine: the one named, a fetched one, or one in the hub's own cache. `kind` is for the message.

    Raises:
        EmbeddingError: it is not here; the message gives the command that fetches it.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise EmbeddingError(f"找不到{kind} {name}：没有这个文件夹，也不是“作者/名称”形式的模型名称")
    if models_dir is not None and (fetched := models_dir / name.replace("/", "--")).is_dir():
        return fetched
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError):  # not in the cache; not a name that the hub allows
        raise EmbeddingError(f"本机没有{kind} {name}，请先运行：youju models fetch {name}") from None


def _load(name: str, folder: Path, threads: int, device: str | None) -> Any:
    if not any(folder.rglob("*.safetensors")):
        raise EmbeddingError(
            f"{folder} 里没有 safetensors 格式的权重，不能用作向量模型，请换一个模型或先把权重转换成 safetensors"
        )
    import torch
    from sentence_transformers import SentenceTransformer

    if threads:
        torch.set_num_threads(threads)
    try:
        return SentenceTransformer(
            str(folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"dtype": torch.float32, "use_safetensors": True},
        )
    except Exception as error:  # noqa: BLE001 - whatever a strange folder makes the libraries raise, it is this folder's fault
        reason = str(error).strip().split("\n")[0]
        raise EmbeddingError(
            f"向量模型 {name} 加载失败（{folder}）：{reason}。请检查文件夹是否完整，或换一个模型"
        ) from None


def _prefixes(name: str, model: Any) -> tuple[str, str]:
    """Query and passage prefix. Folders that the catalogue knows by their name get the catalogue's."""
    entry = find_entry(name)
    if entry is not None:
        return entry.query_prefix, entry.passage_prefix
    prompts = {key: value for key, value in model.prompts.items() if value}
    default = prompts.get(model.default_prompt_name or "", "")
    passage = next((prompts[key] for key in ("document", "passage", "corpus") if key in prompts), default)
    return prompts.get("query", default), passage


def _dimension(name: str, model: Any) -> int:
    dim = model.get_embedding_dimension()
    entry = find_entry(name)
    if not dim or (entry is not None and dim != entry.dim):
        wanted = f"，应为 {entry.dim} 维" if entry else ""
        raise EmbeddingError(f"向量模型 {name} 是 {dim} 维{wanted}，请检查文件夹里是不是这个模型")
    return int(dim)


def _room(model: Any, prefix_tokens: int) -> int:
    limit = model.max_seq_length
    if limit is None or not math.isfinite(limit):
        return _UNLIMITED
    tokenizer = model.tokenizer
    special = len(tokenizer("")["input_ids"]) if callable(tokenizer) else 0
    return int(limit) - special - prefix_tokens


def _fingerprint(folder: Path, *facts: object) -> str:
    """16 hex digits over the model's files and `facts`.

    Settings and tokenizer are hashed whole, weights by their size and 64 KiB of every MiB: two trainings of a model differ
    everywhere, and two gigabytes must not be read twice at every start.
    """
    digest = hashlib.sha256("\0".join(map(str, ("float32", *facts))).encode())
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if not path.is_file() or suffix not in _WEIGHTS | _SETTINGS:
            continue
        size = path.stat().st_size
        digest.update(f"\0{path.relative_to(folder).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            if suffix in _SETTINGS:
                digest.update(file.read())
                continue
            for offset in range(0, size, _STRIDE):
                file.seek(offset)
                digest.update(file.read(_SAMPLE))
    return digest.hexdigest()[:16]
