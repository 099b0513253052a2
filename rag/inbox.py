"""The inbox of a library: articles that were read and wait to be compared with the rest and to get their vectors.

It lies in the store, so that a run that is broken off loses no reading; readers of the library never see it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.database import Database
from rag.records import Article
from rag.schema import TABLES
from rag.store import ONE_OF, FileState, Location, Store


@dataclass(frozen=True, slots=True)
class Entry:
    """An article in the inbox.

    Attributes:
        seq: its row; entries are worked on in this order.
        article: as it was read; once settled, without the lines that are boilerplate for its source.
        body_digest: of what a reader sees of it.
        story, cuts, bands: as in `StoredArticle`; empty until settled.
    """

    seq: int
    path: str
    member: str
    article: Article
    body_digest: str
    story: str = ""
    cuts: str = "[]"
    bands: bytes = b""


_INSERT = f"INSERT INTO inbox ({TABLES['inbox'].removeprefix('seq, ')}) VALUES ({', '.join('?' * 11)})"  # noqa: S608 - constants
_ENTRY = "SELECT seq, path, member, article, body_digest, story, cuts, bands FROM inbox"


def _entry(row: Sequence[object]) -> Entry:
    seq, path, member, article, body, story, cuts, bands = row
    return Entry(seq, path, member, Article.from_json(str(article)), body, story, cuts, bands)  # type: ignore[arg-type]


class Inbox:
    """Access to the inbox of a store. Only the library's one writer may use it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- filling -------------------------------------------------------------------------------------------------

    def begin(self, path: str) -> None:
        """A file is about to be read (again): what waits from an earlier, broken or outdated reading of it goes."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM inbox WHERE path = ? AND settled = 0", (path,))

    def put(
        self,
        entries: Sequence[Entry],
        locations: Sequence[Location],
        finished: Sequence[FileState] = (),
        forget: Sequence[str] = (),
    ) -> None:
        """One transaction: entries to settle, where things were found, and files that were read to their end.

        Args:
            entries: their `seq` is not used; one of the same article that waits already is replaced.
            forget: paths whose files are to be read again.
        """
        if not (entries or locations or finished or forget):
            return
        with self._store.transaction() as db:
            for entry in entries:
                put_entry(db, entry)
            for place in locations:
                put_location(db, place)
            forgotten = dict.fromkeys([*(f.path for f in finished), *forget])
            db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in forgotten])
            seen = {f.path: (f.path, f.size, f.mtime_ns) for f in finished if f.path not in forget}
            db.executemany("INSERT INTO files VALUES (?, ?, ?)", list(seen.values()))

    def waiting_place(self, article_id: str) -> tuple[str, str, str] | None:
        """Path, member and digest of the waiting article of this id, or None."""
        row = self._store.query("SELECT path, member, digest FROM inbox WHERE article_id = ?", (article_id,)).fetchone()
        return (row[0], row[1], row[2]) if row else None

    def waiting_in(self, paths: Sequence[str]) -> list[str]:
        """Ids of the articles that were read from these paths and wait."""
        rows = self._store.query(f"SELECT article_id FROM inbox WHERE path {ONE_OF}", (json.dumps(list(paths)),))  # noqa: S608 - constant
        return [id_ for (id_,) in rows]

    # -- emptying ------------------------------------------------------------------------------------------------

    def unsettled(self) -> list[int]:
        """Rows that were not compared with the rest yet, earliest published first (then by place, so that the order is always the same)."""
        rows = self._store.query(
            "SELECT seq FROM inbox WHERE settled = 0 ORDER BY published_at IS NULL, published_at, path, member"
        )
        return [seq for (seq,) in rows]

    def entry(self, seq: int) -> Entry:
        """One entry."""
        return _entry(self._store.query(_ENTRY + " WHERE seq = ?", (seq,)).fetchone())

    def settled(self, after: int, limit: int) -> list[Entry]:
        """The next settled entries behind a row, in order."""
        return [
            _entry(row)
            for row in self._store.query(_ENTRY + " WHERE settled = 1 AND seq > ? ORDER BY seq LIMIT ?", (after, limit))
        ]

    def counts(self) -> tuple[int, int]:
        """Number of entries, and of characters in them (a measure of the work that is left)."""
        row = self._store.query("SELECT count(*), coalesce(sum(length(article)), 0) FROM inbox").fetchone()
        return int(row[0]), int(row[1])


def put_location(db: Database, place: Location) -> None:
    """Note what stands at a place, within the caller's transaction.

    A place that goes wrong keeps the article it held. An article whose place holds another one now is superseded.
    """
    key = (place.path, place.member)
    before = db.execute("SELECT article_id FROM locations WHERE path = ? AND member = ?", key).fetchone()
    article_id = place.article_id or (before[0] if before else None)
    if before and before[0] and article_id != before[0]:
        db.execute("INSERT INTO superseded VALUES (?) ON CONFLICT DO NOTHING", before)
    db.execute("DELETE FROM locations WHERE path = ? AND member = ?", key)
    db.execute("INSERT INTO locations VALUES (?, ?, ?, ?, ?)", (*key, article_id, place.reason, place.message))


def put_entry(db: Database, entry: Entry, *, settled: bool = False) -> None:
    """Write an entry within the caller's transaction, in the place of one of the same article."""
    article = entry.article
    # An entry that was settled before keeps its story: it was counted then and is not to be counted again.
    before = db.execute("SELECT story FROM inbox WHERE article_id = ?", (article.id,)).fetchone()
    story = entry.story or (before[0] if before else "")
    db.execute("DELETE FROM inbox WHERE article_id = ?", (article.id,))
    db.execute(
        _INSERT,
        (
            entry.path, entry.member, article.id, article.digest, article.to_json(),
            article.published_at.isoformat() if article.published_at else None, entry.body_digest, int(settled),
            story, entry.cuts, entry.bands,
        ),
    )  # fmt: skip


def iterate(inbox: Inbox, batch: int = 64) -> Iterator[Entry]:
    """Every settled entry in order, a few at a time; entries that are taken out meanwhile do no harm."""
    after = 0
    while entries := inbox.settled(after, batch):
        yield from entries
        after = entries[-1].seq
