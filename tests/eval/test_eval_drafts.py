"""Drafts of an LLM that are kept: asked once, never twice, and without a latency that is not the model's."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from eval.drafts import KeptDrafts
from rag.chat_models import stream_text
from rag.errors import ReadError
from tests.chats import ScriptedChat, scripted


def said(chat: object, question: str) -> str:
    return "".join(stream_text(chat, [HumanMessage(question)], timeout=5, max_tokens=50))  # type: ignore[arg-type]


def test_a_draft_is_written_once_and_read_again_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    model = scripted("增长6.3%。\n[1]")
    chat, kept = KeptDrafts.before(model, path)
    assert said(chat, "增长多少？") == "增长6.3%。\n[1]"
    assert not kept.take_reused()
    assert said(chat, "增长多少？") == "增长6.3%。\n[1]"
    assert kept.take_reused()
    assert not kept.take_reused()
    assert said(chat, "下降多少？") == "增长6.3%。\n[1]"
    assert isinstance(model.model, ScriptedChat)
    assert len(model.model.asked) == 2
    again, kept = KeptDrafts.before(scripted("别的话"), path)
    assert said(again, "增长多少？") == "增长6.3%。\n[1]"
    assert kept.take_reused()


def test_a_draft_of_another_model_is_not_taken(tmp_path: Path) -> None:
    from dataclasses import replace

    path = tmp_path / "drafts.jsonl"
    first, _ = KeptDrafts.before(scripted("甲"), path)
    assert said(first, "谁？") == "甲"
    second, kept = KeptDrafts.before(replace(scripted("乙"), name="another"), path)
    assert said(second, "谁？") == "乙"
    assert not kept.take_reused()


def test_a_file_that_holds_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("今天天气好\n", encoding="utf-8")
    with pytest.raises(ReadError, match=r"notes\.txt"):
        KeptDrafts.before(scripted("甲"), path)
