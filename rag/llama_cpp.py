"""A LangChain chat model over llama.cpp (the `xllamacpp` wheel): a GGUF file, this machine, no network.

The model loads when the object is made (a second or two for 1.5 B weights that are in the page cache), so that a user
interface can do it in the background. llama.cpp runs inside this process and serves itself on a random loopback port behind a
random key; requests go through that port because only there does closing the connection stop a generation at once, even
while the prompt is being read.
"""

from __future__ import annotations

import json
import secrets
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, PrivateAttr

from rag.errors import ChatModelError, ModelError
from rag.machine import available_threads

DEFAULT_CONTEXT = 4096
"""Tokens of prompt and answer together, where nothing else is asked for."""

_BATCH = 64
"""Prompt tokens between two looks at whether the caller has gone away: one second on two slow cores, more if they are busy."""

_PROMPT_CACHE_MIB = 256
"""Memory for the state of earlier prompts, so that two alternating prompts (rewrite, answer) both keep their prefix."""


def check_gguf(path: Path) -> None:
    """Look at the head of the file before a C++ library does.

    Raises:
        ModelError: there is no such file, it cannot be read, or it is not a GGUF file.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise ModelError(f"模型文件打不开：{path}（{error.strerror or error}）", "请检查路径与权限") from None
    if head[:4] != b"GGUF":
        raise ModelError(f"不是 GGUF 模型文件：{path}", "请删去它，再用 youju models fetch 重新下载")


class LlamaCppChat(BaseChatModel):
    """A GGUF file as a chat model. Requests are served one after another, in the order in which they come.

    The prompt's leading part that equals that of an earlier request is not computed again.

    Args:
        path: the GGUF file.
        context: window in tokens, prompt and answer together; never more than the model was trained for.
        threads: number of threads; 0 takes the physical cores.

    Raises:
        ModelError: `xllamacpp` is not installed, or the file is missing, damaged or too large for the memory.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: Path
    context: int = DEFAULT_CONTEXT
    threads: int = 0
    max_tokens: int = 512
    timeout: float = 60.0

    _server: list[Any] = PrivateAttr(default_factory=list)  # one server, none when closed
    _http: httpx.Client = PrivateAttr()
    _free: Any = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Load the model."""
        check_gguf(self.path)
        try:
            import xllamacpp
        except ImportError:
            raise ModelError(
                "没有安装 llama.cpp 引擎（xllamacpp）",
                "运行 pip install 'youju[llama]'，或设 llm_engine = transformers",
            ) from None
        key = secrets.token_urlsafe(24)
        try:
            self._server.append(xllamacpp.Server(self._parameters(xllamacpp.CommonParams(), key)))
        except RuntimeError:
            raise ModelError(
                f"llama.cpp 加载不了模型：{self.path}",
                "文件可能已损坏或内存不足；可用 youju models fetch 重新下载，或换小一些的模型",
            ) from None
        self._http = httpx.Client(
            base_url=self.address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(self.timeout, connect=10.0),
            trust_env=False,  # a proxy meant for the internet must not see loopback
        )
        # Runs at the end of the program too: llama.cpp crashes when the program ends while it computes.
        self._free = weakref.finalize(self, _free, self._server, self._http)
        self.context = int(self.slots()[0]["n_ctx"])

    def _parameters(self, params: Any, key: str) -> Any:
        threads = available_threads(self.threads)
        params.model.path = str(self.path)
        params.n_ctx = self.context
        params.n_parallel = 1
        params.n_batch = params.n_ubatch = _BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = _PROMPT_CACHE_MIB
        params.hostnames = ["127.0.0.1"]
        params.api_keys = [key]
        params.ui = False
        params.verbosity = -1
        params.sse_ping_interval = 86_400  # pings would hide from the read time-out that nothing comes
        return params

    @property
    def _llm_type(self) -> str:
        return "llama.cpp"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"path": str(self.path), "context": self.context}

    @property
    def address(self) -> str:
        """Where llama.cpp listens: a random port of 127.0.0.1, for those who know the random key."""
        self._check_open()
        return str(self._server[0].listening_address)

    def slots(self) -> list[dict[str, Any]]:
        """llama.cpp's own account of what it is doing: one entry, with `is_processing`, `n_ctx` and counts of tokens."""
        return list(self._ask("GET", "/slots"))

    def get_token_ids(self, text: str) -> list[int]:
        """The text in the model's own tokens, without special ones; `get_num_tokens` counts these."""
        answer = self._ask("POST", "/tokenize", {"content": text, "add_special": False, "parse_special": False})
        return [int(token) for token in answer["tokens"]]

    def close(self) -> None:
        """Stop the model and free its memory; the object cannot be used afterwards."""
        self._free()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Tokens as they are computed. Keyword arguments: max_tokens, temperature, timeout (seconds of silence)."""
        self._check_open()
        timeout = httpx.Timeout(kwargs.get("timeout") or self.timeout, connect=10.0)
        request = self._http.stream(
            "POST", "/v1/chat/completions", json=self._request(messages, stop, kwargs), timeout=timeout
        )
        try:
            with request as response:
                if response.status_code != httpx.codes.OK:
                    raise _refusal(response.read())
                for event in _events(response.iter_lines()):
                    chunk = _chunk(event)
                    if run_manager and chunk.text:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk
        except httpx.TimeoutException:
            raise ChatModelError(
                "本机模型超时，没有回应", "可增大 llm_timeout，或换小一些的模型", kind="timeout"
            ) from None
        except httpx.HTTPError as error:
            raise ChatModelError(f"本机模型中断了（{type(error).__name__}）", "请再问一次", kind="broken") from None

    def _request(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "messages": convert_to_openai_messages(list(messages)),
            "max_tokens": kwargs.get("max_tokens") or self.max_tokens,
            "temperature": kwargs.get("temperature", 0.0),
            "stop": stop or [],
            "stream": True,
            "cache_prompt": True,
            "return_progress": True,  # an empty piece after each batch of the prompt: a slow machine is not a silent one
            # Small models on a CPU have no time to think aloud; templates without the switch ignore it.
            "chat_template_kwargs": {"enable_thinking": False},
        }

    def _ask(self, method: str, address: str, body: dict[str, Any] | None = None) -> Any:
        self._check_open()
        try:
            response = self._http.request(method, address, json=body)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ModelError(f"本机模型没有回应（{address}：{type(error).__name__}）", "请重新启动有据") from None

    def _check_open(self) -> None:
        if not self._server:
            raise ModelError(f"模型已关闭：{self.path.name}", "请重新加载")


def _free(server: list[Any], http: httpx.Client) -> None:
    """Cancel what runs and let go of the model; returns when it has stopped, at the latest after `_BATCH` tokens."""
    http.close()
    server.clear()


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a server-sent event stream, up to its `[DONE]`."""
    for line in lines:
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        event: dict[str, Any] = json.loads(data)
        if "error" in event:
            raise _refusal(data.encode())
        yield event


