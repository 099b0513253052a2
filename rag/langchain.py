"""Youju as parts of LangChain: a retriever for chains and agents, and a vector store."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict

from embeddings import Embedder
from embeddings.embedder import Matrix, Progress
from rag.filters import Filters
from rag.library import Library, open_library
from rag.records import Article, Hit
from rag.small_talk import small_talk

_OWN = "langchain"
"""Key under which an article keeps the metadata of the LangChain document that it was made of."""


class YoujuRetriever(BaseRetriever):
    """The best passages of a library as LangChain documents, none for small talk; `Library.as_retriever` makes one.

    Attributes:
        library: where to search.
        k: how many passages; `invoke(question, k=3)` asks for another number.
        filters: which articles; None leaves it to the question.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    library: Library
    k: int = 10
    filters: Filters | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        if small_talk(query, 0):
            return []
        return [hit_document(hit) for hit in self.library.search(query, k or self.k, filters=self.filters)]


class YoujuVectorStore(VectorStore):
    """A library as a LangChain vector store: every document is an article, and what is found are passages of articles.

    A document of one passage comes back as it went in. Documents of equal text are one article, under the first id. Search is
    hybrid; `filter` takes a `Filters`.

    Args:
        library: what it stands on.
    """

    def __init__(self, library: Library) -> None:
        self.library = library

    @property
    def embeddings(self) -> Embeddings:
        """The library's embedder."""
        return self.library.embedder

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts as articles; one with a known id takes the place of the old one. `title` and `source` are read from metadata."""
        contents = list(texts)
        about = metadatas or [{} for _ in contents]
        names = [id_ or uuid.uuid4().hex for id_ in ids or [""] * len(contents)]
        made = [_article(*parts) for parts in zip(names, contents, about, strict=True)]
        self.library.add_articles({article.id: article for article in made}.values())
        return names

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Remove documents; ids that are not there are ignored."""
        self.library.remove(ids or [])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Whole documents by id; ids that are not there are left out."""
        found = (self.library.article(id_) for id_ in ids)
        return [_document(article, article.text, article.id) for article in found if article is not None]

    def similarity_search(self, query: str, k: int = 4, filter: Filters | None = None, **kwargs: Any) -> list[Document]:
        """The k best passages."""
        return [document for document, _ in self.similarity_search_with_score(query, k, filter=filter)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, filter: Filters | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The k best passages with their fused scores, 0 to 1, higher is better."""
        return [(hit_document(hit), hit.score) for hit in self.library.search(query, k, filters=filter)]

    def _select_relevance_score_fn(self) -> Any:
        return lambda score: score

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: str | Path | None = None,
        **kwargs: Any,
    ) -> YoujuVectorStore:
        """A library at `path` (default: the setting `library`) with these texts, over any LangChain embeddings."""
        embedder = embedding if isinstance(embedding, Embedder) else LangChainEmbedder(embedding)
        store = cls(open_library(path, embedder=embedder, llm="none"))
        store.add_texts(texts, metadatas, ids=ids)
        return store


class LangChainEmbedder(Embedder):
    """Any LangChain `Embeddings` as an embedder of a library.

    Args:
        embeddings: what makes the vectors; they are made to be of length 1.
        name: for the library's books, which refuse another embedder later.
        max_tokens: the longest passage, in characters: nothing is known of the model's own tokens.
    """

    def __init__(self, embeddings: Embeddings, name: str = "", max_tokens: int = 256) -> None:
        probe = np.asarray(embeddings.embed_query("有据"), dtype=np.float32)
        self._embeddings = embeddings
        self.name = name or type(embeddings).__name__
        self.dim = len(probe)
        self.max_tokens = max_tokens
        self.fingerprint = hashlib.sha256(f"{self.name} {probe.round(3).tolist()}".encode()).hexdigest()[:16]

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> Matrix:
        """See `Embedder.encode_passages`."""
        rows = np.asarray(self._embeddings.embed_documents(list(texts)), dtype=np.float32).reshape(len(texts), self.dim)
        if progress:
            progress(len(texts))
        return _unit(rows)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder.encode_queries`."""
        rows = [self._embeddings.embed_query(text) for text in texts]
        return _unit(np.asarray(rows, dtype=np.float32).reshape(len(rows), self.dim))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """One token a character."""
        return [len(text) for text in texts]


def hit_document(hit: Hit) -> Document:
    """A passage as a LangChain document. Its metadata says where it stands, unless it came from LangChain with metadata of its own."""
    chunk, article = hit.chunk, hit.article
    if chunk.text == article.text.strip():
        return _document(article, article.text, article.id)
    document = _document(article, chunk.text, f"{article.id}:{chunk.start}-{chunk.end}")
    if _OWN not in article.metadata:
        document.metadata |= {"start": chunk.start, "end": chunk.end}
    return document


def _document(article: Article, text: str, id_: str) -> Document:
    if _OWN in article.metadata:
        return Document(text, metadata=json.loads(article.metadata[_OWN]), id=id_)
    about = {
        "title": article.title, "source": article.source, "date": article.date, "url": article.url,
        "category": "/".join(article.category), "article_id": article.id,
    }  # fmt: skip
    return Document(text, metadata={name: value for name, value in about.items() if value}, id=id_)


def _article(id_: str, text: str, metadata: dict[str, Any]) -> Article:
    title, source = (str(metadata.get(name) or "") for name in ("title", "source"))
    own = json.dumps(metadata, ensure_ascii=False, default=str)
    digest = hashlib.sha256(f"{title}\0{source}\0{own}\0{text}".encode()).hexdigest()
    return Article(
        id=id_, title=title, text=text, source=source, path=f"langchain:{id_}", digest=digest, metadata={_OWN: own}
    )


def _unit(rows: Matrix) -> Matrix:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)
