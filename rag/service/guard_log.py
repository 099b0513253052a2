"""One line of JSON for each request, and none of what readers ask or articles say, unless `log_questions` is on."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rag.errors import SettingsError
from rag.service.replies import address_of, reply_problem

_REQUESTS: Final = logging.getLogger("youju.requests")
_QUESTIONS: Final = logging.getLogger("youju.questions")
_FIELDS: Final = "youju_fields"
_BYTES: Final = 20 * 1024 * 1024
_KEPT: Final = 5


def log_question(question: str, client: str = "") -> None:
    """Write a question into the log, where `log_questions` is on."""
    if _QUESTIONS.isEnabledFor(logging.INFO):
        _QUESTIONS.info("question", extra={_FIELDS: {"question": question, "client": client}})


def start_logging(where: str, *, log_questions: bool) -> logging.Handler | None:
    """Send the log of the process to a place, as lines of JSON.

    Args:
        where: empty for nowhere, "-" for standard error, else a file; at 20 MB it is put aside, the last five are kept.
        log_questions: whether questions, and what errors say, may be in it.

    Raises:
        SettingsError: the file cannot be written.
    """
    _QUESTIONS.setLevel(logging.INFO if log_questions else logging.CRITICAL)
    if not where:
        return None
    handler: logging.Handler
    if where == "-":
        handler = logging.StreamHandler(sys.stderr)
    else:
        from logging.handlers import RotatingFileHandler

        path = Path(where).expanduser()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"日志写不进 {path}（{error.strerror}）", "请检查设置 log 与这个文件夹的权限") from None
    handler.setFormatter(JsonLines(messages=log_questions))
    root = logging.getLogger("youju")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False
    return handler


class JsonLines(logging.Formatter):
    """Records as JSON. Of an exception it keeps the kind and the places in the code; its words may quote anything.

    Args:
        messages: whether to keep those words, too.
    """

    def __init__(self, messages: bool) -> None:
        super().__init__()
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "log": record.name,
            "event": record.msg if isinstance(record.msg, str) and not self._messages else record.getMessage(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error"] = type(error).__name__
            line["at"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(error.__traceback__)[-8:]
            ]
            if self._messages:
                line["message"] = str(error)
        return json.dumps(line, ensure_ascii=False, default=str)


class RequestLog:
    """Numbers requests (`x-request-id` tells the reader which), logs each at its end, and answers for what breaks.

    A line has the route and never the address that was asked for: that may hold a question.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = number
        began = time.perf_counter()
        status = 0

        async def numbered(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", number.encode())]
            await send(message)

        try:
            await self._app(scope, receive, numbered)
        except Exception:  # noqa: BLE001 - whatever broke, its reader gets an answer and its traceback stays here
            _REQUESTS.exception("request failed", extra={_FIELDS: {"id": number}})
            if not status:
                words = f"有据出了意外的错误。详情在日志里，编号 {number}。"
                await reply_problem(numbered, 500, "internal", words)
        finally:
            fields = {
                "id": number, "method": scope["method"], "route": _route(scope), "status": status,
                "ms": round((time.perf_counter() - began) * 1000),
                "reader": getattr(scope["state"].get("reader"), "name", ""), "address": address_of(scope),
            }  # fmt: skip
            _REQUESTS.info("request", extra={_FIELDS: fields})


def _route(scope: Any) -> str:
    """The pattern of the route that answered, "/" for the page; "-" where none did."""
    path = getattr(scope.get("route"), "path", "")
    return path or (scope["path"] if scope["path"] in ("/", "/login", "/logout") else "-")
