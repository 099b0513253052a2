"""What a new article is among the others: the same text as one that is there, a near-duplicate, with lines that are its source's footer.

All of it is worked out in one transaction over everything that waits, so that it does not matter where a run was broken off before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rag.database import Database
from rag.inbox import Entry, Inbox, put_entry, put_location
from rag.near_duplicates import band_keys, same_story, signature
from rag.reading.recurring import Cut, cut_lines, edge_lines, is_boilerplate, restore
from rag.records import Article
from rag.store import Location, Store

_CANDIDATES = 12
"""Near-duplicates are looked for among so many articles with the most bands in common."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An article that is not kept, because another one (`twin`, its id) has the same title and text.

    `moved` says that the other one's file is gone: this is where it lies now.
    """

    location: Location
    article: Article
    twin: str
    moved: bool


def settle(store: Store, on_entry: Callable[[int, int], None] | None = None) -> list[Duplicate]:
    """Compare everything that waits with the library and with itself; afterwards it only needs its vectors.

    Args:
        on_entry: told how many entries are done, and how many there are.

    Returns:
        The articles that need not be kept.
    """
    inbox = Inbox(store)
    rows = inbox.unsettled()
    superseded = store.query("SELECT 1 FROM superseded LIMIT 1").fetchone()
    if not rows and not superseded and not _lacking_bands(store):
        return []
    duplicates: list[Duplicate] = []
    with store.transaction() as db:
        for article_id in _lacking_bands(store):  # from a library of an older version
            _link_stored(store, db, article_id)
        fresh: list[int] = []
        uncounted: set[int] = set()
        for done, seq in enumerate(rows):
            entry = inbox.entry(seq)
            twin = _twin(store, entry)
            if twin:
                duplicates.append(_merge(store, db, entry, twin))
            else:
                if _place(store, db, entry):
                    uncounted.add(seq)
                fresh.append(seq)
            if on_entry:
                on_entry(done + 1, len(rows))
        learned = _learn(store, db, inbox, fresh, uncounted)
        for seq in fresh:
            _cut(store, db, inbox.entry(seq))
        _clean_older(store, db, inbox, learned)
        _drop_superseded(store, db)
    return duplicates


def _drop_superseded(store: Store, db: Database) -> None:
    """Remove the articles whose place holds another one now, unless they were found elsewhere."""
    rows = store.query(
        "SELECT article_id FROM superseded WHERE article_id NOT IN (SELECT article_id FROM locations WHERE article_id IS NOT NULL)"
    )
    for (article_id,) in rows.fetchall():
        store.erase(db, article_id)
    db.execute("DELETE FROM superseded")


# -- the same text -----------------------------------------------------------------------------------------------


def _twin(store: Store, entry: Entry) -> str | None:
    """Id of another article with the same title and text, settled before, or None."""
    settled = "SELECT article_id FROM inbox WHERE body_digest = ? AND settled = 1 AND article_id != ?"
    stored = (
        "SELECT id FROM articles WHERE body_digest = ? AND id != ?"
        " AND id NOT IN (SELECT article_id FROM inbox)"  # what waits is about to change
    )
    for query in (settled, stored):
        row = store.query(query, (entry.body_digest, entry.article.id)).fetchone()
        if row:
            return str(row[0])
    return None


def _merge(store: Store, db: Database, entry: Entry, twin: str) -> Duplicate:
    others = [place for place in store.locations(twin) if (place.path, place.member) != (entry.path, entry.member)]
    moved = bool(entry.path) and bool(others) and all(store.database.gone(place.path) for place in others)
    if moved:
        for place in others:
            db.execute("DELETE FROM locations WHERE path = ? AND member = ?", (place.path, place.member))
            db.execute("DELETE FROM files WHERE path = ?", (place.path,))
        db.execute("UPDATE articles SET path = ? WHERE id = ?", (entry.article.path, twin))
    location = Location(entry.path, entry.member, twin)
    if entry.path:
        put_location(db, location)
    db.execute("DELETE FROM inbox WHERE seq = ?", (entry.seq,))
    return Duplicate(location, entry.article, twin, moved)


# -- nearly the same text ----------------------------------------------------------------------------------------


def _place(store: Store, db: Database, entry: Entry) -> bool:
    """Find the entry's story among the articles settled before it. True if it is a story of its own that was not counted yet."""
    article = entry.article
    old = store.query("SELECT bands FROM articles WHERE id = ?", (article.id,)).fetchone()
    if old:  # its old text counts no more; those it stood for get another
        _forget_bands(db, article.id, old[0])
        heir = store.query(
            "SELECT id FROM articles WHERE story = ? AND id != ? ORDER BY published_at IS NULL, published_at, path LIMIT 1",
            (article.id, article.id),
        ).fetchone()
        if heir:
            db.execute("UPDATE articles SET story = ? WHERE story = ? AND id != ?", (heir[0], article.id, article.id))
    if entry.bands:
        _forget_bands(db, article.id, entry.bands)
    bands = band_keys(signature(article.text))
    story = _story(store, article, bands)
    _remember_bands(db, article.id, bands)
    db.execute("UPDATE inbox SET settled = 1, story = ?, bands = ? WHERE seq = ?", (story, _pack(bands), entry.seq))
    return story == article.id and not old and not entry.story


