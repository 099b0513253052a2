"""Logging in: a session cookie for the page, a bearer token for the API, and nothing for a machine that serves only itself."""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, quote

from rag.service.accounts import SESSION_SECONDS, Accounts
from rag.service.attempts import Attempts
from rag.service.browser_id import cookie, set_cookie
from rag.service.readers import NOBODY, OWNER, Reader
from rag.service.replies import address_of, header, reply, reply_problem

COOKIE: Final = "youju_session"
LOGIN: Final = "/login"
LOGOUT: Final = "/logout"
_PUBLIC: Final = ("/healthz", "/readyz")
_HASHING_AT_ONCE: Final = 2
"""Each takes 32 MB and a quarter of a second of a core; who answers questions needs the others."""


class LoginPage(Protocol):
    """Makes the page with the form. It works without scripts."""

    def __call__(
        self, languages: str, *, names: bool, name: str = "", target: str = "/", problem: str = "", seconds: int = 0
    ) -> tuple[str, str]:
        """The page, and the content security policy that it needs.

        Args:
            languages: the browser's Accept-Language.
            names: whether there are accounts; else only the token of the environment is asked for.
            name: to be shown in the form.
            target: where to go after logging in.
            problem: "wrong" or "wait"; empty for none.
            seconds: with "wait", how long.
        """
        ...


class SignIn:
    """Sets `request.state.reader`, and lets nobody else through where somebody has to log in.

    Args:
        accounts: asked at every request, so that what the command line changes holds at once.
        token: of the environment; empty for none. Who knows it is an editor.
        needed: whether one has to log in even while there is no account.
        page: see `LoginPage`.
    """

    def __init__(
        self, app: Any, accounts: Accounts, token: str, needed: bool, page: LoginPage, attempts: Attempts | None = None
    ) -> None:
        import anyio

        self._app = app
        self._accounts = accounts
        self._token = token
        self._needed = needed
        self._page = page
        self._attempts = attempts or Attempts()
        self._hashing = anyio.CapacityLimiter(_HASHING_AT_ONCE)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        open_to_all = not (self._needed or self._token or self._accounts.any())
        bearer = "" if open_to_all else _bearer(scope)
        reader = OWNER if open_to_all else self._reader(scope, bearer)
        scope.setdefault("state", {})["reader"] = reader or NOBODY
        if scope["path"] == LOGOUT:
            await self._log_out(scope, send)
        elif scope["path"] == LOGIN:
            await self._log_in(scope, receive, send, reader)
        elif reader is not None or scope["path"] in _PUBLIC:
            await self._app(scope, receive, send)
        elif scope["method"] == "GET" and "text/html" in header(scope, b"accept") and not bearer:
            await _go(send, f"{LOGIN}?next={quote(_target_of(scope))}")
        else:
            said = "这个令牌不对，或已经作废。" if bearer else "请先登录，或带上令牌（Authorization: Bearer …）。"
            await reply_problem(send, 401, "not_logged_in", said, ((b"www-authenticate", b'Bearer realm="youju"'),))

    def _reader(self, scope: Any, bearer: str) -> Reader | None:
        if bearer:
            if self._token and hmac.compare_digest(bearer.encode(), self._token.encode()):
                return OWNER
            return self._accounts.by_token(bearer)
        session = cookie(scope, COOKIE)
        return self._accounts.by_session(session, self._token) if session else None

    async def _log_in(self, scope: Any, receive: Any, send: Any, reader: Reader | None) -> None:
        if scope["method"] in ("GET", "HEAD"):
            target = _safe(_last(scope["query_string"].decode("latin-1"), "next"))
            if reader is not None:
                await _go(send, target)
            else:
                await self._show(scope, send, 200, target=target)
            return
        if scope["method"] != "POST":
            await reply_problem(
                send, 405, "wrong_method", "这里只能打开（GET）或提交（POST）。", ((b"allow", b"GET, HEAD, POST"),)
            )
            return
        form = (await _body(receive)).decode("utf-8", "replace")
        name, target = _last(form, "name")[:40], _safe(_last(form, "next"))
        address = address_of(scope)
        wait = math.ceil(self._attempts.wait(address, name))
        if wait:
            retry = ((b"retry-after", str(wait).encode()),)
            await self._show(scope, send, 429, retry, name=name, target=target, problem="wait", seconds=wait)
            return
        if not await self._right(name, _last(form, "password")):
            self._attempts.failed(address, name)
            await self._show(scope, send, 401, name=name, target=target, problem="wrong")
            return
        self._attempts.succeeded(name)
        self._accounts.end_session(cookie(scope, COOKIE))
        session = self._accounts.begin_session(name, "" if name else self._token)
        value = set_cookie(COOKIE, session, seconds=SESSION_SECONDS, secure=scope["scheme"] == "https")
        await _go(send, target, ((b"set-cookie", value),))

    async def _right(self, name: str, password: str) -> bool:
        import anyio.to_thread

        if not name:
            return bool(self._token) and hmac.compare_digest(password.encode(), self._token.encode())
        return await anyio.to_thread.run_sync(self._accounts.check, name, password, limiter=self._hashing)

    async def _log_out(self, scope: Any, send: Any) -> None:
        if scope["method"] != "POST":
            await reply_problem(send, 405, "wrong_method", "退出请用页面上的按钮。", ((b"allow", b"POST"),))
            return
        self._accounts.end_session(cookie(scope, COOKIE))
        gone = set_cookie(COOKIE, "", seconds=0, secure=scope["scheme"] == "https")
        await _go(send, LOGIN, ((b"set-cookie", gone),))

    async def _show(
        self, scope: Any, send: Any, status: int, headers: tuple[tuple[bytes, bytes], ...] = (), **said: Any
    ) -> None:
        html, policy = self._page(header(scope, b"accept-language"), names=self._accounts.any(), **said)
        own = ((b"content-security-policy", policy.encode()), (b"vary", b"accept-language"), *headers)
        await reply(send, status, "text/html; charset=utf-8", html.encode(), own)


def _bearer(scope: Any) -> str:
    kind, _, token = header(scope, b"authorization").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def _go(send: Any, target: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await reply(
        send, 303, "text/plain; charset=utf-8", b"", ((b"location", target.encode("ascii", "replace")), *headers)
    )


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _last(form: str, name: str) -> str:
    values: Mapping[str, list[str]] = parse_qs(form, max_num_fields=10) if form.count("&") < 10 else {}
    return values.get(name, [""])[-1]


def _target_of(scope: Any) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _safe(target: str) -> str:
    """A page of ours to go to, and none of anybody else's."""
    plain = target.isascii() and target.isprintable() and "\\" not in target
    return target if plain and target.startswith("/") and not target.startswith("//") else "/"
