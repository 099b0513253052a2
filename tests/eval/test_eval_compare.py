"""Two runs compared: the arithmetic of the tests, what closes the gate, and the commands."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from eval.compare import compare, marks_of, read_marks, write_baseline
from eval.run import CASES, run_cases
from eval.statistics import holm, paired_difference
from rag.errors import ReadError, SettingsError
from tests.eval.scripted_door import TEXT, ScriptedDoor, answer
from tests.eval.test_eval_cli import evaluate
from tests.eval.test_eval_run import QUOTE, RIGHT, SCRIPT, SET, TEXTS, WRONG, config


def marks(values: list[float], kind: str = "fact", name: str = "passed") -> list[dict[str, object]]:
    return [
        {"id": str(i), "type": kind, "metrics": {"passed": value, "refusal": 1.0, name: value}}
        for i, value in enumerate(values)
    ]


def test_few_differences_are_tested_exactly() -> None:
    first, second = [0.0, 0.0, 1.0, 0.5], [1.0, 1.0, 1.0, 0.0]
    change = [1.0, 1.0, -0.5]  # every flip of signs by hand: |sum| >= 1.5 in 4 of 8
    sums = [
        abs(sum(s * c for s, c in zip(signs, change, strict=True))) for signs in itertools.product((1, -1), repeat=3)
    ]
    found = paired_difference(first, second)
    assert found is not None
    assert found.p == sum(value >= 1.5 for value in sums) / 8 == 0.5
    assert (found.first, found.second, found.value, found.n) == (0.375, 0.75, 0.375, 4)


def test_many_differences_agree_with_scipy() -> None:
    generator = np.random.default_rng(5)
    first = generator.normal(size=80)
    second = first + generator.normal(0.25, 1.0, size=80)
    found = paired_difference(first.tolist(), second.tolist())
    assert found is not None
    other = stats.permutation_test(
        (second - first,), np.mean, permutation_type="samples", n_resamples=10_000, random_state=1
    )
    assert found.p == pytest.approx(other.pvalue, abs=0.012)
    assert found.low < found.value < found.high


def test_what_is_not_eligible_in_both_is_left_out() -> None:
    assert paired_difference([None, 1.0], [1.0, None]) is None
    found = paired_difference([None, 1.0, 0.0], [1.0, 0.0, 0.0])
    assert found is not None
    assert (found.n, found.value) == (2, -0.5)


def test_holm_is_step_down() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == {"a": 0.03, "c": 0.06, "b": 0.06}
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}


def test_a_true_loss_closes_the_gate_and_noise_does_not() -> None:
    rng = random.Random(3)
    before = [float(rng.random() < 0.7) for _ in range(250)]
    noisy = [1.0 - value if rng.random() < 0.03 else value for value in before]
    worse = [0.0 if rng.random() < 0.1 else value for value in before]
    assert compare(marks(before), marks(noisy)).losses() == {}
    assert "passed" in compare(marks(before), marks(worse)).losses()
    assert compare(marks(worse), marks(before)).losses() == {}, "a gain is no loss"


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = random.Random(11)
    alarms = 0
    for _ in range(60):
        first = [float(rng.random() < 0.6) for _ in range(100)]
        second = [float(rng.random() < 0.6) for _ in range(100)]
        alarms += bool(compare(marks(first), marks(second)).losses())
    assert alarms <= 5, "at a level of 5% two-sided at most 2.5% are losses"


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """A run, and one in which the wrong sentence is cited."""
    run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, tmp_path / "前", config())
    broken = {
        **SCRIPT,
        RIGHT.question: answer(RIGHT.question, "另有新闻。", said=QUOTE),
        WRONG.question: answer(WRONG.question, QUOTE),
    }
    run_cases(ScriptedDoor(broken), SET, TEXTS, tmp_path / "后", config())
    return tmp_path / "前", tmp_path / "后"


def test_a_broken_citation_shows_and_cases_are_named(runs: tuple[Path, Path]) -> None:
    found = compare(*map(read_marks, runs))
    assert found.metrics["citation_precision"].n == 2
    assert (found.better, found.worse) == (("wrong",), ())
    assert found.by_type["number"]["citation_precision"].value == -1.0


def test_a_baseline_holds_no_text_and_compares_like_its_run(runs: tuple[Path, Path], tmp_path: Path) -> None:
    rows = read_marks(runs[0])
    write_baseline(rows, tmp_path / "基线.jsonl")
    content = (tmp_path / "基线.jsonl").read_text(encoding="utf-8")
    assert TEXT[:5] not in content
    baseline = read_marks(tmp_path / "基线.jsonl")
    assert baseline == [marks_of(row) for row in rows]
    assert compare(baseline, read_marks(runs[1])).to_dict() == compare(rows, read_marks(runs[1])).to_dict()


def test_runs_without_common_cases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="没有相同的题"):
        compare(marks([1.0]), [{"id": "x", "type": "fact", "metrics": {"passed": 1.0, "refusal": 1.0}}])
    (tmp_path / CASES).write_text('{"id": 1}\n', encoding="utf-8")
    with pytest.raises(ReadError, match="不是评测结果"):
        read_marks(tmp_path)


def test_the_commands(runs: tuple[Path, Path], tmp_path: Path) -> None:
    compared = evaluate("compare", *runs, "--out", tmp_path / "比较", cwd=tmp_path)
    assert compared.returncode == 0, compared.stderr
    assert "### 变好的题" in compared.stdout
    assert json.loads((tmp_path / "比较" / "compare.json").read_text(encoding="utf-8"))["better"] == ["wrong"]
    baseline = tmp_path / "基线.jsonl"
    assert evaluate("gate", runs[0], "--baseline", baseline, "--update", cwd=tmp_path).returncode == 0
    assert evaluate("gate", runs[0], "--baseline", baseline, cwd=tmp_path).returncode == 0
    lines = baseline.read_text(encoding="utf-8")
    baseline.write_text(lines.replace('"right"', '"gone"', 1), encoding="utf-8")
    missing = evaluate("gate", runs[0], "--baseline", baseline, cwd=tmp_path)
    assert (missing.returncode, "没有结果" in missing.stderr) == (1, True)
