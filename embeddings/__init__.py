"""Chinese text in, unit vectors out. The door is `load_embedder(name)`."""

from __future__ import annotations

from pathlib import Path

from embeddings.catalogue import CATALOGUE, EmbedderEntry, find_entry
from embeddings.embedder import Embedder, EmbeddingError, HashingEmbedder
from embeddings.reader import PassageReader
from embeddings.reranker import Reranker, load_reranker

__all__ = [
    "CATALOGUE",
    "Embedder",
    "EmbedderEntry",
    "EmbeddingError",
    "HashingEmbedder",
    "PassageReader",
    "Reranker",
    "find_entry",
    "load_embedder",
    "load_reranker",
]


def load_embedder(name: str, *, threads: int = 0, models_dir: Path | None = None) -> Embedder:
    """The embedder of that name. Never downloads anything.

    Args:
        name: "zh-small", a sentence-transformers folder, or owner/name of a model that was fetched before.
        threads: processor threads; 0 lets the model decide.
        models_dir: where fetched models lie, as owner--name; the hub's own cache is looked at after it.

    Raises:
        EmbeddingError: there is no such model on this machine, or it cannot be used; the message says how to mend it.
    """
    if name == "zh-small":
        from embeddings.zh_small import ZhSmall

        return ZhSmall(threads)
    from embeddings.sentence_transformer import SentenceTransformerEmbedder, locate

    return SentenceTransformerEmbedder(name, locate(name, models_dir), threads=threads)
