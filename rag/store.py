"""The truth of a library: articles, chunks and vectors in one SQLite file. All else on disk is derived from it.

Every write is one transaction that raises `generation` by one; chunks remember the generation that added them, and removed
chunks are logged with the generation that removed them, so that a derived index can catch up from any generation it has.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.database import Database, Rows, SqliteDatabase
from rag.errors import LibraryVersion
from rag.records import Article, Chunk, IndexedChunk
from rag.schema import SCHEMA_VERSION, TABLES


@dataclass(frozen=True, slots=True)
class FileState:
    """What a file on disk was like when it was last read to its end."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Location:
    """What stands at a place: an article, or `reason` (a key for counting) and `message` (Chinese) for why there is none.

    `member` names the part of a file that holds several; it is empty for a file that is one article.
    """

    path: str
    member: str = ""
    article_id: str | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """One article on its way into the store.

    Attributes:
        vectors: a row for each chunk, shape (len(chunks), dim), float32.
        story: id of the article that stands for it and its near-duplicates; empty for itself.
        cuts: lines taken out because they recur in its source, as JSON (see rag.reading.recurring).
        bands: packed MinHash bands.
        seq: its row in the inbox, which goes in the same transaction; None if it never was there.
    """

    article: Article
    body_digest: str
    chunks: Sequence[Chunk]
    vectors: NDArray[np.float32]
    story: str = ""
    cuts: str = "[]"
    bands: bytes = b""
    seq: int | None = None


