"""The HTTP API over a real library, on a real server in a thread of the test; without the page, which takes seconds to build."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from rag.library import Library
from rag.service.app import add_service


class LiveService:
    """`with LiveService(library) as live: live.client.get("/readyz")`"""

    def __init__(self, library: Library) -> None:
        self._library = library

    def __enter__(self) -> LiveService:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        add_service(app, self._library)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve(sockets=[self._socket])), daemon=True
        )
        self._thread.start()
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=60)
        wait_until(lambda: self._server.started and self.client.get("/readyz").is_success)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()


def wait_until(true: Any, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def server_sent(response: httpx.Response) -> list[tuple[str, str]]:
    """The events of a response that is read to its end: name and data."""
    events = []
    for block in response.read().decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            events.append((fields.get("event", ""), fields["data"]))
    return events
