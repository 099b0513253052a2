"""The end of a server in good order: answers that have begun are finished, new questions are sent away, then it stops."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rag.service.guard_limits import ASKING
from rag.service.replies import reply_problem

if TYPE_CHECKING:
    import uvicorn

_ANSWERING: Final = ("/gradio_api/queue/data", "/v1/chat/completions", "/api/ask")
"""Whose responses last as long as an answer does; Gradio ends that of its queue with the last answer of a page."""


@dataclass(slots=True)
class Draining:
    """What the server and its middleware share.

    Attributes:
        begun: whether no new question is taken.
        running: answers on their way.
    """

    begun: bool = False
    running: int = 0


class Drain:
    """Counts the answers on their way, and refuses new ones once the server is to stop."""

    def __init__(self, app: Any, draining: Draining) -> None:
        self._app = app
        self._draining = draining

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        path = scope.get("path", "").rstrip("/")
        if scope["type"] != "http" or path not in (*ASKING, *_ANSWERING):
            await self._app(scope, receive, send)
            return
        if self._draining.begun and path in ASKING:
            retry = ((b"retry-after", b"10"),)
            await reply_problem(send, 503, "stopping", "有据正在重启，请稍等片刻再问。", retry)
            return
        counted = path in _ANSWERING
        self._draining.running += counted
        try:
            await self._app(scope, receive, send)
        finally:
            self._draining.running -= counted


def draining_server(app: Any, draining: Draining, patience: float) -> uvicorn.Server:
    """A server that drains at SIGTERM: it goes on until no answer is on its way, or for `patience` seconds. Ctrl-C ends it at once,
    and so does a second SIGTERM.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """See `draining_server`."""

        deadline = 0.0

        def handle_exit(self, sig: int, frame: Any) -> None:
            """Takes the signal. A SIGTERM is not raised again after the end: the program goes on to close its files."""
            if sig != signal.SIGTERM:
                super().handle_exit(sig, frame)
            elif draining.begun:
                self.should_exit = True
            else:
                draining.begun = True
                self.deadline = time.monotonic() + patience

        async def on_tick(self, counter: int) -> bool:
            """Called ten times a second; says whether to stop."""
            if draining.begun and (not draining.running or time.monotonic() >= self.deadline):
                self.should_exit = True
            return await super().on_tick(counter)

    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return Server(config)
