"""Growing a library: copies that differ, vectors that stay near, and every figure there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from eval.scale import grow, markdown, measure, plot
from rag.library import Library
from rag.records import Article
from rag.settings import Settings
from tests.eval.test_eval_cli import evaluate

pytestmark = pytest.mark.model


@pytest.fixture
def source(tmp_path: Path) -> Path:
    settings = Settings(library=tmp_path / "源", models=tmp_path / "m", llm="none", threads=1)
    articles = [
        Article(
            id=f"{i:016x}", title=f"青石区第{i}号公告", text=f"青石区发布第{i}号公告，茶叶产量为{100 + i}.5吨，同比增长{i}%。" * 12,
            source="青石日报", published_at=datetime(2021, 1, 1 + i, tzinfo=UTC), path=f"{i}.md", digest=str(i),
        )
        for i in range(8)
    ]  # fmt: skip
    with Library(settings) as library:
        library.add_articles(articles)
    return tmp_path / "源"


def open_grown(place: Path) -> Iterator[Library]:
    settings = Settings(library=place, models=place / "m", llm="none", threads=1)
    with Library(settings) as library:
        yield library


def test_copies_differ_and_stay_near(source: Path, tmp_path: Path) -> None:
    told: list[int] = []
    grow(source, tmp_path / "大", 60, on_chunks=told.append)
    for library in open_grown(tmp_path / "大"):
        articles = list(library.articles())
        _, chunks = library.counts()
        assert chunks >= 60
        assert told[-1] == chunks
        assert library.store.database.verify() == []
        texts = [article.text for article in articles]
        assert len(set(texts)) == len(texts)
        assert all("公告" in text for text in texts)
        originals = {a.title: library.store.chunks_of(a.id)[0][1] for a in articles if a.path.endswith("#0")}
        copies = [library.store.chunks_of(a.id)[0][1] for a in articles if a.path.endswith("#1")]
        near = [max(float(np.dot(copy, v)) for v in originals.values()) for copy in copies]
        assert all(value > 0.75 for value in near)
        assert float(np.mean(near)) < 0.9999, "none is the same again, but where two random passages are one"
        assert len(library.search("青石区茶叶产量", 5)) == 5


def test_growing_twice_is_the_same(source: Path, tmp_path: Path) -> None:
    for name in ("一", "二"):
        grow(source, tmp_path / name, 40, seed=3)
    dumps = []
    for name in ("一", "二"):
        for library in open_grown(tmp_path / name):
            vectors = [vector for _, vector in library.store.vectors_since(0)]
            dumps.append(([a.to_json() for a in library.articles()], vectors))
    assert dumps[0] == dumps[1]


def test_every_figure_is_there(source: Path, tmp_path: Path) -> None:
    result = measure(source, tmp_path / "work", [50])
    (row,) = result["rows"]
    assert row["recall10"] >= 0.9, "equal scores at the tenth place may change places"
    assert row["cells"] == 0
    assert row["add_seconds"] > 0
    table = markdown(result)
    assert "| 整个检索 p50 / p95 |" in table
    drawing = ElementTree.fromstring(plot({"rows": [row, {**row, "chunks": 10 * row["chunks"]}]}))
    assert [e.tag.rpartition("}")[2] for e in drawing].count("polyline") == 3
    assert not list((tmp_path / "work").iterdir()), "two gigabytes are not left lying about"


def test_the_command(source: Path, tmp_path: Path) -> None:
    done = evaluate(
        "bench",
        "scale",
        "--library",
        source,
        "--chunks",
        "100",
        "--work",
        tmp_path / "w",
        "--out",
        tmp_path / "o",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-800:]
    assert json.loads((tmp_path / "o" / "bench-scale.json").read_text(encoding="utf-8"))["rows"][0]["asked_for"] == 100
