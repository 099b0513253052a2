"""`/v1`: the service as any OpenAI client and chat front end knows it."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from rag.errors import YoujuError
from rag.library import Library
from rag.records import Answer, Event, Mode, Retrieved, Turn
from rag.service.ask_routes import asking, gone_away
from rag.service.forms import LONGEST_QUESTION, ChatForm, MessageForm
from rag.service.metrics import Metrics
from rag.service.openai_form import Piece, about, pieces_of
from rag.service.problems import RESPONSES, RequestProblem, problem
from rag.service.streaming import EVENT_STREAM, SIGN_OF_LIFE, STREAM_HEADERS, follow, server_sent

MODELS: Final[dict[str, Mode]] = {"youju": "auto", "youju-extractive": "extractive"}
"""What is offered as a model: with the library's LLM where there is one, and by quoting alone."""

_STARTED: Final = int(time.time())


def openai_routes(library: Library, metrics: Metrics) -> APIRouter:
    """The routes under `/v1`."""
    router = APIRouter(tags=["OpenAI 兼容"], responses=RESPONSES)

    @router.get("/v1/models", summary="模型列表")
    def models() -> dict[str, Any]:
        """youju：有大模型就用大模型；youju-extractive：只摘录原文。"""
        return {"object": "list", "data": [_model(name) for name in MODELS]}

    @router.get("/v1/models/{model}", summary="一个模型")
    def model(model: Annotated[str, Path(max_length=200)]) -> dict[str, Any]:
        """同上，一个。"""
        return _model(model)

    @router.post(
        "/v1/chat/completions",
        summary="对话",
        response_model=None,
        responses={200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}}},
    )
    async def completions(form: ChatForm, request: Request) -> Response:
        """OpenAI 的 chat completions。流式返回的是核对过的句子，出处在 annotations 里。"""
        if form.model not in MODELS:
            raise _unknown(form.model)
        if form.response_format and form.response_format.type != "text":
            raise RequestProblem("参数 response_format 只能是 text", param="response_format")
        question, history = conversation(form.messages)
        mode = MODELS[form.model]
        begin = asking(library, request, question, history, form.filters.filters(), mode)
        answering = _Completion(form, library, str(request.base_url), metrics.observed(follow(begin), mode))
        if form.stream:
            return StreamingResponse(answering.chunks(), media_type=EVENT_STREAM, headers=STREAM_HEADERS)
        completion = await answering.whole(request)
        return JSONResponse(completion) if completion else gone_away()

    return router


def conversation(messages: list[MessageForm]) -> tuple[str, tuple[Turn, ...]]:
    """The question, and the exchanges before it.

    Raises:
        RequestProblem: the last message is no question in words, or too long.
    """
    for message in messages:
        if isinstance(message.content, list) and any(
            part.type not in ("text", "input_text") for part in message.content
        ):
            raise RequestProblem("只接受文字，不接受图片、声音和文件", param="messages", code="unsupported_content")
    spoken = [message for message in messages if message.role in ("user", "assistant")]
    question = spoken[-1].text.strip() if spoken and spoken[-1].role == "user" else ""
    if not question:
        raise RequestProblem("最后一条消息应当是用户的问题", param="messages")
    if len(question) > LONGEST_QUESTION:
        raise RequestProblem(f"问题太长，最多 {LONGEST_QUESTION} 字", param="messages", code="string_above_max_length")
    turns: list[Turn] = []
    asked = ""
    for message in spoken[:-1]:
        if message.role == "user":
            asked = message.text.strip()
        elif asked:
            turns.append(Turn(asked[:LONGEST_QUESTION], message.text.strip()))
            asked = ""
    return question, tuple(turns)


class _Completion:
    """One answer on its way to a client."""

    def __init__(self, form: ChatForm, library: Library, base: str, events: AsyncGenerator[Event]) -> None:
        self._form = form
        self._library = library
        self._base = base
        self._events = events
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": form.model,
        }
        self._notices: list[str] = []

    async def whole(self, request: Request) -> dict[str, Any] | None:
        """The completion as one object; None where the client went away before."""
        async with aclosing(self._events):
            async for event in self._events:
                if isinstance(event, Answer):
                    return self._object(event)
                self._note(event)
                if await request.is_disconnected():
                    return None
        raise RuntimeError("the stream of events ended without an answer")

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The completion as server-sent events, up to `[DONE]`."""
        try:
            yield self._chunk({"role": "assistant", "content": ""})
            async with aclosing(self._events):
                async for event in self._events:
                    if not isinstance(event, Answer):
                        self._note(event)
                        yield SIGN_OF_LIFE
                        continue
                    pieces = self._pieces(event)
                    for piece in pieces:
                        cited = {"annotations": list(piece.annotations)} if piece.annotations else {}
                        yield self._chunk({"content": piece.text, **cited})
                    yield self._chunk({}, finish="stop", youju=about(event))
                    if self._form.stream_options and self._form.stream_options.include_usage:
                        yield server_sent(self._object_of("chat.completion.chunk", [], usage=self._usage(pieces)))
            yield server_sent("[DONE]")
        except Exception as error:  # noqa: BLE001 - the status is sent already: it is told in the stream
            yield server_sent(problem(error)[1])

    def _note(self, event: Event) -> None:
        if isinstance(event, Retrieved):
            self._notices.append(event.notice)

    def _pieces(self, answer: Answer) -> list[Piece]:
        return pieces_of(answer, [*self._notices, answer.provenance.notice], self._base)

    def _object(self, answer: Answer) -> dict[str, Any]:
        pieces = self._pieces(answer)
        message = {
            "role": "assistant",
            "content": "".join(piece.text for piece in pieces),
            "refusal": None,
            "annotations": [annotation for piece in pieces for annotation in piece.annotations],
        }
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return self._object_of("chat.completion", [choice], usage=self._usage(pieces), youju=about(answer))

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return server_sent(self._object_of("chat.completion.chunk", [choice], **more))

    def _object_of(self, kind: str, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {**self._head, "object": kind, "choices": choices, **more}

    def _usage(self, pieces: list[Piece]) -> dict[str, int]:
        """Lengths of the messages and of the answer, in the tokens of the embedder."""
        said = [message.text for message in self._form.messages]
        *asked, answered = self._library.embedder.count_tokens([*said, "".join(piece.text for piece in pieces)])
        return {"prompt_tokens": sum(asked), "completion_tokens": answered, "total_tokens": sum(asked) + answered}


def _model(name: str) -> dict[str, Any]:
    if name not in MODELS:
        raise _unknown(name)
    return {"id": name, "object": "model", "created": _STARTED, "owned_by": "youju"}


def _unknown(name: str) -> YoujuError:
    return RequestProblem(
        f"没有这个模型：{name[:100]}。可用的有 {'、'.join(MODELS)}",
        status=404,
        kind="not_found_error",
        param="model",
        code="model_not_found",
    )
