"""`python -m eval load` over a real server process."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from eval.__main__ import app
from rag.library import Library
from rag.settings import Settings
from tests.chats import ARTICLES


@pytest.mark.model
def test_a_crowd_asks_a_real_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOUJU_THREADS", "1")
    settings = Settings(library=tmp_path / "library", models=tmp_path / "models", llm="none", threads=1)
    with Library(settings) as library:
        library.add_articles(ARTICLES)
    arguments = ["load", "--library", str(settings.library), "--users", "3", "--minutes", "0.05", "--think", "0.2"]
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    result = json.loads((tmp_path / "out" / "load.json").read_text(encoding="utf-8"))
    assert result["answers"] >= 3
    assert result["errors"] == 0
    assert 0 < result["p50"] <= result["p95"] <= result["longest"]
    assert result["processor_per_answer"] > 0
    assert all(mb > 50 for _, mb in result["memory"])
    assert ElementTree.fromstring((tmp_path / "out" / "load.svg").read_text(encoding="utf-8")).tag.endswith("svg")
