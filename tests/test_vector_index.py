"""The dense leg: exact, safe against FAISS's traps, and whole on disk."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rag.vector_index import VectorIndex


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, dtype=np.float32)
    return vector / np.linalg.norm(vector)


def cosines(index: VectorIndex, query: np.ndarray, ids: list[int]) -> dict[int, float]:
    return {id_: float(vector @ query) for id_, vector in index.rows(ids).items()}


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
    assert cosines(index, unit(0, 1), [7]) == {7: pytest.approx(1.0)}


def test_removed_ids_are_gone_and_unknown_ones_harmless() -> None:
    index = filled()
    index.remove([7, 1000])
    assert index.ids() == {3, 9}
    assert cosines(index, unit(1, 0), [7, 9]) == {9: pytest.approx(0.7071, abs=1e-4)}


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


def many(count: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def test_scores_are_those_of_the_vectors_as_the_store_keeps_them() -> None:
    vectors = many(500)
    index = VectorIndex(16, "f")
    index.add(range(500), vectors)
    query = many(1, seed=9)[0]
    expected = sorted(((float(v @ query), -i) for i, v in enumerate(vectors)), reverse=True)[:20]
    found = index.search(query, 20)
    assert [id_ for id_, _ in found] == [-i for _, i in expected]
    assert [score for _, score in found] == pytest.approx([score for score, _ in expected], abs=1e-6)
    assert index.differing(range(500), vectors) == []


@pytest.fixture
def grouped() -> VectorIndex:
    index = VectorIndex(16, "f", grouped_from=1000)
    index.add(range(10, 2010), many(2000))
    assert (index.cells, index.group(), index.cells) == (0, True, 64)
    return index


def test_many_vectors_are_grouped_and_still_found(grouped: VectorIndex) -> None:
    exact = VectorIndex(16, "f")
    exact.add(range(10, 2010), many(2000))
    hits = 0
    for query in many(50, seed=5):
        hits += len({i for i, _ in grouped.search(query, 10)} & {i for i, _ in exact.search(query, 10)})
    assert hits >= 0.85 * 500, "random vectors are the hardest: they have no cells"
    assert grouped.ids() == exact.ids()
    assert grouped.differing(range(10, 2010), many(2000)) == []
    query = many(1, seed=6)[0]
    assert cosines(grouped, query, [11, 5000]) == pytest.approx(cosines(exact, query, [11]))


def test_among_a_few_of_many_the_nearest_are_all_found(grouped: VectorIndex) -> None:
    few = np.array([12, 700, 1500, 1999, 2009], dtype=np.int64)
    for query in many(20, seed=7):
        assert {id_ for id_, _ in grouped.search(query, 5, few)} == set(few.tolist())
    assert grouped.search(query, 5, np.array([], dtype=np.int64)) == []
    assert grouped.search(query, 5, np.array([99999], dtype=np.int64)) == []


def test_a_grouped_index_grows_shrinks_and_is_saved(grouped: VectorIndex, tmp_path: Path) -> None:
    grouped.remove([10, 11, 12, 777777])
    grouped.add([13, 5000], many(2, seed=8))
    assert len(grouped) == 1998
    grouped.generation = 7
    grouped.save(tmp_path)
    assert grouped.unsaved == 0
    again = VectorIndex.load(tmp_path, 16, "f", grouped_from=1000)
    assert again is not None
    assert (again.generation, again.cells, again.ids()) == (7, 64, grouped.ids())
    query = many(1, seed=8)[0]
    assert again.search(query, 1) == grouped.search(query, 1) == [(13, pytest.approx(1.0, abs=1e-3))]
    assert again.differing([13, 5000], many(2, seed=8)) == []
    again.remove([13])
    assert 13 not in again.ids()
    assert not again.group(), "not before it is four times as large"
    again.add(range(10_000, 16_000), many(6000, seed=3))
    assert (again.group(), again.cells) == (True, 128)


def test_what_is_not_saved_is_counted() -> None:
    index = filled()
    assert index.unsaved == 3
    index.remove([7, 1000])
    assert index.unsaved == 4


class RecentAndRest(RuleBasedStateMachine):
    """Adding, removing, merging, saving and loading in any order is the same as a plain dictionary of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.index = VectorIndex(4, "f", merged_from=5)
        self.known: dict[int, np.ndarray] = {}
        self.folder = Path(mkdtemp())

    @rule(ids=st.lists(st.integers(0, 30), min_size=1, max_size=7, unique=True), seed=st.integers(0, 10**6))
    def add(self, ids: list[int], seed: int) -> None:
        rows = np.random.default_rng(seed).normal(size=(len(ids), 4)).astype(np.float32)
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)
        self.index.add(ids, rows)
        self.known |= dict(zip(ids, rows, strict=True))

    @rule(ids=st.lists(st.integers(0, 30), max_size=5))
    def remove(self, ids: list[int]) -> None:
        self.index.remove(ids)
        for id_ in ids:
            self.known.pop(id_, None)

    @rule()
    def save_and_load(self) -> None:
        self.index.save(self.folder)
        loaded = VectorIndex.load(self.folder, 4, "f", merged_from=5)
        assert loaded is not None
        self.index = loaded

    @rule(among=st.none() | st.lists(st.integers(0, 30), max_size=10, unique=True), k=st.integers(1, 40))
    def search(self, among: list[int] | None, k: int) -> None:
        query = unit(1, 2, -1, 0.5)
        allowed = None if among is None else np.array(sorted(among), dtype=np.int64)
        expected = sorted(
            ((i, float(v @ query)) for i, v in self.known.items() if among is None or i in among),
            key=lambda hit: (-hit[1], hit[0]),
        )[:k]
        found = self.index.search(query, k, allowed)
        assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-5)
        assert {i for i, _ in found} == {i for i, _ in expected}

    @invariant()
    def holds_what_was_added(self) -> None:
        assert self.index.ids() == self.known.keys()
        assert len(self.index) == len(self.known)
        rows = [self.known[i] for i in self.known]
        assert not rows or self.index.differing(list(self.known), np.stack(rows)) == []

    def teardown(self) -> None:
        rmtree(self.folder)


TestRecentAndRest = RecentAndRest.TestCase
TestRecentAndRest.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
