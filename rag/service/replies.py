"""What the guard answers by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

_KINDS: Final = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


async def reply_problem(
    send: Any, status: int, code: str, message: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send an error in the form of `rag.service.problems`, which is OpenAI's.

    Args:
        code: a short English name for programs, e.g. "rate_limited".
        message: what happened and what to do, in Chinese.
    """
    kind = _KINDS.get(status) or (
        "unavailable_error" if status == 503 else "server_error" if status > 499 else "invalid_request_error"
    )
    told = {"message": message, "type": kind, "param": None, "code": code}
    await reply(send, status, "application/json", json.dumps({"error": told}, ensure_ascii=False).encode(), headers)


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
