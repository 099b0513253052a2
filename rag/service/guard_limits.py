"""How much one request may carry, how slowly, and how many a reader may send."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from rag.service.attempts import network
from rag.service.browser_id import reader_key_of
from rag.service.replies import address_of, header, reply_problem

ASKING: Final = ("/v1/chat/completions", "/api/ask", "/api/search", "/gradio_api/queue/join")
"""Where a question (or a search) is sent to; Gradio's queue holds nothing else that is slow."""
UPLOADING: Final = "/library/uploads"
"""Under which files are sent, one a request; who takes them counts what they are together."""

_BODY: Final = 1024 * 1024
_FORM: Final = 8 * 1024
_PATIENCE: Final = 30.0
"""Seconds between two pieces of a body."""
_FREE: Final = (
    "/assets/",
    "/static/",
    "/theme.css",
    "/favicon.ico",
    "/healthz",
    "/readyz",
    "/metrics",
    "/gradio_api/heartbeat/",
    UPLOADING,
)
_REMEMBERED: Final = 20_000


class BodyLimit:
    """Ends a request whose body is too long for its route (413), also one that does not say its length, or stalls (408).

    Args:
        upload_bytes: for the routes that take files.
        patience: seconds between two pieces.
    """

    def __init__(self, app: Any, upload_bytes: int, patience: float = _PATIENCE) -> None:
        self._app = app
        self._upload_bytes = upload_bytes
        self._patience = patience

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        told = header(scope, b"content-length")
        if told and (not told.isdecimal() or int(told) > limit):
            if told.isdecimal() and int(told) <= limit + _SWALLOWED:
                await _swallow(receive)
            await _too_long(send, limit)
            return
        seen = 0
        whole = started = ended = False

        async def counted() -> Any:
            nonlocal seen, whole, ended
            if ended:
                return {"type": "http.disconnect"}
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._patience)
            except TimeoutError:
                ended = True
                if not started:
                    await reply_problem(send, 408, "too_slow", "等了太久也没有收完这个请求，请检查网络后重试。", _CLOSE)
                return {"type": "http.disconnect"}
            seen += len(message.get("body", b""))
            whole = not message.get("more_body")
            if seen > limit:
                ended = True
                if not started:
                    if not whole:
                        await _swallow(receive)
                    await _too_long(send, limit)
                return {"type": "http.disconnect"}
            return message

        async def unless_ended(message: Any) -> None:
            nonlocal started
            if not ended:
                started = True
                await send(message)

        try:
            await self._app(scope, counted, unless_ended)
        except Exception:
            if not ended:  # else it is how the application takes the disconnect
                raise

    def _limit(self, path: str) -> int:
        if path.startswith(UPLOADING):
            return self._upload_bytes
        return _FORM if path in ("/login", "/logout") else _BODY


_CLOSE: Final = ((b"connection", b"close"),)
_SWALLOWED: Final = 8 * 1024 * 1024
_SWALLOWED_WITHIN: Final = 5.0


async def _swallow(receive: Any) -> None:
    """Take in some of what is still coming: who is sending does not look for an answer, and would find a closed connection."""
    seen = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_SWALLOWED_WITHIN):
            while seen <= _SWALLOWED:
                message = await receive()
                seen += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


async def _too_long(send: Any, limit: int) -> None:
    size = f"{limit / 1024 / 1024:.0f} MB" if limit >= _BODY else f"{limit / 1024:.0f} KB"
    await reply_problem(send, 413, "too_long", f"请求太大，这里最多 {size}。请减少内容后重试。", _CLOSE)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """Token buckets in memory: `rate` a second on average, `burst` at once.

    Args:
        per_minute: 0 for no limit.
        now: a clock that never goes back, in seconds.
    """

    def __init__(self, per_minute: int, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._now = now
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one; 0 if there was one, else the seconds until there is."""
        if not self._rate:
            return 0.0
        now = self._now()
        bucket = self._buckets.pop(key, None) or _Bucket(self._burst, now)
        self._buckets[key] = bucket
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / self._rate


class RateLimit:
    """Answers 429 to a reader who sends more than is agreed, and says when to come back.

    Args:
        applies: whether to count now; nobody is slowed down on a machine that serves only itself.
    """

    def __init__(self, app: Any, requests: Buckets, questions: Buckets, applies: Callable[[], bool]) -> None:
        self._app = app
        self._requests = requests
        self._questions = questions
        self._applies = applies

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith(_FREE) or not self._applies():
            await self._app(scope, receive, send)
            return
        key = reader_key_of(scope) or f"address:{network(address_of(scope))}"
        asking = path.rstrip("/") in ASKING
        wait = self._requests.take(key) or (self._questions.take(key) if asking else 0.0)
        if wait:
            seconds = math.ceil(wait)
            what = "提问" if asking else "请求"
            await reply_problem(
                send,
                429,
                "rate_limited",
                f"{what}太频繁了，请过 {seconds} 秒再试。",
                ((b"retry-after", str(seconds).encode()),),
            )
            return
        await self._app(scope, receive, send)