class Store:
    """The tables of one library. Safe to use from several threads and processes; only one of them may write at a time.

    Args:
        place: the database, or the path of a SQLite file; made when missing.

    Raises:
        LibraryVersion: it was written by another version of the schema.
        LibraryError: it is not a library, or cannot be opened.
    """

    def __init__(self, place: Path | Database) -> None:
        self.database = SqliteDatabase(place) if isinstance(place, Path) else place
        try:
            self.database.prepare()
            version = self.meta().get("schema", "?")
        except BaseException:
            self.database.close()
            raise
        if version != str(SCHEMA_VERSION):
            self.database.close()
            raise LibraryVersion(
                f"知识库 {self.name} 的格式版本是 {version}，这一版有据读到版本 {SCHEMA_VERSION} 为止",
                "请升级有据（它由更新的版本写成），或换一个 --library",
            )

    @property
    def name(self) -> str:
        """The file or address, for messages."""
        return self.database.name

    def moved(self) -> bool:
        """Whether the articles that were in this SQLite file are in another database now."""
        if not isinstance(self.database, SqliteDatabase):
            return False
        return bool(self.query("SELECT 1 FROM meta WHERE key = ?", (ELSEWHERE,)).fetchone())

    def transaction(self) -> AbstractContextManager[Database]:
        """One write: all of it or none. Readers see what was there before until it is committed."""
        return self.database.transaction()

    def query(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Read rows; within a transaction of this thread, those that it has written so far too."""
        return self.database.execute(sql, values)

    def close(self) -> None:
        """Close every thread's connection."""
        self.database.close()

    # -- what the library knows of itself ------------------------------------------------------------------------

    def meta(self) -> dict[str, str]:
        """Everything recorded of how the library was made, e.g. embedder, fingerprint, dim, chunking."""
        return dict(self.query("SELECT key, value FROM meta").fetchall())

    def set_meta(self, values: Mapping[str, str]) -> None:
        """Record how the library is made."""
        with self.transaction() as db:
            db.executemany(_PUT_META, list(values.items()))

    def generation(self) -> int:
        """Number of the last write; 0 for a new library."""
        return int(self.query("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])

    def library_id(self) -> str:
        """What this library is known by wherever it is moved; made up when first asked for."""
        known = self.meta().get(LIBRARY_ID)
        if known is None:
            known = uuid.uuid4().hex
            self.set_meta({LIBRARY_ID: known})
        return known

    def counts(self) -> tuple[int, int]:
        """Number of articles and of chunks."""
        articles, chunks = self.query(
            "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM chunks)"
        ).fetchone()
        return articles, chunks

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, articles: Sequence[StoredArticle] = (), remove: Iterable[str] = ()) -> int:
        """One transaction: put articles (replacing those of the same id), remove others with all that is known of them.

        Returns:
            The new generation. After a crash either all of it is there or none.
        """
        with self.transaction() as db:
            generation = self._next_generation(db)
            for article_id in remove:
                self._drop_chunks(db, article_id, generation)
                self._remove(db, article_id)
            for stored in articles:
                self._drop_chunks(db, stored.article.id, generation)
                self._put(db, stored, generation)
        return generation

    def erase(self, db: Database, article_id: str) -> None:
        """Remove an article within the caller's transaction."""
        self._drop_chunks(db, article_id, self._next_generation(db))
        self._remove(db, article_id)

    def replace_chunks(self, made: Iterable[tuple[str, int, int, str, bytes]], facts: Mapping[str, str]) -> None:
        """Put other chunks in the place of all that are here, and record how they were made, in one transaction.

        Args:
            made: article id, start, end, heading and packed vector of each, those of an article one after the other.
        """
        with self.transaction() as db:
            generation = self._next_generation(db)
            db.execute("INSERT INTO removed SELECT id, ? FROM chunks", (generation,))
            db.execute("DELETE FROM chunks")
            rows = ((*row, generation) for row in made)
            while batch := list(islice(rows, _AT_ONCE)):
                db.executemany(_INSERT_CHUNK, batch)
            db.executemany(_PUT_META, list(facts.items()))

    @staticmethod
    def _next_generation(db: Database) -> int:
        db.execute("UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'generation'")
        return int(db.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])

    @staticmethod
    def _put(db: Database, stored: StoredArticle, generation: int) -> None:
        a = stored.article
        db.execute(
            _PUT_ARTICLE,
            (
                a.id, a.title, a.text, a.source, json.dumps(a.category, ensure_ascii=False), a.author, a.url,
                a.published_at.astimezone(UTC).isoformat() if a.published_at else None, a.path, a.digest,
                json.dumps(dict(a.metadata), ensure_ascii=False), stored.body_digest, stored.story or a.id, stored.cuts,
                stored.bands,
            ),
        )  # fmt: skip
        db.executemany(
            _INSERT_CHUNK,
            [
                (a.id, c.start, c.end, c.heading, pack(v), generation)
                for c, v in zip(stored.chunks, stored.vectors, strict=True)
            ],
        )
        if stored.seq is not None:
            db.execute("DELETE FROM inbox WHERE seq = ?", (stored.seq,))

    @staticmethod
    def _remove(db: Database, article_id: str) -> None:
        # A file that held nothing but this article is forgotten, so that the next `add` may read it again.
        db.execute(
            "DELETE FROM files WHERE path IN (SELECT path FROM locations WHERE article_id = ? AND member = '')",
            (article_id,),
        )
        db.execute("DELETE FROM locations WHERE article_id = ?", (article_id,))
        waiting = "SELECT bands FROM articles WHERE id = ? UNION ALL SELECT bands FROM inbox WHERE article_id = ?"
        for (bands,) in db.execute(waiting, (article_id, article_id)).fetchall():
            keys = np.frombuffer(bands, dtype="<i8").tolist()
            db.executemany("DELETE FROM bands WHERE key = ? AND article_id = ?", [(key, article_id) for key in keys])
        db.execute("DELETE FROM inbox WHERE article_id = ?", (article_id,))
        db.execute("DELETE FROM articles WHERE id = ?", (article_id,))
        heir = db.execute(
            "SELECT id FROM articles WHERE story = ? ORDER BY published_at IS NULL, published_at, path LIMIT 1",
            (article_id,),
        ).fetchone()
        if heir:  # it stood for others: the earliest of them does from now on
            db.execute("UPDATE articles SET story = ? WHERE story = ?", (heir[0], article_id))
            db.execute("UPDATE inbox SET story = ? WHERE story = ?", (heir[0], article_id))

    @staticmethod
    def _drop_chunks(db: Database, article_id: str, generation: int) -> None:
        db.execute("INSERT INTO removed SELECT id, ? FROM chunks WHERE article_id = ?", (generation, article_id))
        db.execute("DELETE FROM chunks WHERE article_id = ?", (article_id,))

    # -- reading -------------------------------------------------------------------------------------------------

    def article(self, article_id: str) -> Article | None:
        """One article, or None."""
        row = self.query(_ARTICLES + " WHERE id = ?", (article_id,)).fetchone()
        return _article(row) if row else None

    def articles(self) -> Iterator[Article]:
        """Every article, newest first."""
        for row in self.database.stream(_ARTICLES + " ORDER BY published_at IS NULL, published_at DESC, path"):
            yield _article(row)

    def digest(self, article_id: str) -> str | None:
        """Digest of an article as it was read, or None where there is no such article."""
        row = self.query("SELECT digest FROM articles WHERE id = ?", (article_id,)).fetchone()
        return row[0] if row else None

    def stories(self, article_ids: Sequence[str]) -> dict[str, tuple[str, tuple[Article, ...]]]:
        """For each article its story, and every article of that story (itself too) if there are several, earliest first."""
        rows = self.query(f"SELECT id, story FROM articles WHERE id {ONE_OF}", (json.dumps(list(article_ids)),))  # noqa: S608 - constant
        story = dict(rows.fetchall())
        counted = self.query(
            f"SELECT story FROM articles WHERE story {ONE_OF} GROUP BY story HAVING count(*) > 1",  # noqa: S608 - constant
            (json.dumps(sorted(set(story.values()))),),
        )
        members: dict[str, tuple[Article, ...]] = {}
        for (several,) in counted.fetchall():
            rows = self.query(
                _ARTICLES + " WHERE story = ? ORDER BY published_at IS NULL, published_at, path LIMIT ?",
                (several, _MAX_STORY),
            )
            members[several] = tuple(_article(member) for member in rows)
        return {id_: (story[id_], members.get(story[id_], ())) for id_ in article_ids if id_ in story}

    def locations(self, article_id: str) -> list[Location]:
        """Where an article stands, sorted; places that went wrong since are left out."""
        rows = self.query(_LOCATIONS + " WHERE article_id = ? AND reason = '' ORDER BY path, member", (article_id,))
        return [Location(*row) for row in rows]

    def locations_in(self, path: str) -> dict[str, Location]:
        """What was found in a file, by member."""
        rows = self.query(_LOCATIONS + " WHERE path = ?", (path,))
        return {row[1]: Location(*row) for row in rows}

    def files(self) -> dict[str, FileState]:
        """What was last seen at each path."""
        rows = self.query("SELECT path, size, mtime_ns FROM files")
        return {row[0]: FileState(*row) for row in rows}

    def places(self) -> Iterator[tuple[str, str]]:
        """Every (article id, path) at which an article was found."""
        yield from self.database.stream("SELECT article_id, path FROM locations WHERE article_id IS NOT NULL")

    def waiting(self) -> int:
        """Number of articles that were read and still wait for their vectors."""
        return int(self.query("SELECT count(*) FROM inbox").fetchone()[0])

    def chunks_of(self, article_id: str) -> list[tuple[Chunk, NDArray[np.float32]]]:
        """The chunks of an article with their vectors, in the order of the text."""
        article = self.article(article_id)
        if article is None:
            return []
        rows = self.query(
            'SELECT id, start, "end", heading, vector FROM chunks WHERE article_id = ? ORDER BY start', (article_id,)
        )
        return [
            (Chunk(id_, article_id, start, end, article.text[start:end], heading), unpack(vector))
            for id_, start, end, heading, vector in rows
        ]

    def chunks(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, Article]]:
        """Chunks by id with their articles, in the order asked for; ids that are gone are left out."""
        asked = json.dumps([int(id_) for id_ in ids])
        rows = self.query(
            f'SELECT id, article_id, start, "end", heading FROM chunks WHERE id {NUMBER_OF}',  # noqa: S608 - constant
            (asked,),
        )
        spans = {row[0]: row for row in rows}
        wanted = json.dumps(sorted({row[1] for row in spans.values()}))
        articles = {row[0]: _article(row) for row in self.query(f"{_ARTICLES} WHERE id {ONE_OF}", (wanted,))}
        found: dict[int, tuple[Chunk, Article]] = {}
        for id_ in ids:
            if id_ in spans and spans[id_][1] in articles:
                _, article_id, start, end, heading = spans[id_]
                article = articles[article_id]
                found[id_] = (Chunk(id_, article_id, start, end, article.text[start:end], heading), article)
        return found

    def vectors_since(self, generation: int) -> Iterator[tuple[int, bytes]]:
        """Chunks added after a generation: id, packed vector (see `unpack`)."""
        yield from self.database.stream(
            f"SELECT id, vector FROM chunks{_since(generation)} WHERE generation > ? ORDER BY id",  # noqa: S608 - constants
            (generation,),
        )

    def words_since(self, generation: int) -> Iterator[IndexedChunk]:
        """Chunks added after a generation, as the keyword index takes them."""
        columns = (
            'c.id, a.title, substr(a.text, c.start + 1, c."end" - c.start), a.id, a.published_at, a.source, a.category'
        )
        tables = f"chunks c{_since(generation)} JOIN articles a ON a.id = c.article_id"
        sql = f"SELECT {columns} FROM {tables} WHERE c.generation > ? ORDER BY c.id"  # noqa: S608 - constants
        rows = self.database.stream(sql, (generation,))
        for id_, title, text, article_id, published_at, source, category in rows:
            moment = datetime.fromisoformat(published_at) if published_at else None
            yield IndexedChunk(id_, title, text, article_id, moment, source, tuple(json.loads(category)))

    def removed_since(self, generation: int) -> list[int]:
        """Ids of the chunks removed after a generation."""
        rows = self.query("SELECT chunk_id FROM removed WHERE generation > ?", (generation,))
        return [id_ for (id_,) in rows]

    def vectors_of(self, chunk_ids: Sequence[int]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The vectors of chunks, those that are there, in the order asked for."""
        rows = self.query(
            f"SELECT id, vector FROM chunks WHERE id {NUMBER_OF}",  # noqa: S608 - constant
            (json.dumps([int(id_) for id_ in chunk_ids]),),
        )
        found = dict(rows.fetchall())
        for id_ in chunk_ids:
            if id_ in found:
                yield id_, unpack(found[id_])

    def chunk_ids(self) -> set[int]:
        """Every chunk id; `youju check` compares the indexes with it."""
        return {id_ for (id_,) in self.query("SELECT id FROM chunks")}


def open_store(home: Path) -> Store:
    """The store of the library in a folder, wherever its articles lie: the SQLite file there holds them, or says which database does.

    Raises:
        LibraryError: see `Store`.
    """
    store = Store(home / DATABASE)
    place = store.meta().get(ELSEWHERE)
    if not place:
        return store
    store.close()
    from rag.postgres import PostgresDatabase

    return Store(PostgresDatabase(place))


DATABASE = "youju.sqlite"
LIBRARY_ID = "library_id"
INDEX_FACTS = ("index", "indexed_to", LIBRARY_ID)
"""Facts about an index on a server; a copy of the library does not inherit them, or both would write to it."""
ELSEWHERE = "articles"
"""The fact in a library's SQLite file that names the database in which its articles are."""
_MAX_STORY = 50
"""More reposts of one story than this are counted in the library, but not listed under a hit."""

ONE_OF = "IN (SELECT value FROM json_each(?))"
NUMBER_OF = "IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
"""A list as one value: SQLite takes no more than 32,766 of them, and a server is asked once."""

_AT_ONCE = 1_000
_PUT_META = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_INSERT_CHUNK = 'INSERT INTO chunks (article_id, start, "end", heading, vector, generation) VALUES (?, ?, ?, ?, ?, ?)'
_COLUMNS = TABLES["articles"].split(", ")
_PUT_ARTICLE = (
    f"INSERT INTO articles VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT (id) DO UPDATE SET "  # noqa: S608 - constants
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
)
_LOCATIONS = "SELECT path, member, article_id, reason, message FROM locations"
_ARTICLES = "SELECT id, title, text, source, category, author, url, published_at, path, digest, metadata FROM articles"


def _since(generation: int) -> str:
    """Without it SQLite reads all chunks to find the last ten: they are asked for in the order of their ids."""
    return " INDEXED BY chunks_by_generation" if generation else ""


def _article(row: Sequence[str]) -> Article:
    id_, title, text, source, category, author, url, published_at, path, digest, metadata = row
    return Article(
        id=id_,
        title=title,
        text=text,
        source=source,
        category=tuple(json.loads(category)),
        author=author,
        url=url,
        published_at=datetime.fromisoformat(published_at) if published_at else None,
        path=path,
        digest=digest,
        metadata=json.loads(metadata),
    )


def pack(vector: NDArray[np.float32]) -> bytes:
    """How a vector is stored: half precision: half the file, and cosines move by less than 0.001."""
    return np.asarray(vector, dtype="<f2").tobytes()


def unpack(vector: bytes) -> NDArray[np.float32]:
    """The stored vector as float32, shape (dim,)."""
    return np.frombuffer(vector, dtype="<f2").astype(np.float32)
