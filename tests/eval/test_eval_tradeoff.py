"""A smaller passage encoder, trained for a few seconds, measured and plotted; with the real model."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from embeddings.zh_small import ZhSmall
from eval.datasets import load_shipped
from eval.distil import gather_material
from eval.tradeoff import Student, compare_models, markdown, plot
from rag import open_library
from rag.errors import LibraryError, ModelError
from rag.settings import Settings
from tests.conftest import make_article

pytestmark = pytest.mark.model

ARTICLES = [
    make_article(f"{place}的{what}", f"{place}去年{what}为{i + 3}.5万吨，比上年增加一成。{place}还修了{i + 2}座桥。", path=f"{i}.md")
    for i, (place, what) in enumerate((p, w) for p in ("望川镇", "青石区", "白沙县") for w in ("粮食产量", "茶叶产量", "鱼虾产量"))
]  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("distil") / "library"
    with open_library(home, llm="none", threads=1) as opened:
        opened.add_articles(ARTICLES)
    return home


def test_what_is_learned_from(library: Path, tmp_path: Path) -> None:
    material = gather_material(library)
    assert len(material.passages) == len(material.vectors) == len(ARTICLES)
    assert len(material.of_article) == len(ARTICLES)
    title = material.of_article[0][1][0]
    assert float(material.vectors[material.of_article[0][0][0]] @ material.questions[title]) > 0.8
    with open_library(tmp_path / "other", embedder=None, llm="none") as opened:
        opened.store.set_meta({"embedder": "another"})
    with pytest.raises(LibraryError, match="zh-small"):
        gather_material(tmp_path / "other")


def test_a_student_is_trained_measured_and_plotted(library: Path, tmp_path: Path) -> None:
    out = tmp_path / "two-layers"

    def distil(layers: str) -> int:
        command = [sys.executable, "-m", "eval", "distil", "--library", str(library), "--out", str(out)]
        command += ["--layers", layers, "--minutes", "0.15"]
        run = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
        assert "Traceback" not in run.stderr, run.stderr
        return run.returncode

    assert distil("0,12") == 2
    assert distil("0,11") == 0
    assert distil("0,11") == 2, "an existing folder is never overwritten"

    questions = ZhSmall(1)
    student = Student(out, questions, 1)
    texts = [article.text for article in ARTICLES]
    assert np.array_equal(student.encode_queries(["茶叶"]), questions.encode_queries(["茶叶"]))
    near = (student.encode_passages(texts) * questions.encode_passages(texts)).sum(1)
    assert near.min() > 0.9, "a few seconds bring it near its teacher"

    settings = Settings(llm="none", threads=1)
    chosen = load_shipped().sample(12, 0)
    result = compare_models([out], [chosen], settings, tmp_path / "cache", Console(quiet=True))
    first, second = result["rows"]
    assert (first["layers"], second["layers"]) == (12, 2)
    assert second["texts_per_second"] > 2 * first["texts_per_second"]
    assert first["shipped"]["hit@1"]["value"] > 0.7
    table = markdown(result).splitlines()
    assert table[2].startswith("| zh-small | 12 |")
    assert table[3].startswith("| two-layers | 2 |")
    picture = plot(json.loads(json.dumps(result)))
    assert picture.count("<circle") == 2
    assert "shipped" in picture


def test_a_folder_without_a_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"没有 model\.onnx"):
        Student(tmp_path, ZhSmall(1))
