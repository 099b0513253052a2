"""A real HTTP server on loopback that speaks OpenAI's chat protocol, and can fail in the ways in which real ones do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

Fault = Literal[
    "",
    "slow start",  # nothing for a long time
    "stall",  # two tokens, then nothing, but keep-alive comments go on
    "error 500",
    "error 429",
    "no money",
    "context",
    "cut",  # the connection breaks in the middle of the body
    "early end",  # the stream ends in good order, but without having finished
    "error event",  # an error object in the middle of the stream
    "garbage",  # a stream that is not JSON
    "html",  # a web page with status 200
    "silent",  # finishes without a word
    "censored",
    "think",  # a reasoning model's thoughts before the answer
    "echo key",  # 401 that quotes the key it was sent
]


@dataclass
class OpenAIServer:
    """The server's behaviour and what it has seen; change `fault` and `reply` between requests.

    Attributes:
        key: the bearer token it wants.
        model: the one model it knows.
        reply: the answer, streamed character by character.
        requests: bodies of the chat requests that passed the checks.
        finished: whether the last stream was sent to its end.
    """

    key: str = "sk-right-key-0123456789"
    model: str = "fake-chat"
    reply: str = "根据资料，北京是首都[1]。"
    fault: Fault = ""
    pause: float = 0.0
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False

    def app(self) -> FastAPI:
        """The ASGI application."""
        app = FastAPI()

        @app.post("/v1/chat/completions")
        async def chat(request: Request) -> Response:
            sent = request.headers.get("authorization", "").removeprefix("Bearer ")
            if sent != self.key or self.fault == "echo key":
                return _error(401, f"Incorrect API key provided: {sent}.", "invalid_api_key")
            body = await request.json()
            if body["model"] != self.model:
                return _error(404, f"The model `{body['model']}` does not exist", "model_not_found")
            self.requests.append(body)
            return await self._answer(body)

        return app

    async def _answer(self, body: dict[str, Any]) -> Response:
        match self.fault:
            case "slow start":
                await anyio.sleep(3)
            case "error 500":
                return _error(500, "internal error", "server_error")
            case "error 429":
                return _error(429, "Rate limit reached", "rate_limit_exceeded")
            case "no money":
                return _error(402, "Insufficient Balance", "invalid_request_error")
            case "context":
                return _error(400, "This model's maximum context length is 4096 tokens.", "context_length_exceeded")
            case "html":
                return HTMLResponse("<html><body>Welcome to nginx!</body></html>")
            case "garbage":
                return StreamingResponse(iter(["data: {not json at all\n\n"]), media_type="text/event-stream")
        self.finished = False
        return StreamingResponse(self._stream(body["model"]), media_type="text/event-stream")

    async def _stream(self, model: str) -> AsyncIterator[str]:
        base = {"id": "c1", "created": int(time.time()), "model": model, "object": "chat.completion.chunk"}

        def event(delta: dict[str, str], finish: str | None = None) -> str:
            return (
                "data: "
                + json.dumps(base | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
                + "\n\n"
            )

        yield event({"role": "assistant", "content": ""})
        text = "" if self.fault == "silent" else self.reply
        if self.fault == "think":
            text = f"<think>\n用户问首都。\n</think>\n\n{text}"
        for number, character in enumerate(text):
            if number == 2:
                match self.fault:
                    case "stall":
                        for _ in range(30):
                            yield ": keep-alive\n\n"
                            await anyio.sleep(0.1)
                    case "cut":
                        raise ConnectionResetError("the fault that was asked for")
                    case "early end":
                        return
                    case "error event":
                        yield 'data: {"error": {"message": "worker died", "type": "server_error", "code": 500}}\n\n'
                        return
            yield event({"content": character})
            if self.pause:
                await anyio.sleep(self.pause)
        yield event({}, "content_filter" if self.fault == "censored" else "stop")
        yield "data: [DONE]\n\n"
        self.finished = True


def _error(status: int, message: str, code: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error", "code": code}}, status)


@contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Run an application on a free loopback port; gives its address, stops it at the end."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(timeout=10)


@contextmanager
def openai_server(fault: Fault = "") -> Iterator[OpenAIServer]:
    """A running `OpenAIServer`; its `url` ends in /v1."""
    behaviour = OpenAIServer(fault=fault)
    with serve(behaviour.app()) as address:
        behaviour.url = f"{address}/v1"
        yield behaviour