def _chunk(event: dict[str, Any]) -> ChatGenerationChunk:
    choice = (event.get("choices") or [{}])[0]
    finish = choice.get("finish_reason")
    message = AIMessageChunk(
        content=(choice.get("delta") or {}).get("content") or "",
        response_metadata={"finish_reason": finish} if finish else {},
        usage_metadata=_usage(event["timings"]) if "timings" in event else None,
        chunk_position="last" if finish else None,
    )
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": finish} if finish else None)


def _usage(timings: dict[str, Any]) -> UsageMetadata:
    """LangChain's account of tokens; `cache_read` is the part of the prompt that was not computed again."""
    cached, output = int(timings["cache_n"]), int(timings["predicted_n"])
    prompt = cached + int(timings["prompt_n"])
    return UsageMetadata(
        input_tokens=prompt,
        output_tokens=output,
        total_tokens=prompt + output,
        input_token_details={"cache_read": cached},
    )


def _refusal(body: bytes) -> ChatModelError:
    """What llama.cpp says when it does not take a request."""
    try:
        error = json.loads(body)["error"]
        kind, text = str(error.get("type", "")), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        kind, text = "", body[:200].decode("utf-8", "replace")
    if kind == "exceed_context_size_error":
        return ChatModelError(
            f"问题与资料一共太长，超过了模型的窗口（{text}）", "请减小 context_tokens 或缩短问题", kind="context"
        )
    return ChatModelError(f"本机模型出错：{text}", "请再问一次；若总是如此，请换一个模型", kind="server")
