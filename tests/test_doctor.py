"""The doctor finds what is missing, says how to mend it, is quick, and tells no secrets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.doctor import Finding, examine
from rag.machine import available_memory, available_threads
from rag.model_catalogue import find_llm, llm_path
from rag.settings import Settings, load_settings

KEY = "sk-secret-0123456789"


def settings_for(tmp_path: Path, **given: Any) -> Settings:
    return load_settings(**{"models": tmp_path / "models", "library": tmp_path / "library"} | given)


def finding(settings: Settings, topic: str) -> Finding:
    found = [entry for entry in examine(settings) if entry.topic == topic]
    assert len(found) == 1, f"{topic}: {found}"
    return found[0]


def put(name: str, settings: Settings, size: int | None = None) -> None:
    llm = find_llm(name)
    assert llm is not None
    settings.models.mkdir(parents=True, exist_ok=True)
    with llm_path(llm, settings).open("wb") as file:
        file.truncate(llm.size if size is None else size)


def test_a_fresh_machine_is_told_what_to_do(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    llm, library = finding(settings, "大模型"), finding(settings, "知识库")
    assert (llm.level, "youju models fetch" in llm.mend, "YOUJU_API_BASE_URL" in llm.mend) == ("warn", True, True)
    assert (library.level, library.mend) == ("warn", "youju add 文章所在的文件夹")
    assert not (tmp_path / "library").exists(), "looking must not make anything"
    assert not (tmp_path / "models").exists()


def test_what_cannot_work_has_a_mend(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("a file", encoding="utf-8")
    settings = settings_for(tmp_path, embedder="BAAI/bge-m3", reranker="某/重排", llm="qwen2.5-coder-1.5b-instruct")
    bad = {entry.topic: entry for entry in examine(settings) if entry.level == "bad"}
    assert set(bad) == {"向量模型", "重排模型", "大模型", "知识库"}
    assert "youju models fetch 某/重排" in bad["重排模型"].mend
    assert "youju models fetch BAAI/bge-m3" in bad["向量模型"].mend
    assert "youju models fetch qwen2.5-coder-1.5b-instruct" in bad["大模型"].mend
    assert all(entry.mend for entry in bad.values())


def test_the_model_that_would_be_used(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    put("qwen2.5-coder-0.5b-instruct", settings)
    assert finding(settings, "大模型").message.startswith("qwen2.5-coder-0.5b-instruct。")
    assert "0.5 GiB" in finding(settings, "模型文件").message
    assert finding(settings, "内存").level == ("ok" if available_memory() > 900_000_000 else "warn")


def test_a_model_larger_than_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.gguf"
    with path.open("wb") as file:
        file.truncate(1 << 42)
    entry = finding(settings_for(tmp_path, llm=str(path)), "内存")
    assert entry.level == "warn"
    assert "qwen2.5-coder-0.5b-instruct" in entry.mend


def test_no_llm_on_purpose_is_fine(tmp_path: Path) -> None:
    assert finding(settings_for(tmp_path, llm="none"), "大模型").level == "ok"


@pytest.mark.parametrize(
    ("given", "level", "says"),
    [
        ({}, "ok", "没有配置"),
        ({"api_base_url": "https://api.example.com/v1", "api_model": "m", "api_key": KEY}, "ok", "密钥已设置"),
        ({"api_base_url": "https://api.example.com/v1", "api_model": "m"}, "warn", "密钥未设置"),
        ({"api_base_url": "http://api.example.com/v1", "api_model": "m", "api_key": KEY}, "warn", "明文"),
        ({"api_base_url": "http://127.0.0.1:11434/v1", "api_model": "qwen"}, "ok", "127.0.0.1"),
        ({"api_base_url": "https://api.example.com/v1"}, "warn", "缺 api_model"),
    ],
)
def test_the_api(tmp_path: Path, given: dict[str, str], level: str, says: str) -> None:
    settings = settings_for(tmp_path, **given)
    entry = finding(settings, "接口")
    assert (entry.level, says in entry.message) == (level, True), entry
    assert KEY not in str(examine(settings))


def test_threads() -> None:
    assert available_threads(3) == 3
    assert available_threads() >= 1


def test_it_is_quick_and_loads_no_model_library(tmp_path: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path; from rag.settings import load_settings; from rag.doctor import examine\n"
        f"s = load_settings(models=Path({str(tmp_path)!r}), library=Path({str(tmp_path)!r}))\n"
        "import time; t = time.process_time(); n = len(examine(s)); t = time.process_time() - t\n"
        "heavy = [m for m in ('torch', 'transformers', 'openai', 'gradio', 'faiss', 'langchain_core') if m in sys.modules]\n"
        "print(json.dumps([n, t, heavy]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    count, seconds, heavy = json.loads(run.stdout)
    assert heavy == []
    assert count >= 10
    assert seconds < 1.0
