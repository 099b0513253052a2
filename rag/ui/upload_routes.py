"""The HTTP door of the upload desk: announce the files, send the bytes of each, say that all are sent. Import it late (FastAPI)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.requests import ClientDisconnect

from rag.errors import LibraryError
from rag.ui.upload_desk import Delivery, UploadDesk

PREFIX: Final = "/library"
"""Under which all of these lie; bodies there may be as long as `upload_desk` allows, and no longer."""

_HEADER: Final = "x-youju-upload"
"""A page of another site cannot send it without asking us whether it may, and it may not."""
_MAX_ANNOUNCEMENT: Final = 8_000_000
_LONGEST_NAME: Final = 1_000


def upload_routes(
    desk: UploadDesk,
    may_edit: Callable[[Any], bool],
    deliver: Callable[[Delivery], None],
    report: Callable[[str], str | None],
) -> APIRouter:
    """The routes.

    Args:
        may_edit: whether the sender of a request may change the library; asked before a byte is taken.
        deliver: gets every upload that is finished.
        report: the written report of a job by its id, as a page; None where there is none.
    """
    routes = APIRouter(prefix=PREFIX, include_in_schema=False)

    def check(request: Request) -> None:
        foreign = request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
        if foreign or _HEADER not in request.headers or not may_edit(request):
            raise HTTPException(403)

    @routes.post("/uploads")
    async def begin(request: Request) -> JSONResponse:
        check(request)
        announced = bytearray()
        async for piece in request.stream():
            announced += piece
            if len(announced) > _MAX_ANNOUNCEMENT:
                raise HTTPException(413)
        try:
            delivery = desk.begin(_announced(bytes(announced)))
        except LibraryError as error:
            return _refusal(error)
        return JSONResponse({"id": delivery.id, "refused": sorted(delivery.refused)})

    @routes.put("/uploads/{delivery_id}/{number}")
    async def receive(request: Request, delivery_id: str, number: int) -> JSONResponse:
        check(request)
        try:
            await desk.receive(delivery_id, number, request.stream())
        except LibraryError as error:
            return _refusal(error)
        except ClientDisconnect:
            return JSONResponse({}, status_code=400)
        return JSONResponse({})

    @routes.post("/uploads/{delivery_id}/finish")
    def finish(request: Request, delivery_id: str) -> JSONResponse:
        check(request)
        try:
            deliver(desk.finish(delivery_id))
        except LibraryError as error:
            return _refusal(error)
        return JSONResponse({})

    @routes.delete("/uploads/{delivery_id}")
    def abort(request: Request, delivery_id: str) -> JSONResponse:
        check(request)
        desk.abort(delivery_id)
        return JSONResponse({})

    @routes.get("/reports/{job_id}")
    def written_report(request: Request, job_id: str) -> HTMLResponse:
        page = report(job_id) if may_edit(request) else None
        if page is None:
            raise HTTPException(404)
        return HTMLResponse(page)

    return routes


def _refusal(error: LibraryError) -> JSONResponse:
    return JSONResponse({"message": error.message, "hint": error.hint}, status_code=422)


def _announced(body: bytes) -> list[tuple[str, int]]:
    """Names and sizes from JSON [["a.md", 120], …].

    Raises:
        LibraryError: it is something else.
    """
    try:
        files = [(str(name)[-_LONGEST_NAME:], int(size)) for name, size in json.loads(body)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise LibraryError("上传的清单读不懂", "请刷新本页再试") from None
    return files
