"""The dense leg: exact, safe against FAISS's traps, and whole on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.vector_index import VectorIndex


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def filled() -> VectorIndex:
    index = VectorIndex(2, "f")
    index.add([7, 3, 9], np.stack([unit(1, 0), unit(0, 1), unit(1, 1)]))
    return index


def test_finds_the_nearest_with_its_cosine() -> None:
    assert filled().search(unit(1, 0), 2) == [(7, pytest.approx(1.0)), (9, pytest.approx(0.7071, abs=1e-4))]


def test_more_than_there_is_gives_no_padding() -> None:
    assert [id_ for id_, _ in filled().search(unit(1, 0), 50)] == [7, 9, 3]
    assert VectorIndex(2, "f").search(unit(1, 0), 5) == []


def test_equal_scores_come_in_the_order_of_ids() -> None:
    index = VectorIndex(2, "f")
    index.add([5, 2, 8], np.stack([unit(1, 0)] * 3))
    assert [id_ for id_, _ in index.search(unit(1, 0), 3)] == [2, 5, 8]


def test_adding_an_id_again_replaces_it() -> None:
    index = filled()
    index.add([7], unit(0, 1).reshape(1, 2))
    assert len(index) == 3
    assert index.cosines(unit(0, 1), [7]) == {7: pytest.approx(1.0)}


def test_removed_ids_are_gone_and_unknown_ones_harmless() -> None:
    index = filled()
    index.remove([7, 1000])
    assert index.ids() == {3, 9}
    assert index.cosines(unit(1, 0), [7, 9]) == {9: pytest.approx(0.7071, abs=1e-4)}


@pytest.mark.parametrize("bad", [np.array([[np.nan, 0]], dtype=np.float32), np.ones((1, 3), dtype=np.float32)])
def test_vectors_that_faiss_would_swallow_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"NaN|shape"):
        filled().add([1], bad)


def test_a_query_of_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        filled().search(np.array([np.nan, 1], dtype=np.float32), 1)


def test_saved_and_loaded_in_a_folder_with_a_chinese_name(tmp_path: Path) -> None:
    index = filled()
    index.generation = 12
    index.save(tmp_path / "知识库")
    loaded = VectorIndex.load(tmp_path / "知识库", 2, "f")
    assert loaded is not None
    assert (loaded.generation, loaded.ids()) == (12, {3, 7, 9})
    assert loaded.search(unit(1, 0), 1)[0][0] == 7


@pytest.mark.parametrize("damage", ["truncated", "other embedder", "other dimension", "no facts", "garbage"])
def test_an_index_that_is_not_whole_or_not_ours_counts_as_missing(tmp_path: Path, damage: str) -> None:
    filled().save(tmp_path)
    dim, fingerprint = 2, "f"
    if damage == "truncated":
        data = (tmp_path / "vectors.faiss").read_bytes()
        (tmp_path / "vectors.faiss").write_bytes(data[:-9])
    elif damage == "garbage":
        size = (tmp_path / "vectors.faiss").stat().st_size
        (tmp_path / "vectors.faiss").write_bytes(b"x" * size)
    elif damage == "no facts":
        (tmp_path / "vectors.json").unlink()
    elif damage == "other embedder":
        fingerprint = "g"
    else:
        dim = 3
    assert VectorIndex.load(tmp_path, dim, fingerprint) is None
