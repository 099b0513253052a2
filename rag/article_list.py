"""The list of a library's articles, page by page: searched by words of the title, filtered and sorted in SQL; and its statistics.

All but the rows shown are read from indexes (see `rag.schema.LIST_INDEX`): no text is touched to find a page among 100,000.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal

from rag.facets import conditions
from rag.filters import Filters
from rag.records import SHANGHAI
from rag.schema import LIST_INDEX
from rag.store import ONE_OF, Store
from rag.words import search_form

Order = Literal["date", "title", "source"]

PAGE_SIZE: Final = 50
LENGTHS: Final = (100, 300, 1_000, 3_000, 10_000)
"""Where the classes of article length begin, in characters; below the first one is a class, too."""

_WORDS = 8
_LIST = f"articles INDEXED BY {LIST_INDEX}"
"""SQLite would rather use the index of sources alone, and read the text of every article of a source for its date."""
_ORDERS: Final[Mapping[Order, str]] = {
    "date": "published_at IS NULL, published_at {0}, id",
    "title": "title {0}, id",
    "source": "source = '', source {0}, published_at IS NULL, published_at DESC, id",
}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which articles are listed, in which order, and which page of them.

    Attributes:
        words: all of them must be in the title, in either script.
        descending: newest, or last of the alphabet, first. Articles without a date or source come last either way.
        page: from 1; beyond the last one it is the last one.
        size: articles on a page.
    """

    words: str = ""
    filters: Filters = field(default_factory=Filters)
    order: Order = "date"
    descending: bool = True
    page: int = 1
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class ListedArticle:
    """One line of the list. `date` is the day in Asia/Shanghai, or empty."""

    id: str
    title: str
    source: str
    date: str
    category: tuple[str, ...]
    characters: int


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page: its rows, its number, how many pages there are (at least 1) and how many articles on all of them."""

    rows: tuple[ListedArticle, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is in a library.

    Attributes:
        months: articles by month of publication in Asia/Shanghai ("2021-07"), ascending; those without a date under "".
        sources: by source, the most frequent first; those without one under "".
        categories: by the broadest category, likewise.
        lengths: articles in each class of `LENGTHS`, len(LENGTHS) + 1 of them, the shortest first.
        characters: of all texts together.
    """

    articles: int
    chunks: int
    characters: int
    months: Mapping[str, int]
    sources: Mapping[str, int]
    categories: Mapping[str, int]
    lengths: tuple[int, ...]


def list_page(store: Store, query: ListQuery) -> ListPage:
    """One page of the list."""
    where, values = conditions(query.filters)
    for word in query.words.split()[:_WORDS]:
        forms = _forms(word)
        where += f" AND ({' OR '.join(['instr(lower(title), ?) > 0'] * len(forms))})"
        values += forms
    total = int(store.query(f"SELECT count(*) FROM {_LIST} WHERE {where}", values).fetchone()[0])  # noqa: S608 - constants and question marks
    pages = max(1, -(-total // query.size))
    page = min(max(1, query.page), pages)
    order = _ORDERS[query.order].format("DESC" if query.descending else "ASC")
    found = store.query(
        f"SELECT id FROM {_LIST} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",  # noqa: S608 - likewise
        [*values, query.size, (page - 1) * query.size],
    )
    return ListPage(tuple(listed(store, [id_ for (id_,) in found])), page, pages, total)


def listed(store: Store, ids: Sequence[str]) -> list[ListedArticle]:
    """The lines of articles, in the order asked for; those that are gone are left out."""
    rows = store.query(
        f"SELECT id, title, source, published_at, category, length(text) FROM articles WHERE id {ONE_OF}",  # noqa: S608 - constant
        (json.dumps(list(ids)),),
    )
    lines = {row[0]: _line(row) for row in rows}
    return [lines[id_] for id_ in ids if id_ in lines]


def statistics(store: Store) -> Statistics:
    """Count everything; reads the length of every text (30 ms for 7,000 articles)."""
    sources = dict(store.query("SELECT source, count(*) FROM articles GROUP BY source ORDER BY 2 DESC, 1").fetchall())
    categories: Counter[str] = Counter()
    for category, count in store.query("SELECT category, count(*) FROM articles GROUP BY category"):
        categories[(json.loads(category) or [""])[0]] += count
    lengths = [0] * (len(LENGTHS) + 1)
    characters = 0
    for (length,) in store.query("SELECT length(text) FROM articles"):
        lengths[sum(length >= limit for limit in LENGTHS)] += 1
        characters += length
    articles, chunks = store.counts()
    return Statistics(
        articles, chunks, characters, months(store), sources, dict(categories.most_common()), tuple(lengths)
    )  # fmt: skip


def months(store: Store) -> dict[str, int]:
    """Articles by month of publication in Asia/Shanghai ("2021-07"), ascending; those without a date under ""."""
    counts: Counter[str] = Counter()
    for moment, count in store.query("SELECT published_at, count(*) FROM articles GROUP BY published_at"):
        counts[_day(moment)[:7]] += count
    return dict(sorted(counts.items()))


def chunk_count(store: Store, article_id: str) -> int:
    """How many passages an article is cut into."""
    return int(store.query("SELECT count(*) FROM chunks WHERE article_id = ?", (article_id,)).fetchone()[0])


def _forms(word: str) -> list[str]:
    """A word as titles may spell it: as it is, in simplified and in traditional script; ASCII in lower case."""
    lower = "".join(char.lower() if char.isascii() else char for char in word)
    plain = search_form(word)
    return list(dict.fromkeys((lower, plain, str(_traditional().convert(plain)))))


@cache
def _traditional() -> Any:
    import opencc

    return opencc.OpenCC("s2t")


def _line(row: Sequence[Any]) -> ListedArticle:
    id_, title, source, moment, category, characters = row
    return ListedArticle(id_, title, source, _day(moment), tuple(json.loads(category)), int(characters))


def _day(moment: str | None) -> str:
    return datetime.fromisoformat(moment).astimezone(SHANGHAI).strftime("%Y-%m-%d") if moment else ""
