"""What is kept of conversations, as it passes between the store, the page and the exports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from rag.filters import Filters
from rag.records import Answer

LONGEST_TITLE: Final = 80
LONGEST_COMMENT: Final = 500

REASONS: Final = ("wrong_figure", "wrong_source", "off_topic", "is_in_articles", "other")
"""What a reader can say is wrong with an answer: 数字不对, 出处不对, 没答到, 资料里其实有, 其他."""

State = Literal["running", "answered", "stopped", "failed", "broken"]
"""Of an exchange; "broken" is one whose program or page ended before its answer did."""

Verdict = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a reader said of an answer; `reasons` are some of `REASONS`, `comment` is in their own words."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True)
class SavedExchange:
    """A question and what became of it.

    Attributes:
        asked_at: seconds since 1970.
        answer: with state "answered".
        notice: what was to be known of which articles were searched.
        draft: what an LLM had written when it was broken off.
        filters: what the reader chose to search; None where it was left to the question.
        error: with state "failed", message and hint in words for the reader; empty where the error was not one for people.
    """

    id: str
    question: str
    asked_at: float
    state: State
    answer: Answer | None = None
    notice: str = ""
    draft: str = ""
    error: tuple[str, ...] = ()
    filters: Filters | None = None
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A line of the list; `title` is whatever a reader typed."""

    id: str
    title: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class SavedConversation:
    """A conversation from its first question on, without what was replaced."""

    id: str
    title: str
    exchanges: tuple[SavedExchange, ...]


@dataclass(frozen=True, slots=True)
class RatedExchange:
    """An exchange with what its reader said of it, and the answered exchanges before it, oldest first."""

    exchange: SavedExchange
    feedback: Feedback
    given_at: float
    before: tuple[SavedExchange, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an exchange ended; see `SavedExchange`."""

    state: State
    answer: Answer | None = None
    notice: str = ""
    draft: str = ""
    error: tuple[str, ...] = field(default=())
