"""Each phenomenon of collected posts on a file of its own, and the counting of them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eval.phenomena import PHENOMENA, TITLE, Count, Phenomenon, count, markdown
from rag.reading import read_articles


def post(folder: Path, phenomenon: Phenomenon) -> Path:
    path = folder / "江口旅游收入469亿元_1_.md"
    path.write_text(f"---\ntitle: {TITLE}\ndate: 2026-01-28\n---\n\n{phenomenon.before}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("phenomenon", PHENOMENA, ids=lambda phenomenon: phenomenon.name)
def test_the_post_is_read_without_it(tmp_path: Path, phenomenon: Phenomenon) -> None:
    path = post(tmp_path, phenomenon)
    (reading,) = read_articles(path)
    assert re.search(phenomenon.sign, path.read_text(encoding="utf-8") if phenomenon.after else reading.message)
    if not phenomenon.after:
        assert reading.article is None
        assert reading.reason == "no-text"
        return
    article = reading.article
    assert article is not None
    assert article.text == phenomenon.after
    assert phenomenon.metadata.items() <= article.metadata.items()
    assert article.title == (phenomenon.title or TITLE)
    if phenomenon.trace:
        assert re.search(phenomenon.trace, article.text) is None


def test_counting_names_files_and_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("阅读原文\n\n江口市今天下雨。\n", encoding="utf-8")
    (tmp_path / "b.md").write_text("江口市今天下雨。阅读原文，见于报端。\n\n阅读原文的人很多。\n", encoding="utf-8")
    (tmp_path / "c.md").write_text("江口市今天１２度。\n", encoding="utf-8")
    counts, files = count([tmp_path])
    assert files == 3
    assert counts["阅读原文"] == Count(2, 0)
    assert [n for n, c in counts.items() if c.left] == [n for n in counts if n.startswith("零宽")]  # kept on purpose
    table = markdown(counts, files)
    assert "| 阅读原文 | `<p>正文。</p><p>阅读原文</p>` | `正文。` | 2 | 0 |" in table
    assert len(table.splitlines()) == len(PHENOMENA) + 2


def test_the_command_counts_and_measures(tmp_path: Path) -> None:
    folder = tmp_path / "文章"
    folder.mkdir()
    post(folder, next(phenomenon for phenomenon in PHENOMENA if phenomenon.name == "阅读原文"))
    done = subprocess.run(
        [sys.executable, "-m", "eval", "cleaning", str(folder), "--out", str(tmp_path / "out")],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("| 阅读原文 ")]
    assert row.endswith("| 1 | 0 |")
    assert json.loads((tmp_path / "out" / "cleaning.json").read_text(encoding="utf-8"))["files"] == 1
