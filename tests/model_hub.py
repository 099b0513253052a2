"""A real HTTP server on loopback that plays a model hub: listing with checksums, files by range, and faults."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response, StreamingResponse

from tests.openai_server import serve

_COMMIT = "c0ffee" * 6 + "c0ff"
_LARGE = 1000
"""Files of so many bytes are listed with sha256, as large files are; smaller ones with the id of their git blob."""


@dataclass
class ModelHub:
    """The hub's content and behaviour.

    Attributes:
        files: content by "owner/name" and path.
        cut_after: break every body off after so many bytes (0: never).
        ranges: whether Range requests are understood.
        tampered: send other bytes than those listed.
        asked: the Range header of every download, "" where there was none.
    """

    files: dict[str, dict[str, bytes]]
    cut_after: int = 0
    ranges: bool = True
    tampered: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        """The ASGI application."""
        app = FastAPI()

        @app.api_route("/api/models", methods=["GET", "HEAD"])
        def index() -> list[str]:
            return []

        @app.get("/api/models/{owner}/{name}")
        def listing(owner: str, name: str) -> dict[str, Any]:
            files = self.files.get(f"{owner}/{name}")
            if files is None:
                raise HTTPException(404)
            return {"sha": _COMMIT, "siblings": [self._row(path, content) for path, content in files.items()]}

        @app.get("/{owner}/{name}/resolve/{commit}/{path:path}")
        def resolve(owner: str, name: str, commit: str, path: str, request: Request) -> Response:
            assert commit == _COMMIT
            return self._send(self.files[f"{owner}/{name}"][path], request.headers.get("range", ""))

        return app

    @staticmethod
    def _row(path: str, content: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        row: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": blob}
        if len(content) >= _LARGE:
            row["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        return row

    def _send(self, content: bytes, span: str) -> Response:
        self.asked.append(span)
        if self.tampered:
            content = content[:-1] + bytes([content[-1] ^ 1])
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and self.ranges else 0
        headers = {"Content-Length": str(len(content) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return StreamingResponse(self._body(content[start:]), status_code=206 if start else 200, headers=headers)

    def _body(self, content: bytes) -> Iterator[bytes]:
        if self.cut_after:
            yield content[: self.cut_after]
            if len(content) > self.cut_after:
                raise ConnectionResetError("the fault that was asked for")
        else:
            yield content


@contextmanager
def model_hub(files: dict[str, dict[str, bytes]]) -> Iterator[ModelHub]:
    """A running `ModelHub`."""
    hub = ModelHub(files)
    with serve(hub.app()) as address:
        hub.url = address
        yield hub
