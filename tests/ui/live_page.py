"""The real page, served by the real server in a thread of the test."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rag.chat_history import ChatHistory
from rag.service.guard import Guard
from rag.ui import Backend, build_app

if TYPE_CHECKING:
    import uvicorn

    from rag.ui.shelf import Shelf

SAMPLES = ("临江港一季度货物吞吐量是多少？", "2027年的目标是什么？", "火星上有港口吗？")


class LivePage:
    """`with LivePage(backend) as live: live.url`"""

    def __init__(
        self,
        backend: Backend,
        samples: Sequence[str] = SAMPLES,
        shelf: Shelf | None = None,
        guard: Guard | None = None,
        history: ChatHistory | None = None,
        suggest: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._backend = backend
        self._shelf = shelf
        self._samples = samples
        self._guard = guard
        self._history = history
        self._suggest = suggest
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> LivePage:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 90
        while self._server is None or not self._server.started:
            assert self._thread.is_alive(), "the server ended before it started"
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.05)
        return self

    async def _serve(self) -> None:
        """Builds the page in the running loop, too: without one Gradio makes loops of its own and never closes them."""
        import uvicorn

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Gradio's own imports
            app = self.build()
        config = uvicorn.Config(app, log_level="critical", proxy_headers=False, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        await self._server.serve(sockets=[self._socket])

    def build(self) -> Any:
        """The application, made in the server's loop."""
        return build_app(
            self._backend,
            samples=self._samples,
            shelf=self._shelf,
            guard=self._guard,
            history=self._history,
            suggest=self._suggest,
        )

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
