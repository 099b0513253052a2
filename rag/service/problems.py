"""How the service says that something is wrong: OpenAI's form of an error, in Chinese, for every route."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, Field

from rag.errors import ChatModelError, LibraryBusy, LibraryError, ModelError, NotAllowed, SettingsError, YoujuError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse

log = logging.getLogger("youju.service")

API_PATHS: Final = ("/api/", "/v1/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
_UNEXPECTED: Final = "程序出了意外的错误。详情写在启动有据的那个窗口里。"

_WORDS: Final = {
    "missing": "没有给出",
    "string_type": "应当是文字",
    "string_too_short": "不能为空",
    "string_too_long": "太长，最多 {max_length} 字",
    "too_long": "太多，最多 {max_length} 项",
    "too_short": "太少，至少 {min_length} 项",
    "list_type": "应当是列表",
    "int_type": "应当是整数",
    "int_parsing": "应当是整数",
    "int_from_float": "应当是整数",
    "bool_type": "应当是 true 或 false",
    "bool_parsing": "应当是 true 或 false",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "literal_error": "只能是 {expected}",
    "enum": "只能是 {expected}",
    "json_invalid": "不是合格的 JSON",
    "model_attributes_type": "应当是 JSON 对象",
    "dict_type": "应当是 JSON 对象",
    "string_unicode": "不是合格的 UTF-8 文字",
}


class Problem(BaseModel):
    """一个错误。"""

    message: str = Field(description="出了什么事，怎么办")
    type: str = Field(description="invalid_request_error、not_found_error、unavailable_error 或 server_error")
    param: str | None = Field(None, description="哪个参数")
    code: str | None = Field(None, description="给程序看的简称")


class ProblemReply(BaseModel):
    """出错时的回复，与 OpenAI 的格式相同。"""

    error: Problem


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": ProblemReply, "description": "请求不对"},
    "5XX": {"model": ProblemReply, "description": "服务出错或暂时不可用"},
}


class RequestProblem(YoujuError):
    """A request that cannot be answered as it is. `status` is that of HTTP; `kind`, `param` and `code` as in OpenAI's errors."""

    def __init__(
        self, message: str, *, status: int = 400, kind: str = "invalid_request_error", param: str = "", code: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code


def problem(error: Exception) -> tuple[int, dict[str, Any]]:
    """The status and the body for whatever was raised. What is not meant for people is logged, and not shown."""
    match error:
        case RequestProblem():
            return error.status, _body(error.message, error.kind, error.param or None, error.code or None)
        case NotAllowed():
            return 403, _body(_whole(error), "permission_error", code="not_allowed")
        case SettingsError():
            return 400, _body(_whole(error), "invalid_request_error")
        case LibraryBusy() | ChatModelError(kind="busy"):
            return 503, _body(_whole(error), "unavailable_error", code="busy")
        case LibraryError() | ModelError():
            return 503, _body(_whole(error), "unavailable_error")
        case YoujuError():
            return 400, _body(_whole(error), "invalid_request_error")
    log.error("a request failed", exc_info=error)
    return 500, _body(_UNEXPECTED, "server_error")


def _whole(error: YoujuError) -> str:
    return f"{error.message}。{error.hint}。" if error.hint else error.message


def _body(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def add_handlers(app: FastAPI) -> None:
    """Let an app answer every error in our form."""
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    async def failed(request: Request, error: Exception) -> JSONResponse:
        status, body = problem(error)
        return JSONResponse(body, status)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        param, message = _first(error.errors())
        return JSONResponse(_body(message, "invalid_request_error", param or None), 400)

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        said = {404: "没有这个地址", 405: "这个地址不接受这种请求方法"}.get(error.status_code, "请求不对")
        kind = "not_found_error" if error.status_code == 404 else "invalid_request_error"
        return JSONResponse(_body(said, kind), error.status_code, headers=error.headers)

    app.add_exception_handler(YoujuError, failed)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, failed)


def _first(errors: Any) -> tuple[str, str]:
    """The parameter and the words of the first thing that is wrong."""
    wrong = errors[0]
    place = [str(part) for part in wrong["loc"] if part not in ("body", "query", "path")]
    name = ".".join(place)
    words = _WORDS.get(wrong["type"], "的值不对").format_map(_Known(wrong.get("ctx") or {})).replace(" or ", " 或 ")
    if wrong["type"] == "extra_forbidden":
        return name, f"没有参数 {name}"
    if wrong["type"] == "json_invalid" or not name:
        return "", f"请求的内容{words}"
    return name, f"参数 {name} {words}"


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "…"
