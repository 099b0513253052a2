"""The page's backend over a real library; gets the LLM ready in the background while the page is already in use."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.chat_models import ChatModel, load_chat_model, resolve_llm
from rag.errors import ModelMissing, YoujuError
from rag.filters import Facets, Filters
from rag.library import Library
from rag.model_files import default_llm, fetch
from rag.records import Article, Event, Mode, Turn
from rag.service.guard_log import log_question
from rag.settings import Settings
from rag.ui.backend import UiStatus

log = logging.getLogger("youju.ui")

_PATIENCE = 600.0
"""Seconds that answers may take to their end before their LLM is closed."""
_PREPARING = "大模型还在准备"


class _Superseded(Exception):
    """Another LLM was asked for while this one was being fetched."""


class LiveBackend:
    """Answers from a library, extractively until its LLM is there.

    `prepare` starts a thread that finds the LLM of the settings, fetches the default one where none is there (with "auto"),
    loads it and switches over; `use` does the same for another one. Whatever fails on the way is shown in the status line, and
    answers stay extractive.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._status = UiStatus(library.path.name, library.counts()[0])
        self._turn = 0
        self._one_at_a_time = threading.Lock()
        self._loaded: ChatModel | None = None
        self._streams: set[object] = set()

    def events(
        self,
        question: str,
        history: Sequence[Turn],
        filters: Filters | None = None,
        mode: Mode = "auto",
        client: str = "",
    ) -> Iterator[Event]:
        """See `Backend.events`."""
        log_question(question, client)
        stream = object()
        self._streams.add(stream)
        try:
            yield from self._library.events(question, history, filters=filters, mode=mode, client=client)
        finally:
            self._streams.discard(stream)

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
        """Begin to get the LLM of the settings ready; returns at once."""
        self.use(self._library.settings.llm)

    def use(self, llm: str) -> None:
        """Change to another LLM, named as in the setting `llm`; returns at once.

        Answers are extractive until it is there. Those that the LLM before is writing are written to their end; then it is
        closed, and only then the other one loaded: there may not be room for both.
        """
        self._turn += 1
        turn = self._turn
        settings = self._library.settings.model_copy(update={"llm": llm})
        if llm == "none":
            self._library.use_chat_model(None)
        else:
            self._library.use_chat_model(None, _PREPARING)
        self._show(turn, model="", phase="extractive", progress=None, detail="")
        threading.Thread(target=self._change, args=(settings, turn), name="llm", daemon=True).start()

    def _change(self, settings: Settings, turn: int) -> None:
        with self._one_at_a_time:
            if turn != self._turn:
                return
            self._close_loaded()
            if settings.llm != "none":
                self._prepare(settings, turn)

    def _close_loaded(self) -> None:
        """Close the LLM in use so far, once no answer that may be its own is being written."""
        old, self._loaded = self._loaded, None
        if old is None:
            return
        writing = set(self._streams)
        deadline = time.monotonic() + _PATIENCE
        # the page's answers, which may not have come to ask it yet, and those of others, as far as they have
        while (writing & self._streams or old.queue.busy) and time.monotonic() < deadline:
            time.sleep(0.1)
        old.close()

    def _prepare(self, settings: Settings, turn: int) -> None:
        try:
            try:
                choice = resolve_llm(settings)
                missing = default_llm(settings) if choice.kind == "none" else ""
            except ModelMissing:
                missing = settings.llm
            if missing:
                self._show(turn, model=missing, phase="downloading", progress=0.0)
                fetch(missing, settings, progress=lambda done, total: self._fetched(turn, done, total))
                settings = settings.model_copy(update={"llm": missing})
                choice = resolve_llm(settings)
            self._show(turn, model=choice.name, phase="loading", progress=None)
            chat = load_chat_model(settings)
        except _Superseded:
            return
        except YoujuError as error:
            self._failed(error.message, turn)
        except Exception as error:  # the page goes on extractively, and says why
            log.exception("the LLM could not be made ready")
            self._failed(type(error).__name__, turn)
        else:
            self._loaded = chat
            if turn == self._turn:  # otherwise the next one closes it
                self._library.use_chat_model(chat)
                self._show(turn, phase="ready", progress=None)

    def _fetched(self, turn: int, done: int, total: int) -> None:
        if turn != self._turn:
            raise _Superseded
        self._show(turn, progress=done / total if total else None)

    def _failed(self, why: str, turn: int) -> None:
        if turn == self._turn:
            self._library.use_chat_model(None, f"大模型用不了（{why}）")
            self._show(turn, phase="failed", detail=why, progress=None)

    def _show(self, turn: int, **changes: object) -> None:
        if turn == self._turn:
            self._status = replace(self._status, **changes)  # type: ignore[arg-type]
