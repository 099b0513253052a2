"""Any OpenAI-compatible endpoint as a chat model, and its failures in plain Chinese. The key never appears in an error."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from typing import Any
from urllib.parse import urlsplit

import openai
from langchain_core.language_models import LanguageModelInput
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from rag.errors import ChatModelError
from rag.settings import Settings

_KEY_HINT = "请检查环境变量 YOUJU_API_KEY"
_BROKEN_HINT = "请再问一次；若总是如此，请检查接口或代理"
_CUT_OFF = {"ReadError", "RemoteProtocolError"}  # of httpx or httpx2, whichever the installed openai brings
_ADDRESS_HINT = "请检查 api_base_url（多半要以 /v1 结尾）与网络、代理"


class OpenAICompatibleChat(ChatOpenAI):
    """`ChatOpenAI` for servers that are not OpenAI's: these know `max_tokens`, not the newer `max_completion_tokens`."""

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        if "max_completion_tokens" in payload:
            payload["max_tokens"] = payload.pop("max_completion_tokens")
        return payload


def connect(settings: Settings) -> ChatOpenAI:
    """The chat model at `api_base_url`. Nothing is sent before the first question."""
    host = urlsplit(settings.api_base_url).hostname or ""
    kind = ChatOpenAI if host == "api.openai.com" else OpenAICompatibleChat
    key = settings.api_key.get_secret_value().strip()
    return kind(
        base_url=settings.api_base_url,
        model=settings.api_model,
        # Servers without keys (Ollama, vLLM) still want the header; without one given here, OPENAI_API_KEY would be sent.
        api_key=SecretStr(key or "EMPTY"),
        timeout=settings.llm_timeout,
        max_retries=1,
        stream_usage=False,
        temperature=0.0,
        # A proxy meant for the internet must not see requests to this machine.
        http_client=openai.DefaultHttpxClient(trust_env=False) if _is_loopback(host) else None,
    )


def estimate_tokens(text: str) -> int:
    """A count that errs on the high side, for models whose tokenizer is not at hand.

    Per character: 1.3 for Chinese in daily use (GB 2312), 3 for what is rarer or another script, as it may fall apart into its
    bytes; 1 for digits and punctuation, 0.4 for Latin letters, 0.2 for spaces. Today's Chinese models need 0.6 to 0.8 for
    Chinese; the old cl100k vocabulary, the worst in use, about 1.1.
    """
    letters = len(re.findall(r"[A-Za-z]", text))
    spaces = len(re.findall(r"[ \t\n\r]", text))
    ascii_all = len(text.encode("ascii", "ignore"))
    daily = (len(text.encode("gb2312", "ignore")) - ascii_all) // 2
    rare = len(text) - ascii_all - daily
    return math.ceil(1.3 * daily + 3 * rare + (ascii_all - letters - spaces) + 0.4 * letters + 0.2 * spaces)


def explain(error: Exception, settings: Settings) -> ChatModelError:
    """What a failed request means to people: what happened, at which endpoint, how to mend it."""
    host = urlsplit(settings.api_base_url).netloc.rpartition("@")[2]
    said = _shown(error, settings)
    if isinstance(error, openai.APITimeoutError):
        return ChatModelError(
            f"接口 {settings.llm_timeout:g} 秒没有回应：{host}", "可增大 llm_timeout，或检查网络", kind="timeout"
        )
    if isinstance(error, openai.APIStatusError):
        return _explain_status(error.status_code, said, host, settings)
    if isinstance(error, openai.APIConnectionError):
        if _was_cut_off(error):
            return ChatModelError(f"接口 {host} 的回答中途断了", _BROKEN_HINT, kind="broken")
        return ChatModelError(f"连不上接口：{host}", _ADDRESS_HINT, kind="unreachable")
    if isinstance(error, openai.APIError):
        return ChatModelError(f"接口 {host} 在回答途中报错{said}", "请过一会儿再问", kind="server")
    if isinstance(
        error, json.JSONDecodeError | UnicodeDecodeError | openai.OpenAIError | ValueError | TypeError | KeyError
    ):
        return ChatModelError(f"接口 {host} 的回应读不懂", _ADDRESS_HINT, kind="broken")
    if _was_cut_off(error):
        return ChatModelError(f"接口 {host} 的回答中途断了", _BROKEN_HINT, kind="broken")
    return ChatModelError(f"接口 {host} 出错（{type(error).__name__}）{said}", "请再问一次", kind="other")


def _was_cut_off(error: BaseException | None) -> bool:
    """Whether a connection that had been made broke, somewhere down the chain of causes."""
    while error is not None:
        if type(error).__name__ in _CUT_OFF:
            return True
        error = error.__cause__
    return False


def _explain_status(status: int, said: str, host: str, settings: Settings) -> ChatModelError:
    low = said.lower()
    if status in {401, 403}:
        lacking = "没有设置密钥" if not settings.api_key.get_secret_value() else "密钥不对或没有权限"
        return ChatModelError(f"接口 {host} 拒绝了请求（{status}）：{lacking}{said}", _KEY_HINT, kind="auth")
    if status == 402 or "insufficient" in low:
        return ChatModelError(f"接口 {host} 的账户余额不足（{status}）{said}", "请充值，或换一个接口", kind="auth")
    if status == 429:
        return ChatModelError(f"接口 {host} 说请求太多（429）{said}", "请过一会儿再问，或换一个接口", kind="server")
    if status >= 500:
        return ChatModelError(f"接口 {host} 出错（{status}）{said}", "这是服务器的问题，请过一会儿再问", kind="server")
    if status in {400, 413, 422} and ("context" in low or "too long" in low or "maximum" in low or "token" in low):
        return ChatModelError(
            f"问题与资料一共太长（{status}）{said}", "请减小 context_tokens 或缩短问题", kind="context"
        )
    if status in {400, 404, 422} and "model" in low:
        return ChatModelError(
            f"接口 {host} 上没有模型 {settings.api_model}（{status}）{said}", "请检查 api_model 的拼写"
        )
    if status in {404, 405}:
        return ChatModelError(
            f"接口地址不对（{status}）：{host}", "请检查 api_base_url，多半要以 /v1 结尾", kind="unreachable"
        )
    if status == 400 and ("inspection" in low or "sensitive" in low or "content" in low):
        return ChatModelError(f"接口 {host} 的内容审查拦下了请求{said}", "可换一个模型，或改用本机模型")
    return ChatModelError(f"接口 {host} 不接受请求（{status}）{said}", "请检查 api_model 与接口的文档")


def _shown(error: Exception, settings: Settings) -> str:
    """The server's own words in brackets: one short line without control characters and without the key."""
    body = getattr(error, "body", None)
    text = body.get("message") if isinstance(body, dict) else body
    if not isinstance(text, str) or "<" in text:
        return ""
    text = "".join(character if character.isprintable() else " " for character in text)
    if key := settings.api_key.get_secret_value().strip():
        text = text.replace(key, "***")
    text = re.sub(r"\bsk-[\w*.-]{4,}", "***", text)  # servers like to quote the key they refuse, half masked
    return f"（{text[:160].strip()}）" if text.strip() else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
