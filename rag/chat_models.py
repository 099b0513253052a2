"""Settings in, a LangChain chat model out; and the one way in which it is asked: a stream of text that fails clearly."""

from __future__ import annotations

import importlib.util
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from rag.errors import ChatModelError, ModelError, ModelMissing, SettingsError, YoujuError
from rag.llm_queue import HEARTBEAT, LlmQueue
from rag.model_catalogue import CATALOGUE, LocalLlm, best_fetched, find_llm, is_fetched, llm_path, repo_folder
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

LlmKind = Literal["none", "api", "llama.cpp", "transformers"]

API_WINDOW = 8192
"""Window assumed for an API's model, which does not announce it."""

_API_AT_ONCE = 4
"""Questions that an API answers at the same time; providers limit how many they take."""

_PROMPT_OVERHEAD = 1024
"""Tokens left for instructions, examples and the question when a window is chosen from `context_tokens`."""


@dataclass(frozen=True, slots=True)
class LlmChoice:
    """Which LLM the settings lead to. `path` is the local file or folder; `reason` says why, in Chinese."""

    kind: LlmKind
    name: str
    path: Path | None
    reason: str


def _unexplained(error: Exception) -> ChatModelError:
    return ChatModelError(f"大模型出错（{type(error).__name__}）：{str(error)[:200]}", "请再问一次，或换一个模型")


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A chat model with what answering must know about it.

    Attributes:
        name: for provenance, e.g. "qwen2.5-coder-1.5b-instruct" or "deepseek-chat@api.deepseek.com".
        context_tokens: window in tokens, prompt and answer together.
        count_tokens: length of a text in tokens: the model's own tokenizer, or for an API an estimate that is rather too high.
        local: whether the model runs on this machine, inside this process.
        explain: turns what the model raises into an error for people.
        close: frees what the model holds; it cannot be used afterwards.
        queue: where its questions wait for one another.
    """

    model: BaseChatModel
    name: str
    context_tokens: int
    count_tokens: Callable[[str], int]
    local: bool
    explain: Callable[[Exception], ChatModelError] = _unexplained
    close: Callable[[], None] = lambda: None
    queue: LlmQueue = field(default_factory=LlmQueue)


def resolve_llm(settings: Settings) -> LlmChoice:
    """What would be used and why. Fast; loads nothing and asks no one.

    Raises:
        SettingsError: `llm` is no known name or file, or "api" lacks its address or model.
        ModelMissing: the model asked for is not on this machine.
    """
    asked = settings.llm.strip()
    if asked == "none":
        return LlmChoice("none", "", None, "设置 llm = none：不用大模型，直接摘录原文")
    if asked == "api":
        return _api(settings, "设置 llm = api")
    if asked == "auto":
        return _automatic(settings)
    if known := find_llm(asked):
        if not is_fetched(known, settings):
            raise ModelMissing(f"模型还没有下载：{known.name}", f"运行 youju models fetch {known.name}")
        return _gguf(settings, known.name, llm_path(known, settings), f"设置 llm = {known.name}")
    return _own_model(settings, asked)


def _automatic(settings: Settings) -> LlmChoice:
    if settings.api_base_url and settings.api_model:
        return _api(settings, "已配置接口（api_base_url 与 api_model）")
    half = ""
    if settings.api_base_url or settings.api_model:
        lacking = "api_model" if settings.api_base_url else "api_base_url"
        half = f"接口没有配置完整（缺 {lacking}），未使用；"
    if best := best_fetched(settings):
        return _gguf(settings, best.name, llm_path(best, settings), f"{half}本机已下载的最好的模型")
    return LlmChoice("none", "", None, f"{half}没有配置接口，也没有下载本机模型：直接摘录原文")


def _api(settings: Settings, reason: str) -> LlmChoice:
    lacking = [name for name in ("api_base_url", "api_model") if not getattr(settings, name)]
    if lacking:
        raise SettingsError(
            f"llm = api 还缺设置：{'、'.join(lacking)}",
            "例如设 YOUJU_API_BASE_URL=https://api.deepseek.com/v1 与 YOUJU_API_MODEL=deepseek-chat",
        )
    host = urlsplit(settings.api_base_url).hostname or ""
    return LlmChoice("api", f"{settings.api_model}@{host}", None, f"{reason}，用接口 {host}")


def _gguf(settings: Settings, name: str, path: Path, reason: str) -> LlmChoice:
    if settings.llm_engine == "transformers":
        return LlmChoice("transformers", name, path, f"{reason}，用 transformers 运行（设置 llm_engine）")
    if settings.llm_engine == "auto" and importlib.util.find_spec("xllamacpp") is None:
        return LlmChoice("transformers", name, path, f"{reason}，没有安装 xllamacpp，用 transformers 运行（慢）")
    return LlmChoice("llama.cpp", name, path, f"{reason}，用 llama.cpp 运行")


def _own_model(settings: Settings, asked: str) -> LlmChoice:
    """A file, a folder or a repository of the hub that is already on this machine."""
    path = Path(asked).expanduser()
    if path.suffix.lower() == ".gguf":
        if not path.is_file():
            raise ModelMissing(f"找不到模型文件：{path}", "请检查设置 llm 的路径")
        return _gguf(settings, path.stem, path, "设置 llm 指定的文件")
    folder = next(
        (place for place in (path, repo_folder(asked, settings), *hub_snapshots(asked)) if place.is_dir()), None
    )
    if folder is not None:
        if settings.llm_engine == "llama.cpp":
            raise SettingsError(
                f"llama.cpp 只能运行 GGUF 文件，不能运行文件夹：{asked}", "请设 llm_engine = transformers"
            )
        if not (folder / "config.json").is_file():
            raise ModelError(f"文件夹里没有 transformers 模型（缺 config.json）：{folder}", "请检查设置 llm 的路径")
        name = asked if folder != path else path.resolve().name
        return LlmChoice("transformers", name, folder, "设置 llm 指定的模型，用 transformers 运行")
    if asked.count("/") == 1 and not path.is_absolute() and not asked.startswith("."):
        raise ModelMissing(f"模型还没有下载：{asked}", f"运行 youju models fetch {asked}")
    names = "、".join(["auto", "none", "api", *(llm.name for llm in CATALOGUE)])
    raise SettingsError(f"没有这个大模型：{asked}", f"可用的有 {names}，或 GGUF 文件、模型文件夹的路径")


def hub_snapshots(repo: str) -> list[Path]:
    """The snapshots of a repository in Hugging Face's own cache, newest first (its documented layout)."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = cache / f"models--{repo.replace('/', '--')}" / "snapshots"
    if repo.count("/") != 1 or not snapshots.is_dir():
        return []
    return sorted(snapshots.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)


