"""Other people's evaluation sets, each in a small file of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.datasets import Case, EvalSet, check_set, read_texts
from eval.sets import load_set
from rag.errors import ReadError

TEXT = "青石区去年金融业增加值为12.5亿元，同比增长6.3%。"
OTHER = "鹿鸣县今年种植小麦三万亩，比去年多五千亩。"


def write(path: Path, content: Any) -> Path:
    lines = isinstance(content, list) and path.suffix == ".jsonl"
    text = (
        "\n".join(json.dumps(row, ensure_ascii=False) for row in content)
        if lines
        else json.dumps(content, ensure_ascii=False)
    )
    path.write_text(text, encoding="utf-8")
    return path


def only(found: EvalSet, question: str) -> Case:
    return next(case for case in found.cases if case.question == question)


SQUAD = {"data": [{"title": "青石", "paragraphs": [
    {"context": TEXT, "qas": [
        {"id": "q1", "question": "增加值？", "answers": [{"text": "12.5亿元", "answer_start": 11}, {"text": "12.5亿元", "answer_start": 11}]},
        {"id": "q2", "question": "人口？", "answers": [], "is_impossible": True},
    ]},
    {"context": OTHER, "qas": []},
]}]}  # fmt: skip
CMRC = [
    {
        "context_id": "c",
        "context_text": TEXT,
        "title": "青石",
        "qas": [{"query_id": "q1", "query_text": "增加值？", "answers": ["12.5亿元", "为12.5亿元"]}],
    }
]


@pytest.mark.parametrize("content", [SQUAD, CMRC])
def test_squad_like_files(tmp_path: Path, content: Any) -> None:
    found = load_set(str(write(tmp_path / "集.json", content)))
    case = only(found, "增加值？")
    assert (case.answerable, case.key_facts[0][0], case.gold[0].quote) == (True, "12.5亿元", "12.5亿元")
    assert {article.text for article in found.articles} >= {TEXT}
    assert check_set(found, read_texts(found)) == []
    if content is SQUAD:
        assert len(found.articles) == 2, "passages without questions are what there is to get wrong"
        assert not only(found, "人口？").answerable


def test_rgb(tmp_path: Path) -> None:
    rows = [
        {
            "id": 0,
            "query": "增加值和增速？",
            "answer": [["12.5亿元", "12.5亿"], "6.3%"],
            "positive": [TEXT],
            "negative": [OTHER],
        },
        {
            "id": 1,
            "query": "小麦？",
            "answer": "三万亩",
            "positive": [[OTHER]],
            "negative": [TEXT],
            "fakeanswer": "五万亩",
        },
    ]
    found = load_set(str(write(tmp_path / "zh.jsonl", rows)))
    assert len(found.articles) == 2
    first, second = found.cases
    assert first.key_facts == (("12.5亿元", "12.5亿"), ("6.3%",))
    assert (second.type, second.forbidden) == ("counterfactual", ("五万亩",))
    assert check_set(found, read_texts(found)) == []


def test_crud_rag(tmp_path: Path) -> None:
    content = {
        "event_summary": [{"text": "不用"}],
        "questanswer_1doc": [{"ID": "a", "event": "", "news1": TEXT, "questions": "增加值？", "answers": "12.5亿元。"}],
        "questanswer_2docs": [
            {"ID": "b", "news1": TEXT, "news2": OTHER, "questions": "两者？", "answers": "12.5亿元与三万亩。"}
        ],
    }
    found = load_set(str(write(tmp_path / "split_merged.json", content)))
    assert [len(case.gold) for case in found.cases] == [1, 2]
    assert [case.type for case in found.cases] == ["questanswer_1doc", "questanswer_2docs"]
    assert len(found.articles) == 2


def test_beir(tmp_path: Path) -> None:
    write(
        tmp_path / "corpus.jsonl",
        [{"_id": "d1", "title": "青石", "text": TEXT}, {"_id": "d2", "title": "", "text": OTHER}],
    )
    write(tmp_path / "queries.jsonl", [{"_id": "q1", "text": "增加值？"}, {"_id": "q2", "text": "没有判过？"}])
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n", encoding="utf-8")
    found = load_set(str(tmp_path))
    assert [(case.id, case.gold_articles) for case in found.cases] == [("q1", {"d1"})]
    assert found.articles[0].title == "青石"


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "文章"
    folder.mkdir()
    (folder / "甲.md").write_text(
        f"---\ntitle: 青石区年度数据\nlink: https://n.example.cn/1\n---\n{TEXT}\n", encoding="utf-8"
    )
    (folder / "乙.md").write_text(f"---\ntitle: 鹿鸣县小麦\n---\n{OTHER}\n", encoding="utf-8")
    return folder


ROWS = [
    ["问题", "答案", "出处", "类型"],
    ["青石区金融业增加值？", "12.5亿元|12.5亿", "青石区年度数据", "数字"],
    ["小麦种了多少？", "三万亩", "乙.md | https://n.example.cn/1", ""],
    ["青石区人口？", "资料中没有", "", ""],
]


@pytest.mark.parametrize("kind", ["csv", "gbk", "xlsx"])
def test_a_table_of_ones_own(tmp_path: Path, articles: Path, kind: str) -> None:
    path = tmp_path / f"题.{'xlsx' if kind == 'xlsx' else 'csv'}"
    if kind == "xlsx":
        from openpyxl import Workbook

        book = Workbook()
        for row in ROWS:
            book.active.append(row)  # type: ignore[union-attr]
        book.save(path)
    else:
        text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in ROWS)
        path.write_text(text, encoding="gb18030" if kind == "gbk" else "utf-8-sig")
    found = load_set(str(path), articles=articles)
    first, second, third = found.cases
    assert (first.key_facts, first.gold[0].article, first.type) == ((("12.5亿元", "12.5亿"),), "甲.md", "数字")
    assert second.gold_articles == {"甲.md", "乙.md"}
    assert not third.answerable
    assert check_set(found, read_texts(found)) == []


def test_mistakes_are_named(tmp_path: Path, articles: Path) -> None:
    table = tmp_path / "题.csv"
    table.write_text("问题,答案,出处\n增加值？,12.5亿元,没有这篇\n", encoding="utf-8")
    with pytest.raises(ReadError, match=r"第 2 行.*没有这篇"):
        load_set(str(table), articles=articles)
    with pytest.raises(ReadError, match="需要文章"):
        load_set(str(table))
    table.write_text("题目甲,乙\n1,2\n", encoding="utf-8")
    with pytest.raises(ReadError, match="找不到问题一列"):
        load_set(str(table), articles=articles)
    with pytest.raises(ReadError, match="不认识的评测集格式"):
        load_set(str(write(tmp_path / "别的.json", {"a": [1]})))
    (tmp_path / "坏.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReadError, match="读不了评测集"):
        load_set(str(tmp_path / "坏.json"))
    (tmp_path / "坏.xlsx").write_bytes(b"PK nonsense")
    with pytest.raises(ReadError, match="Excel"):
        load_set(str(tmp_path / "坏.xlsx"), articles=articles)
