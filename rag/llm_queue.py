"""The queue in front of an LLM: first come, first served, so that a slow answer delays only those who wait for the LLM, too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from rag.errors import ChatModelError
from rag.records import Waiting

HEARTBEAT: Final = 0.5
"""Seconds between two signs of life of what waits, for the LLM's turn or for its next word; a reader who has gone away is noticed then."""

MOST_WAITING: Final = 16
"""Questions that wait, over all clients; at a quarter of a minute an answer the last one waits four minutes."""

MOST_OF_ONE: Final = 4
"""Questions of one client that wait or are being answered."""


class LlmQueue:
    """Who asks the LLM next. Safe to use from several threads.

    Args:
        at_once: how many questions the LLM answers at the same time.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._changed = threading.Condition()
        self._places: list[Place] = []  # in the order of their coming; the first `at_once` have their turn

    def place(self, client: str = "") -> Place:
        """A place for one question, not yet in the queue.

        Args:
            client: who asks; the empty one is the program itself, whose questions are not counted.
        """
        return Place(self, client)

    @property
    def busy(self) -> int:
        """How many questions the LLM is answering."""
        return min(len(self._places), self._at_once)

    @property
    def waiting(self) -> int:
        """How many questions wait for it."""
        return max(0, len(self._places) - self._at_once)

    def _enter(self, place: Place) -> None:
        with self._changed:
            if place in self._places:
                return
            if place.client and sum(other.client == place.client for other in self._places) >= MOST_OF_ONE:
                raise ChatModelError(
                    f"您已有 {MOST_OF_ONE} 个问题在等大模型回答", "请等其中一个答完，或停止它", kind="busy"
                )
            if self.waiting >= MOST_WAITING:
                raise ChatModelError(f"已有 {self.waiting} 个问题在等大模型回答", "请稍后再问", kind="busy")
            self._places.append(place)

    def _leave(self, place: Place) -> None:
        with self._changed:
            if place in self._places:
                self._places.remove(place)
                self._changed.notify_all()

    def _ahead(self, place: Place) -> int:
        with self._changed:
            return max(0, self._places.index(place) + 1 - self._at_once)

    def _wait(self, place: Place, ahead: int) -> int:
        """Wait for a heartbeat, or until fewer than `ahead` are ahead; how many are then."""
        with self._changed:
            self._changed.wait_for(lambda: self._ahead(place) < ahead, HEARTBEAT)
            return self._ahead(place)


class Place:
    """A question's place in the queue; a context manager that leaves it."""

    def __init__(self, queue: LlmQueue, client: str) -> None:
        self._queue = queue
        self.client = client

    def wait(self) -> Iterator[Waiting]:
        """Enter the queue and wait for the turn, saying twice a second how many are ahead; whoever has the turn keeps it.

        Raises:
            ChatModelError: too many wait already (`kind` is "busy").
        """
        self._queue._enter(self)
        ahead = self._queue._ahead(self)
        while ahead:
            yield Waiting(ahead)
            ahead = self._queue._wait(self, ahead)

    def leave(self) -> None:
        """Let the next one ask. Does no harm when done twice."""
        self._queue._leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
