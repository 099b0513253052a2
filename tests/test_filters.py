"""Filters: the store, the keyword leg and Python agree on what is let through; a question's own words of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from embeddings import HashingEmbedder
from rag.errors import SettingsError
from rag.filters import Filters, parse_day
from rag.library import Library
from rag.periods import understood
from rag.records import Answer, Article
from rag.retrieval import choose_scope, retrieve
from rag.settings import Settings
from rag.words import query_words
from tests.postgres_server import point

SOURCES = ("青石日报", "新浪财经", "", "A_B%", "a_b%")
CATEGORIES: tuple[tuple[str, ...], ...] = (
    (),
    ("金融",),
    ("金融", "宏观"),
    ("金融街",),
    ("金融", "宏观", "区"),
    ('引"号', "下_划%线"),
)
MOMENTS = (
    None,
    datetime(2021, 7, 1, 15, 59, 59, tzinfo=UTC),  # still 1 July in Shanghai
    datetime(2021, 7, 1, 16, 0, 0, tzinfo=UTC),  # 2 July
    datetime(2021, 7, 2, 4, 0, 0, 123456, tzinfo=UTC),
    datetime(2022, 5, 31, 15, 59, 59, 999999, tzinfo=UTC),
)  # fmt: skip
ARTICLES = [
    Article(
        id=f"{i:016x}", title=f"消息{i}", text=f"青石区第{i}号消息说了茶叶的事。", source=source, category=category,
        published_at=moment, path=f"{i}.md", digest=f"d{i}",
    )
    for i, (source, category, moment) in enumerate((s, c, m) for s in SOURCES for c in CATEGORIES for m in MOMENTS)
]  # fmt: skip
DAYS = st.sampled_from(
    [None, date(2021, 7, 1), date(2021, 7, 2), date(2021, 7, 3), date(2022, 5, 31), date(2023, 1, 1)]
)
FILTERS = st.builds(
    Filters,
    after=DAYS,
    before=DAYS,
    sources=st.lists(st.sampled_from(SOURCES), max_size=2, unique=True).map(tuple),
    categories=st.lists(st.sampled_from(["金融", "金融/宏观", "宏观", '引"号', '引"号/下_划%线', "引"]), max_size=2).map(tuple),
    articles=st.lists(st.sampled_from([a.id for a in ARTICLES[:9]]), max_size=3, unique=True).map(tuple),
)  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    home = tmp_path_factory.mktemp("filters")
    if request.param == "postgres":
        point(home / "l", request.getfixturevalue("postgres").new())
    settings = Settings(library=home / "l", models=home / "m", llm="none", threads=1, embedder="hashing-512-0")
    with Library(settings, HashingEmbedder()) as library:
        library.add_articles(ARTICLES)
        yield library


@given(FILTERS)
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_legs_and_python_agree(library: Library, filters: Filters) -> None:
    expected = {article.id for article in ARTICLES if filters.accepts(article)}
    ids = library.matching(filters)
    assert list(ids) == sorted(ids)
    assert {article.id for _, article in library.store.chunks(ids.tolist()).values()} == expected
    by_words = library.index().keyword(query_words("茶叶"), 1000, filters)
    assert sorted(id_ for id_, _ in by_words) == ids.tolist()
    query = library.embedder.encode_queries(["茶叶"])[0]
    by_vectors = library.index().dense(query, 1000, filters)
    assert sorted(id_ for id_, _ in by_vectors) == ids.tolist()
    found = {hit.article.id for hit in library.search("茶叶的消息", 1000, filters=filters)}
    assert found == expected


def test_scores_do_not_change_with_a_filter(library: Library) -> None:
    everything = dict(library.index().keyword(query_words("第7号消息"), 1000))
    only = library.index().keyword(query_words("第7号消息"), 1000, Filters(sources=("青石日报",)))
    assert only
    assert all(score == pytest.approx(everything[id_]) for id_, score in only)


def test_many_articles_can_be_named(library: Library) -> None:
    names = tuple(f"{i:x}" for i in range(40_000))
    assert len(library.matching(Filters(articles=(*names, ARTICLES[0].id)))) == 1


def test_matches_are_kept_until_something_is_written(library: Library) -> None:
    filters = Filters(sources=("青石日报",))
    first = library.matching(filters)
    assert library.matching(filters) is first
    extra = Article(id="f" * 16, title="新", text="又一条茶叶消息。", source="青石日报", path="n.md", digest="n")
    library.add_articles([extra])
    assert len(library.matching(filters)) == len(first) + 1
    library.remove([extra.id])
    assert library.matching(filters).tolist() == first.tolist()


def test_a_filter_without_articles_is_a_refusal_that_says_so(library: Library) -> None:
    answer = library.ask("茶叶怎么样？", filters=Filters(sources=("没有的报纸",)))
    assert answer.refused
    assert answer.text == "资料中没有相关信息：没有文章符合筛选条件（来源 没有的报纸）。"
    assert answer.to_dict()["scope"] == "来源 没有的报纸"


def test_an_answer_keeps_to_its_filter(library: Library) -> None:
    filters = Filters(categories=("金融街",), after=date(2021, 7, 2))
    (*_, answer) = library.events("茶叶怎么样？", filters=filters)
    assert isinstance(answer, Answer)
    assert answer.hits
    assert all(filters.accepts(hit.article) for hit in answer.hits)
    assert answer.scope == "2021-07-02 至，分类 金融街"


TODAY = date(2026, 11, 23)  # a Monday


@pytest.mark.parametrize(
    ("question", "after", "before"),
    [
        ("昨天有什么消息？", date(2026, 11, 22), date(2026, 11, 22)),
        ("上周东湖隧道出了什么事", date(2026, 11, 16), date(2026, 11, 22)),
        ("本月的新闻", date(2026, 11, 1), date(2026, 11, 30)),
        ("上个月茶叶价格", date(2026, 10, 1), date(2026, 10, 31)),
        ("2022年5月的消费数据", None, None),
        ("去年的增加值", None, None),
        ("今日头条的总部在哪", None, None),
    ],
)
def test_words_that_mean_the_day_of_publication_filter(question: str, after: date | None, before: date | None) -> None:
    assert understood(question, TODAY)[0] == Filters(after=after, before=before)


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("2022年5月的消费数据", date(2022, 5, 1), date(2022, 5, 31)),
        ("去年上半年的增加值", date(2025, 1, 1), date(2025, 6, 30)),
        ("2021年和2023年各是多少", date(2021, 1, 1), date(2023, 12, 31)),
        ("二〇二〇年武昌区", date(2020, 1, 1), date(2020, 12, 31)),
    ],
)
def test_other_times_favour(question: str, start: date, end: date) -> None:
    filters, period = understood(question, TODAY)
    assert not filters
    assert period is not None
    assert (period.start, period.end) == (start, end)


def test_a_question_of_no_time_has_none() -> None:
    assert understood("茶叶怎么样？", TODAY) == (Filters(), None)


def test_a_day_without_news_is_not_filtered_by_and_it_is_said(library: Library) -> None:
    scope = choose_scope(library, "昨天茶叶怎么样？", today=TODAY)
    assert not scope.filters
    assert scope.notice == "知识库里没有 2026-11-22 发表的文章，已在全部文章中检索。"
    scope = choose_scope(library, "昨天茶叶怎么样？", today=date(2021, 7, 3))
    assert scope.filters.describe() == "2021-07-02"
    given = choose_scope(library, "昨天茶叶怎么样？", Filters(), today=date(2021, 7, 3))
    assert not given.filters, "the user took it away"


def test_news_of_the_time_that_is_asked_about_gains(tmp_path: Path) -> None:
    def report(year: int, month: int, text: str = "东湖镇茶叶产量公布了，第{}次了。") -> Article:
        return Article(
            id=f"{year}{month:012x}", title="东湖镇", text=text.format(year - 2000), path=f"{year}-{month}.md",
            published_at=datetime(year, month, 9, tzinfo=UTC), digest=f"{year}{month}",
        )  # fmt: skip

    settings = Settings(library=tmp_path / "l", models=tmp_path / "m", llm="none", threads=1, embedder="hashing-512-0")
    with Library(settings, HashingEmbedder()) as library:
        library.add_articles([report(2020, 2), report(2022, 6), report(2024, 1)])
        library.add_articles([report(year, 3, "第{}届庙会开了。") for year in range(1990, 2020)])
        question = "2022年5月东湖镇茶叶产量"
        favoured = {hit.article.date: hit for hit in library.search(question, 40)}
        plain = {h.article.date: h for h in retrieve(library, question, 40, dense_weight=library.settings.dense_weight)}
    assert favoured.keys() == plain.keys(), "nothing is shut out"
    raised = {day: round(hit.score * 1.05 - plain[day].score, 6) for day, hit in favoured.items()}
    assert {day for day, more in raised.items() if more} == {"2022-06-09"}, "it came out within two months"
    assert raised["2022-06-09"] == 0.05
    assert [day for day, hit in favoured.items() if "period" in hit.why] == ["2022-06-09"]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2022-05-09", date(2022, 5, 9), date(2022, 5, 9)),
        ("2022-02", date(2022, 2, 1), date(2022, 2, 28)),
        ("2022-12", date(2022, 12, 1), date(2022, 12, 31)),
        ("2022", date(2022, 1, 1), date(2022, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("0001", date(1, 1, 1), date(1, 12, 31)),
        ("9999", date(9999, 1, 1), date(9999, 12, 31)),
    ],
)
def test_days_as_people_type_them(text: str, first: date, last: date) -> None:
    assert (parse_day(text), parse_day(text, last=True)) == (first, last)


@pytest.mark.parametrize("text", ["", "昨天", "2022-13", "22-05-01", "2022-02-30"])
def test_days_that_are_none(text: str) -> None:
    with pytest.raises(SettingsError, match="看不懂日期"):
        parse_day(text)


def test_a_library_of_the_version_before_gets_its_index(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path / "l", models=tmp_path / "m", llm="none", threads=1, embedder="hashing-512-0")
    with Library(settings, HashingEmbedder()) as library:
        library.add_articles(ARTICLES[:5])
        with library.store.transaction() as db:
            db.execute("DROP INDEX articles_by_facets")
            db.execute("DROP INDEX articles_without_bands")
            db.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    with Library(settings, HashingEmbedder()) as library:
        assert library.store.query("SELECT 1 FROM sqlite_master WHERE name = 'articles_by_facets'").fetchone()
        plan = str(
            library.store.query(
                "EXPLAIN QUERY PLAN SELECT id FROM articles WHERE published_at >= ?", ("2021",)
            ).fetchall()
        )
        assert "COVERING INDEX articles_by_facets" in plan
        plan = str(library.store.query("EXPLAIN QUERY PLAN SELECT id FROM articles WHERE bands = x''").fetchall())
        assert "articles_without_bands" in plan
        assert len(library.matching(Filters(sources=("青石日报",)))) == 5
