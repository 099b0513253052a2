"""One reader's conversation: events of the pipeline in, messages of the chat out. Knows nothing of Gradio."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from rag.chat_history import Diary
from rag.chat_records import Feedback, Outcome, SavedConversation, SavedExchange, State
from rag.errors import LibraryError, YoujuError
from rag.filters import Filters
from rag.records import Answer, Event, Mode, Retrieved, Token, Turn, Waiting
from rag.small_talk import small_talk
from rag.ui import render
from rag.ui.actions import answer_actions_html, question_actions_html
from rag.ui.backend import Backend

log = logging.getLogger("youju.ui")

MOST_EXCHANGES: Final = 100
"""Of one conversation; the page shows them all at once."""

_REDRAW: Final = 0.08
"""Seconds between two redraws of a draft: quick enough to look alive, slow enough for an old browser."""
_REMEMBERED: Final = 12
"""Finished exchanges handed to the pipeline for follow-ups."""


@dataclass(slots=True)
class Exchange:
    """A question and what is shown for it.

    Attributes:
        uid: its id on the page and in the history.
        standalone: what was searched for; empty before it is known.
        turn: exists once it has been answered, with the question as it was understood; small talk leaves none.
        scope: which articles were searched, where that is not all.
        answer: only while it is not in the history: its articles take room.
        error: what to tell of a failure, message and hint; empty where there is nothing for people to know.
        filters: what the reader chose; None where it was left to the question.
        unsaved: why it is not kept, in words; empty where it is, or where nothing is kept at all.
        saved: whether it is kept.
    """

    question: str
    uid: str = field(default_factory=lambda: secrets.token_hex(8))
    asked_at: float = field(default_factory=time.time)
    html: str = field(default_factory=lambda: render.progress_html("searching"))
    draft: str = ""
    state: State = "running"
    standalone: str = ""
    turn: Turn | None = None
    scope: str = ""
    notice: str = ""
    error: tuple[str, ...] = ()
    answer: Answer | None = None
    filters: Filters | None = None
    feedback: Feedback | None = None
    saved: bool = False
    unsaved: str = ""

    @property
    def running(self) -> bool:
        """Whether it is being answered."""
        return self.state == "running"

    @property
    def rewritten(self) -> str:
        """What the question was understood as, where that is not what the reader wrote; else empty."""
        return self.standalone if self.turn and self.standalone != self.question else ""

    @property
    def inferred(self) -> str:
        """Which articles were searched because of a word of the question; empty where the reader chose, or all were."""
        return self.scope if self.filters is None else ""

    def take(self, answer: Answer) -> None:
        """Be answered."""
        self.html = render.answer_html(answer, self.uid, self.notice)
        self.answer, self.draft, self.state = answer, "", "answered"
        self.standalone, self.scope = answer.standalone_question, answer.scope
        if not answer.is_reply:
            self.turn = Turn(self.standalone or self.question, answer.text)

    def record(self) -> SavedExchange:
        """It as the history keeps it."""
        return SavedExchange(
            self.uid, self.question, self.asked_at, self.state, self.answer, self.notice, self.draft, self.error, self.filters, self.feedback,
        )  # fmt: skip


@dataclass(slots=True)
class Session:
    """The exchanges of one open page. It lives on the server, so nothing in it is the browser's word."""

    exchanges: list[Exchange] = field(default_factory=list)
    conversation: str = ""
    """Its id in the history; empty while it is not kept."""
    replacing: str = ""
    """The exchange that the next question takes the place of, with all after it."""
    mode: Mode = "auto"
    """How the next question is answered."""
    client: str = field(default_factory=lambda: f"page-{secrets.token_hex(8)}")
    """Who asks, for a fair share of the LLM."""

    @property
    def running(self) -> bool:
        """Whether a question is being answered."""
        return bool(self.exchanges) and self.exchanges[-1].running

    @property
    def history(self) -> tuple[Turn, ...]:
        """The answered exchanges, oldest first, for follow-ups."""
        return tuple(exchange.turn for exchange in self.exchanges if exchange.turn)[-_REMEMBERED:]

    def messages(self) -> list[dict[str, str]]:
        """The whole conversation as Gradio's chat takes it; contents are HTML of `render` and `actions`."""
        last = self.exchanges[-1] if self.exchanges else None
        return [
            message
            for exchange in self.exchanges
            for message in (
                {"role": "user", "content": _question_html(exchange)},
                {"role": "assistant", "content": _answer_html(exchange, last=exchange is last)},
            )
        ]

    def find(self, uid: str) -> Exchange | None:
        """The finished exchange of that id."""
        return next((e for e in self.exchanges if e.uid == uid and not e.running), None)

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
        if len(self.exchanges) >= MOST_EXCHANGES and not self.replacing:
            return render.notice_html("conversation_long", limit=str(MOST_EXCHANGES))
        return ""

    def ask(
        self,
        backend: Backend,
        question: str,
        filters: Filters | None = None,
        *,
        diary: Diary | None = None,
        alone: bool = False,
    ) -> Iterator[None]:
        """Answer a question, yielding whenever `messages` has something new to show. Raises nothing.

        Args:
            filters: see `Backend.events`.
            diary: where the conversation is kept; without one it is not.
            alone: take the question as it stands, without the exchanges before it.

        It takes the place of the exchange `replacing`, where there is one. What is shown has been kept before it is. After `stop` or
        `clear` it ends at the next event, and closes the pipeline's stream.
        """
        exchange = Exchange(question.encode("utf-8", "replace").decode("utf-8").strip(), filters=filters)
        place = next((i for i, old in enumerate(self.exchanges) if old.uid == self.replacing), len(self.exchanges))
        replaced, self.replacing = self.replacing, ""
        del self.exchanges[place:]
        history = () if alone else self.history
        if small_talk(exchange.question, 0):
            exchange.html = ""
        self._begin(exchange, diary, replaced)
        self.exchanges.append(exchange)
        try:
            yield
            yield from _follow(exchange, backend.events(exchange.question, history, filters, self.mode, self.client))
            if exchange.running:
                exchange.state, exchange.draft, exchange.html = "broken", "", render.error_html(None)
        except YoujuError as error:
            _failed(exchange, error)
        except Exception as error:
            log.exception("an answer failed")
            _failed(exchange, error)
        finally:
            if exchange.running:  # the page is gone
                exchange.state, exchange.html = "broken", _broken_html(exchange.draft)
            _finish(exchange, diary)
        yield

    def stop(self) -> None:
        """Break off the answer in progress; its draft stays, marked as not checked."""
        if self.running:
            exchange = self.exchanges[-1]
            exchange.state = "stopped"
            exchange.html = render.stopped_html(exchange.draft)

    def clear(self) -> None:
        """Begin a new conversation; the old one stays in the history."""
        self.stop()
        self.exchanges = []
        self.conversation = self.replacing = ""

    def show(self, saved: SavedConversation) -> None:
        """Go on with a conversation of the history."""
        self.clear()
        self.conversation = saved.id
        self.exchanges = [_restored(exchange) for exchange in saved.exchanges]

    def _begin(self, exchange: Exchange, diary: Diary | None, replaced: str) -> None:
        if diary is None:
            return
        try:
            self.conversation = diary.begin(
                exchange.uid, exchange.question, self.conversation, filters=exchange.filters, instead_of=replaced
            )
            exchange.saved = True
        except LibraryError as error:
            exchange.unsaved = f"{error.message}。{error.hint}。"
        except Exception:
            log.exception("a question could not be kept")
            exchange.unsaved = "这一问没能保存。"


