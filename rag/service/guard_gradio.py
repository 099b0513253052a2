"""Of what Gradio serves, the page gets what it needs; and an open page belongs to the reader who opened it."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any, Final
from urllib.parse import parse_qs

from rag.service.browser_id import reader_key_of
from rag.service.replies import reply_problem

_API: Final = "/gradio_api/"
_USED: Final = frozenset(("queue/join", "queue/data", "run/predict", "cancel", "reset", "startup-events", "info"))
_CLOSED: Final = ("/monitoring", "/svelte", "/pwa_icon", "/manifest.json", "/user", "/token", "/runs")
_EVENTS: Final = frozenset(("queue/join", "run/predict", "cancel", "reset"))
_REMEMBERED: Final = 100_000


class GradioRoutes:
    """Closes the routes that the page does not use: files, uploads, a proxy, a code editor, monitoring, and whatever the next
    version brings. What the page hands out and takes in goes through routes of ours.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] != "http" or _open(scope["path"]):
            await self._app(scope, receive, send)
        else:
            await reply_problem(send, 404, "not_found", "没有这个地址。")


def _open(path: str) -> bool:
    if not path.startswith(_API):
        return not path.startswith(_CLOSED)
    name = path.removeprefix(_API).rstrip("/")
    return name in _USED or name.startswith("heartbeat/")


class PageOwners:
    """Gradio tells open pages apart by a number that their browsers draw, and gives whoever names it all of the page:
    the conversation, its events. Here the first reader to name one keeps it.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._owners: OrderedDict[str, str] = OrderedDict()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] != "http" or not scope["path"].startswith(_API):
            await self._app(scope, receive, send)
            return
        name = scope["path"].removeprefix(_API).rstrip("/")
        if name.startswith("heartbeat/"):
            pages = [name.removeprefix("heartbeat/")]
        else:
            pages = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])
        if name in _EVENTS and scope["method"] == "POST":
            body = await _whole(receive)
            if body is None:
                return
            pages += _pages_of(body)
            receive = _again(body, receive)
        reader = reader_key_of(scope)
        if any(self._owner(page, reader) != reader for page in pages):
            await reply_problem(send, 403, "not_allowed", "这个页面属于另一位读者。请刷新后重试。")
            return
        await self._app(scope, receive, send)

    def _owner(self, page: str, reader: str) -> str:
        owner = self._owners.setdefault(page[:64], reader)
        self._owners.move_to_end(page[:64])
        while len(self._owners) > _REMEMBERED:
            self._owners.popitem(last=False)
        return owner


async def _whole(receive: Any) -> bytes | None:
    pieces: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def _pages_of(body: bytes) -> list[str]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return []  # Gradio refuses it, too
    page = sent.get("session_hash") if isinstance(sent, dict) else None
    return [page] if isinstance(page, str) else []


def _again(body: bytes, receive: Any) -> Any:
    sent = False

    async def replay() -> Any:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
