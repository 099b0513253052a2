"""Chat models for tests: what a fake says is one method, and it streams like a real one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from rag.chat_models import ChatModel
from rag.library import Library
from rag.records import Answer, Turn
from tests.conftest import make_article

ARTICLES = [
    make_article(
        "武汉产业集群规划出炉",
        "武昌区介绍，金融业是重要支柱产业。2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。\n汉阳区将设立15亿元母基金。",
    ),
    make_article("上海楼市", "1至5月份，上海市房地产开发投资同比增长18%。商品房销售面积为620万平方米。"),
]
QUESTION = "武昌区2020年的金融产业增加值是多少？"


class FakeChat(BaseChatModel):
    """A chat model that streams what `pieces` yields; Youju only streams."""

    @abstractmethod
    def pieces(self, messages: list[BaseMessage]) -> Iterator[str | AIMessageChunk]:
        """The answer, piece by piece."""

    @property
    def _llm_type(self) -> str:
        return type(self).__name__

    def _generate(self, messages: list[BaseMessage], *rest: Any, **more: Any) -> ChatResult:
        raise AssertionError("asked without streaming")

    def _stream(self, messages: list[BaseMessage], *rest: Any, **more: Any) -> Iterator[ChatGenerationChunk]:
        for piece in self.pieces(messages):
            message = AIMessageChunk(content=piece) if isinstance(piece, str) else piece
            yield ChatGenerationChunk(message=message)


class ScriptedChat(FakeChat):
    """Says what it is told to, character by character, and remembers what it was asked."""

    reply: str = ""
    fails_after: int = -1
    asked: list[list[BaseMessage]] = []  # noqa: RUF012  (a pydantic field: copied for each instance)

    def pieces(self, messages: list[BaseMessage]) -> Iterator[str]:
        self.asked.append(messages)
        for i, character in enumerate(self.reply):
            if i == self.fails_after:
                raise ConnectionError("gone")
            yield character


def chat_model(model: BaseChatModel, name: str = "scripted") -> ChatModel:
    """A fake behind the product's own seam: local, with a window of 8,192 characters."""
    return ChatModel(model, name, 8192, len, local=True)


def scripted(reply: str, fails_after: int = -1) -> ChatModel:
    """One that says `reply`, and loses its connection after so many characters."""
    return chat_model(ScriptedChat(reply=reply, fails_after=fails_after))


def ask(
    library: Library, chat: ChatModel | None, question: str = QUESTION, history: tuple[Turn, ...] = ()
) -> tuple[list[Any], Answer]:
    """Every event of an answer, and the answer."""
    library.use_chat_model(chat)
    events = list(library.events(question, history))
    answer = events[-1]
    assert isinstance(answer, Answer)
    return events, answer
