"""The arithmetic of what is more than one metric: numbers of statements, risk and coverage, F1 of citations."""

from __future__ import annotations

from typing import Any

import pytest

from eval.scoring import _f1, _faithful_numbers, confidence, risk_coverage, summarize


def statement(text: str, *quotes: str) -> dict[str, Any]:
    return {"text": text, "citations": [{"quote": quote} for quote in quotes]}


def row(passed: float | None, sure: float, *, refused: bool = False, answerable: bool = True) -> dict[str, Any]:
    hits = [{"why": {"dense": 0.9, "sentence": sure}}, {"why": {"dense": 0.8}}]
    return {
        "id": "x", "type": "fact", "answerable": answerable, "error": None, "fallback": False, "seconds": 0.1, "first_token": None,
        "metrics": {"passed": passed}, "answer": {"refused": refused, "hits": hits},
    }  # fmt: skip


def test_every_number_of_a_statement_must_stand_in_its_own_quotes() -> None:
    said = [
        statement("产值400.69亿元，增长6.3%。", "2020年产值达400.69亿元", "同比增长6.3%"),
        statement("产值376.94亿元。", "产值400.69亿元"),
        statement("产值1,100亿元。", "产值1100亿元"),
        statement("没有数字。", "没有数字"),
    ]
    assert _faithful_numbers(said) == pytest.approx(2 / 3)
    assert _faithful_numbers(said[3:]) is None
    assert _faithful_numbers([statement("产值5亿元。")]) == 0.0


def test_risk_rises_with_coverage_from_the_surest_on() -> None:
    rows = [
        row(1.0, 0.9),
        row(0.0, 0.2),
        row(1.0, 0.5),
        row(0.0, 0.7, answerable=False),
        row(1.0, 0.1, refused=True),
        row(None, 1.0),
    ]
    # answered by confidence: right, wrong, right, wrong; five questions count, one of them refused
    assert risk_coverage(rows) == [(0.2, 0.0), (0.4, 0.5), (0.6, pytest.approx(1 / 3)), (0.8, 0.5)]
    found = summarize(rows)
    assert found["metrics"]["aurc"]["value"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4, abs=1e-6)
    assert found["metrics"]["wrong_refusals"]["value"] == pytest.approx(1 / 5)


def test_confidence_is_that_of_the_best_sentence() -> None:
    assert confidence({"hits": [{"why": {"sentence": 0.2}}, {"why": {"sentence": 0.6}}, {"why": {}}]}) == 0.6
    assert confidence({"hits": []}) == 0.0


@pytest.mark.parametrize(
    ("precision", "recall", "expected"), [(0.5, 1.0, 2 / 3), (None, 0.0, 0.0), (None, None, None), (0.0, 0.0, 0.0)]
)
def test_f1_of_citations(precision: float | None, recall: float | None, expected: float | None) -> None:
    assert _f1(precision, recall) == (None if expected is None else pytest.approx(expected))
