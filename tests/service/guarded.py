"""A small application behind the guard, on a real server: what the guard does does not depend on Gradio."""

from __future__ import annotations

from typing import Any

from rag.service.browser_id import reader_key
from rag.service.guard import Guard, protect
from rag.service.readers import editor_of, reader_of
from rag.ui.login_page import login_page
from tests.ui.fake_backend import FakeBackend
from tests.ui.live_page import LivePage

SECRET_TEXT = "文章里的一句机密"


class GuardedApp(LivePage):
    """`with GuardedApp(guard) as live: live.url`"""

    def __init__(self, guard: Guard) -> None:
        super().__init__(FakeBackend(), guard=guard)
        self._own_guard = guard

    def build(self) -> Any:
        from fastapi import FastAPI, Request
        from fastapi.responses import HTMLResponse

        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        async def page() -> HTMLResponse:
            return HTMLResponse("<p>the page</p>")

        async def who(request: Request) -> dict[str, Any]:
            reader = reader_of(request)
            client = request.client.host if request.client else ""
            scheme = request.url.scheme
            return {
                "name": reader.name,
                "role": reader.role,
                "key": reader_key(request),
                "client": client,
                "scheme": scheme,
            }

        async def edit(request: Request) -> dict[str, str]:
            return {"by": editor_of(request).name}

        async def ask(request: Request) -> dict[str, int]:
            return {"length": len(await request.body())}

        async def boom() -> None:
            raise RuntimeError(SECRET_TEXT)

        async def health() -> dict[str, str]:
            return {"status": "ok"}

        for path, endpoint, method in (
            ("/", page, "GET"), ("/api/who", who, "GET"), ("/api/edit", edit, "POST"), ("/api/ask", ask, "POST"),
            ("/library/uploads/1/1", ask, "POST"), ("/api/boom", boom, "GET"), ("/healthz", health, "GET"),
        ):  # fmt: skip
            # Annotations made in a function are not found by name.
            endpoint.__annotations__ = {"request": Request} if "request" in endpoint.__annotations__ else {}
            app.add_api_route(path, endpoint, methods=[method])
        protect(app, self._own_guard, login_page)
        return app
