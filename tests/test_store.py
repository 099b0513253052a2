"""The store: whole transactions, generations that indexes can follow, exact slices."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rag.errors import LibraryError, LibraryVersion
from rag.inbox import Inbox
from rag.postgres import PostgresDatabase
from rag.records import Article, Chunk
from rag.store import FileState, Location, Store, StoredArticle, unpack
from tests.conftest import make_article
from tests.postgres_server import articles_at  # noqa: F401 - with both databases


def stored(article: Article, *spans: tuple[int, int], value: float = 1.0) -> StoredArticle:
    chunks = [Chunk(-1, article.id, start, end, article.text[start:end], "标题") for start, end in spans]
    return StoredArticle(article, article.digest, chunks, np.full((len(spans), 4), value, dtype=np.float32))


@pytest.fixture
def store(tmp_path: Path, articles_at: str) -> Iterator[Store]:  # noqa: F811
    store = Store(PostgresDatabase(articles_at) if articles_at else tmp_path / "youju.sqlite")
    yield store
    store.close()


ARTICLE = make_article("武昌区金融业", "第一句话。第二句话有表情😀。第三句。")


def test_an_article_comes_back_as_it_went_in(store: Store) -> None:
    store.write([stored(ARTICLE, (0, 5), (5, 14))])
    Inbox(store).put([], [Location("a.md", "", ARTICLE.id)], [FileState("a.md", 10, 20)])
    assert store.article(ARTICLE.id) == ARTICLE
    assert store.counts() == (1, 2)
    chunks = store.chunks_of(ARTICLE.id)
    assert [chunk.text for chunk, _ in chunks] == ["第一句话。", "第二句话有表情😀。"]
    assert [ARTICLE.text[c.start : c.end] for c, _ in chunks] == [c.text for c, _ in chunks]
    assert chunks[0][1].tolist() == [1.0] * 4
    assert store.files() == {"a.md": FileState("a.md", 10, 20)}
    assert store.locations(ARTICLE.id) == [Location("a.md", "", ARTICLE.id)]


def test_derived_indexes_can_follow_generation_by_generation(store: Store) -> None:
    first = store.write([stored(ARTICLE, (0, 5), (5, 14))])
    second = store.write([stored(ARTICLE, (0, 5), value=2.0)])
    assert (first, second, store.generation()) == (1, 2, 2)
    assert store.removed_since(0) == store.removed_since(1) == [1, 2]
    assert [(c.id, c.title, c.text) for c in store.words_since(1)] == [(3, "武昌区金融业", "第一句话。")]
    assert [(id_, unpack(vector).tolist()) for id_, vector in store.vectors_since(1)] == [(3, [2.0] * 4)]
    assert [row[0] for row in store.vectors_since(0)] == [3]
    assert list(store.words_since(2)) == list(store.vectors_since(2)) == []


@pytest.mark.sqlite_only
def test_the_last_chunks_are_found_without_reading_all(store: Store) -> None:
    store.write([stored(ARTICLE, (0, 5), (5, 14))])
    seen: list[str] = []
    with store.transaction() as db:
        store.database.connection().set_trace_callback(seen.append)
        assert len(list(store.vectors_since(0))) == len(list(store.words_since(0))) == 2
        list(store.vectors_since(1))
        list(store.words_since(1))
        store.database.connection().set_trace_callback(None)
        plans = [str(db.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()) for sql in seen if "generation >" in sql]
    assert ["SEARCH c" in plan for plan in plans] == [False, False, True, True]


def test_text_with_wide_characters_is_sliced_in_sql_as_in_python(store: Store) -> None:
    store.write([stored(ARTICLE, (5, 14), (14, 18))])
    assert [chunk.text for chunk in store.words_since(0)] == ["第二句话有表情😀。", "第三句。"]


def test_ids_of_chunks_are_never_used_again(store: Store) -> None:
    store.write([stored(ARTICLE, (0, 5))])
    store.write(remove=[ARTICLE.id])
    store.write([stored(ARTICLE, (0, 5))])
    assert store.chunk_ids() == {2}
    assert store.removed_since(0) == [1]


def test_removing_takes_chunks_and_files_along(store: Store) -> None:
    store.write([stored(ARTICLE, (0, 5))])
    places = [Location("a.md", "", ARTICLE.id), Location("b.md", "", None, "empty", "文件是空的")]
    Inbox(store).put([], places, [FileState("a.md", 1, 1), FileState("b.md", 1, 1)])
    store.write(remove=[ARTICLE.id])
    assert (store.counts(), store.article(ARTICLE.id)) == ((0, 0), None)
    assert list(store.files()) == ["b.md"]


def test_a_failed_write_leaves_nothing_behind(store: Store) -> None:
    broken = StoredArticle(
        ARTICLE, "d", [Chunk(-1, ARTICLE.id, 0, 5, "第一句话。")], np.zeros((2, 4), dtype=np.float32)
    )
    with pytest.raises(ValueError, match="zip"):
        store.write([stored(make_article("另一篇", "另一篇。"), (0, 4)), broken])
    assert (store.counts(), store.generation()) == ((0, 0), 0)


@pytest.mark.sqlite_only
def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "youju.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at" * 10)
    with pytest.raises(LibraryError, match="不是有据的知识库"):
        Store(path)


@pytest.mark.sqlite_only
def test_another_schema_is_refused_by_its_number(store: Store, tmp_path: Path) -> None:
    store.set_meta({"schema": "99"})
    store.close()
    with pytest.raises(LibraryVersion, match="格式版本是 99"):
        Store(tmp_path / "youju.sqlite")


@pytest.mark.sqlite_only
def test_readers_see_whole_articles_while_another_connection_writes(store: Store, tmp_path: Path) -> None:
    store.write([stored(ARTICLE, (0, 5))])
    other = sqlite3.connect(tmp_path / "youju.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM chunks")
    assert store.counts() == (1, 1)
    other.execute("ROLLBACK")
    other.close()


@pytest.mark.sqlite_only
def test_damage_is_found(store: Store, tmp_path: Path) -> None:
    assert store.database.verify() == []
    store.write([stored(make_article(f"第{i}篇", "文" * 4000), (0, 4000)) for i in range(20)])
    store.close()
    path = tmp_path / "youju.sqlite"
    data = bytearray(path.read_bytes())
    data[20_000:24_000] = b"\xff" * 4_000
    path.write_bytes(data)
    assert Store(path).database.verify() != []
