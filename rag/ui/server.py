"""The web server around the page: routes, headers, a free port, the moment it is usable, a quiet end."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from rag.errors import SettingsError
from rag.service.draining import draining_server
from rag.service.guard import Guard, guard_of, protect
from rag.service.guard_log import start_logging
from rag.settings import Settings, load_settings
from rag.ui.backend import Backend

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rag.chat_history import ChatHistory
    from rag.library import Library
    from rag.ui.shelf import Shelf

SCRIPTS: Final = ("guard.js", "youju.js", "panel.js", "popover.js", "history.js")
"""The page's scripts, in the order in which they run."""

_NEIGHBOURS = 20
_BACKLOG = 2048
_READY_WITHIN = 120.0


def build_app(
    backend: Backend,
    *,
    samples: Sequence[str] = (),
    history: ChatHistory | None = None,
    suggest: Callable[[], Sequence[str]] | None = None,
    library: Library | None = None,
    shelf: Shelf | None = None,
    guard: Guard | None = None,
) -> FastAPI:
    """The page as an ASGI app, with the HTTP API beside it. Loads Gradio (seconds); touches no network.

    Args:
        samples: questions offered as buttons while a conversation is empty.
        history: where conversations are kept; without it they end with the page.
        suggest: gives such questions where there are no `samples`, none while they are not known yet.
        library: what the API answers from, the one behind `backend`; without it there is only `/healthz`.
        shelf: the library that the page shows and changes; without it there is only the chat.
        guard: who may come in; without it, everybody who reaches loopback.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    import gradio as gr
    from fastapi import FastAPI

    from rag.ui.article_route import ARTICLE_PATH, article_route
    from rag.ui.login_page import login_page
    from rag.ui.page import STATIC, build_page, mount_options
    from rag.ui.render import shell_html

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    if library is None:

        @app.get("/healthz")
        def healthz() -> dict[str, str]:
            return {"status": "ok"}

    else:
        from rag.service.app import add_service

        add_service(app, library)

    app.add_route(ARTICLE_PATH, article_route(backend))
    if shelf is not None:
        from rag.ui.upload_routes import upload_routes

        app.include_router(upload_routes(shelf.desk, shelf.may_edit, shelf.deliver, shelf.report_page))
    names = (*SCRIPTS, "library.js") if shelf is not None else SCRIPTS
    scripts = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)
    shell = (STATIC / "shell.css").read_text(encoding="utf-8")
    head = f"<style>{shell}</style><script>{scripts}</script>"
    app.add_middleware(_EarlyScript, head=head, body=shell_html())
    protect(app, guard or Guard(), login_page)
    page = build_page(backend, samples, shelf, history=history, suggest=suggest)
    mounted: FastAPI = gr.mount_gradio_app(app, page, path="/", **mount_options())
    return mounted


def serve(
    backend: Backend,
    host: str = "127.0.0.1",
    port: int = 7860,
    open_browser: bool = True,
    *,
    samples: Sequence[str] = (),
    history: ChatHistory | None = None,
    suggest: Callable[[], Sequence[str]] | None = None,
    announce: Callable[[str], None] | None = None,
    library: Library | None = None,
    shelf: Shelf | None = None,
    settings: Settings | None = None,
) -> None:
    """Serve the page until Ctrl-C, or until SIGTERM and the end of the answers on their way; say where it is once it answers.

    Args:
        samples, history, suggest: see `build_app`.
        port: the wanted port; where it is taken the next free one is used and named. 0 for any.
        announce: takes each line for the terminal; without it they go to standard output.
        samples, library, shelf: see `build_app`.
        settings: who may come in, what is logged; `host` and `port` above go before its own.

    Raises:
        SettingsError: this machine has no such address, the port needs more rights, or others could come in without logging in.
    """
    say = announce or _print
    settings = settings or load_settings()
    guard = guard_of(settings, host)
    start_logging(settings.log, log_questions=settings.log_questions)
    listener = _listen(host, port)
    with listener:
        bound = int(listener.getsockname()[1])
        if port not in (0, bound):
            say(f"端口 {port} 已被占用，改用 {bound}。")
        app = build_app(
            backend, samples=samples, history=history, suggest=suggest, library=library, shelf=shelf, guard=guard
        )
        server = draining_server(app, guard.draining, settings.shutdown_seconds)
        url = _url(host, bound)
        threading.Thread(target=_when_ready, args=(url, say, open_browser), daemon=True, name="youju-ready").start()
        # uvicorn raises KeyboardInterrupt again after it has shut down in order; not where a parent had SIGINT ignored.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        say("已停止。")


class _EarlyScript:
    """Puts our scripts into the page's head before Gradio's own, which have already chosen their language when `head` runs.

    In the body goes what is seen until Gradio has drawn the page, which takes it a second.
    """

    def __init__(self, app: Any, head: str, body: str) -> None:
        self._app = app
        self._head = f"<head>{head}".encode()
        self._body = f"{body}<gradio-app".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: dict[str, Any] = {}
        body = b""

        async def whole(message: Any) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            page = body.replace(b"<head>", self._head, 1).replace(b"<gradio-app", self._body, 1)
            headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            start["headers"] = [*headers, (b"content-length", str(len(page)).encode())]
            await send(start)
            await send({"type": "http.response.body", "body": page})

        await self._app({**scope, "headers": plain}, receive, whole)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket on `port`, else on one of its neighbours, else on any: taken at once, so nobody is first."""
    wanted = [port, *range(port + 1, min(port + 1 + _NEIGHBOURS, 65_536)), 0] if port else [0]
    try:
        family, _, _, _, address = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise SettingsError(f"找不到地址 {host}", "请检查 --host，本机用 127.0.0.1") from None
    for candidate in wanted:
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name == "posix":  # elsewhere the option means "share a port in use"
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address[0], candidate, *address[2:]))
            listener.listen(_BACKLOG)
        except PermissionError:
            listener.close()
            raise SettingsError(f"没有权限使用端口 {candidate}", "请用 --port 换一个大于 1023 的端口") from None
        except OSError as error:
            listener.close()
            if candidate == 0:
                raise SettingsError(
                    f"不能在 {host} 上提供网页（{error.strerror}）", "请检查 --host，本机用 127.0.0.1"
                ) from None
        else:
            return listener
    raise AssertionError("the last candidate either listens or raises")


def _url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}"


def _when_ready(url: str, say: Callable[[str], None], open_browser: bool) -> None:
    """Wait until the page itself is served, then say where."""
    import httpx

    deadline = time.monotonic() + _READY_WITHIN
    with httpx.Client(trust_env=False, timeout=10) as client:  # a proxy would be asked for our own loopback
        while time.monotonic() < deadline:
            try:
                if client.get(f"{url}/").status_code in (200, 401):  # the page, or the guard before it
                    break
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        else:
            say(f"网页迟迟没有准备好，请看上面的错误信息。地址：{url}")
            return
    say(f"有据已就绪：{url}（按 Ctrl-C 停止）")
    if open_browser:
        webbrowser.open(url)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
