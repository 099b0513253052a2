"""Chinese text in, unit vectors out. The door is `load_embedder(name)`."""

from embeddings.embedder import Embedder, EmbeddingError, HashingEmbedder

__all__ = ["Embedder", "EmbeddingError", "HashingEmbedder"]
