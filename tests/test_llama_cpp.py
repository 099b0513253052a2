"""A real GGUF file through llama.cpp: it streams, stops, counts, shares prompts, and refuses what is damaged."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from rag.chat_models import ChatModel, load_chat_model, stream_text
from rag.errors import ChatModelError, ModelError
from rag.llama_cpp import LlamaCppChat
from rag.model_catalogue import find_llm, is_fetched
from rag.settings import load_settings
from tests.tiny_models import make_gguf, make_qwen_folder

pytest.importorskip("xllamacpp", reason="pip install 'youju[llama]'")

QUESTION = [SystemMessage("你是助手。"), HumanMessage("武汉在哪里？")]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("模型")
    return make_gguf(make_qwen_folder(folder / "hf"), folder / "微型 模型.gguf")


@pytest.fixture(scope="module")
def chat(gguf: Path) -> Iterator[ChatModel]:
    loaded = load_chat_model(load_settings(llm=str(gguf), threads=1))
    assert loaded is not None
    yield loaded
    loaded.close()


def ask(chat: ChatModel, question: str = "武汉在哪里？", max_tokens: int = 24) -> list[str]:
    return list(stream_text(chat, [HumanMessage(question)], timeout=30, max_tokens=max_tokens))


def test_is_described(chat: ChatModel) -> None:
    assert (chat.name, chat.local, chat.context_tokens) == ("微型 模型", True, 512)


def test_streams_piece_by_piece_and_always_the_same(chat: ChatModel) -> None:
    pieces = ask(chat)
    assert len(pieces) > 5, f"came in {len(pieces)} pieces"
    assert "".join(ask(chat)) == "".join(pieces)


def test_counts_tokens_with_the_models_own_tokenizer(chat: ChatModel) -> None:
    # The vocabulary was trained on 武汉是湖北省的省会; 龘 was never seen and falls apart into its three bytes.
    assert chat.count_tokens("龘") == 3
    assert chat.count_tokens("龘龘") == 6
    assert chat.count_tokens("") == 0
    assert chat.count_tokens("<|im_end|>") > 1, "text that looks like a control token is text"


def test_closing_the_stream_stops_the_generation(chat: ChatModel) -> None:
    stream = stream_text(chat, [HumanMessage("写一首长诗")], timeout=30, max_tokens=400)
    next(stream)
    stream.close()
    assert isinstance(chat.model, LlamaCppChat)
    deadline = time.monotonic() + 5
    while chat.model.slots()[0]["is_processing"]:
        assert time.monotonic() < deadline, "llama.cpp goes on although nobody listens"
        time.sleep(0.02)
    assert chat.model.slots()[0]["next_token"][0]["n_decoded"] < 400


def test_requests_at_once_all_get_their_answer(chat: ChatModel) -> None:
    alone = {question: "".join(ask(chat, question)) for question in ("武汉？", "北京？", "上海？")}
    together: dict[str, str] = {}
    threads = [threading.Thread(target=lambda q=q: together.update({q: "".join(ask(chat, q))})) for q in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_the_prompts_common_prefix_is_computed_once(chat: ChatModel) -> None:
    prefix = SystemMessage("你是中文知识库的问答助手，只能根据资料回答。")
    chat.model.invoke([prefix, HumanMessage("武汉在哪里？")], max_tokens=4)
    usage = chat.model.invoke([prefix, HumanMessage("北京在哪里？")], max_tokens=4).usage_metadata
    assert usage is not None
    assert usage["output_tokens"] == 4
    shared = chat.count_tokens(str(prefix.content))
    assert shared <= usage["input_token_details"]["cache_read"] < usage["input_tokens"], usage


def test_reading_a_long_prompt_shows_signs_of_life(chat: ChatModel) -> None:
    chunks = list(chat.model.stream([HumanMessage("龘" * 120)], max_tokens=4))  # 360 tokens, read 64 at a time
    first = next(number for number, chunk in enumerate(chunks) if chunk.content)
    assert first >= 5, f"{first} pieces before the first token: a slow machine would look silent"


def test_a_prompt_too_long_is_said_so(chat: ChatModel) -> None:
    with pytest.raises(ChatModelError, match="窗口") as caught:
        ask(chat, "龘" * 300)
    assert caught.value.kind == "context"


def test_langchains_own_calls_work(chat: ChatModel) -> None:
    message = chat.model.invoke(QUESTION, max_tokens=8)
    assert message.content == "".join(stream_text(chat, QUESTION, timeout=30, max_tokens=8))
    assert message.response_metadata["finish_reason"] == "length"
    assert chat.model.get_num_tokens("龘") == 3


def test_nobody_else_on_this_machine_may_use_the_server(chat: ChatModel) -> None:
    import httpx

    assert isinstance(chat.model, LlamaCppChat)
    address = chat.model.address
    assert address.startswith("http://127.0.0.1:")
    answer = httpx.post(f"{address}/v1/chat/completions", json={"messages": []}, trust_env=False)
    assert answer.status_code == 401


def test_close_frees_the_model(gguf: Path) -> None:
    process = psutil.Process()
    before = process.num_threads()
    loaded = load_chat_model(load_settings(llm=str(gguf), threads=1))
    assert loaded is not None
    ask(loaded)
    assert process.num_threads() > before
    loaded.close()
    deadline = time.monotonic() + 5
    while process.num_threads() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.num_threads() <= before
    with pytest.raises(ModelError, match="已关闭"):
        ask(loaded)


def test_it_is_silent(gguf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loaded = load_chat_model(load_settings(llm=str(gguf), threads=1))
    assert loaded is not None
    ask(loaded)
    loaded.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("damage", ["cut", "not gguf", "garbage behind the head", "empty", "folder"])
def test_a_damaged_file_is_an_error_not_a_crash(gguf: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "damaged.gguf"
    whole = gguf.read_bytes()
    match damage:
        case "cut":
            path.write_bytes(whole[: len(whole) // 2])
        case "not gguf":
            path.write_bytes(b"<html>not found</html>")
        case "garbage behind the head":
            path.write_bytes(whole[:8] + bytes(i * 31 % 256 for i in range(5000)))
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
    with pytest.raises(ModelError, match=r"damaged\.gguf"):
        LlamaCppChat(path=path, threads=1)


@pytest.mark.model
@pytest.mark.parametrize("name", ["qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"])
def test_the_real_model(name: str) -> None:
    settings = load_settings(llm=name, models=os.environ.get("YOUJU_MODELS"))
    known = find_llm(name)
    assert known is not None
    if not is_fetched(known, settings):
        pytest.skip(f"youju models fetch {name}")
    chat = load_chat_model(settings)
    assert chat is not None
    try:
        assert chat.context_tokens == 4096
        assert chat.count_tokens("武汉市2020年") == 6, "Qwen cuts numbers into digits"
        context = "资料：青石市2023年旅游收入为812.5亿元，同比增长9.4%。\n\n问题：青石市2023年旅游收入是多少？"
        messages = [SystemMessage("只根据资料，用一句话回答。"), HumanMessage(context)]
        pieces = list(stream_text(chat, messages, timeout=300, max_tokens=60))
        assert "812.5" in "".join(pieces), "".join(pieces)
        assert len(pieces) > 5
    finally:
        chat.close()


@pytest.mark.model
def test_a_program_that_ends_while_the_model_speaks_ends_in_good_order() -> None:
    name = "qwen2.5-coder-0.5b-instruct"
    known = find_llm(name)
    settings = load_settings(llm=name, models=os.environ.get("YOUJU_MODELS"))
    assert known is not None
    if not is_fetched(known, settings):
        pytest.skip(f"youju models fetch {name}")
    code = (
        "import sys; from pathlib import Path; from langchain_core.messages import HumanMessage\n"
        "from rag.chat_models import load_chat_model, stream_text; from rag.settings import load_settings\n"
        f"chat = load_chat_model(load_settings(llm={name!r}, models=Path({str(settings.models)!r})))\n"
        "stream = stream_text(chat, [HumanMessage('写一首长诗')], timeout=300, max_tokens=400)\n"
        "print(len(next(stream)) > 0, flush=True); raise SystemExit(7)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (7, "True", ""), run.stderr
