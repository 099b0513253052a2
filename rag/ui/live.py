"""The page's backend over a real library; gets the LLM ready in the background while the page is already in use."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.chat_models import load_chat_model, resolve_llm
from rag.errors import ModelMissing, YoujuError
from rag.filters import Facets, Filters
from rag.library import Library
from rag.model_files import default_llm, fetch
from rag.records import Article, Event, Mode, Turn
from rag.ui.backend import UiStatus

log = logging.getLogger("youju.ui")

_PREPARING = "大模型还在准备，以下是原文摘录。"


class LiveBackend:
    """Answers from a library, extractively until its LLM is there.

    `prepare` starts a thread that finds the LLM of the settings, fetches the default one where none is there (with "auto"),
    loads it and switches over. Whatever fails on the way is shown in the status line, and answers stay extractive.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._status = UiStatus(library.path.name, library.counts()[0])
        self._thread: threading.Thread | None = None

    def events(
        self,
        question: str,
        history: Sequence[Turn],
        filters: Filters | None = None,
        mode: Mode = "auto",
        client: str = "",
    ) -> Iterator[Event]:
        """See `Backend.events`."""
        return self._library.events(question, history, filters=filters, mode=mode, client=client)

    def facets(self) -> Facets:
        """See `Backend.facets`."""
        return self._library.facets()

    def article(self, article_id: str) -> Article | None:
        """See `Backend.article`."""
        return self._library.article(article_id)

    def status(self) -> UiStatus:
        """See `Backend.status`."""
        return replace(self._status, articles=self._library.counts()[0])

    def prepare(self) -> None:
        """Begin to get the LLM ready; returns at once."""
        if self._library.settings.llm == "none":
            self._library.use_chat_model(None)
            return
        self._library.use_chat_model(None, _PREPARING)
        self._thread = threading.Thread(target=self._prepare, name="llm", daemon=True)
        self._thread.start()

    def _prepare(self) -> None:
        settings = self._library.settings
        try:
            try:
                choice = resolve_llm(settings)
                missing = default_llm(settings) if choice.kind == "none" else ""
            except ModelMissing:
                missing = settings.llm
            if missing:
                self._show(model=missing, phase="downloading", progress=0.0)
                fetch(missing, settings, progress=self._fetched)
                settings = settings.model_copy(update={"llm": missing})
                choice = resolve_llm(settings)
            self._show(model=choice.name, phase="loading", progress=None)
            chat = load_chat_model(settings)
        except YoujuError as error:
            self._failed(error.message)
        except Exception as error:  # the page goes on extractively, and says why
            log.exception("the LLM could not be made ready")
            self._failed(type(error).__name__)
        else:
            self._library.use_chat_model(chat)
            self._show(phase="ready", progress=None)

    def _fetched(self, done: int, total: int) -> None:
        self._show(progress=done / total if total else None)

    def _failed(self, why: str) -> None:
        self._library.use_chat_model(None, f"大模型用不了（{why}），以下是原文摘录。")
        self._show(phase="failed", detail=why, progress=None)

    def _show(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type]
