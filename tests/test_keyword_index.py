"""The keyword leg: Chinese words, growing and shrinking in place, whole after damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.keyword_index import KeywordIndex
from rag.records import IndexedChunk
from rag.words import query_words

ROWS = [
    IndexedChunk(1, "武昌区金融业", "武昌区介绍，去年全区金融产业增加值达400.69亿元。"),
    IndexedChunk(2, "上海楼市", "1至5月份，上海市房地产开发投资同比增长。"),
    IndexedChunk(3, "臺灣經濟", "臺灣地區經濟成長率上修。"),
]


@pytest.fixture
def index(tmp_path: Path) -> KeywordIndex:
    index = KeywordIndex(tmp_path / "keywords")
    index.update(ROWS, [], 1)
    return index


def found(index: KeywordIndex, question: str) -> list[int]:
    return [id_ for id_, _ in index.search(query_words(question), 5)]


def test_finds_by_words_of_the_text_and_of_the_title(index: KeywordIndex) -> None:
    assert found(index, "武昌的金融增加值是多少") == [1]
    assert found(index, "楼市") == [2]


def test_simplified_question_finds_traditional_text(index: KeywordIndex) -> None:
    assert found(index, "台湾经济成长率") == [3]


def test_no_words_find_nothing(index: KeywordIndex) -> None:
    assert index.search([], 5) == []
    assert found(index, "火星移民") == []


def test_update_replaces_removes_and_may_be_repeated(index: KeywordIndex) -> None:
    for _ in range(2):
        index.update([IndexedChunk(1, "洪山区", "洪山区的新闻")], [2], 2)
    assert (index.ids(), len(index), index.generation) == ({1, 3}, 2, 2)
    assert found(index, "武昌") == []
    assert found(index, "洪山区") == [1]


def test_rare_words_weigh_more(index: KeywordIndex) -> None:
    idf = index.idf(["武昌区", "经济", "火星"])
    # ln(1 + (3 - 1 + .5) / 1.5) = 0.981 for a word in one of three texts; ln(1 + 3.5 / .5) = 2.079 for an unknown one
    assert idf == {
        "武昌区": pytest.approx(0.981, abs=1e-3),
        "经济": pytest.approx(0.981, abs=1e-3),
        "火星": pytest.approx(2.079, abs=1e-3),
    }


def test_opened_again_it_is_where_it_was(index: KeywordIndex, tmp_path: Path) -> None:
    again = KeywordIndex(tmp_path / "keywords")
    assert (again.generation, found(again, "楼市")) == (1, [2])


@pytest.mark.parametrize("damage", ["facts", "index"])
def test_damaged_it_starts_empty_at_generation_zero(index: KeywordIndex, tmp_path: Path, damage: str) -> None:
    del index
    folder = tmp_path / "keywords"
    (folder / ("youju.json" if damage == "facts" else "meta.json")).write_text("{", encoding="utf-8")
    again = KeywordIndex(folder)
    assert (again.generation, len(again)) == (0, 0)


def test_one_process_sees_what_another_wrote(index: KeywordIndex, tmp_path: Path) -> None:
    reader = KeywordIndex(tmp_path / "keywords")
    index.update([IndexedChunk(9, "新消息", "东湖隧道通车")], [], 2)
    reader.reload()
    assert (reader.generation, found(reader, "东湖隧道")) == (2, [9])


def test_opening_writes_nothing_and_finds_what_another_process_makes_later(tmp_path: Path) -> None:
    folder = tmp_path / "keywords"
    reader = KeywordIndex(folder)
    assert not folder.exists(), "the folder belongs to the one who writes"
    assert (reader.generation, reader.search(["茶叶"], 5), len(reader)) == (0, [], 0)
    writer = KeywordIndex(folder)
    writer.update([IndexedChunk(1, "茶叶", "东湖镇茶叶产量为320.5吨。")], [], 4)
    reader.reload()
    assert (reader.generation, [id_ for id_, _ in reader.search(["茶叶"], 5)]) == (4, [1])


def test_a_reader_does_not_take_the_folder_from_a_writer_in_the_middle(tmp_path: Path) -> None:
    folder = tmp_path / "keywords"
    writer = KeywordIndex(folder)
    writer.update([IndexedChunk(1, "茶叶", "东湖镇茶叶产量为320.5吨。")], [], 1)
    (folder / "youju.json").unlink()  # as between Tantivy's commit and our note of it
    reader = KeywordIndex(folder)
    assert reader.search(["茶叶"], 5) == []
    writer.update([IndexedChunk(2, "公路", "西岭镇修通了盘山公路。")], [], 2)
    reader.reload()
    assert {id_ for word in ("茶叶", "公路") for id_, _ in reader.search([word], 5)} == {1, 2}
