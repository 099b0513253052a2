"""One reader's conversation: events of the pipeline in, messages of the chat out. Knows nothing of Gradio."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from rag.errors import YoujuError
from rag.filters import Filters
from rag.records import Answer, Event, Mode, Retrieved, Token, Turn, Waiting
from rag.small_talk import small_talk
from rag.ui import render
from rag.ui.backend import Backend

log = logging.getLogger("youju.ui")

_REDRAW: Final = 0.08
"""Seconds between two redraws of a draft: quick enough to look alive, slow enough for an old browser."""
_REMEMBERED: Final = 12
"""Finished exchanges handed to the pipeline for follow-ups."""


@dataclass(slots=True)
class Exchange:
    """A question and what is shown for it.

    Attributes:
        standalone: what was searched for; empty before it is known.
        turn: exists once it has been answered, with the question as it was understood; small talk leaves none.
    """

    question: str
    uid: str = field(default_factory=lambda: secrets.token_hex(4))
    html: str = field(default_factory=lambda: render.progress_html("searching"))
    draft: str = ""
    standalone: str = ""
    turn: Turn | None = None
    running: bool = True


@dataclass(slots=True)
class Session:
    """The exchanges of one open page. It lives on the server, so nothing in it is the browser's word."""

    exchanges: list[Exchange] = field(default_factory=list)
    alone: bool = False
    """Whether the next question is one that the reader edited, to be taken as it stands."""
    mode: Mode = "auto"
    """How the next question is answered."""
    client: str = field(default_factory=lambda: f"page-{secrets.token_hex(8)}")
    """Who asks, for a fair share of the LLM."""

    @property
    def rewritten(self) -> str:
        """What the last question was understood as, where that is not what the reader wrote; else empty."""
        if not self.exchanges or self.running:
            return ""
        last = self.exchanges[-1]
        return last.standalone if last.turn and last.standalone != last.question else ""

    @property
    def running(self) -> bool:
        """Whether a question is being answered."""
        return bool(self.exchanges) and self.exchanges[-1].running

    @property
    def history(self) -> tuple[Turn, ...]:
        """The answered exchanges, oldest first, for follow-ups."""
        return tuple(exchange.turn for exchange in self.exchanges if exchange.turn)[-_REMEMBERED:]

    def messages(self) -> list[dict[str, str]]:
        """The whole conversation as Gradio's chat takes it; contents are HTML of `render`."""
        return [
            message
            for exchange in self.exchanges
            for message in (
                {"role": "user", "content": render.question_html(exchange.question)},
                {"role": "assistant", "content": exchange.html},
            )
        ]

    def problem(self, question: str) -> str:
        """Why a question cannot be asked now, as HTML; empty when it can."""
        if self.running:
            return render.notice_html("still_running")
        if not question.strip():
            return render.notice_html("empty")
        if len(question.strip()) > render.LONGEST_QUESTION:
            return render.notice_html(
                "too_long", length=f"{len(question.strip()):,}", limit=f"{render.LONGEST_QUESTION:,}"
            )
        return ""

    def ask(self, backend: Backend, question: str, filters: Filters | None = None) -> Iterator[None]:
        """Answer a question, yielding whenever `messages` has something new to show. Raises nothing.

        Args:
            filters: see `Backend.events`.

        After `edit` the question is taken as it stands, without the exchanges before it. After `stop` or `clear` it ends at the next event, and closes the pipeline's stream.
        """
        exchange = Exchange(question.strip())
        history = () if self.alone else self.history
        self.alone = False
        if small_talk(exchange.question, 0):
            exchange.html = ""
        self.exchanges.append(exchange)
        yield
        try:
            yield from _follow(exchange, backend.events(exchange.question, history, filters, self.mode, self.client))
            if exchange.running:
                exchange.html = render.error_html(None)
        except YoujuError as error:
            self._failed(exchange, error)
        except Exception as error:
            log.exception("an answer failed")
            self._failed(exchange, error)
        finally:
            exchange.running = False
        yield

    def edit(self) -> str:
        """The last question as it was understood, for the reader to change; the next one asked is taken as it stands."""
        self.alone = bool(self.rewritten)
        return self.rewritten

    def stop(self) -> None:
        """Break off the answer in progress; its draft stays, marked as not checked."""
        if self.running:
            exchange = self.exchanges[-1]
            exchange.running = False
            exchange.html = render.stopped_html(exchange.draft)

    def clear(self) -> None:
        """Forget the conversation."""
        self.stop()
        self.exchanges = []
        self.alone = False

    @staticmethod
    def _failed(exchange: Exchange, error: Exception) -> None:
        if exchange.running:
            exchange.html = render.error_html(error)


def _follow(exchange: Exchange, events: Iterator[Event]) -> Iterator[None]:
    drawn = 0.0
    scope_notice = ""
    try:
        for event in events:
            if not exchange.running:
                return
            match event:
                case Retrieved(hits=hits, notice=notice):
                    exchange.html = render.progress_html("reading", count=str(len(hits)))
                    scope_notice = notice
                case Waiting(ahead=ahead):
                    exchange.html = render.progress_html("queued", count=str(ahead))
                case Token(text=""):
                    if not exchange.draft:
                        exchange.html = render.progress_html("thinking")
                case Token(text=text):
                    exchange.draft += text
                    if time.monotonic() - drawn < _REDRAW:
                        continue
                    drawn = time.monotonic()
                    exchange.html = render.draft_html(exchange.draft)
                case Answer():
                    exchange.html = render.answer_html(event, exchange.uid, scope_notice)
                    exchange.standalone = event.standalone_question
                    if not event.is_reply:
                        exchange.turn = Turn(exchange.standalone or exchange.question, event.text)
                    exchange.running = False
                    return
            yield
    finally:
        if isinstance(events, Generator):  # frees the LLM now, not when the garbage collector comes by
            events.close()
