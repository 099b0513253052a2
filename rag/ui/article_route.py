"""The route that hands an article to the source panel. Import it late: it brings the web framework."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from rag.ui.article_view import article_json, parse_places
from rag.ui.backend import Backend

ARTICLE_PATH: Final = "/page/article"

log = logging.getLogger("youju.ui")


def article_route(backend: Backend) -> Callable[[Request], JSONResponse]:
    """The endpoint of `GET /page/article?id=…&at=120-185-9ab3f0c1`; its JSON is that of `article_view.article_json`.

    The status says what is to be told: 404 when the library does not hold the article (any more), 400 for an address that the
    page never made, 500 when the library cannot be read. Bodies of these are empty objects: the words are the page's.
    """

    def article(request: Request) -> JSONResponse:
        try:
            places = parse_places(request.query_params.getlist("at"))
        except ValueError:
            return _reply({}, 400)
        try:
            found = backend.article(request.query_params.get("id", ""))
        except Exception:
            log.exception("an article cannot be shown")
            return _reply({}, 500)
        return _reply({}, 404) if found is None else _reply(article_json(found, places), 200)

    return article


def _reply(content: dict[str, object], status: int) -> JSONResponse:
    return JSONResponse(content, status, headers={"cache-control": "no-store"})
