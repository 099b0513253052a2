"""Several people at one server: the LLM's queue as they see it, leaving it, and an LLM that dies; all over real connections."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.chat_models import ChatModel, load_chat_model
from rag.library import Library
from rag.llm_queue import LlmQueue
from tests.chats import QUESTION
from tests.service.live_service import LiveService, server_sent, wait_until
from tests.test_llm_queue import GatedChat

STREAM = {"accept": "text/event-stream"}
ASK = {"question": QUESTION}


@pytest.fixture
def gated(shelf: Library) -> Iterator[tuple[GatedChat, LlmQueue]]:
    model = GatedChat(gate=threading.Event())
    chat = ChatModel(model, "gated", 4096, len, local=True)
    shelf.use_chat_model(chat)
    yield model, chat.queue
    model.gate.set()
    wait_until(lambda: chat.queue.busy == 0)
    shelf.use_chat_model(None)


class Asker:
    """Asks in a thread of its own and keeps the events."""

    def __init__(self, live: LiveService) -> None:
        self.events: list[tuple[str, str]] = []
        self._url = live.url
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with (
            httpx.Client(trust_env=False, timeout=60) as client,
            client.stream("POST", f"{self._url}/api/ask", json=ASK, headers=STREAM) as response,
        ):
            self.events = server_sent(response)

    def answer(self) -> dict[str, Any]:
        self._thread.join(30)
        assert self.events[-1][0] == "answer"
        return dict(json.loads(self.events[-1][1]))


@contextmanager
def asked(live: LiveService, path: str = "/api/ask", body: dict[str, Any] = ASK) -> Iterator[httpx.Response]:
    """A question on its way, whose client goes away at the end."""
    with (
        httpx.Client(trust_env=False, timeout=60) as client,
        client.stream("POST", f"{live.url}{path}", json=body, headers=STREAM) as response,
    ):
        yield response


def test_four_at_once_are_queued_told_so_and_all_answered(live: LiveService, gated: tuple[GatedChat, LlmQueue]) -> None:
    model, queue = gated
    askers = [Asker(live) for _ in range(4)]
    wait_until(lambda: (queue.busy, queue.waiting) == (1, 3))
    text = live.client.get("/metrics").text
    assert "youju_llm_busy 1.0" in text
    assert "youju_llm_waiting 3.0" in text
    model.gate.set()
    answers = [asker.answer() for asker in askers]
    assert [answer["provenance"]["llm"] for answer in answers] == ["gated"] * 4
    waited = [[json.loads(data)["ahead"] for name, data in asker.events if name == "waiting"] for asker in askers]
    assert sorted(max(told, default=0) for told in waited) == [0, 1, 2, 3]
    assert all(told == sorted(set(told), reverse=True) for told in waited), "each place is told once"
    assert max(model.most) == 1


def test_the_fifth_of_one_client_gets_the_extract_at_once(live: LiveService, gated: tuple[GatedChat, LlmQueue]) -> None:
    model, queue = gated
    askers = [Asker(live) for _ in range(4)]
    wait_until(lambda: queue.waiting == 3)
    answer = live.client.post("/api/ask", json=ASK).json()
    assert "400.69亿元" in answer["text"]
    assert answer["provenance"]["notice"] == "您已有 4 个问题在等大模型回答，以下是原文摘录。"
    model.gate.set()
    assert all(asker.answer()["provenance"]["llm"] == "gated" for asker in askers)


def test_a_busy_llm_delays_no_search_and_no_extract(live: LiveService, gated: tuple[GatedChat, LlmQueue]) -> None:
    _, queue = gated
    with asked(live):
        wait_until(lambda: queue.busy == 1)
        assert live.client.get("/api/search", params={"q": QUESTION}).json()["hits"]
        assert live.client.get("/api/articles").json()["total"] == 3
        extract = live.client.post("/api/ask", json={**ASK, "mode": "extractive"}).json()
        assert "400.69亿元" in extract["text"]
        assert queue.busy == 1


CHAT = {"model": "youju", "messages": [{"role": "user", "content": QUESTION}]}


@pytest.mark.parametrize(
    ("path", "body"), [("/api/ask", ASK), ("/v1/chat/completions", {**CHAT, "stream": True})], ids=["ask", "openai"]
)
def test_a_client_that_goes_away_frees_the_model_and_its_place(
    live: LiveService, gated: tuple[GatedChat, LlmQueue], path: str, body: dict[str, Any]
) -> None:
    model, queue = gated
    with asked(live, path, body):
        wait_until(lambda: bool(model.running))
        with asked(live, path, body):
            wait_until(lambda: queue.waiting == 1)
        wait_until(lambda: queue.waiting == 0, 3)
    wait_until(lambda: queue.busy == 0 and not model.running, 3)


def test_a_client_that_wants_json_and_goes_away_frees_the_model_too(
    live: LiveService, gated: tuple[GatedChat, LlmQueue]
) -> None:
    model, queue = gated
    for path, body in (("/api/ask", ASK), ("/v1/chat/completions", CHAT)):
        with httpx.Client(trust_env=False, timeout=0.5) as client, pytest.raises(httpx.ReadTimeout):
            client.post(f"{live.url}{path}", json=body)
        wait_until(lambda: queue.busy == 0 and not model.running, 3)


LLM = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.openai_server import OpenAIServer
server = OpenAIServer(reply="2020年，武昌区金融产业增加值达400.69亿元。" * 40, pause=0.05)
import uvicorn, socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(server.app(), log_level="critical")).run(sockets=[listener])
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_an_llm_that_is_killed_in_the_middle_gives_everybody_the_extract_and_says_so(
    live: LiveService, shelf: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = str(Path(__file__).parents[2])
    program = subprocess.Popen([sys.executable, "-c", LLM, here], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    try:
        port = int(program.stdout.readline())
        settings = shelf.settings.model_copy(
            update={
                "llm": "api",
                "api_base_url": f"http://127.0.0.1:{port}/v1",
                "api_model": "fake-chat",
                "api_key": type(shelf.settings.api_key)("sk-right-key-0123456789"),
            }
        )
        chat = load_chat_model(settings)
        assert chat is not None
        shelf.use_chat_model(chat)
        with asked(live) as response:
            seen = ""
            asker = Asker(live)
            for line in response.iter_lines():
                seen += line + "\n"
                if program.poll() is None and seen.count("event: token") == 5:
                    program.send_signal(signal.SIGKILL)
                    program.wait(10)
        answers = [json.loads(seen.strip().rsplit("data: ", 1)[1]), asker.answer()]
        for answer in answers:
            assert "400.69亿元" in answer["text"]
            assert answer["statements"][0]["support"] == "supported"
            assert answer["provenance"]["llm"] == ""
            assert answer["provenance"]["notice"].startswith("大模型没有答完（")
            assert answer["provenance"]["notice"].endswith("），以下是原文摘录。")
        assert seen.count("event: token") >= 5
        assert (chat.queue.busy, chat.queue.waiting) == (0, 0)
    finally:
        program.kill()
        program.communicate()
        shelf.use_chat_model(None)


SERVED = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from embeddings import HashingEmbedder
from rag.chat_models import ChatModel
from rag.library import Library
from rag.settings import Settings
from rag.ui import serve
from rag.ui.live import LiveBackend
from tests.chats import ARTICLES
from tests.test_llm_queue import GatedChat
settings = Settings(library=Path(sys.argv[2]), llm="none", reader="", threads=1, embedder="hashing-512-0")
with Library(settings, HashingEmbedder()) as library:
    library.add_articles(ARTICLES)
    library.use_chat_model(ChatModel(GatedChat(gate=threading.Event()), "gated", 4096, len, local=True))
    serve(LiveBackend(library), port=0, open_browser=False, library=library)
"""


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C cannot be sent to one process on Windows")
def test_ctrl_c_ends_the_server_although_answers_are_on_their_way(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-X", "utf8", "-c", SERVED, str(root), str(tmp_path / "library")]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    ) as program:
        try:
            assert program.stdout is not None
            line = next(line for line in program.stdout if "有据已就绪" in line)
            url = line.split("：")[1].split("（")[0]
            with (
                httpx.Client(trust_env=False, timeout=60) as client,
                client.stream("POST", f"{url}/api/ask", json=ASK, headers=STREAM) as response,
            ):
                assert "event: retrieved" in next(response.iter_lines())
                program.send_signal(signal.SIGINT)
                started = time.monotonic()
                out, err = program.communicate(timeout=30)
                assert time.monotonic() - started < 10
            assert (out.strip(), err.strip(), program.returncode) == ("已停止。", "", 0)
        finally:
            program.kill()
