"""The list of articles: searched, filtered, sorted and cut into pages in SQL, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from embeddings import HashingEmbedder
from rag.article_list import PAGE_SIZE, ListedArticle, ListQuery, Order, chunk_count, list_page, listed, statistics
from rag.database import SqliteDatabase
from rag.filters import Filters, parse_day
from rag.library import Library
from rag.schema import LIST_INDEX
from rag.settings import Settings
from rag.store import DATABASE
from tests.conftest import make_article
from tests.postgres_server import articles_at  # noqa: F401 - with both databases

SPEECH = make_article("武汉市发布GDP数据", "武昌区增加值达400亿元。", day="2021-07-02", source="青石日报")
RAIN = make_article("臺灣今日有雨", "多地降雨，气温下降。", day="2021-08-31", source="东澜财经")
PLANS = make_article("武汉港口规划", "规划提出新建两条铁路。" * 12, day="2022-01-05", source="青石日报")
NO_DATE = replace(make_article("无日期的旧文", "旧文一篇。", source=""), published_at=None)


@pytest.fixture
def filled(library: Library) -> Library:
    library.add_articles(
        [
            replace(SPEECH, category=("金融", "国内")),
            replace(RAIN, category=("天气",)),
            replace(PLANS, category=("金融", "港口")),
            NO_DATE,
        ]
    )
    return library


def titles(library: Library, **query: object) -> list[str]:
    return [row.title for row in list_page(library.store, ListQuery(**query)).rows]  # type: ignore[arg-type]


def test_newest_first_and_what_has_no_date_last(filled: Library) -> None:
    assert titles(filled) == [PLANS.title, RAIN.title, SPEECH.title, NO_DATE.title]
    assert titles(filled, descending=False) == [SPEECH.title, RAIN.title, PLANS.title, NO_DATE.title]


def test_by_title_and_by_source(filled: Library) -> None:
    by_title = sorted(article.title for article in (SPEECH, RAIN, PLANS, NO_DATE))
    assert titles(filled, order="title", descending=False) == by_title
    assert titles(filled, order="title") == by_title[::-1]
    assert titles(filled, order="source", descending=False) == [RAIN.title, PLANS.title, SPEECH.title, NO_DATE.title]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("武汉", [PLANS.title, SPEECH.title]),
        ("武漢", [PLANS.title, SPEECH.title]),  # the other script
        ("台湾", [RAIN.title]),
        ("gdp 武汉", [SPEECH.title]),
        ("ＧＤＰ", [SPEECH.title]),
        ("武汉 台湾", []),
        ("%", []),
        ("' OR 1=1 --", []),
        ("", [PLANS.title, RAIN.title, SPEECH.title, NO_DATE.title]),
    ],
)
def test_all_words_must_be_in_the_title(filled: Library, words: str, expected: list[str]) -> None:
    assert titles(filled, words=words) == expected


def test_filters(filled: Library) -> None:
    july = Filters(after=parse_day("2021-07"), before=parse_day("2021-07", last=True))
    assert titles(filled, filters=july) == [SPEECH.title]
    assert titles(filled, filters=Filters(sources=("青石日报",))) == [PLANS.title, SPEECH.title]
    assert titles(filled, filters=Filters(categories=("金融",))) == [PLANS.title, SPEECH.title]
    assert titles(filled, filters=Filters(categories=("金融/港口",)), words="武汉") == [PLANS.title]


def test_a_line_says_what_the_article_is(filled: Library) -> None:
    (line,) = list_page(filled.store, ListQuery(words="规划")).rows
    assert line == ListedArticle(
        PLANS.id, PLANS.title, "青石日报", "2022-01-05", ("金融", "港口"), len(PLANS.text)
    )  # fmt: skip
    assert listed(filled.store, ["gone", PLANS.id]) == [line]
    assert chunk_count(filled.store, PLANS.id) == len(filled.store.chunks_of(PLANS.id)) > 0


def test_every_article_is_on_one_page(library: Library) -> None:
    articles = [make_article(f"第{n:03d}篇", f"内容{n}。", day=f"2021-07-{n % 28 + 1:02d}") for n in range(120)]
    library.add_articles(articles)
    pages = [list_page(library.store, ListQuery(page=number)) for number in (1, 2, 3)]
    assert [len(page.rows) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 20]
    assert {(page.pages, page.total) for page in pages} == {(3, 120)}
    assert {row.id for page in pages for row in page.rows} == {article.id for article in articles}
    beyond = list_page(library.store, ListQuery(page=99))
    assert (beyond.page, beyond.rows) == (3, pages[2].rows)
    nothing = list_page(library.store, ListQuery(words="没有这样的", page=7))
    assert (nothing.page, nothing.pages, nothing.total, nothing.rows) == (1, 1, 0, ())


def test_statistics_count_everything_once(filled: Library) -> None:
    counted = statistics(filled.store)
    assert (counted.articles, counted.chunks) == filled.counts()
    assert counted.characters == sum(len(article.text) for article in (SPEECH, RAIN, PLANS, NO_DATE))
    assert counted.months == {"": 1, "2021-07": 1, "2021-08": 1, "2022-01": 1}
    assert counted.sources == {"青石日报": 2, "东澜财经": 1, "": 1}
    assert counted.categories == {"金融": 2, "天气": 1, "": 1}
    assert counted.lengths == (3, 1, 0, 0, 0, 0)


@pytest.mark.sqlite_only
def test_a_library_from_before_gets_the_index_of_the_list(settings: Settings) -> None:
    with Library(settings, HashingEmbedder()) as library:
        library.add_articles([SPEECH])
    with closing(sqlite3.connect(settings.library / DATABASE)) as db:
        db.execute(f"DROP INDEX {LIST_INDEX}")
        db.commit()
    with Library(settings, HashingEmbedder()) as library:
        assert titles(library, words="武汉") == [SPEECH.title]
        plan = library.store.query("EXPLAIN QUERY PLAN SELECT id FROM articles WHERE instr(lower(title), 'x') > 0")
        assert any(LIST_INDEX in str(row) for row in plan)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("order", ["date", "title", "source"])
@pytest.mark.parametrize("words", ["", "x"])
def test_no_text_is_read_to_find_a_page(library: Library, order: Order, words: str) -> None:
    assert isinstance(library.store.database, SqliteDatabase)
    connection = library.store.database.connection()
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    for filters in (Filters(), Filters(sources=("青石日报",), categories=("金融",), after=parse_day("2021"))):
        list_page(library.store, ListQuery(words, filters, order))
    connection.set_trace_callback(None)
    found = [sql for sql in asked if "FROM articles INDEXED" in sql]
    assert len(found) == 4
    for sql in found:
        plan = [str(row[-1]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert "USING COVERING INDEX" in plan[0], (sql, plan)
