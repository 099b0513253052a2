"""The speed benches, really run on a few articles: both sides answer, and the figures hang together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.library import Library
from rag.settings import Settings
from tests.eval.test_eval_cli import evaluate

pytestmark = pytest.mark.model


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "文章"
    folder.mkdir()
    for i in range(12):
        text = f"鹿鸣县第{i}期通报说，小麦产量为{320 + i}.5万吨，比上年增长4.{i}%。" * 3
        (folder / f"{i}.md").write_text(f"# 第{i}期\n\n{text}\n", encoding="utf-8")
    with Library(Settings(library=tmp_path / "库", llm="none", threads=1)) as library:
        library.add([folder])
    return tmp_path / "库"


def test_ingest(tmp_path: Path, place: Path) -> None:
    done = evaluate(
        "bench", "ingest", "--articles", "文章", "--limit", "5", "--rounds", "1", "--out", "出", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "出" / "bench-ingest.json").read_text(encoding="utf-8"))
    (row,) = result["rounds"]
    assert row["youju"]["articles"] == row["langchain"]["articles"] == result["files"] == 5
    ratio = row["youju"]["chunks_per_second"] / row["langchain"]["chunks_per_second"]
    assert result["ratios"]["chunks_per_second"] == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize("task", ["retrieval", "load"])
def test_questions(tmp_path: Path, place: Path, task: str) -> None:
    done = evaluate("bench", task, "--library", place, "--limit", "4", "--rounds", "1", "--out", "出", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "出" / f"bench-{task}.json").read_text(encoding="utf-8"))
    (row,) = result["rounds"]
    assert row["youju"]["chunks"] == row["langchain"]["chunks"] == result["chunks"]
    name = "p50_ms" if task == "retrieval" else "p95_ms_8"
    assert result["ratios"][name] == pytest.approx(row["langchain"][name] / row["youju"][name], abs=0.01)
    assert {"torch", "faiss-cpu"} <= result["versions"].keys()
