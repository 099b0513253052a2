"""Whose page sends a request, and by which name it reached us: against DNS rebinding and requests forged by other sites.

No token in forms: browsers say themselves where a request comes from (Sec-Fetch-Site, Origin). Programs that are no browsers
send neither, and nobody can make them send a request of somebody else's choice.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from typing import Any, Final

from rag.service.replies import header, reply_problem

_HOST: Final = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(?::\d{1,5})?")
_READING: Final = ("GET", "HEAD")
_FORWARDED: Final = (
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
    b"x-forwarded-port",
    b"x-real-ip",
)


class OwnOrigin:
    """Lets in what was sent to a name of ours by a page of ours or by no page.

    Args:
        hosts: names that people use for this server, without port; lower case.
        any_address: whether every IP address is a name of ours (it cannot be rebound); else only those of loopback are.
        proxies: addresses and networks whose X-Forwarded-* headers are believed; from others they are removed, because
            Gradio would believe them.
    """

    def __init__(self, app: Any, hosts: Collection[str], any_address: bool, proxies: Sequence[str]) -> None:
        from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

        self._hosts = frozenset(hosts)
        self._any_address = any_address
        self._proxies = [ipaddress.ip_network(proxy) for proxy in proxies]
        self._behind_proxy = ProxyHeadersMiddleware(self._checked, list(proxies))
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] == "websocket":  # there are none here
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif self._trusted(scope):
            await self._behind_proxy(scope, receive, send)
        else:
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in _FORWARDED]
            await self._checked(scope, receive, send)

    def _trusted(self, scope: Any) -> bool:
        try:
            client = ipaddress.ip_address(scope["client"][0])
        except (TypeError, ValueError):
            return False
        return any(client in network for network in self._proxies)

    async def _checked(self, scope: Any, receive: Any, send: Any) -> None:
        # Gradio makes addresses of it; a proxy passes the name on in Host.
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"x-forwarded-host"]
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        host = hosts[0] if len(hosts) == 1 else ""
        if not self._ours(host):
            await reply_problem(
                send, 403, "unknown_host", "这个网址不在允许的名单里。请用启动时显示的地址，或由管理员把域名写进设置 allowed_hosts。"
            )  # fmt: skip
        elif not _from_own_page(scope, host):
            await reply_problem(send, 403, "cross_site", "这个请求来自别的网站，已拒绝。请在有据自己的页面上操作。")
        else:
            await self._app(scope, receive, send)

    def _ours(self, host: str) -> bool:
        parsed = _HOST.fullmatch(host)
        if parsed is None:
            return False
        name = (parsed["address"] or parsed["name"]).lower().rstrip(".")
        if name in self._hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or (self._any_address and not address.is_unspecified)


def _from_own_page(scope: Any, host: str) -> bool:
    site = header(scope, b"sec-fetch-site")
    origin = header(scope, b"origin")
    if site in ("same-origin", "none"):
        return True
    if site:  # a link on another site may open a page, and nothing else
        opened = header(scope, b"sec-fetch-mode") == "navigate" and header(scope, b"sec-fetch-dest") == "document"
        return opened and scope["method"] in _READING
    return not origin or origin.lower() == f"{scope['scheme']}://{host}".lower()
