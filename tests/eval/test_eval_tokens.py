"""Tokens of an LLM's prompts and completions: by its own account, or counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata

from eval.scoring import summarize
from eval.tokens import TokenMeter
from rag.chat_models import stream_text
from tests.chats import FakeChat, chat_model


class Talker(FakeChat):
    """Says 好的 in two pieces, with or without an account of tokens."""

    usage: bool

    def pieces(self, messages: list[BaseMessage]) -> Iterator[str | AIMessageChunk]:
        yield "好"
        usage = UsageMetadata(input_tokens=70, output_tokens=9, total_tokens=79) if self.usage else None
        yield AIMessageChunk("的", usage_metadata=usage)


@pytest.mark.parametrize(
    ("usage", "expected"), [(True, {"prompt": 70, "completion": 9}), (False, {"prompt": 7, "completion": 2})]
)
def test_tokens_by_the_models_account_or_counted(usage: bool, expected: dict[str, int]) -> None:
    chat = chat_model(Talker(usage=usage), "talker")
    meter = TokenMeter.on(chat)
    assert meter.take() is None, "nobody asked"
    for _ in range(2):
        assert (
            "".join(stream_text(chat, [SystemMessage("请回答"), HumanMessage("几点了？")], timeout=9.0, max_tokens=9))
            == "好的"
        )
        assert meter.take() == expected
    assert meter.take() is None


def test_cost_per_question_and_where_it_does_not_apply() -> None:
    def row(tokens: dict[str, int] | None) -> dict[str, Any]:
        metrics = {"passed": 1.0}
        answer = {"refused": False, "hits": [], "statements": []}
        return {
            "id": "a", "type": "fact", "answerable": True, "metrics": metrics, "answer": answer, "error": None, "seconds": 1.0,
            "first_token": None, "fallback": False, "tokens": tokens,
        }  # fmt: skip

    rows = [row({"prompt": 1000, "completion": 100}), row({"prompt": 3000, "completion": 300}), row(None)]
    priced = summarize(rows, prices=(2.0, 8.0))["metrics"]
    assert (priced["prompt_tokens"]["value"], priced["completion_tokens"]["value"]) == (2000, 200)
    assert priced["cost"]["value"] == pytest.approx((2000 * 2 + 200 * 8) / 1e6)
    assert (priced["cost"]["n"], summarize(rows)["metrics"]["cost"]["n"]) == (2, 0)
