"""An LLM as judge: what it is asked, what its words mean, and how its agreement is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from pydantic import Field

from eval.judge import VERDICTS, judge_rows, kappa, read_verdict, summarize_verdicts
from eval.report import write_report
from eval.run import run_cases
from rag.chat_models import ChatModel
from rag.errors import ChatModelError, SettingsError
from tests.chats import FakeChat, chat_model
from tests.eval.scripted_door import ScriptedDoor
from tests.eval.test_eval_run import QUOTE, RIGHT, SCRIPT, SET, TEXTS, WRONG, config


class Judge(FakeChat):
    """Says right where the answer under judgement holds a word; raises when told to."""

    word: str = "12.5亿元"
    broken: bool = False
    asked: list[str] = Field(default_factory=list)

    def pieces(self, messages: list[BaseMessage]) -> Iterator[str]:
        if self.broken:
            raise RuntimeError("no judge today")
        self.asked.append(str(messages[-1].text))
        yield "答对" if self.word in str(messages[-1].text).partition("回答：")[2] else "答错。"


def chat(name: str = "judge-1", **how: Any) -> ChatModel:
    return chat_model(Judge(**how), name)


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    return run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, tmp_path, config())


def test_answers_are_judged_against_gold_and_refusals_are_not(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    judge = chat()
    told: list[tuple[int, int]] = []
    verdicts = judge_rows(rows, judge, tmp_path, on_verdict=lambda done, total: told.append((done, total)))
    assert {v["id"]: v["verdict"] for v in verdicts} == {"right": 1.0, "wrong": 0.0}, "two of four were answered"
    assert told == [(1, 2), (2, 2)]
    assert isinstance(judge.model, Judge)
    assert RIGHT.question in judge.model.asked[0]
    assert f"标准：12.5亿元；6.3%\n回答：{QUOTE}" in judge.model.asked[0]
    summary = summarize_verdicts(rows, verdicts)
    assert (summary["right"]["value"], summary["agreement"]["value"], summary["kappa"]) == (0.5, 1.0, 1.0)
    assert summary["disagree"] == []


def test_it_goes_on_where_it_stopped_and_does_not_mix_judges(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    judge_rows(rows, chat(), tmp_path)
    path = tmp_path / VERDICTS
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(lines[0] + lines[1][:20], encoding="utf-8")  # killed while it wrote
    again = chat()
    assert len(judge_rows(rows, again, tmp_path)) == 2
    assert isinstance(again.model, Judge)
    assert len(again.model.asked) == 1
    assert [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()] == ["right", "wrong"]
    with pytest.raises(SettingsError, match="另一个裁判"):
        judge_rows(rows, chat("judge-2"), tmp_path)


def test_a_judge_that_fails_is_an_error_for_people(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(ChatModelError, match="no judge today"):
        judge_rows(rows, chat(broken=True), tmp_path)


def test_the_report_says_what_the_judge_said(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    assert "judge" not in write_report(tmp_path)
    judge_rows(rows, chat(word="另有新闻"), tmp_path)
    assert write_report(tmp_path)["judge"]["disagree"] == ["right", "wrong"]
    line = "判为答对 50.0%（0.0 – 100.0，n=2，未判明 0）；与要点判定一致 0.0%（n=2，κ=-1.00）"
    assert line in (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert line in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert WRONG.id in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("答对", 1.0),
        ("答错。", 0.0),
        ("不正确", 0.0),
        ("正确", 1.0),
        ("我不知道", None),
        ("答对或答错", None),
        ("", None),
    ],
)
def test_verdicts(said: str, verdict: float | None) -> None:
    assert read_verdict(said) == verdict


def test_kappa() -> None:
    assert kappa([(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15) == pytest.approx(
        0.4
    )  # Cohen's own kind of table
    assert kappa([]) is None
    assert kappa([(1, 1), (1, 1)]) is None
