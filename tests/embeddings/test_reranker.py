"""Cross-encoders: real files loaded by sentence-transformers, with random weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embeddings import EmbeddingError, load_reranker
from tests.embeddings.tiny import make_tiny_reranker

pytestmark = pytest.mark.model
PASSAGES = ["小麦产量三万", "天气晴", "政府会议" * 60, ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_reranker(tmp_path_factory.mktemp("models") / "重排")


def test_one_score_a_passage_that_depends_on_both_texts(folder: Path) -> None:
    reranker = load_reranker(str(folder), threads=1)
    scores = reranker.score("小麦产量", PASSAGES)
    assert (scores.shape, scores.dtype) == ((4,), np.float32)
    assert len({round(float(s), 6) for s in scores}) == 4
    assert not np.allclose(scores, reranker.score("天气", PASSAGES))
    assert reranker.score("小麦", []).shape == (0,)


def test_a_score_does_not_depend_on_the_company(folder: Path) -> None:
    reranker = load_reranker(str(folder), threads=1)
    alone = [float(reranker.score("小麦产量", [p])[0]) for p in PASSAGES]
    assert np.allclose(reranker.score("小麦产量", PASSAGES * 9), alone * 9, atol=1e-4)


def test_several_threads_get_the_same(folder: Path) -> None:
    reranker = load_reranker(str(folder), threads=1)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: reranker.score("小麦产量", PASSAGES), range(8)))
    assert all(np.array_equal(scores, found[0]) for scores in found)


def test_what_is_no_reranker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError, match="2 个分数"):
        load_reranker(str(make_tiny_reranker(tmp_path / "two", labels=2)))
    pickled = make_tiny_reranker(tmp_path / "pickle")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(EmbeddingError, match="safetensors"):
        load_reranker(str(pickled))
    broken = make_tiny_reranker(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EmbeddingError, match="加载失败"):
        load_reranker(str(broken))
    with pytest.raises(EmbeddingError, match="youju models fetch BAAI/bge-reranker-v2-m3"):
        load_reranker("BAAI/bge-reranker-v2-m3", models_dir=tmp_path)
