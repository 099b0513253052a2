"""Answers in threads of their own, as asynchronous streams: whoever goes away ends theirs, and frees the LLM."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

from rag.records import Event

_AT_ONCE: Final = 32
"""Answers in progress, those that wait for the LLM among them; more than the LLM's queue takes, so that extracts always find a thread."""

_pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="youju-answer")


async def follow(begin: Callable[[], Iterator[Event]]) -> AsyncGenerator[Event]:
    """The events of an answer, computed in a thread; closing the generator ends the answer at its next event.

    Args:
        begin: starts the answer; called in the thread.

    Raises:
        Exception: whatever the answer raised.
    """
    loop = asyncio.get_running_loop()
    coming: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
    gone = threading.Event()

    def put(item: Event | BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is closed: the server has ended
            loop.call_soon_threadsafe(coming.put_nowait, item)

    def run() -> None:
        if gone.is_set():
            return
        events: Iterator[Event] | None = None
        try:
            events = begin()
            for event in events:
                if gone.is_set():
                    return
                put(event)
            put(None)
        except Exception as error:  # noqa: BLE001 - every failure travels to whoever follows
            put(error)
        finally:
            if isinstance(events, Generator):
                events.close()

    loop.run_in_executor(_pool, run)
    try:
        while (item := await coming.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        gone.set()


def server_sent(data: Any, event: str = "") -> bytes:
    """One server-sent event; `data` is made JSON unless it is a string."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()


SIGN_OF_LIFE: Final = b": \n\n"
"""A comment, which clients skip: it keeps proxies from closing the connection."""

EVENT_STREAM: Final = "text/event-stream"
STREAM_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""So that nginx hands events on as they come."""
