"""Which LLM the settings lead to, and asking an OpenAI-compatible API with everything that can go wrong there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from rag.chat_models import ChatModel, LlmChoice, load_chat_model, resolve_llm, stream_text
from rag.errors import ChatModelError, ModelError, ModelMissing, SettingsError
from rag.model_catalogue import CATALOGUE, LocalLlm, find_llm, llm_path
from rag.settings import Settings, load_settings
from tests.openai_server import Fault, OpenAIServer, openai_server

QUESTION = [SystemMessage("你是助手。"), HumanMessage("首都是哪里？")]
API: dict[str, Any] = {"api_base_url": "https://api.example.com/v1", "api_model": "good-chat"}


def settings_for(models: Path, **given: Any) -> Settings:
    return load_settings(models=models, **given)


def put(name: str, settings: Settings) -> LocalLlm:
    """A file of the right size, but without content (sparse): resolving looks no further."""
    llm = find_llm(name)
    assert llm is not None
    settings.models.mkdir(parents=True, exist_ok=True)
    with llm_path(llm, settings).open("wb") as file:
        file.truncate(llm.size)
    return llm


class TestResolve:
    def test_nothing_configured_means_no_llm(self, tmp_path: Path) -> None:
        choice = resolve_llm(settings_for(tmp_path))
        assert (choice.kind, choice.name, choice.path) == ("none", "", None)
        assert load_chat_model(settings_for(tmp_path)) is None

    def test_none_wins_over_everything(self, tmp_path: Path) -> None:
        settings = settings_for(tmp_path, llm="none", **API)
        put("qwen2.5-coder-0.5b-instruct", settings)
        assert resolve_llm(settings).kind == "none"

    def test_auto_prefers_the_api_then_the_better_local_model(self, tmp_path: Path) -> None:
        settings = settings_for(tmp_path)
        put("qwen2.5-coder-0.5b-instruct", settings)
        assert resolve_llm(settings).name == "qwen2.5-coder-0.5b-instruct"
        better = put("qwen2.5-coder-1.5b-instruct", settings)
        assert resolve_llm(settings).name == better.name
        assert resolve_llm(settings).path == llm_path(better, settings)
        choice = resolve_llm(settings_for(tmp_path, **API))
        assert (choice.kind, choice.name) == ("api", "good-chat@api.example.com")

    def test_a_half_configured_api_is_mentioned(self, tmp_path: Path) -> None:
        choice = resolve_llm(settings_for(tmp_path, api_model="good-chat"))
        assert choice.kind == "none"
        assert "缺 api_base_url" in choice.reason
        with pytest.raises(SettingsError, match="api_base_url"):
            resolve_llm(settings_for(tmp_path, llm="api", api_model="good-chat"))

    def test_half_a_file_does_not_count(self, tmp_path: Path) -> None:
        settings = settings_for(tmp_path)
        llm = put("qwen2.5-coder-1.5b-instruct", settings)
        with llm_path(llm, settings).open("r+b") as file:
            file.truncate(1000)
        assert resolve_llm(settings).kind == "none"

    @pytest.mark.parametrize("name", [llm.name for llm in CATALOGUE])
    def test_a_model_that_is_not_here_names_the_command(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(ModelMissing) as caught:
            resolve_llm(settings_for(tmp_path, llm=name))
        assert f"youju models fetch {name}" in caught.value.hint

    def test_own_files_and_folders(self, tmp_path: Path) -> None:
        gguf = tmp_path / "我的模型.gguf"
        gguf.write_bytes(b"GGUF")
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "config.json").write_text("{}", encoding="utf-8")

        def resolve(llm: Path, engine: str = "auto") -> LlmChoice:
            return resolve_llm(settings_for(tmp_path, llm=str(llm), llm_engine=engine))

        assert (resolve(gguf).kind, resolve(gguf).name) == ("llama.cpp", "我的模型")
        assert resolve(gguf, "transformers").kind == "transformers"
        assert (resolve(folder).kind, resolve(folder).name) == ("transformers", "folder")
        with pytest.raises(SettingsError, match="GGUF"):
            resolve(folder, "llama.cpp")
        with pytest.raises(ModelMissing, match="找不到"):
            resolve(tmp_path / "nothing.gguf")
        (folder / "config.json").unlink()
        with pytest.raises(ModelError, match=r"config\.json"):
            resolve(folder)

    def test_hub_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        settings = settings_for(tmp_path / "models", llm="Qwen/Qwen3-0.6B")
        with pytest.raises(ModelMissing) as caught:
            resolve_llm(settings)
        assert "youju models fetch Qwen/Qwen3-0.6B" in caught.value.hint
        cached = tmp_path / "cache" / "models--Qwen--Qwen3-0.6B" / "snapshots" / "abc"
        fetched = tmp_path / "models" / "Qwen--Qwen3-0.6B"
        for place in (cached, fetched):  # what Youju fetched itself comes before the common cache
            place.mkdir(parents=True)
            (place / "config.json").write_text("{}", encoding="utf-8")
            choice = resolve_llm(settings)
            assert (choice.kind, choice.name, choice.path) == ("transformers", "Qwen/Qwen3-0.6B", place)

    def test_an_unknown_name_lists_the_known_ones(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError) as caught:
            resolve_llm(settings_for(tmp_path, llm="gpt-5"))
        assert "qwen2.5-coder-1.5b-instruct" in caught.value.hint

    def test_a_file_that_is_no_model_is_an_error(self, tmp_path: Path) -> None:
        settings = settings_for(tmp_path)
        put("qwen2.5-coder-0.5b-instruct", settings)
        with pytest.raises(ModelError, match="不是 GGUF"):
            load_chat_model(settings)

    def test_importing_the_door_loads_nothing_heavy(self) -> None:
        code = (
            "import sys, rag.chat_models; "
            "print([m for m in ('torch', 'transformers', 'openai', 'langchain_core', 'xllamacpp', 'httpx') if m in sys.modules])"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
        assert run.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAIServer]:
    with openai_server() as server:
        yield server


@pytest.fixture
def server(running: OpenAIServer) -> OpenAIServer:
    running.fault, running.pause = "", 0.0
    running.requests.clear()
    return running


Connect = Callable[..., ChatModel]


@pytest.fixture
def connect(server: OpenAIServer) -> Iterator[Connect]:
    """Make a chat model for the server, with some settings changed; all are closed at the end."""
    with ExitStack() as stack:

        def make(**changed: Any) -> ChatModel:
            own = {"api_base_url": server.url, "api_model": server.model, "api_key": server.key, "llm_timeout": 5}
            given: dict[str, Any] = own | changed
            chat = load_chat_model(load_settings(llm="api", **given))
            assert chat is not None
            stack.callback(chat.close)
            return chat

        yield make


def failure(chat: ChatModel, timeout: float = 5.0) -> tuple[ChatModelError, str]:
    """The error, and the text that came before it."""
    pieces: list[str] = []
    with pytest.raises(ChatModelError) as caught:
        pieces.extend(_collect(chat, timeout, pieces))
    return caught.value, "".join(pieces)


def _collect(chat: ChatModel, timeout: float, pieces: list[str]) -> list[str]:
    for piece in stream_text(chat, QUESTION, timeout=timeout, max_tokens=50):
        pieces.append(piece)
    return []


class TestApi:
    def test_streams(self, server: OpenAIServer, connect: Connect) -> None:
        chat = connect()
        pieces = list(stream_text(chat, QUESTION, timeout=5, max_tokens=50))
        assert pieces == list(server.reply)
        assert (chat.local, chat.name) == (False, "fake-chat@127.0.0.1")

    def test_what_is_sent(self, server: OpenAIServer, connect: Connect) -> None:
        list(stream_text(connect(), QUESTION, timeout=5, max_tokens=50))
        assert server.requests == [
            {
                "model": "fake-chat",
                "messages": [{"role": "system", "content": "你是助手。"}, {"role": "user", "content": "首都是哪里？"}],
                "max_tokens": 50,  # not max_completion_tokens, which most of these servers do not know
                "temperature": 0.0,
                "stream": True,
            }
        ]

    def test_no_proxy_sees_requests_to_this_machine(
        self, server: OpenAIServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert "".join(stream_text(connect(), QUESTION, timeout=5, max_tokens=50)) == server.reply

    def test_thoughts_are_not_part_of_the_answer(self, server: OpenAIServer, connect: Connect) -> None:
        server.fault = "think"
        assert "".join(stream_text(connect(), QUESTION, timeout=5, max_tokens=50)) == server.reply

    def test_closing_ends_the_request(self, server: OpenAIServer, connect: Connect) -> None:
        server.pause = 0.05
        stream = stream_text(connect(), QUESTION, timeout=5, max_tokens=50)
        assert next(stream) == server.reply[0]
        stream.close()
        time.sleep(0.05 * len(server.reply) + 0.3)
        assert not server.finished

    @pytest.mark.parametrize(
        ("fault", "kind", "says", "before"),
        [
            ("error 500", "server", "500", ""),
            ("error 429", "server", "请求太多", ""),
            ("no money", "auth", "余额不足", ""),
            ("context", "context", "太长", ""),
            ("cut", "broken", "中途断了", "根据"),
            ("early end", "broken", "中途断了", "根据"),
            ("error event", "server", "worker died", "根据"),
            ("garbage", "broken", "读不懂", ""),
            ("html", "broken", "读不懂", ""),
            ("silent", "broken", "没有输出任何内容", ""),
            ("censored", "other", "内容审查", "根据资料，北京是首都[1]。"),
            ("echo key", "auth", "密钥不对", ""),
        ],
    )
    def test_faults(
        self, server: OpenAIServer, connect: Connect, fault: Fault, kind: str, says: str, before: str
    ) -> None:
        server.fault = fault
        error, text = failure(connect())
        assert (error.kind, text) == (kind, before), error
        assert says in error.message
        assert error.hint
        assert server.key not in f"{error!r}{error}{error.__cause__}"

    @pytest.mark.parametrize(("fault", "before"), [("slow start", ""), ("stall", "根据")])
    def test_time_outs(self, server: OpenAIServer, connect: Connect, fault: Fault, before: str) -> None:
        server.fault = fault
        chat = connect(llm_timeout=0.5)
        started = time.monotonic()
        error, text = failure(chat, timeout=0.5)
        assert (error.kind, text) == ("timeout", before)
        assert time.monotonic() - started < 2.5

    def test_wrong_key_missing_key(self, server: OpenAIServer, connect: Connect) -> None:
        wrong = "sk-this-is-the-wrong-key"
        error, _ = failure(connect(api_key=wrong))
        assert error.kind == "auth"
        assert "YOUJU_API_KEY" in error.hint
        assert wrong not in f"{error!r}{error}"
        error, _ = failure(connect(api_key=""))
        assert "没有设置密钥" in error.message

    def test_a_foreign_key_in_the_environment_is_not_sent(
        self, server: OpenAIServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", server.key)
        error, _ = failure(connect(api_key=""))
        assert error.kind == "auth"

    def test_unknown_model_wrong_address_nobody_there(self, server: OpenAIServer, connect: Connect) -> None:
        error, _ = failure(connect(api_model="no-such-model"))
        assert "no-such-model" in error.message
        assert "api_model" in error.hint
        error, _ = failure(connect(api_base_url=server.url.removesuffix("/v1")))
        assert (error.kind, "/v1" in error.hint) == ("unreachable", True)
        error, _ = failure(connect(api_base_url="http://user:secret@127.0.0.1:9/v1"))
        assert error.kind == "unreachable"
        assert "secret" not in str(error)

    def test_the_key_is_not_shown(self, server: OpenAIServer, connect: Connect) -> None:
        chat = connect()
        assert server.key not in f"{chat!r}{chat.model!r}{chat.model}"


class TestEstimate:
    """The estimate must be at least what real vocabularies need."""

    def test_never_zero_for_text_and_monotone(self) -> None:
        from rag.openai_api import estimate_tokens

        assert estimate_tokens("") == 0
        assert estimate_tokens("武汉") == 3
        assert estimate_tokens("2020") == 4
        assert estimate_tokens("a") == 1

    @pytest.mark.model
    def test_is_not_below_qwens_count(self) -> None:
        from rag.openai_api import estimate_tokens

        settings = load_settings(llm="qwen2.5-coder-0.5b-instruct", models=os.environ.get("YOUJU_MODELS"))
        try:
            chat = load_chat_model(settings)
        except ModelMissing as missing:
            pytest.skip(missing.hint)
        assert chat is not None
        texts = [
            "据统计，青石市2023年实现旅游收入812.5亿元，同比增长9.4%，接待游客6,310万人次。",
            "The quarterly report of Qingshi Holdings (SH600000) was published on 2023-07-02.",
            "龘靐齉爩，鱻麤灪籲；㐂㐅㐆㐌㐖㐜㐡㐤。",
            "联系电话：027-8555-1234，网址 https://example.com/a?b=1&c=2",
        ]
        try:
            for text in texts:
                assert estimate_tokens(text) >= chat.count_tokens(text), text
        finally:
            chat.close()


def fake(*texts: str) -> ChatModel:
    """A shipped LangChain fake that streams word by word."""
    return ChatModel(
        GenericFakeChatModel(messages=iter(AIMessage(text) for text in texts)), "fake", 4096, len, local=True
    )


def stream(chat: ChatModel) -> str:
    return "".join(stream_text(chat, QUESTION, timeout=5, max_tokens=50))


class TestThoughts:
    @pytest.mark.parametrize(
        ("said", "answer"),
        [
            ("<think>\nwell, it is\n</think>\n\nBeijing [1].", "Beijing [1]."),
            ("\n <think> </think> Beijing", "Beijing"),
            ("Beijing<think> is no text </think> it is.", "Beijing it is."),
            ("Beijing.<THINK>one</Think><thinking>two</thinking>", "Beijing."),
            ("Beijing.<think> never closed, [1] and so on", "Beijing."),
            ("Beijing.</think>", "Beijing."),
            ("<thin air> Beijing", "<thin air> Beijing"),
            ("<", "<"),
        ],
    )
    def test_thoughts_are_dropped_wherever_they_stand(self, said: str, answer: str) -> None:
        assert stream(fake(said)) == answer

    def test_nothing_but_thoughts_is_an_error(self) -> None:
        with pytest.raises(ChatModelError, match="只输出了思考过程"):
            stream(fake("<think> and so on and so on"))

    @given(
        st.lists(
            st.sampled_from(["<", "think", ">", "</think>", "</", "答案", " ", "\n", "<think>", "ing>"]), max_size=12
        )
    )
    def test_however_the_text_is_cut_the_answer_is_the_same(self, pieces: list[str]) -> None:
        from rag.chat_models import ThoughtFilter

        def run(parts: list[str]) -> tuple[str, bool]:
            thoughts = ThoughtFilter()
            text = "".join([*(thoughts.feed(part) for part in parts), thoughts.rest()])
            return text, thoughts.thinking

        assert run(pieces) == run(list("".join(pieces)))


def test_any_failure_of_any_model_becomes_a_chat_model_error() -> None:
    class Broken(GenericFakeChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Any:
            raise ZeroDivisionError("inside the model")

    chat = ChatModel(Broken(messages=iter([])), "broken", 4096, len, local=True)
    with pytest.raises(ChatModelError, match="ZeroDivisionError"):
        stream(chat)
