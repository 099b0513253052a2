"""The command line of the evaluation."""

import subprocess
import sys
from pathlib import Path

import pytest

from eval.run import CASES, run_cases
from tests.eval.scripted_door import ScriptedDoor
from tests.eval.test_eval_run import SCRIPT, SET, TEXTS, config


def evaluate(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "eval", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_help_names_every_command_and_imports_nothing_heavy(tmp_path):
    done = evaluate("--help", cwd=tmp_path)
    assert done.returncode == 0
    for command in ("run", "retrieval", "check", "report", "embedders"):
        assert f"  {command}" in done.stdout
    code = (
        "import sys, eval.__main__\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'faiss', 'numpy', 'gradio'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    imported = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    assert imported.stdout.strip() == "[]"


def test_the_shipped_set_passes_its_check(tmp_path):
    done = evaluate("check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "0 个问题" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("check", "--set", "nowhere"), 1, "不是评测集"),
        (("run", "--set", "seed"), 1, "--articles"),
        (("run", "--config", "nowhere.toml"), 2, "找不到配置文件"),
        (("report", "nowhere"), 1, "读不了评测结果"),
    ],
)
def test_mistakes_are_explained(tmp_path, words, code, message):
    done = evaluate(*words, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_report_is_made_again_from_rows(tmp_path):
    run_cases(ScriptedDoor(SCRIPT), SET, TEXTS, tmp_path / "run", config())
    done = evaluate("report", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / CASES).is_file()
