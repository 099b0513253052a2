"""The gate over the shipped set, really run: the code as it is passes, planted regressions do not. In CI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import rag.extractive
from eval.compare import BASELINE, compare, read_marks
from eval.datasets import load_shipped
from eval.libraries import library_texts, prepared_library
from eval.run import describe_run, run_cases
from rag import Settings
from rag.records import Statement

pytestmark = pytest.mark.model
SET = load_shipped()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(cache: Path, out: Path, limit: int | None = None, **settings: Any) -> list[dict[str, Any]]:
    chosen = Settings.model_validate({"llm": "none", "threads": 2, "reader": "zh-reader", **settings})
    asked = SET.sample(limit, 0)
    with prepared_library(asked, chosen, cache, Console(quiet=True)) as library:
        about = describe_run(asked, chosen, limit=limit, seed=0)
        return run_cases(library, asked, library_texts(library, asked), out, about)


@pytest.fixture(scope="module")
def rows(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run(cache, tmp_path_factory.mktemp("run"))


def test_nothing_is_significantly_worse_than_the_baseline(rows: list[dict[str, Any]]) -> None:
    found = compare(read_marks(BASELINE), rows)
    assert found.only_first == ()
    assert found.losses() == {}, "if this is wanted: python -m eval run, then python -m eval gate FOLDER --update"


def test_a_second_run_says_the_same(rows: list[dict[str, Any]], cache: Path, tmp_path: Path) -> None:
    first = {row["id"]: row for row in rows}
    again = run(cache, tmp_path / "again", limit=120)
    assert len(again) == 120
    for two in again:
        one = first[two["id"]]
        assert (one["answer"]["text"], one["metrics"]) == (two["answer"]["text"], two["metrics"]), one["id"]


def test_a_worse_fusion_weight_is_caught(rows: list[dict[str, Any]], cache: Path, tmp_path: Path) -> None:
    worse = run(cache, tmp_path / "worse", dense_weight=1.0)
    assert "evidence_mrr@10" in compare(rows, worse).losses()


def test_a_broken_citation_is_caught(
    rows: list[dict[str, Any]], cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every seventh answer quotes the beginning of its article instead of the sentence that carries it."""
    extract = rag.extractive.extract
    asked = 0

    def broken(*args: Any) -> tuple[Statement, ...]:
        nonlocal asked
        asked += 1
        statements = extract(*args)
        if asked % 7:
            return statements
        return tuple(
            replace(s, citations=tuple(replace(c, start=0, end=4, quote=c.article.text[:4]) for c in s.citations))
            for s in statements
        )

    monkeypatch.setattr("rag.long_answers.extract", broken)
    losses = compare(rows, run(cache, tmp_path / "broken")).losses()
    assert {"citation_precision", "citation_recall", "numbers"} & losses.keys()
