"""What the store's articles are filtered by, asked of it in SQL; see `rag.filters`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from rag.filters import Facets, Filters, category_path, first_moment
from rag.records import SHANGHAI
from rag.store import NUMBER_OF, ONE_OF, Store


def conditions(filters: Filters) -> tuple[str, list[str]]:
    """What SQL asks of the table `articles` for these filters, and the values of its question marks."""
    clauses, values = ["1 = 1"], []
    if filters.after:
        clauses.append("published_at >= ?")
        values.append(first_moment(filters.after).isoformat())
    if filters.before:
        clauses.append("published_at < ?")
        values.append(first_moment(filters.before, following=True).isoformat())
    for column, wanted in (("source", filters.sources), ("id", filters.articles)):
        if wanted:
            clauses.append(f"{column} {ONE_OF}")
            values.append(json.dumps(wanted))
    if filters.categories:
        # '["金融"' is followed by ']' or by ', "': no other category begins with it
        starts = [json.dumps(category_path(path), ensure_ascii=False)[:-1] for path in filters.categories]
        clauses.append("EXISTS (SELECT 1 FROM json_each(?) WHERE substr(category, 1, length(value)) = value)")
        values.append(json.dumps(starts))
    return " AND ".join(clauses), values


def matching_chunks(store: Store, filters: Filters) -> NDArray[np.int64]:
    """Ids of the chunks whose articles the filters let through, ascending, shape (n,)."""
    where, values = conditions(filters)
    articles = f"SELECT id FROM articles WHERE {where}"  # noqa: S608 - constants and question marks
    rows = store.query(f"SELECT id FROM chunks WHERE article_id IN ({articles})", values)  # noqa: S608
    return np.sort(np.fromiter((id_ for (id_,) in rows), dtype=np.int64))


def facets(store: Store) -> Facets:
    """Sources and category paths, the most frequent first, and the first and last day of publication."""
    sources = store.query("SELECT source, count(*) FROM articles GROUP BY source ORDER BY 2 DESC, 1")
    found = {source: count for source, count in sources if source}
    categories: Counter[str] = Counter()
    for category, count in store.query("SELECT category, count(*) FROM articles GROUP BY category"):
        path = json.loads(category)
        categories.update({"/".join(path[: i + 1]): count for i in range(len(path))})
    moments = store.query("SELECT min(published_at), max(published_at) FROM articles").fetchone()
    days = [datetime.fromisoformat(moment).astimezone(SHANGHAI).date() if moment else None for moment in moments]
    return Facets(found, dict(categories.most_common()), days[0], days[1])


def days_of(store: Store, chunk_ids: Sequence[int]) -> dict[int, date]:
    """The day of publication in Asia/Shanghai of the chunks that have one."""
    rows = store.query(
        f"SELECT c.id, a.published_at FROM chunks c JOIN articles a ON a.id = c.article_id WHERE c.id {NUMBER_OF}",  # noqa: S608
        [json.dumps([int(id_) for id_ in chunk_ids])],
    )
    return {id_: datetime.fromisoformat(moment).astimezone(SHANGHAI).date() for id_, moment in rows if moment}
