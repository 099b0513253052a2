"""The set of follow-ups, its verdicts and its table."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.__main__ import app
from eval.conversations import KINDS, Conversation, compare, is_right, load_conversations, markdown
from rag.errors import ReadError
from rag.records import Turn
from rag.settings import Settings

CASE = Conversation(
    "v1", "place", (Turn("青石区2020年的产值是多少？", "5亿元。"),), "那白沙县呢？", ("白沙县", "2020年"), ("青石",)
)


def test_the_set_is_large_varied_and_well_formed() -> None:
    cases = load_conversations()
    assert len(cases) >= 160
    assert len({case.id for case in cases}) == len(cases)
    assert min(Counter(case.kind for case in cases).values()) >= 10
    assert {case.kind for case in cases} == set(KINDS)
    assert 0.33 < sum(case.held_out for case in cases) / len(cases) < 0.45
    for case in cases:
        told = case.question + "".join(turn.question + turn.answer for turn in case.history)
        assert case.must, case
        assert all(part in told or part.lower() in told.lower() for part in case.must), case
        assert not any(part in must for part in case.must_not for must in case.must), case


@pytest.mark.parametrize(
    ("standalone", "right"),
    [
        ("白沙县2020年的产值是多少？", True),
        ("白沙县的产值是多少？", False),
        ("青石区和白沙县2020年的产值是多少？", False),
        ("白沙县2020年\n的产值是多少？", False),
        ("白沙县2020年的产值是多少？" * 10, False),
    ],
)
def test_what_is_right(standalone: str, right: bool) -> None:
    assert is_right(CASE, standalone) is right


def test_the_table_counts_by_kind_and_by_part() -> None:
    table = markdown([CASE], {"规则": ["白沙县2020年的产值是多少？"], "模型": ["不知道"]})
    assert "| 换地方 | 1 | 1（100%） | 0（0%） |" in table
    assert "| 全部 | 1 | 1（100%） | 0（0%） |" in table


def test_without_an_llm_there_is_one_column() -> None:
    assert compare([CASE], Settings(llm="none")) == {"规则": ["白沙县2020年的产值是多少？"]}


def test_a_file_that_is_no_set_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": "a"}\n', encoding="utf-8")
    with pytest.raises(ReadError, match="追问集"):
        load_conversations(path)


def test_the_command_prints_the_table_and_keeps_the_cases(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["conversations", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "| 类型 | 题数 | 规则 |" in done.output
    rows = json.loads((tmp_path / "conversations.json").read_text(encoding="utf-8"))
    assert len(rows) == len(load_conversations())
    assert {"id", "kind", "held_out", "question", "found"} <= rows[0].keys()
