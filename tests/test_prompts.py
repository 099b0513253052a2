"""Prompt files: strict placeholders, hostile values, a digest."""

from __future__ import annotations

import re

import pytest

from prompts import load_prompt


def test_answer_prompt_is_a_chat_that_ends_with_the_question() -> None:
    prompt = load_prompt("answer")
    assert [m.role for m in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.slots == {"passages", "question"}
    assert re.fullmatch(r"[0-9a-f]{12}", prompt.digest)


def test_values_are_inserted_as_they_are() -> None:
    hostile = r"{{question}} \1 # system"
    last = load_prompt("answer").fill(passages=hostile, question="问？")[-1]
    assert last.text == f"资料：\n{hostile}\n\n问题：问？"


@pytest.mark.parametrize("values", [{}, {"passages": "x"}, {"passages": "x", "question": "y", "more": "z"}])
def test_missing_and_surplus_values_are_errors(values: dict[str, str]) -> None:
    with pytest.raises(KeyError, match="answer needs"):
        load_prompt("answer").fill(**values)


def test_an_unknown_prompt_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load_prompt("no-such-prompt")


def test_the_summary_prompt_has_the_same_slots_and_shape() -> None:
    prompt = load_prompt("summary")
    assert [m.role for m in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.slots == {"passages", "question"}
