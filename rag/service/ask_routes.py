"""`/api/ask` and `/api/search`: the whole stream of events, or the finished answer; and passages alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from rag.filters import Filters
from rag.library import Library
from rag.records import Answer, Event, Mode, Token, Turn, Waiting
from rag.retrieval import choose_scope
from rag.service.forms import AskForm, Choices, Day, FiltersForm, Question
from rag.service.guard_log import log_question
from rag.service.metrics import Metrics
from rag.service.problems import RESPONSES, problem
from rag.service.shown import AnswerShown, SearchShown, answer_json, event_json, hits_json
from rag.service.streaming import EVENT_STREAM, SIGN_OF_LIFE, STREAM_HEADERS, follow, server_sent

_STREAMED: Final = {
    "description": "回答；请求头有 Accept: text/event-stream 时为事件流，事件依次是 waiting（前面还有几个问题，可多次）、"
    "retrieved（检索到的片段）、token（大模型的草稿，未经核对，可多次）、answer（核对过的回答）；出错时是 error",
    "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
}


def ask_routes(library: Library, metrics: Metrics) -> APIRouter:
    """The routes that answer and search."""
    router = APIRouter(tags=["问答"], responses=RESPONSES)

    @router.post("/api/ask", summary="提问", response_model=None, responses={200: {"model": AnswerShown, **_STREAMED}})
    async def ask(form: AskForm, request: Request) -> Response:
        """回答一个问题：每句话都带出处，或者说明资料中没有。"""
        begin = asking(library, request, form.question, form.turns(), form.filters.filters(), form.mode)
        events = metrics.observed(follow(begin), form.mode)
        if EVENT_STREAM in request.headers.get("accept", ""):
            return StreamingResponse(_sent(events), media_type=EVENT_STREAM, headers=STREAM_HEADERS)
        answer = await whole(events, request)
        return JSONResponse(answer_json(answer)) if answer else gone_away()

    @router.get("/api/search", summary="检索", response_model=None, responses={200: {"model": SearchShown}})
    def search(
        q: Annotated[Question, Query(description="问题或关键词")],
        k: Annotated[int, Query(ge=1, le=100, description="条数")] = 10,
        after: Annotated[Day | None, Query(description="只查这一天及以后发表的")] = None,
        before: Annotated[Day | None, Query(description="只查这一天及以前发表的")] = None,
        source: Annotated[Choices, Query(description="只查这个来源，可重复")] = [],  # noqa: B006 - FastAPI copies it
        category: Annotated[Choices, Query(description="只查这个分类，可重复")] = [],  # noqa: B006
        article: Annotated[Choices, Query(description="只查这篇文章，可重复")] = [],  # noqa: B006
        inferred: Annotated[bool, Query(description="是否从“昨天”“上周”推断发表日期")] = True,
    ) -> Response:
        """只检索，不回答：最相关的片段，好的在前。"""
        form = FiltersForm(
            after=after, before=before, sources=source, categories=category, articles=article, inferred=inferred
        )
        scope = choose_scope(library, q, form.filters())
        hits = library.search(q, k, filters=form.filters())
        found = {"hits": hits_json(hits), "scope": scope.filters.describe(), "notice": scope.notice}
        return JSONResponse(found)

    return router


def asking(
    library: Library, request: Request, question: str, history: tuple[Turn, ...], filters: Filters | None, mode: Mode
) -> Callable[[], Iterator[Event]]:
    """Starts the answer to what a request asks; see `follow`."""
    client = client_of(request)
    log_question(question, client)
    return lambda: library.events(question, history, filters=filters, mode=mode, client=client)


def client_of(request: Request) -> str:
    """Who asks, for a fair share of the LLM: the account that the guard has found, else the address."""
    name = getattr(getattr(request.state, "reader", None), "name", "")
    return f"account:{name}" if name else f"address:{request.client.host if request.client else ''}"


async def whole(events: AsyncGenerator[Event], request: Request) -> Answer | None:
    """The answer at the end of the events; None where the client went away before."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answer):
                return event
            if await request.is_disconnected():
                return None
    raise RuntimeError("the stream of events ended without an answer")


def gone_away() -> Response:
    """For a client that is no longer there; 499 as nginx counts it."""
    return Response(status_code=499)


async def _sent(events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    """The events as server-sent ones; what is said again, and the LLM's signs of life, are comments."""
    before: Any = None
    try:
        async with aclosing(events):
            async for event in events:
                silent = event == Token("") or (isinstance(event, Waiting) and event == before)
                before = event
                if silent:
                    yield SIGN_OF_LIFE
                    continue
                name, data = event_json(event)
                yield server_sent(data, name)
    except Exception as error:  # noqa: BLE001 - the status is sent already: it is told in the stream
        yield server_sent(problem(error)[1], "error")