def load_chat_model(settings: Settings) -> ChatModel | None:
    """The LLM that the settings lead to, loaded and ready; None when there is none (`resolve_llm` says why).

    A local model loads here and now; an API is not asked before the first question.

    Raises:
        SettingsError, ModelMissing: see `resolve_llm`.
        ModelError: the model cannot be loaded.
    """
    choice = resolve_llm(settings)
    if choice.kind == "none":
        return None
    if choice.kind == "api":
        return _connect_api(settings, choice.name)
    assert choice.path is not None
    known = find_llm(choice.name)
    if choice.kind == "llama.cpp":
        return _load_llama_cpp(settings, choice.name, choice.path, known)
    from rag.transformers_chat import load_transformers

    model = load_transformers(choice.path, threads=settings.threads, max_tokens=settings.llm_max_tokens)
    return ChatModel(model, choice.name, model.context, model.get_num_tokens, local=True, close=model.close)


def _connect_api(settings: Settings, name: str) -> ChatModel:
    from rag.openai_api import connect, estimate_tokens, explain

    model = connect(settings)
    return ChatModel(
        model,
        name,
        _window(settings, API_WINDOW),
        estimate_tokens,
        local=False,
        explain=lambda error: explain(error, settings),
        close=model.root_client.close,
        queue=LlmQueue(_API_AT_ONCE),
    )


def _window(settings: Settings, usual: int) -> int:
    """The usual window, or a larger one where the settings ask for more than fits into it."""
    return max(usual, settings.context_tokens + settings.llm_max_tokens + _PROMPT_OVERHEAD)


def _load_llama_cpp(settings: Settings, name: str, path: Path, known: LocalLlm | None) -> ChatModel:
    from rag.llama_cpp import DEFAULT_CONTEXT, LlamaCppChat

    if known and path.stat().st_size != known.size and known.sha256:
        raise ModelError(
            f"模型文件大小不对：{path}（应为 {known.size} 字节，实为 {path.stat().st_size}）",
            f"请删去它，再运行 youju models fetch {known.name}",
        )
    window = _window(settings, DEFAULT_CONTEXT)
    model = LlamaCppChat(
        path=path,
        context=min(window, known.context) if known else window,
        threads=settings.threads,
        max_tokens=settings.llm_max_tokens,
        timeout=settings.llm_timeout,
    )
    return ChatModel(model, name, model.context, model.get_num_tokens, local=True, close=model.close)