def _story(store: Store, article: Article, bands: tuple[int, ...]) -> str:
    """Id of the article that stands for the story this article tells again; its own id if none does."""
    marks = ",".join("?" * len(bands))
    rows = store.query(
        f"SELECT article_id FROM bands WHERE key IN ({marks}) AND article_id != ? GROUP BY article_id"  # noqa: S608 - question marks
        " ORDER BY count(*) DESC, article_id LIMIT ?",
        (*bands, article.id, _CANDIDATES),
    ).fetchall()
    for (other_id,) in rows:
        waiting = store.query(
            "SELECT article, story FROM inbox WHERE article_id = ? AND settled = 1", (other_id,)
        ).fetchone()
        if waiting:
            other, story = Article.from_json(waiting[0]), waiting[1]
        else:
            stored = store.article(other_id)
            if stored is None:
                continue
            other, story = stored, store.query("SELECT story FROM articles WHERE id = ?", (other_id,)).fetchone()[0]
        if story != article.id and same_story(article.text, other.text):
            return str(story)
    return article.id


def _lacking_bands(store: Store) -> list[str]:
    order = "published_at IS NULL, published_at, path"  # the first to tell a story stands for it, as with its heirs
    return [id_ for (id_,) in store.query(f"SELECT id FROM articles WHERE bands = x'' ORDER BY {order}")]  # noqa: S608 - constant


def _link_stored(store: Store, db: Database, article_id: str) -> None:
    article = store.article(article_id)
    assert article is not None
    bands = band_keys(signature(article.text))
    db.execute(
        "UPDATE articles SET story = ?, bands = ? WHERE id = ?",
        (_story(store, article, bands), _pack(bands), article_id),
    )
    _remember_bands(db, article_id, bands)
    if article.source:
        _count(db, article.source, edge_lines(article.text))


def _remember_bands(db: Database, article_id: str, bands: tuple[int, ...]) -> None:
    db.executemany("INSERT INTO bands VALUES (?, ?) ON CONFLICT DO NOTHING", [(key, article_id) for key in bands])


def _forget_bands(db: Database, article_id: str, packed: bytes) -> None:
    keys = np.frombuffer(packed, dtype="<i8").tolist()
    db.executemany("DELETE FROM bands WHERE key = ? AND article_id = ?", [(key, article_id) for key in keys])


def _pack(bands: tuple[int, ...]) -> bytes:
    return np.asarray(bands, dtype="<i8").tobytes()


# -- lines that recur --------------------------------------------------------------------------------------------


