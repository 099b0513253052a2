"""Who may come in, from where, and how much: the settings of it as one record, and the middleware that keeps to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Final

from rag.errors import NotAllowed, SettingsError
from rag.service.accounts import Accounts
from rag.service.browser_id import BrowserId
from rag.service.draining import Drain, Draining
from rag.service.guard_gradio import GradioRoutes, PageOwners
from rag.service.guard_headers import SecurityHeaders
from rag.service.guard_limits import BodyLimit, Buckets, RateLimit
from rag.service.guard_log import RequestLog
from rag.service.guard_origin import OwnOrigin
from rag.service.guard_sign_in import LoginPage, SignIn
from rag.service.problems import problem
from rag.settings import Settings

_LOCAL: Final = "localhost"
_MEGABYTE: Final = 1024 * 1024
_BURST: Final = 120
"""Requests at once: what two pages send that are opened together."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What `protect` keeps to. The default is a machine that serves only itself: nobody logs in, all may edit.

    Attributes:
        token: of the environment; empty for none.
        login: whether one has to log in even while there is no account.
        hosts: names of this server beside those of loopback.
        any_address: whether it is reached by IP addresses other than those of loopback.
        proxies: whose X-Forwarded-* headers are believed.
        requests_per_minute: of one reader; 0 for no limit.
        questions_per_minute: the same for questions and searches.
        upload_bytes: of one request that brings files.
    """

    accounts: Accounts = field(default_factory=lambda: Accounts(Path("/nonexistent")))
    token: str = ""
    login: bool = False
    hosts: Collection[str] = ()
    any_address: bool = False
    proxies: Sequence[str] = ()
    requests_per_minute: int = 600
    questions_per_minute: int = 30
    upload_bytes: int = 256 * _MEGABYTE
    draining: Draining = field(default_factory=Draining)

    @property
    def closed(self) -> bool:
        """Whether somebody has to log in now."""
        return self.login or bool(self.token) or self.accounts.any()


def guard_of(settings: Settings, host: str) -> Guard:
    """The guard for a server that listens on `host`.

    Raises:
        SettingsError: others could reach it, and nobody would have to log in.
    """
    accounts = Accounts(settings.library)
    token = settings.token.get_secret_value()
    address = _address(host)
    loopback = host == _LOCAL if address is None else address.is_loopback
    alone = loopback and not settings.host_names and not settings.proxy_addresses
    if not alone and not token and not accounts.any():
        why = f"{host} 不是本机地址" if not loopback else "设置了 allowed_hosts 或 trusted_proxies"
        raise SettingsError(
            f"{why}，别人也能打开有据，可是还没有账户：不启动",
            "先运行 youju user add 名字 建一个账户，或在环境变量 YOUJU_TOKEN 里放一个令牌；只给自己用就去掉 --host",
        )
    return Guard(
        accounts=accounts,
        token=token,
        login=not alone,
        hosts=(*settings.host_names, *(() if address else (host.lower(),))),
        any_address=not loopback,
        proxies=settings.proxy_addresses,
        requests_per_minute=settings.requests_per_minute,
        questions_per_minute=settings.questions_per_minute,
    )


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def protect(app: Any, guard: Guard, page: LoginPage) -> None:
    """Put the guard around a Starlette application. Call it after any other middleware was added: the last is outermost."""
    requests = Buckets(guard.requests_per_minute, _BURST)
    questions = Buckets(guard.questions_per_minute, max(guard.questions_per_minute // 2, 1))
    app.add_middleware(RateLimit, requests=requests, questions=questions, applies=lambda: guard.closed)
    app.add_middleware(PageOwners)
    app.add_middleware(GradioRoutes)
    app.add_middleware(SignIn, accounts=guard.accounts, token=guard.token, needed=guard.login, page=page)
    app.add_middleware(BrowserId)
    app.add_middleware(BodyLimit, upload_bytes=guard.upload_bytes)
    app.add_middleware(Drain, draining=guard.draining)
    app.add_middleware(OwnOrigin, hosts=(_LOCAL, *guard.hosts), any_address=guard.any_address, proxies=guard.proxies)
    app.add_middleware(RequestLog)
    app.add_middleware(SecurityHeaders)
    app.add_exception_handler(NotAllowed, _refuse)
    app.state.guard = guard


async def _refuse(_: Any, error: NotAllowed) -> Any:
    from starlette.responses import JSONResponse

    status, told = problem(error)
    return JSONResponse(told, status)
