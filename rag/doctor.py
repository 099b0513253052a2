"""`youju models doctor`: what is here, what is missing, what would be used, and how to mend it. Quick, and loads no model."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rag.chat_models import LlmChoice, hub_snapshots, resolve_llm
from rag.errors import LibraryError, ModelError, SettingsError
from rag.machine import available_memory, available_threads, gpu_name
from rag.model_catalogue import find_llm, repo_folder
from rag.settings import Settings
from rag.store import DATABASE, open_store

Level = Literal["ok", "warn", "bad"]

_PACKAGES = (
    "sentence-transformers",
    "transformers",
    "torch",
    "faiss-cpu",
    "langchain-core",
    "langchain-openai",
    "gradio",
)
_FETCH = "youju models fetch"
_WEIGHTS_TO_MEMORY = 1.3
"""A model of unknown needs: its file, and the state of a window of 4096 tokens."""

_LITTLE_DISK = 2 << 30
_NO_DISK = 200 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    Attributes:
        level: ok; warn: works, but not as well as it could; bad: will not work.
        topic: what was looked at; `message`: what was found (both Chinese).
        mend: the command or setting that mends it, empty when nothing is to be done.
    """

    level: Level
    topic: str
    message: str
    mend: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; takes well under a second, opens no library, loads no model, asks no network."""
    return [
        *_python(),
        _embedder(settings),
        *_reranker(settings),
        *_llm(settings),
        _api(settings),
        _llama_cpp(),
        _processor(settings),
        _gpu(),
        _disk(settings),
        _library(settings),
    ]


def _python() -> Iterator[Finding]:
    yield Finding("ok", "Python", f"{platform.python_version()}（{sys.executable}）")
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Finding("bad", "软件包", f"缺 {'、'.join(missing)}", f"pip install {' '.join(missing)}")
    else:
        yield Finding("ok", "软件包", "，".join(found))


def _embedder(settings: Settings) -> Finding:
    name = settings.embedder
    if name == "zh-small":
        spec = importlib.util.find_spec("embeddings")
        places = [Path(place) / "models" / name for place in (spec.submodule_search_locations or [])] if spec else []
        if any((place / "config.json").is_file() for place in places):
            return Finding("ok", "向量模型", "zh-small（内置，无需下载）")
        return Finding("bad", "向量模型", "内置的 zh-small 不见了，安装不完整", "请重新安装有据")
    return _folder(settings, name, "向量模型", "或设 embedder = zh-small")


def _reranker(settings: Settings) -> Iterator[Finding]:
    if settings.reranker:
        yield _folder(settings, settings.reranker, "重排模型", "或去掉设置 reranker")


def _folder(settings: Settings, name: str, topic: str, otherwise: str) -> Finding:
    own = Path(name).expanduser()
    place = next((p for p in (own, repo_folder(name, settings), *hub_snapshots(name)) if p.is_dir()), None)
    if place is not None:
        return Finding("ok", topic, f"{name}（{place}）")
    return Finding("bad", topic, f"本机没有 {name}", f"{_FETCH} {name}，{otherwise}")


def _llm(settings: Settings) -> Iterator[Finding]:
    try:
        choice = resolve_llm(settings)
    except (SettingsError, ModelError) as error:
        yield Finding("bad", "大模型", error.message, error.hint)
        return
    if choice.kind == "none":
        mend = "" if settings.llm == "none" else f"{_FETCH}（下载本机模型），或设 YOUJU_API_BASE_URL 与 YOUJU_API_MODEL"
        yield Finding("ok" if settings.llm == "none" else "warn", "大模型", f"不用。{choice.reason}", mend)
        return
    yield Finding("ok", "大模型", f"{choice.name}。{choice.reason}")
    if choice.path is not None:
        yield from _local_llm(choice, choice.path)


def _local_llm(choice: LlmChoice, path: Path) -> Iterator[Finding]:
    known = find_llm(choice.name)
    size = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*.safetensors"))
    if known and known.sha256 and size != known.size:
        message = f"{path} 大小不对（应为 {known.size} 字节，实为 {size}），文件已损坏"
        yield Finding("bad", "模型文件", message, f"删去它，再运行 {_FETCH} {known.name}")
        return
    yield Finding("ok", "模型文件", f"{path}（{_gib(size)}）")
    if choice.kind == "transformers" and path.is_file():
        yield Finding("warn", "引擎", "transformers 在 CPU 上运行 GGUF 很慢，也很占内存", "pip install 'youju[llama]'")
        if importlib.util.find_spec("gguf") is None:
            yield Finding("bad", "引擎", "transformers 读 GGUF 文件还缺软件包 gguf", "pip install 'youju[gguf]'")
    needed = known.memory if known and choice.kind == "llama.cpp" else int(size * _WEIGHTS_TO_MEMORY)
    if choice.kind == "transformers" and path.is_file():
        needed = size * 8  # four bits a weight become four bytes
    free = available_memory()
    if free < needed:
        message = f"可用 {_gib(free)}，模型约需 {_gib(needed)}，会很慢或失败"
        yield Finding("warn", "内存", message, f"请关掉别的程序，或换小模型：{_FETCH} qwen2.5-coder-0.5b-instruct")
    else:
        yield Finding("ok", "内存", f"可用 {_gib(free)}，模型约需 {_gib(needed)}")


def _api(settings: Settings) -> Finding:
    if not settings.api_base_url and not settings.api_model:
        return Finding("ok", "接口", "没有配置（可选）")
    address = urlsplit(settings.api_base_url)
    host = address.hostname or ""
    key = bool(settings.api_key.get_secret_value())
    message = f"{host or '（缺 api_base_url）'}，模型 {settings.api_model or '（缺 api_model）'}，密钥{'已' if key else '未'}设置"
    if not host or not settings.api_model:
        return Finding("warn", "接口", message, "请把 api_base_url 与 api_model 都设好")
    local = host in {"localhost", "127.0.0.1", "::1"}
    if not key and not local:
        return Finding("warn", "接口", message, "多数接口要密钥：请设环境变量 YOUJU_API_KEY")
    if address.scheme == "http" and not local:
        return Finding("warn", "接口", f"{message}；http 会明文传送密钥与文章", "请改用 https:// 的地址")
    return Finding("ok", "接口", message)


def _llama_cpp() -> Finding:
    try:
        import xllamacpp  # a real import: a wheel for another system is found, but does not load
    except (ImportError, OSError) as error:
        return Finding("warn", "llama.cpp", f"用不了（{error}）", "pip install 'youju[llama]'")
    return Finding("ok", "llama.cpp", f"xllamacpp {xllamacpp.__version__}")


def _processor(settings: Settings) -> Finding:
    threads = available_threads(settings.threads)
    origin = "设置 threads" if settings.threads else "自动"
    if threads > (os.cpu_count() or threads):
        return Finding("warn", "线程", f"{threads} 个（{origin}），多于 CPU 的核数，会变慢", "设 threads = 0")
    return Finding("ok", "线程", f"{threads} 个（{origin}）")


def _gpu() -> Finding:
    name = gpu_name()
    if not name:
        return Finding("ok", "GPU", "没有，用 CPU")
    try:
        torch = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        torch = ""
    if name == "NVIDIA" and "+cpu" in torch:
        return Finding(
            "warn", "GPU", f"有 {name} 显卡，但装的是只用 CPU 的 torch {torch}", "请按 README 安装带 CUDA 的 torch"
        )
    return Finding("ok", "GPU", f"{name}（transformers 模型会用它）")


def _disk(settings: Settings) -> Finding:
    place = _existing(settings.models)
    free = shutil.disk_usage(place).free
    message = f"{settings.models} 所在磁盘还剩 {_gib(free)}"
    mend = "请清理磁盘，或用 YOUJU_MODELS、YOUJU_LIBRARY 换一个地方"
    if free < _NO_DISK:
        return Finding("bad", "磁盘", message, mend)
    return Finding("warn", "磁盘", message, mend) if free < _LITTLE_DISK else Finding("ok", "磁盘", message)


def _library(settings: Settings) -> Finding:
    path = settings.library
    if path.exists() and not path.is_dir():
        return Finding("bad", "知识库", f"{path} 不是文件夹", "请用 --library 或 YOUJU_LIBRARY 指定一个文件夹")
    if not os.access(_existing(path), os.W_OK):
        return Finding("bad", "知识库", f"没有写入权限：{path}", "请检查权限，或用 --library 换一个文件夹")
    if not path.is_dir() or not any(path.iterdir()):
        return Finding("warn", "知识库", f"还没有建立：{path}", "youju add 文章所在的文件夹")
    if not (path / DATABASE).is_file():
        return Finding("ok", "知识库", str(path))
    try:
        store = open_store(path)
    except LibraryError as error:
        return Finding("bad", "知识库", error.message, error.hint)
    with closing(store):
        articles, chunks = store.counts()
        where = f"，文章在 {store.name}" if store.database.shared else ""
        return Finding("ok", "知识库", f"{path}：{articles} 篇文章，{chunks} 个片段{where}")


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
