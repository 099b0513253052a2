"""The measurement of near-duplicates: exact similarities, what MinHash brings together, and the shares by threshold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eval.near_duplicates import Pair, load_labels, markdown, pairs_of, summary
from rag.near_duplicates import similarity

STORY = "远棹重工今天宣布，公司中标海上风电安装船项目，合同金额12.6亿元，预计两年内交付首条船，届时将提供三百个岗位。"
OTHER = "栖江银行发布年报，全年净利润52.17亿元，同比增长6.8%，不良贷款率为1.21%，拨备覆盖率超过三百个百分点，拟每十股派息2.4元。"


def test_pairs_are_found_by_exact_overlap() -> None:
    texts = {"a": STORY, "b": "（转载）" + STORY, "c": OTHER, "d": STORY[:30] + OTHER}
    pairs = {(pair.first, pair.second): pair for pair in pairs_of(texts, {("a", "b"): True})}
    assert set(pairs) == {("a", "b"), ("c", "d")}
    assert pairs["a", "b"].similarity == similarity(STORY, "（转载）" + STORY)
    assert (pairs["a", "b"].candidate, pairs["a", "b"].same) == (True, True)
    assert pairs["c", "d"].same is None


def test_shares_count_labelled_pairs_only() -> None:
    pairs = [
        Pair("a", "b", 0.95, True, True), Pair("a", "c", 0.72, False, True), Pair("b", "c", 0.71, True, False),
        Pair("d", "e", 0.65, True, None), Pair("d", "f", 0.55, True, True),
    ]  # fmt: skip
    rows = {row["threshold"]: row for row in summary(pairs)}
    assert (rows[0.7]["pairs"], rows[0.7]["candidates"], rows[0.7]["judged"]) == (3, 2, 3)
    assert rows[0.7]["precision"] == pytest.approx(2 / 3)
    assert rows[0.7]["recall"] == pytest.approx(2 / 3)
    assert rows[0.7]["found"] == pytest.approx(1 / 3)
    assert rows[0.6]["judged"] == 3
    assert "| 0.9 | 1 | 1 | 1 | 100.0% | 33.3% | 33.3% |" in markdown(summary(pairs))


def test_the_shipped_labels_are_of_ordered_pairs() -> None:
    labels = load_labels()
    assert len(labels) >= 250
    assert all(first < second and len(first) == len(second) == 16 for first, second in labels)


def test_the_command_writes_its_table(tmp_path: Path) -> None:
    folder = tmp_path / "文章"
    folder.mkdir()
    for name, text in (("a", STORY * 2), ("b", STORY * 2 + "（转载）"), ("c", OTHER)):
        (folder / f"{name}.md").write_text(f"# {name}\n\n{text}\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "eval", "near-duplicates", str(folder), "--out", str(tmp_path / "out")],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "| 0.7 | 1 | 1 |" in done.stdout
    assert len(json.loads((tmp_path / "out" / "near-duplicates.json").read_text(encoding="utf-8"))["pairs"]) == 1
