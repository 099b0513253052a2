"""zh-reader's examples and training, for a few seconds, with the real model."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from embeddings.reader import PassageReader
from embeddings.zh_small import FOLDER
from eval.datasets import load_shipped
from eval.reader_examples import (
    Example,
    asked_examples,
    gap_examples,
    is_held_out,
    training_half,
    written_examples,
    written_questions,
)
from eval.train_reader import encode, train
from rag import open_library
from tests.conftest import make_article

pytestmark = pytest.mark.model

PLACES = ("望川镇", "青石区", "白沙县", "临澜市", "柏陵市", "西岭村")
ARTICLES = [
    make_article(
        f"{place}公布{what}",
        f"{place}统计局7月1日公布，2021年上半年{what}达到{20 * i + 11}.5万吨，同比增长{i + 2}.3%。{place}还修了{i + 2}座桥，总投资{i + 1}.2亿元。\n"
        f"当地负责人说，今年{what}预计超过{20 * i + 90}万吨。",
        path=f"{i}.md",
    )
    for i, (place, what) in enumerate((p, w) for p in PLACES for w in ("粮食产量", "茶叶产量", "鱼虾产量"))
]


def nothing(*_: float) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    with open_library(tmp_path_factory.mktemp("pile") / "library", llm="none", threads=1, reader="") as library:
        library.add_articles(ARTICLES)
        return list(gap_examples(library, random.Random(1), 24, nothing))


def test_gaps_are_questions_that_their_passage_alone_answers(examples: list[Example]) -> None:
    assert len(examples) >= 8
    for example in examples:
        _, text = example.passage
        assert text.count(example.answer) == 1
        assert any(word in example.question for word in ("多少", "什么", "几", "哪", "何时"))
        assert len(example.others) >= 4
        assert not any(example.answer in other for _, other in example.others)
        assert example.near_miss != example.question
    assert any(example.near_miss for example in examples)


def test_half_of_a_set_is_kept_for_measuring() -> None:
    shipped = load_shipped()
    half = training_half(shipped)
    assert 0.3 < len(half.cases) / len([c for c in shipped.cases if c.gold_articles]) < 0.7
    assert not any(is_held_out(min(case.gold_articles)) for case in half.cases)
    assert [is_held_out(key) for key in "abcdef"] == [False] * 4 + [True] * 2, "the halves must never change"


def test_written_questions_and_their_near_misses(tmp_path: Path) -> None:
    article = ARTICLES[0]
    at = article.text.index("11.5万吨")
    check = hashlib.sha256("11.5万吨".encode()).hexdigest()[:6]
    answer = {"at": at, "length": 6, "check": check}
    lines = [
        {"article": article.id, "question": "望川镇收了多少粮食？", **answer},
        {"article": article.id, "question": "望川镇招了多少工人？"},
        {"article": article.id, "question": "答案不在那里", **answer, "at": at + 1},
        {"article": "0" * 16, "question": "不在库里的文章？", **answer},
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    learned, kept = (list(written_questions(path, held_out=held_out)) for held_out in (False, True))
    assert len(learned) + len(kept) == 4
    assert not {question.article for question in learned} & {question.article for question in kept}
    with open_library(tmp_path / "library", llm="none", threads=1, reader="") as library:
        library.add_articles(ARTICLES)
        answered, missed = written_examples([*learned, *kept], library, nothing)
    assert answered.answer == "11.5万吨"
    assert answered.answer in answered.passage[1]
    assert answered.passage[0].startswith("望川镇公布粮食产量 2021-07-02")
    assert not any(answered.answer in text for _, text in answered.others)
    assert missed.answer == ""
    assert missed.others


def test_a_sets_own_questions(tmp_path: Path) -> None:
    shipped = load_shipped().sample(12, 0)
    with open_library(tmp_path / "library", llm="none", threads=1, reader="") as library:
        library.add([Path("eval/data/articles")])
        found = list(asked_examples(shipped, library, nothing))
    assert all(example.answer in example.passage[1] for example in found)


def test_answers_are_marked_where_they_stand() -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    found = encode(tokenizer, "产量是多少?", ("茶叶 2021-07-02", "望川镇茶叶产量为320.5吨。"), "320.5吨")
    assert found is not None
    ids, first, start, end = found
    assert tokenizer.decode(ids[start : end + 1]).replace(" ", "").endswith("320.5吨")
    assert first <= start <= end < len(ids)
    assert encode(tokenizer, "产量是多少?", ("茶叶", "长" * 2000 + "320.5吨"), "320.5吨") is None


def test_a_reader_is_trained_and_can_be_used(examples: list[Example], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "model"))
    before = (folder / "reader.safetensors").read_bytes()
    seen: list[float] = []
    train(
        examples, folder, minutes=0.15, threads=1, rank=8, seed=0, on_step=lambda gone, loss, exact: seen.append(loss)
    )
    assert len(seen) >= 2
    assert seen[-1] < seen[0], "the loss falls"
    assert (folder / "reader.safetensors").read_bytes() != before
    (reading,) = PassageReader(1, folder).read("产量是多少?", [("茶叶", ["望川镇茶叶产量为320.5吨。", "天气晴。"])])
    assert len(reading.margins) == 2


def test_training_goes_on_from_a_reader(examples: list[Example], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(FOLDER, tmp_path / "model"))
    question, passages = "望川镇公布粮食产量达到多少万吨?", [("粮食", ["望川镇粮食产量达到11.5万吨。", "天气晴。"])]
    (before,) = PassageReader(1, folder).read(question, passages)
    train(examples, folder, minutes=1e-9, threads=1, rank=8, seed=0, on_step=nothing, resume=True)
    (after,) = PassageReader(1, folder).read(question, passages)
    assert after.answered == pytest.approx(before.answered, abs=0.3), "no step was taken, only the rank was cut anew"
