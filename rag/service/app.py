"""Puts the HTTP API into a web application, beside whatever else it serves. Import it late: it brings the web framework."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, FastAPI

from rag.library import Library
from rag.service.article_routes import article_routes
from rag.service.ask_routes import ask_routes
from rag.service.docs_page import docs_routes
from rag.service.health_routes import health_routes, warm_up
from rag.service.metrics import CountRequests, Metrics
from rag.service.openai_routes import openai_routes
from rag.service.problems import RequestProblem, add_handlers
from rag.version import VERSION

_ABOUT: Final = "中文文章问答，每句话都指到原文的那一句。出错时的回复与 OpenAI 的格式相同。"


def add_service(app: FastAPI, library: Library) -> None:
    """Add the routes, the error handlers and the middleware that counts; begins to load the models in the background.

    Args:
        app: made without docs of its own. What is mounted at "/" must be mounted afterwards.
        library: stays open as long as the application runs.
    """
    app.title, app.version, app.description = "有据 HTTP 接口", VERSION, _ABOUT
    metrics = Metrics(library)
    add_handlers(app)
    for routes in (
        openai_routes(library, metrics),
        ask_routes(library, metrics),
        article_routes(library),
        health_routes(library, metrics),
        docs_routes(),
        _no_such_address(),
    ):
        app.include_router(routes)
    app.add_middleware(CountRequests, metrics=metrics)
    warm_up(library)


def _no_such_address() -> APIRouter:
    """Under our paths nothing falls through to the page."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @router.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(rest: str) -> None:
        raise RequestProblem("没有这个地址，全部地址见 /docs", status=404, kind="not_found_error", code="not_found")

    return router
