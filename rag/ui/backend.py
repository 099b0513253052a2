"""What the page needs from the rest of Youju: a stream of events, and a status line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rag.filters import Facets, Filters
from rag.records import Article, Event, Mode, Turn

Phase = Literal["extractive", "downloading", "loading", "ready", "failed"]
"""Where the LLM stands: none configured, being fetched, being loaded, answering, or given up on."""


@dataclass(frozen=True, slots=True)
class UiStatus:
    """What the top line of the page says.

    Attributes:
        library: name of the knowledge base, e.g. the name of its folder.
        articles: how many articles it holds.
        model: name of the LLM; empty when none is configured.
        phase: where that LLM stands. In every phase but "ready" answers are extractive.
        progress: fraction fetched, 0 to 1; None when it is not known.
        detail: with "failed", why, in a few words of Chinese.
    """

    library: str
    articles: int
    model: str = ""
    phase: Phase = "extractive"
    progress: float | None = None
    detail: str = ""


class Backend(Protocol):
    """The pipeline as the page sees it. Its methods are called from several threads at once."""

    def events(
        self,
        question: str,
        history: Sequence[Turn],
        filters: Filters | None = None,
        mode: Mode = "auto",
        client: str = "",
    ) -> Iterator[Event]:
        """Answer a question; see `Event`.

        Args:
            filters: which articles are searched; None leaves it to what the question says of the day.
            mode: with "extractive" the LLM is not asked.
            client: who asks, for a fair share of the LLM; empty for the program itself.

        The page closes the iterator when the reader presses stop, so a generator can free the LLM in its `finally`.

        Raises:
            YoujuError: shown to the reader, message and hint. Anything else is logged and shown as a general apology.
        """
        ...

    def facets(self) -> Facets:
        """What the reader can filter by. Asked whenever a page opens."""
        ...

    def article(self, article_id: str) -> Article | None:
        """A whole article, for the source panel; None when the library does not hold it (any more)."""
        ...

    def status(self) -> UiStatus:
        """What the top line says now. Asked every few seconds by every open page: keep it cheap."""
        ...
