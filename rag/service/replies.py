"""What the guard answers by itself: short JSON in the shape of OpenAI's errors, which API clients show to people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


async def reply_problem(
    send: Any, status: int, kind: str, message: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send `{"error": {"message", "type", "code"}}`.

    Args:
        kind: a short English name for programs, e.g. "rate_limited".
        message: what happened and what to do, in Chinese.
    """
    body = json.dumps({"error": {"message": message, "type": kind, "code": status}}, ensure_ascii=False).encode()
    await reply(send, status, "application/json", body, headers)


async def reply(send: Any, status: int, kind: str, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send a whole response."""
    own = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": own})
    await send({"type": "http.response.body", "body": body})


def header(scope: Any, name: bytes) -> str:
    """The first header of a request with this name (lower case), or an empty string."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def address_of(scope: Any) -> str:
    """The address that a request came from; behind a trusted proxy, the reader's."""
    return str(scope["client"][0]) if scope.get("client") else ""
