"""Real, tiny models through transformers: a folder and a GGUF file; and both engines say the same."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from rag.chat_models import ChatModel, load_chat_model, stream_text
from rag.errors import ChatModelError, ModelError
from rag.settings import load_settings
from tests.tiny_models import make_gguf, make_qwen_folder

QUESTION = [
    SystemMessage("你是助手。"),
    HumanMessage("北京在哪里？"),
    AIMessage("在北方。"),
    HumanMessage("武汉在哪里？"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_qwen_folder(tmp_path_factory.mktemp("模型") / "tiny-qwen")


@pytest.fixture(scope="module")
def gguf(folder: Path) -> Path:
    return make_gguf(folder, folder.parent / "tiny.gguf")


def load(llm: Path, engine: str = "auto") -> ChatModel:
    chat = load_chat_model(load_settings(llm=str(llm), llm_engine=engine, threads=1))
    assert chat is not None
    return chat


@pytest.fixture(scope="module")
def chat(folder: Path) -> Iterator[ChatModel]:
    loaded = load(folder)
    yield loaded
    loaded.close()


def said(chat: ChatModel, max_tokens: int = 32) -> str:
    return "".join(stream_text(chat, QUESTION, timeout=60, max_tokens=max_tokens))


def test_is_described(chat: ChatModel) -> None:
    assert (chat.name, chat.local, chat.context_tokens) == ("tiny-qwen", True, 512)
    assert chat.count_tokens("龘") == 3


def test_streams_and_is_greedy_whatever_the_model_prefers(chat: ChatModel) -> None:
    # The model's own generation_config asks for sampling at 0.7.
    pieces = list(stream_text(chat, QUESTION, timeout=60, max_tokens=64))
    assert len(pieces) > 1
    assert said(chat, 64) == "".join(pieces)


def test_langchains_own_calls_work(chat: ChatModel) -> None:
    message = chat.model.invoke(QUESTION, max_tokens=8)
    assert message.content == said(chat, 8)
    assert message.response_metadata["finish_reason"] == "length"


def test_closing_the_stream_stops_the_generation(chat: ChatModel) -> None:
    started = time.monotonic()
    whole = said(chat, 400)
    full = time.monotonic() - started
    stream = stream_text(chat, QUESTION, timeout=60, max_tokens=400)
    assert whole.startswith(next(stream))
    started = time.monotonic()
    stream.close()
    assert said(chat, 1) == whole[:1] or whole.startswith(said(chat, 1)[:-1])
    assert time.monotonic() - started < full, "the next question had to wait for an answer that nobody wanted"


def test_a_prompt_too_long_is_said_so(chat: ChatModel) -> None:
    with pytest.raises(ChatModelError, match="窗口") as caught:
        list(stream_text(chat, [HumanMessage("龘" * 300)], timeout=60, max_tokens=8))
    assert caught.value.kind == "context"


def test_the_gguf_file_says_the_same_through_both_engines(chat: ChatModel, gguf: Path) -> None:
    pytest.importorskip("xllamacpp", reason="pip install 'youju[llama]'")
    pytest.importorskip("gguf", reason="pip install 'youju[gguf]'")
    texts = {}
    for engine in ("transformers", "llama.cpp"):
        loaded = load(gguf, engine)
        texts[engine] = said(loaded)
        assert loaded.context_tokens == 512
        loaded.close()
    assert texts == {"transformers": said(chat), "llama.cpp": said(chat)}


def test_a_closed_model_says_so(folder: Path) -> None:
    loaded = load(folder)
    loaded.close()
    with pytest.raises(ModelError, match="已关闭"):
        said(loaded)


@pytest.mark.parametrize("damage", ["weights", "tokenizer", "pickle", "template", "architecture"])
def test_a_damaged_folder_is_an_error(folder: Path, tmp_path: Path, damage: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "坏模型")
    match damage:
        case "weights":
            weights = copy / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:1000])
        case "tokenizer":
            (copy / "tokenizer.json").write_text("{", encoding="utf-8")
        case "pickle":
            (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
        case "template":
            (copy / "chat_template.jinja").unlink()
        case "architecture":
            (copy / "config.json").write_text('{"model_type": "no-such-model"}', encoding="utf-8")
    with pytest.raises(ModelError, match="坏模型"):
        load(copy)


def test_a_damaged_gguf_is_an_error(gguf: Path, tmp_path: Path) -> None:
    bad = tmp_path / "坏.gguf"
    bad.write_bytes(gguf.read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"坏\.gguf"):
        load(bad, "transformers")
