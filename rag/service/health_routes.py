"""`/healthz`, `/readyz` and `/metrics`: what those ask who keep the service running."""

from __future__ import annotations

import logging
import threading

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from rag.errors import YoujuError
from rag.library import Library
from rag.service.metrics import METRICS_TYPE, Metrics
from rag.service.problems import RESPONSES

log = logging.getLogger("youju.service")


def health_routes(library: Library, metrics: Metrics) -> APIRouter:
    """The routes; `/readyz` loads nothing itself, see `warm_up`."""
    router = APIRouter(tags=["运行"])

    @router.get("/healthz", summary="活着吗")
    def healthz() -> dict[str, str]:
        """程序在运行、能回应。"""
        return {"status": "ok"}

    @router.get("/readyz", summary="可以提问了吗", response_model=None, responses=RESPONSES)
    def readyz(request: Request) -> Response:
        """知识库打开了，模型也载入了（大模型除外），也不是正要停下：200；否则 503。"""
        guard = getattr(request.app.state, "guard", None)
        if guard is not None and guard.draining.begun:
            return JSONResponse({"status": "stopping", "reason": "正在停下"}, 503)
        try:
            articles, chunks = library.counts()
        except Exception:
            log.exception("the library cannot be read")
            return JSONResponse({"status": "unavailable", "reason": "知识库读不了"}, 503)
        if not library.warm:
            return JSONResponse({"status": "starting", "reason": "模型还没有载入"}, 503)
        return JSONResponse({"status": "ok", "articles": articles, "chunks": chunks})

    @router.get(
        "/metrics", summary="Prometheus 指标", response_model=None, responses={200: {"content": {METRICS_TYPE: {}}}}
    )
    def prometheus() -> Response:
        """请求数、用时、大模型的队列、知识库的大小；没有任何问题的内容。"""
        return Response(metrics.text(), media_type=METRICS_TYPE)

    return router


def warm_up(library: Library) -> None:
    """Load in the background what the first question would have to wait for."""

    def load() -> None:
        try:
            library.warm_up()
        except YoujuError as error:
            log.warning("not ready: %s", error.message)
        except Exception:
            log.exception("not ready")

    threading.Thread(target=load, name="youju-warm-up", daemon=True).start()
