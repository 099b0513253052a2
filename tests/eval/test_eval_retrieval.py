"""Retrieval side by side, over a real library with the shipped fake embedder."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from embeddings import HashingEmbedder, Reranker
from eval.datasets import EvalSet, Gold, load_folder
from eval.libraries import library_texts, prepared_library
from eval.rankings import FORMS, VARIANTS, Asked, Bench
from eval.retrieval import compare_retrieval, leg_name, markdown
from eval.stacks import other_ways, reciprocal_ranks
from eval.variants import compare_variants
from eval.variants import markdown as markdown_of_variants
from rag.errors import LibraryError
from rag.records import Turn
from rag.retrieval import gather
from rag.settings import Settings

PLACES = ("青石区", "白沙县", "临澜市", "柏陵市", "望川镇", "西岭村")


@pytest.fixture
def tiny(tmp_path: Path) -> EvalSet:
    """Six articles, a question on each, and one that nothing answers."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    documents = [
        {"id": f"d{i}", "title": place, "text": f"{place}去年粮食产量为{i + 3}万吨。{place}的河流有{i + 1}条。"}
        for i, place in enumerate(PLACES)
    ]
    queries: list[dict[str, object]] = [
        {
            "id": f"q{i}",
            "question": f"{place}的粮食产量是多少？",
            "answers": [f"{i + 3}万吨"],
            "positive_ids": [f"d{i}"],
        }
        for i, place in enumerate(PLACES)
    ]
    queries.append({"id": "q9", "question": "火星上有什么？", "answerable": False})
    for name, rows in (("corpus", documents), ("queries", queries)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return load_folder(folder)


@pytest.fixture
def quiet() -> Console:
    return Console(quiet=True)


@pytest.fixture
def hashing(tmp_path: Path) -> Settings:
    return Settings(library=tmp_path / "unused", embedder="hashing-512-0", llm="none")


def test_the_right_article_is_first_in_every_leg(tiny, quiet, hashing, tmp_path):
    steps = []
    with prepared_library(tiny, hashing, tmp_path / "cache", quiet, embedder=HashingEmbedder(dim=1024)) as library:
        result = compare_retrieval(library, tiny, (0.0, 0.5, 1.0), lambda *step: steps.append(step))
    assert (result["questions"], result["articles"]) == (6, 6)
    assert [row["name"] for row in result["rows"]] == ["BM25", "混合 0.5", "向量"]
    for row in result["rows"]:
        assert row["metrics"]["hit@1"]["value"] == 1.0, row
        assert row["metrics"]["mrr@10"]["n"] == 6
        assert row["p50_ms"] > 0
    assert steps[0] == ("问题向量化", 6, 6)
    assert steps[-1] == ("向量", 6, 6)
    table = markdown(result)
    assert "| BM25 | 100.0 [100.0, 100.0] |" in table
    json.dumps(result)


def test_a_follow_up_is_searched_with_what_it_refers_to(tiny, quiet, hashing, tmp_path):
    first = tiny.cases[0]
    turn = Turn(first.question, "3万吨。")
    follow_up = replace(first, question="那白沙县呢？", history=(turn,), gold=(Gold("d1"),))
    alone = replace(
        first, question="那它呢？", history=(Turn("白沙县的粮食产量是多少？", "4万吨。"),), gold=(Gold("d1"),)
    )
    asked = replace(tiny, cases=(follow_up, alone))
    with prepared_library(tiny, hashing, tmp_path / "cache", quiet, embedder=HashingEmbedder(dim=1024)) as library:
        result = compare_retrieval(library, asked, (0.0,))
    assert result["rows"][0]["metrics"]["hit@1"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 2}


def test_scores_of_a_leg_agree_with_the_users_search(tiny, quiet, hashing, tmp_path):
    with prepared_library(tiny, hashing, tmp_path / "cache", quiet, embedder=HashingEmbedder(dim=4)) as library:
        first = [
            library.search(case.question, 1, dense_weight=1.0)[0].article.path in case.gold_articles
            for case in tiny.cases
            if case.gold
        ]
        result = compare_retrieval(library, tiny, (1.0,))
    assert sum(first) < 6, "with four buckets the fake embedder cannot tell all places apart"
    assert result["rows"][0]["metrics"]["hit@1"]["value"] == pytest.approx(sum(first) / 6, abs=1e-6)


def test_a_library_is_built_once_and_found_again(tiny, quiet, hashing, tmp_path):
    cache = tmp_path / "cache"

    class Counting(HashingEmbedder):
        passages = 0

        def encode_passages(self, texts, progress=None):
            type(self).passages += len(texts)
            return super().encode_passages(texts, progress)

    with prepared_library(tiny, hashing, cache, quiet, embedder=Counting()) as library:
        assert library_texts(library, tiny)["d0"].startswith("青石区去年")
    built = Counting.passages
    assert built >= 6
    with prepared_library(tiny, hashing, cache, quiet, embedder=Counting()):
        pass
    assert Counting.passages == built
    with prepared_library(tiny, hashing, cache, quiet, embedder=HashingEmbedder(seed=1)):
        pass
    with prepared_library(
        tiny, hashing.model_copy(update={"chunk_tokens": 64}), cache, quiet, embedder=HashingEmbedder()
    ):
        pass
    assert len(list(cache.iterdir())) == 3, "another embedder or chunk size is another library"


def test_a_missing_gold_article_is_an_error(tiny, quiet, hashing, tmp_path):
    with prepared_library(tiny, hashing, tmp_path / "cache", quiet, embedder=HashingEmbedder()) as library:
        library.remove([tiny.articles[2].id])
        with pytest.raises(LibraryError, match="d2"):
            library_texts(library, tiny)


def test_names_of_legs():
    assert [leg_name(weight) for weight in (0.0, 0.65, 1.0)] == ["BM25", "混合 0.65", "向量"]


def test_other_ways_are_measured_beside(tiny, quiet, hashing, tmp_path):
    with prepared_library(tiny, hashing, tmp_path / "cache", quiet, embedder=HashingEmbedder(dim=1024)) as library:
        for _ in range(2):  # the second time from the kept vectors
            with other_ways(library, tiny, tmp_path / "pieces") as ways:
                result = compare_retrieval(library, tiny, (0.0, 0.6), others=ways)
    rows = {row["name"]: row for row in result["rows"]}
    assert list(rows) == ["BM25", "混合 0.6", "BM25（jieba 词）", "LangChain", "LangChain 混合（RRF）"]
    assert all(row["metrics"]["hit@1"]["value"] >= 0.8 for row in rows.values())
    assert rows["混合 0.6"]["p"] == {}, "it is what the others are compared with"
    assert rows["BM25"]["p"]["hit@1"] == 1.0, "both are always right here"
    assert len(list((tmp_path / "pieces").iterdir())) == 1
    assert "LangChain 混合" in markdown(result)


def test_reciprocal_ranks_by_hand():
    # 7: 1/61 + 1/62; 3: 1/62 + 1/63; 9: 1/61; 1: 1/63
    assert reciprocal_ranks([[7, 3, 1], [9, 7, 3]]) == [7, 3, 9, 1]


class Contrary(Reranker):
    """Likes best what says the least of the question."""

    name = "contrary"

    def score(self, question: str, passages: Sequence[str]) -> np.ndarray:
        return np.array([-len(set(question) & set(passage)) for passage in passages], dtype=np.float32)


def test_variants_are_measured_against_what_is_done_now(tiny, quiet, hashing, tmp_path):
    with prepared_library(tiny, hashing, tmp_path / "cache", quiet, embedder=HashingEmbedder(dim=1024)) as library:
        result = compare_variants(library, tiny, reranker=Contrary(), forms=True)
        plain = compare_retrieval(library, tiny, (library.settings.dense_weight,))
    rows = {row["name"]: row for row in result["rows"]}
    assert result["rows"][0]["name"] == "现在"
    assert result["rows"][0]["p"] == {}
    assert rows["现在"]["metrics"]["hit@1"] == plain["rows"][0]["metrics"]["hit@1"]
    assert set(rows) >= {*VARIANTS, *FORMS, "重排 1"}
    for name in (*VARIANTS, *FORMS):  # the right article is too near for any of them to lose it
        assert rows[name]["metrics"]["hit@1"]["value"] == 1.0, name
    assert rows["重排 1"]["metrics"]["hit@1"]["value"] < 0.2, "the reranker's word is law at a weight of one"
    assert rows["重排 1"]["p"]["hit@1"] < 0.05
    table = markdown_of_variants(result)
    assert "| 现在 | 100.0 |" in table
    assert "| 重排 1 | -100.0* |" in table
    json.dumps(result)


def test_feedback_and_diversity_really_change_the_order(tiny, quiet, hashing, tmp_path):
    with prepared_library(tiny, hashing, tmp_path / "cache", quiet, embedder=HashingEmbedder(dim=1024)) as library:
        bench = Bench(library)
        question = "粮食产量是多少？河流有几条？"
        vector = library.embedder.encode_queries([question])[0]
        asked = Asked(question, vector, frozenset(), gather(library, question, 30, dense_weight=0.6, query=vector))
        now = asked.found.ranked
        assert sorted(now) == sorted(VARIANTS["MMR 0.7"](bench, asked))
        fused = {name: dict(VARIANTS[name](bench, asked)) for name in ("反馈：向量 0.4", "反馈：十个词", "多个问法")}
        assert all(found != dict(asked.found.fused) for found in fused.values())
        assert max(VARIANTS["MMR 0.7"](bench, asked).items(), key=lambda item: item[1])[0] == now[0]
