"""The chat page: `serve(backend)` shows it, `build_app(backend)` is the same as an ASGI app for another server."""

from __future__ import annotations

from rag.ui.backend import Backend, Phase, UiStatus
from rag.ui.server import build_app, serve

__all__ = ["Backend", "Phase", "UiStatus", "build_app", "serve"]
