"""Evaluation sets: loading, validation, and the soundness of the shipped one."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from eval.datasets import (
    DATA,
    Case,
    EvalSet,
    Gold,
    check_set,
    load_folder,
    load_seed,
    load_shipped,
    read_texts,
)
from eval.sets import load_set
from rag.errors import ReadError
from rag.records import Article, Turn

ARTICLE = """---
title: 青石区公布年度数据
date: Fri, 02 Jul 2021 11:59:33 GMT
---
<div><p>青石区去年金融业增加值为12.5亿元，同比增长6.3%。</p></div>
"""


@pytest.fixture
def shipped_like(tmp_path: Path) -> Path:
    """A folder laid out as eval/data."""
    (tmp_path / "articles" / "财经").mkdir(parents=True)
    (tmp_path / "articles" / "财经" / "青石区.md").write_text(ARTICLE, encoding="utf-8")
    quote = "青石区去年金融业增加值为12.5亿元，同比增长6.3%。"
    questions = [
        {
            "id": "q1",
            "type": "number",
            "question": "青石区金融业增加值是多少？",
            "history": [{"question": "青石区在哪？", "answer": "不知道。"}],
            "answerable": True,
            "key_facts": [["12.5亿元"]],
            "forbidden": ["99亿元"],
            "gold": [{"article": "财经/青石区.md", "quote": quote}],
            "answer": "增加值为12.5亿元。",
        },
        {"id": "q2", "type": "unanswerable", "question": "青石区有几所大学？", "answerable": False},
        {
            "id": "q3",
            "type": "number",
            "question": "种子文章的问题？",
            "answerable": True,
            "key_facts": [["1"]],
            "gold": [{"article": "seed.txt", "quote": "不在此处"}],
            "seed": True,
        },
    ]
    write_lines(tmp_path / "questions_a.jsonl", questions)
    return tmp_path


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def corpus_folder(folder: Path) -> Path:
    documents = [
        {"id": "d1", "title": "甲", "text": "甲的正文。"},
        {"id": "d2", "title": "甲", "text": "甲的正文。"},
        {"id": "d3", "title": "", "text": "乙的正文。"},
    ]
    queries = [
        {
            "id": "q1",
            "question": "甲？",
            "answers": ["甲", "甲" * 31],
            "positive_ids": ["d2", "d1"],
            "answerable": True,
        },
        {"id": "q2", "question": "长？", "answers": ["长" * 40], "positive_ids": ["d3"], "type": "phrase"},
        {"id": "q3", "question": "无？", "answers": [], "positive_ids": [], "answerable": False, "split": "dev"},
        {"id": "q4", "question": "它呢？", "answers": ["乙"], "positive_ids": ["d3"], "standalone": False},
    ]
    write_lines(folder / "corpus.jsonl", documents)
    write_lines(folder / "queries.jsonl", queries)
    return folder


def test_shipped_layout(shipped_like):
    loaded = load_shipped(shipped_like)
    assert [case.id for case in loaded.cases] == ["q1", "q2"], "questions about the seed are asked only over the seed"
    first = loaded.cases[0]
    assert first.history == (Turn("青石区在哪？", "不知道。"),)
    assert first.key_facts == (("12.5亿元",),)
    assert first.gold_articles == {"财经/青石区.md"}
    assert first.references == ("增加值为12.5亿元。",)
    assert check_set(loaded, read_texts(loaded)) == []


def test_seed_questions_over_the_users_articles(shipped_like):
    loaded = load_seed(shipped_like / "articles", shipped_like)
    assert [(case.id, case.gold) for case in loaded.cases] == [("q3", ())]
    assert loaded.folder == (shipped_like / "articles").resolve()


def test_key_of_a_path_is_relative_with_forward_slashes(shipped_like):
    loaded = load_shipped(shipped_like)
    assert loaded.key_of(str(shipped_like / "articles" / "财经" / "青石区.md")) == "财经/青石区.md"
    seed = load_seed(shipped_like / "articles" / "财经" / "青石区.md", shipped_like)
    assert seed.key_of(str(shipped_like / "articles" / "财经" / "青石区.md")) == "青石区.md"


def test_corpus_folder(tmp_path):
    loaded = load_folder(corpus_folder(tmp_path / "tiny"))
    assert loaded.name == "tiny"
    assert [(article.path, article.title) for article in loaded.articles] == [("d1", "甲"), ("d3", "")]
    assert loaded.cases[0].gold == (Gold("d1"),), "gold on a repeated document means the first"
    assert loaded.cases[0].key_facts == (("甲",),), "long answers are no key facts"
    assert loaded.cases[0].references == ("甲", "甲" * 31)
    assert loaded.cases[1].key_facts == ()
    assert [case.type for case in loaded.cases] == ["question", "phrase", "question", "not_standalone"]
    assert [case.answerable for case in loaded.cases] == [True, True, False, True]
    assert check_set(loaded, read_texts(loaded)) == []


def test_digests_follow_content(tmp_path):
    before = load_folder(corpus_folder(tmp_path / "tiny"))
    assert load_folder(corpus_folder(tmp_path / "tiny")).digest == before.digest
    with (tmp_path / "tiny" / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "d4", "text": "丙"}\n')
    after = load_folder(tmp_path / "tiny")
    assert after.digest != before.digest
    assert after.cases_digest == before.cases_digest
    assert after.sample(2, 0).cases_digest == after.cases_digest


def test_sample_is_seeded_and_in_order(tmp_path):
    cases = tuple(Case(str(i), "fact", "？") for i in range(100))
    whole = EvalSet("many", cases, "", "")
    drawn = whole.sample(10, seed=1)
    assert len(drawn.cases) == 10
    assert drawn == whole.sample(10, seed=1)
    assert drawn != whole.sample(10, seed=2)
    assert [int(case.id) for case in drawn.cases] == sorted(int(case.id) for case in drawn.cases)
    assert whole.sample(None, 1) is whole


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "不是 JSON"),
        ('{"id": "q"}', "第 3 行"),
        ('{"id": "q", "type": "riddle", "question": "？", "answerable": true}', "type"),
        ('{"id": "q", "type": "fact", "question": "？", "answerable": true, "extra": 1}', "extra"),
    ],
)
def test_a_bad_line_is_named(shipped_like, line, words):
    (shipped_like / "questions_b.jsonl").write_text(f"\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ReadError, match="questions_b") as caught:
        load_shipped(shipped_like)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["seed", "nowhere"])
def test_sets_that_are_not_there(name, tmp_path):
    with pytest.raises(ReadError):
        load_set(name if name == "seed" else str(tmp_path / name))


def test_articles_are_for_the_seed_only(tmp_path):
    with pytest.raises(ReadError, match="--articles"):
        load_set("shipped", articles=tmp_path)
    with pytest.raises(ReadError, match="找不到文章"):
        load_set("seed", articles=tmp_path / "nowhere")


def test_check_finds_each_fault():
    article = Article("0" * 16, "题", "原文在此。", path="a")
    good = Case("c1", "fact", "？", key_facts=(("原文",),), gold=(Gold("a", "原文在此"),))
    cases = (
        good,
        good,
        replace(good, id="c2", gold=(Gold("a", "别的话"),)),
        replace(good, id="c3", gold=(Gold("b", "原文"),)),
        replace(good, id="c4", gold=()),
        replace(good, id="c5", key_facts=()),
        replace(good, id="c6", answerable=False),
        replace(good, id="c7", references=("原文与禁语",), forbidden=("禁语",)),
    )
    problems = check_set(EvalSet("bad", cases, "", "", articles=(article,)), {"a": article.text})
    assert [problem.split("：")[0] for problem in problems] == ["题号重复", "c2", "c3", "c4", "c5", "c6", "c7"]


def test_the_shipped_set_is_sound():
    loaded = load_shipped()
    texts = read_texts(loaded)
    assert check_set(loaded, texts) == []
    assert len(texts) >= 40
    assert len(loaded.cases) >= 120
    types = Counter(case.type for case in loaded.cases)
    for kind in ("fact", "number", "date", "multi", "list", "table", "unanswerable", "follow_up", "hostile"):
        assert types[kind], f"no question of type {kind}: {types}"
    assert all(case.history for case in loaded.cases if case.type == "follow_up")
    assert not any(case.answerable for case in loaded.cases if case.type == "unanswerable")


def test_the_shipped_seed_questions_are_enough():
    questions = [
        json.loads(line)
        for path in sorted(DATA.glob("questions_*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    seeds = [question for question in questions if question.get("seed")]
    assert len(seeds) >= 20
    assert any(not question["answerable"] for question in seeds)
