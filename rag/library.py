"""The object that users hold: a collection of articles that can be searched and asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from embeddings import Embedder
from rag.answering import answer_events
from rag.chat_models import ChatModel, load_chat_model
from rag.collection import Collection
from rag.errors import ModelError
from rag.filters import Filters
from rag.llm_queue import LlmQueue
from rag.records import Answer, Event, Hit, Mode, Turn
from rag.retrieval import choose_scope, retrieve
from rag.settings import Settings, load_settings

if TYPE_CHECKING:
    from rag.langchain import YoujuRetriever

_WARM_UP = "第一季度同比增长多少？"
NO_LLM = "没有配置大模型"


class Library(Collection):
    """Articles on disk that answer questions. Make one with `open_library`; use it as a context manager.

    Example:
        >>> with open_library("my-library") as library:       # doctest: +SKIP
        ...     library.add(["articles/"])
        ...     answer = library.ask("武昌区2020年金融产业增加值是多少？")
        ...     print(answer.text)                             # …达400.69亿元、同比增长6.3%…[1]
        ...     print(answer.citations[0].quote)               # the exact source sentence
    """

    def __init__(self, settings: Settings, embedder: Embedder | None = None, chat: ChatModel | None = None) -> None:
        super().__init__(settings, embedder)
        self._given_chat = chat
        self._chat = chat
        self._chat_loaded = chat is not None
        self._chat_notice = ""
        self._chat_guard = threading.Lock()
        self._warm = False

    def close(self) -> None:
        """Close the files, and the LLM that was loaded for this library."""
        with self._chat_guard:
            chat, self._chat, self._chat_loaded = self._chat, None, False
        if chat is not None and chat is not self._given_chat:
            chat.close()
        super().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def search(
        self, question: str, k: int | None = None, *, dense_weight: float | None = None, filters: Filters | None = None
    ) -> list[Hit]:
        """The k best passages (default: the setting `top_k`).

        Args:
            question: in Chinese, either script.
            dense_weight: instead of the setting; 1 for vectors alone, 0 for keywords alone.
            filters: which articles are searched; without them, those of the day that the question names (昨天, 上周). `Filters()`
                searches all.
        """
        weight = self.settings.dense_weight if dense_weight is None else dense_weight
        scope = choose_scope(self, question, filters)
        return retrieve(
            self, question, self.settings.top_k if k is None else k,
            dense_weight=weight, filters=scope.filters, period=scope.period,
        )  # fmt: skip

    def events(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        filters: Filters | None = None,
        passages: Sequence[Hit] | None = None,
        mode: Mode = "auto",
        client: str = "",
    ) -> Iterator[Event]:
        """Answer as a stream of events: one `Retrieved`, the LLM's draft as `Token`s, one `Answer`.

        Args:
            filters: see `search`.
            passages: answer from these instead of searching.
            mode: with "extractive" the LLM is neither loaded nor asked.
            client: who asks, for a fair share of the LLM; empty for the program itself.

        Example:
            >>> for event in library.events("……？"):          # doctest: +SKIP
            ...     match event:
            ...         case Token(text): print(text, end="")
            ...         case Answer(): print(event.text)
        """
        chat, notice = self.chat_model() if mode == "auto" else (None, "")
        return answer_events(self, question, history, chat, notice, filters, passages, client)

    def ask(self, question: str, history: Sequence[Turn] = (), *, filters: Filters | None = None) -> Answer:
        """The finished answer: every statement with its source sentence, or a refusal.

        Example:
            >>> library.ask("今年的增加值是多少？", filters=Filters(sources=("青石日报",)))    # doctest: +SKIP
        """
        for event in self.events(question, history, filters=filters):
            if isinstance(event, Answer):
                return event
        raise RuntimeError("the stream of events ended without an answer")

    def as_retriever(self, k: int = 10, filters: Filters | None = None) -> YoujuRetriever:
        """This library as a LangChain retriever, for chains and agents."""
        from rag.langchain import YoujuRetriever

        return YoujuRetriever(library=self, k=k, filters=filters)

    def warm_up(self) -> None:
        """Load what the first question would have to wait for, but an LLM: models load when they are first used, so ask one.

        Raises:
            YoujuError: something cannot be loaded.
        """
        self.embedder.encode_queries([_WARM_UP])  # also where there is no article yet
        for _ in self.events(_WARM_UP, filters=Filters(), mode="extractive"):
            pass
        self._warm = True

    @property
    def warm(self) -> bool:
        """Whether `warm_up` has been done."""
        return self._warm

    # -- the LLM -------------------------------------------------------------------------------------------------

    def chat_model(self) -> tuple[ChatModel | None, str]:
        """The LLM in force, loaded on first use, and the notice that explains its absence.

        A model that was asked for by name and cannot be loaded raises; with "auto" the answer is extractive instead.
        """
        with self._chat_guard:
            if not self._chat_loaded:
                try:
                    self._chat = load_chat_model(self.settings)
                    self._chat_notice = "" if self._chat else NO_LLM
                except ModelError as error:
                    if self.settings.llm != "auto":
                        raise
                    self._chat_notice = f"大模型用不了（{error.message}）"
                self._chat_loaded = True
            return self._chat, self._chat_notice

    @property
    def llm_queue(self) -> LlmQueue | None:
        """Where questions wait for the LLM; None while none is loaded."""
        return self._chat.queue if self._chat else None

    def use_chat_model(self, chat: ChatModel | None, notice: str = NO_LLM) -> None:
        """Switch to another LLM (None: extractive), from the next question on."""
        with self._chat_guard:
            self._chat, self._chat_loaded, self._chat_notice = chat, True, "" if chat else notice


def open_library(
    path: str | Path | None = None,
    *,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    chat: ChatModel | None = None,
    **overrides: Any,
) -> Library:
    """Open a library, making its folder when missing.

    Args:
        path: the folder; without it, the setting `library`.
        settings: instead of youju.toml and the environment.
        embedder: instead of the one that the settings name.
        chat: instead of the LLM that the settings name.
        overrides: single settings, e.g. `llm="none"`, `top_k=5`.

    Raises:
        SettingsError: a setting is wrong.
        EmbedderMismatch: the library was made by another embedder.
        LibraryError: the folder cannot be used.
    """
    if path is not None:
        overrides["library"] = Path(path)
    if settings is None:
        settings = load_settings(**overrides)
    elif overrides:
        settings = Settings.model_validate(settings.model_dump() | overrides)
    return Library(settings, embedder, chat)