def _finish(exchange: Exchange, diary: Diary | None) -> None:
    if diary is None or not exchange.saved:
        return
    outcome = Outcome(exchange.state, exchange.answer, exchange.notice, exchange.draft, exchange.error)
    try:
        diary.finish(exchange.uid, outcome)
        exchange.answer = None
    except Exception as error:
        log.exception("an answer could not be kept")
        exchange.saved = False
        exchange.unsaved = f"{error.message}。" if isinstance(error, LibraryError) else "这个回答没能保存。"


def _failed(exchange: Exchange, error: Exception) -> None:
    if exchange.running:
        exchange.state = "failed"
        exchange.error = (error.message, error.hint) if isinstance(error, YoujuError) else ()
        exchange.html = render.error_html(error)


def _follow(exchange: Exchange, events: Iterator[Event]) -> Iterator[None]:
    drawn = 0.0
    try:
        for event in events:
            if not exchange.running:
                return
            match event:
                case Retrieved(hits=hits, notice=notice):
                    exchange.html = render.progress_html("reading", count=str(len(hits)))
                    exchange.notice = notice
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
                    exchange.take(event)
                    return
            yield
    finally:
        if isinstance(events, Generator):  # frees the LLM now, not when the garbage collector comes by
            events.close()


def _restored(saved: SavedExchange) -> Exchange:
    """A kept exchange as it was shown."""
    exchange = Exchange(
        saved.question, saved.id, saved.asked_at, "", saved.draft, saved.state, notice=saved.notice, error=saved.error,
        filters=saved.filters, feedback=saved.feedback, saved=True,
    )  # fmt: skip
    if saved.answer is not None:
        exchange.take(saved.answer)
        exchange.answer = None
    elif saved.state == "running":  # in another window; this one does not follow it
        exchange.state, exchange.html = "broken", render.remark_html("answering_elsewhere")
    elif saved.state == "failed":
        exchange.html = render.error_html(YoujuError(*saved.error) if saved.error else RuntimeError())
    elif saved.state == "stopped":
        exchange.html = render.stopped_html(saved.draft)
    else:
        exchange.html = _broken_html(saved.draft)
    return exchange


def _broken_html(draft: str) -> str:
    return render.draft_html(draft, "broken") if draft.strip() else render.error_html(None)


def _question_html(exchange: Exchange) -> str:
    return render.question_html(exchange.question) + question_actions_html(exchange.uid, running=exchange.running)


def _answer_html(exchange: Exchange, *, last: bool) -> str:
    if exchange.running:
        return exchange.html
    return exchange.html + answer_actions_html(
        exchange.uid,
        answered=exchange.turn is not None,
        saved=exchange.saved,
        verdict=exchange.feedback.verdict if exchange.feedback else "",
        last=last,
        rewritten=exchange.rewritten,
        inferred=exchange.inferred,
        unsaved=exchange.unsaved,
    )
