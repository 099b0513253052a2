"""Who a request belongs to when nobody logs in: a random cookie tells browsers apart, and nothing about their readers."""

from __future__ import annotations

import hashlib
import re
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

COOKIE: Final = "youju_browser"
_A_YEAR = 365 * 24 * 3600
_SHAPE = re.compile(r"[A-Za-z0-9_-]{43}")


def reader_key(request: Any) -> str:
    """Under which name a reader's things are kept: "account:NAME" for one who logged in, else "browser:" and a hash.

    The hash is of the browser's cookie, so that whoever reads the store (or a backup) cannot pose as that browser.
    Empty for a browser that takes no cookies: nothing can be kept for it.

    Args:
        request: Starlette's request, or Gradio's, which passes `state` on.
    """
    return _key(getattr(request.state, "reader", None), getattr(request.state, "browser", ""))


def reader_key_of(scope: Any) -> str:
    """The same of a bare ASGI request."""
    state = scope.get("state", {})
    return _key(state.get("reader"), state.get("browser", ""))


def _key(reader: Any, browser: str) -> str:
    name = getattr(reader, "name", "")
    if name:
        return f"account:{name}"
    return f"browser:{hashlib.sha256(browser.encode()).hexdigest()[:32]}" if browser else ""


class BrowserId:
    """Sets `request.state.browser` from the cookie (empty without one); gives a browser that opens the page its cookie."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        known = cookie(scope, COOKIE)
        browser = known if _SHAPE.fullmatch(known) else ""
        made = "" if browser or scope["path"] != "/" else secrets.token_urlsafe(32)
        scope.setdefault("state", {})["browser"] = browser or made

        async def with_cookie(message: Any) -> None:
            if message["type"] == "http.response.start" and made:
                value = set_cookie(COOKIE, made, seconds=_A_YEAR, secure=scope.get("scheme") == "https")
                message["headers"] = [*message.get("headers", ()), (b"set-cookie", value)]
            await send(message)

        await self._app(scope, receive, with_cookie if made else send)


def cookie(scope: Any, name: str) -> str:
    """A cookie of a request, or an empty string."""
    for header, value in scope["headers"]:
        if header == b"cookie":
            try:
                morsel = SimpleCookie(value.decode("latin-1")).get(name)
            except CookieError:
                continue
            if morsel is not None:
                return morsel.value
    return ""


def set_cookie(name: str, value: str, *, seconds: int, secure: bool, same_site: str = "Lax") -> bytes:
    """The value of a Set-Cookie header. Scripts cannot read the cookie; `seconds` of 0 deletes it."""
    flags = f"Path=/; Max-Age={seconds}; HttpOnly; SameSite={same_site}" + ("; Secure" if secure else "")
    return f"{name}={value}; {flags}".encode("latin-1")