def line_key(source: str, line: str) -> int:
    """The key under which a line of a source is counted; the empty line counts the source's stories."""
    digest = hashlib.blake2b(f"{source}\0{line}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _count(db: Database, source: str, lines: tuple[str, ...]) -> None:
    db.executemany(
        "INSERT INTO lines VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET articles = lines.articles + 1",
        [(line_key(source, line),) for line in ("", *lines)],
    )


def _articles_with(store: Store, source: str, line: str) -> int:
    row = store.query("SELECT articles FROM lines WHERE key = ?", (line_key(source, line),)).fetchone()
    return int(row[0]) if row else 0


def _learn(store: Store, db: Database, inbox: Inbox, fresh: list[int], uncounted: set[int]) -> set[tuple[str, str]]:
    """Count the new stories' lines and learn those that recur in their source. A repost or a new version counts for nothing."""
    for entry in map(inbox.entry, sorted(uncounted)):
        if entry.article.source:
            _count(db, entry.article.source, edge_lines(entry.article.text))
    learned: set[tuple[str, str]] = set()
    for entry in map(inbox.entry, fresh):
        source = entry.article.source
        total = _articles_with(store, source, "") if source else 0
        for line in edge_lines(entry.article.text) if source else ():
            if (source, line) not in learned and is_boilerplate(_articles_with(store, source, line), total):
                learned.add((source, line))
    known = set(store.query("SELECT source, line FROM learned").fetchall())
    db.executemany("INSERT INTO learned VALUES (?, ?)", sorted(learned - known))
    return learned - known


def learned_lines(store: Store, source: str) -> frozenset[str]:
    """The lines that are boilerplate for a source."""
    return frozenset(line for (line,) in store.query("SELECT line FROM learned WHERE source = ?", (source,)))


def _cut(store: Store, db: Database, entry: Entry) -> None:
    article, cuts = cut_lines(entry.article, learned_lines(store, entry.article.source))
    db.execute(
        "UPDATE inbox SET article = ?, cuts = ? WHERE seq = ?", (article.to_json(), encode_cuts(cuts), entry.seq)
    )


def _clean_older(store: Store, db: Database, inbox: Inbox, learned: set[tuple[str, str]]) -> None:
    """Put articles that have a line learned only now into the inbox once more, without it."""
    ids: dict[str, None] = {}
    for source, line in sorted(learned):
        rows = store.query(
            "SELECT id FROM articles WHERE source = ? AND instr(text, ?) > 0 AND id NOT IN (SELECT article_id FROM inbox)"
            " ORDER BY id",
            (source, line),
        )
        ids |= dict.fromkeys(id_ for (id_,) in rows)
    for article_id in ids:
        stored = store.article(article_id)
        assert stored is not None
        body, story, known, bands = store.query(
            "SELECT body_digest, story, cuts, bands FROM articles WHERE id = ?", (article_id,)
        ).fetchone()
        article, cuts = cut_lines(restore(stored, decode_cuts(known)), learned_lines(store, stored.source))
        if article.text != stored.text:
            put_entry(db, Entry(-1, "", "", article, body, story, encode_cuts(cuts), bands), settled=True)


def encode_cuts(cuts: tuple[Cut, ...]) -> str:
    """Lines taken out of an article, as JSON."""
    return json.dumps([[cut.line, cut.text] for cut in cuts], ensure_ascii=False)


def decode_cuts(cuts: str) -> tuple[Cut, ...]:
    """What `encode_cuts` wrote."""
    return tuple(Cut(line, text) for line, text in json.loads(cuts))


def as_read(article: Article, cuts: str) -> Article:
    """The stored article with the lines that were taken out of it."""
    return restore(article, decode_cuts(cuts))


def removed_lines(store: Store) -> Iterator[tuple[str, str, int]]:
    """For people who want to look: each learned line with its source and in how many of its stories it stood."""
    for source, line in store.query("SELECT source, line FROM learned ORDER BY source, line"):
        yield source, line, _articles_with(store, source, line)
