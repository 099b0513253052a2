"""What every response tells the browser: talk to nobody else, be framed by nobody, keep nothing that is not public."""

from __future__ import annotations

from typing import Any, Final

_HEADERS: Final = {
    # 'unsafe-inline' and 'unsafe-eval' are Gradio's need; the rest keeps the page from talking to anyone but us.
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=(), serial=(), bluetooth=()"
    ),
    # Not "no-referrer": with it a form's POST says "Origin: null", which is what the check against forged requests reads.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_TLS_ONLY: Final = "max-age=31536000"
_HASHED: Final = "/assets/"
"""Gradio's files with a hash in their name."""
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_PUBLIC: Final = ("/assets/", "/static/", "/theme.css", "/favicon.ico")
"""Files of Gradio that are the same for everybody; only these may be kept by a browser after its reader logged out."""


class SecurityHeaders:
    """Adds our headers to every response, errors included. What a response says itself (a stricter policy) stays."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = scope["path"].startswith(_HASHED) and message["status"] == 200
                own = [
                    (name, value)
                    for name, value in message.get("headers", ())
                    if not name.lower().startswith(b"access-control-")
                    and not (kept and name.lower() == b"cache-control")
                ]
                said = {name.lower() for name, _ in own}
                wanted = {**_HEADERS, "cache-control": _FOR_GOOD} if kept else dict(_HEADERS)
                if not scope["path"].startswith(_PUBLIC):
                    wanted["cache-control"] = "no-store"
                if scope["scheme"] == "https":
                    wanted["strict-transport-security"] = _TLS_ONLY
                added = [(name.encode(), value.encode()) for name, value in wanted.items() if name.encode() not in said]
                message["headers"] = own + added
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