def stream_text(
    chat: ChatModel, messages: Sequence[BaseMessage], *, timeout: float, max_tokens: int
) -> Generator[str, None, None]:
    """Ask the LLM and yield its answer as pieces of text, at temperature 0, without a reasoning model's thoughts.

    An empty piece comes twice a second while the LLM says nothing, so that the caller can close the generator, which stops the LLM.

    Args:
        timeout: seconds without any sign of life, before the first token or between two, after which we give up.
        max_tokens: the longest answer.

    Raises:
        ChatModelError: whatever went wrong, with its kind; text that was yielded before remains valid text of the model.
    """
    events: queue.SimpleQueue[str | Exception | None] = queue.SimpleQueue()
    stop = threading.Event()
    # The model runs in a thread of its own: only so does a time-out hold for every kind of model, whatever it waits for.
    worker = threading.Thread(
        target=_run, args=(chat, list(messages), timeout, max_tokens, events, stop), name="youju-llm", daemon=True
    )
    worker.start()
    thoughts = ThoughtFilter()
    empty = True
    heard = told = time.monotonic()
    try:
        while True:
            if time.monotonic() - told >= HEARTBEAT:
                told = time.monotonic()
                yield ""
            try:
                event = events.get(timeout=max(0.0, min(told + HEARTBEAT, heard + timeout) - time.monotonic()))
            except queue.Empty:
                if time.monotonic() - heard < timeout:
                    continue
                raise ChatModelError(
                    f"大模型 {timeout:g} 秒没有回应：{chat.name}",
                    "可增大 llm_timeout，或换一个快一些的模型",
                    kind="timeout",
                ) from None
            heard = time.monotonic()
            if isinstance(event, YoujuError):
                raise event from None
            if isinstance(event, Exception):
                raise chat.explain(event) from None
            piece = thoughts.rest() if event is None else thoughts.feed(event)
            if piece:
                empty = False
                told = time.monotonic()
                yield piece
            if event is None:
                break
        if empty:
            raise _nothing_said(chat, thoughts)
    except GeneratorExit:
        stop.set()
        worker.join(timeout=5.0)  # so that the model is free again when close() returns
        raise
    finally:
        stop.set()


def _run(
    chat: ChatModel,
    messages: list[BaseMessage],
    timeout: float,
    max_tokens: int,
    events: queue.SimpleQueue[str | Exception | None],
    stop: threading.Event,
) -> None:
    """Put the model's text on the queue; last comes None, or the exception that ended it."""
    finish = ""
    stream: Iterator[BaseMessage] | None = None
    try:
        stream = chat.model.stream(messages, max_tokens=max_tokens, timeout=timeout, temperature=0.0)
        for chunk in stream:
            if stop.is_set():
                return
            events.put(str(chunk.text))  # empty ones too: a reasoning model is alive while it thinks
            finish = chunk.response_metadata.get("finish_reason") or finish
        if not chat.local and not finish:
            raise ChatModelError(
                f"回答中途断了：{chat.name}", "请再问一次；若总是如此，请检查接口或代理", kind="broken"
            )
        if finish in {"content_filter", "sensitive"}:
            raise ChatModelError(f"接口的内容审查拦下了回答：{chat.name}", "可换一个模型，或改用本机模型", kind="other")
        events.put(None)
    except Exception as error:  # noqa: BLE001 - every failure travels to the caller's thread
        events.put(error)
    finally:
        if stream is not None and hasattr(stream, "close"):
            stream.close()  # closes the connection, which ends the generation


def _nothing_said(chat: ChatModel, thoughts: ThoughtFilter) -> ChatModelError:
    if thoughts.thought:
        return ChatModelError(
            f"模型只输出了思考过程，没有给出答案：{chat.name}", "可增大 llm_max_tokens，或换一个不思考的模型"
        )
    hint = "请再问一次，或换一个模型" if chat.local else "请检查 api_base_url（多半要以 /v1 结尾）与 api_model"
    return ChatModelError(f"大模型没有输出任何内容：{chat.name}", hint, kind="broken")


class ThoughtFilter:
    """Drops `<think>…</think>` from a stream, wherever it stands and however it is cut; one that is never closed goes to the end."""

    _TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
    _CLOSE = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
    _BEGUN = re.compile(r"<(?:/?(?:t(?:h(?:i(?:n(?:k(?:i(?:ng?)?)?)?)?)?)?)?)$", re.IGNORECASE)

    def __init__(self) -> None:
        self.thinking = False
        self.thought = False
        """Whether there were thoughts at all."""
        self._begun = False
        self._held = ""

    def feed(self, piece: str) -> str:
        """What of the text so far is certainly answer, without white space before its first word."""
        self._held += piece
        said = []
        while match := (self._CLOSE if self.thinking else self._TAG).search(self._held):
            if not self.thinking:
                said.append(self._held[: match.start()])
            self.thinking = not self.thinking and not match[1]
            self.thought = self.thought or self.thinking
            self._held = self._held[match.end() :]
        coming = self._BEGUN.search(self._held)
        sure = coming.start() if coming else len(self._held)
        if not self.thinking:
            said.append(self._held[:sure])
        self._held = self._held[sure:]
        return self._said("".join(said))

    def rest(self) -> str:
        """What was held back, at the end of the stream."""
        held, self._held = self._held, ""
        return "" if self.thinking else self._said(held)

    def _said(self, text: str) -> str:
        text = text if self._begun else text.lstrip()
        self._begun = self._begun or bool(text)
        return text
