"""What retrieval asks of an index: the dense and the keyword leg over a store's chunks, wherever they are kept."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.errors import SettingsError
from rag.filters import Filters

Vector: TypeAlias = NDArray[np.float32]
Scored: TypeAlias = list[tuple[int, float]]
"""Chunk ids with their scores, best first, equal scores in the order of ids."""

ALL = Filters()


def index_place(text: str) -> str:
    """Where a user wants the index: empty for the library's folder, else the address of a Milvus server or a Milvus Lite file.

    Raises:
        SettingsError: it is neither.
    """
    text = text.strip()
    if text == "folder":
        return ""
    if re.fullmatch(r"(?:https?|tcp)://[^\s@/]+/?[^\s@]*", text):
        return text.rstrip("/")
    if text.endswith(".db") and "://" not in text:
        return str(Path(text).expanduser().resolve())
    if "@" in text:
        raise SettingsError("地址里不能写口令", "请把口令放进环境变量 YOUJU_INDEX_TOKEN，地址写成 http://host:19530")
    raise SettingsError(
        f"看不懂这个地址：{text}", "请写 http://host:19530（Milvus 服务器或集群）、某某.db（Milvus Lite）或 folder"
    )


class SearchIndex(ABC):
    """Both legs, derived from the store: they can be lost and are made anew from it. Safe to use from several threads.

    `repairs` tells what was found damaged or missing since the index was opened, and was made anew (Chinese).
    """

    repairs: list[str]
    shared = False
    """Whether other machines use this very index too."""

    # -- searching -----------------------------------------------------------------------------------------------

    @abstractmethod
    def dense(self, query: Vector, k: int, filters: Filters = ALL) -> Scored:
        """The k nearest chunks by cosine; fewer when there are fewer. `query` is a unit vector, shape (dim,)."""

    @abstractmethod
    def keyword(self, words: Sequence[str], k: int, filters: Filters = ALL, *, pairs: Sequence[str] = ()) -> Scored:
        """The k best chunks by BM25 for these words, any of them; nothing for no words.

        Args:
            words: what `rag.words.query_words` makes of a question.
            pairs: what `rag.words.query_pairs` makes of it.
        """

    @abstractmethod
    def rows(self, ids: Sequence[int]) -> dict[int, Vector]:
        """The vectors of chunks; those that are not in the index are left out."""

    @abstractmethod
    def idf(self, words: Sequence[str]) -> dict[str, float]:
        """Rarity of words in the texts: ln(1 + (N - n + 0.5) / (n + 0.5)), as in BM25; unknown words are the rarest."""

    def cosines(self, query: Vector, ids: Sequence[int]) -> dict[int, float]:
        """Cosine of the query with chosen chunks; those that are not in the index are left out."""
        return {id_: float(vector @ query) for id_, vector in self.rows(ids).items()}

    # -- in step with the store ----------------------------------------------------------------------------------

    @abstractmethod
    def follow(self) -> bool:
        """See what was written since, as far as that goes without writing; False where a writer must `update` the rest."""

    @abstractmethod
    def update(self, on_step: Callable[[int, int], None] | None = None) -> None:
        """Bring the index to the store's generation. Only the one writer may call this.

        Args:
            on_step: told how many chunks are done, and how many there are.

        Raises:
            LibraryError: it cannot be written or reached; what is in the store is whole.
        """

    @abstractmethod
    def behind(self) -> bool:
        """Whether an earlier run stored chunks that the index lacks; quick, and loads nothing."""

    @abstractmethod
    def faults(self) -> Mapping[str, Callable[[], bool]]:
        """The index's parts (Chinese) with what tells whether each is exactly what the store says; reads everything."""

    @abstractmethod
    def discard(self) -> None:
        """Forget everything; the next `update` makes it anew. Only the one writer may call this."""

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Give back connections."""
