"""Models side by side on a corpus folder, with the shipped fake embedder and the real command."""

import json
from pathlib import Path

import numpy as np
import pytest

from embeddings import HashingEmbedder
from eval.datasets import EvalSet, load_folder
from eval.embedders import main, markdown, score_embedder
from rag.errors import ModelError, ReadError

PASSAGES = {
    "a": ("麦", "青石区去年小麦产量为三万吨。"),
    "b": ("路", "望川镇新修公路十二公里。"),
    "c": ("水", "白沙县水库蓄水量达到八成。"),
}
QUERIES = [
    {"id": "q1", "question": "青石区去年小麦产量是多少？", "positive_ids": ["a"]},
    {"id": "q2", "question": "望川镇新修公路多少公里？", "positive_ids": ["b"]},
    {
        "id": "q3",
        "question": "白沙县水库蓄水量达到几成？",
        "positive_ids": ["a"],
    },  # gold is wrong on purpose: rank 1 is c
    {"id": "q4", "question": "火星上有什么？", "answerable": False, "positive_ids": []},
]


def write_set(folder: Path, queries: list[dict[str, object]]) -> Path:
    folder.mkdir()
    corpus = [{"id": key, "title": title, "text": text} for key, (title, text) in PASSAGES.items()]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_set(tmp_path / "tiny", QUERIES)


@pytest.fixture
def tiny(folder: Path) -> EvalSet:
    return load_folder(folder)


def test_scores_are_those_of_the_ranking(tiny: EvalSet) -> None:
    embedder = HashingEmbedder(512)
    scores = score_embedder(embedder, tiny)
    matrix = embedder.encode_passages([text for _, text in PASSAGES.values()])
    ranks = [int(np.sum(matrix @ embedder.encode_queries([str(q["question"])])[0] > 0)) for q in QUERIES[:3]]
    assert min(ranks) >= 1, "every question shares a bigram with some passage"
    assert (scores.questions, scores.passages) == (3, 3)
    assert scores.hit_at_1.value == pytest.approx(2 / 3)
    assert scores.hit_at_5.value == 1.0
    third = matrix @ embedder.encode_queries([str(QUERIES[2]["question"])])[0]
    rank = 1 + int(np.sum(third > third[0]))
    assert scores.mrr_at_10.value == pytest.approx((1 + 1 + 1 / rank) / 3)
    assert scores.passages_per_second > 0
    assert scores.query_ms > 0


def test_an_article_stands_where_its_best_chunk_stands(tiny: EvalSet) -> None:
    scores = score_embedder(HashingEmbedder(512), tiny, chunk_tokens=7)
    assert scores.passages > 3
    assert scores.hit_at_5.value == 1.0


def test_titles_are_put_before_the_text(tiny: EvalSet) -> None:
    class Listening(HashingEmbedder):
        heard: tuple[str, ...] = ()  # passages; this fake's queries come the same way

        def encode_passages(self, texts, progress=None):  # type: ignore[no-untyped-def]
            self.heard += tuple(texts)
            return super().encode_passages(texts, progress)

    embedder = Listening()
    score_embedder(embedder, tiny, titles=True)
    assert "麦\n青石区去年小麦产量为三万吨。" in embedder.heard


def test_progress_ends_at_the_number_of_passages(tiny: EvalSet) -> None:
    seen: list[tuple[int, int]] = []
    score_embedder(HashingEmbedder(), tiny, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (3, 3)


def test_a_set_without_gold_is_refused(tmp_path: Path) -> None:
    only = write_set(tmp_path / "none", [QUERIES[3]])
    with pytest.raises(ReadError, match="没有带出处的问题"):
        score_embedder(HashingEmbedder(), load_folder(only))


def test_table(tiny: EvalSet) -> None:
    table = markdown("tiny", [score_embedder(HashingEmbedder(512), tiny)])
    assert "### tiny：3 题" in table
    assert "| hashing-512-0 | 512 | 3 | 66.7 [" in table


@pytest.mark.model
def test_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--set", str(folder), "--model", "zh-small", "--threads", "1", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    row = json.loads(line)
    assert (row["model"], row["dim"], row["questions"]) == ("zh-small", 384, 3)
    assert row["hit_at_1"]["value"] == pytest.approx(2 / 3)
    assert main(["--set", str(folder), "--threads", "1"]) == 0
    assert "| zh-small | 384 | 3 | 66.7" in capsys.readouterr().out


def test_a_missing_model_is_an_error_for_people(folder: Path) -> None:
    with pytest.raises(ModelError, match="youju models fetch someone/none"):
        main(["--set", str(folder), "--model", "someone/none"])
