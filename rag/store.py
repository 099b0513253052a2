"""The truth of a library: articles, chunks and vectors in one SQLite file. All else on disk is derived from it.

Every write is one transaction that raises `generation` by one; chunks remember the generation that added them, and removed
chunks are logged with the generation that removed them, so that a derived index can catch up from any generation it has.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import LibraryError, LibraryVersion
from rag.fetch import is_web_address
from rag.records import Article, Chunk, IndexedChunk
from rag.schema import SCHEMA_VERSION, create, migrate


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

    @property
    def exists(self) -> bool:
        """Whether the file is still there; a web address counts as there."""
        return is_web_address(self.path) or Path(self.path).exists()


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
    """One SQLite file. Safe to use from several threads and processes; only one of them may write at a time.

    Args:
        path: the file; made when missing.

    Raises:
        LibraryVersion: the file was written by another version of the schema.
        LibraryError: the file is not a library, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        try:
            self._make_or_migrate()
            version = self.meta().get("schema", "?")
        except sqlite3.OperationalError as error:
            raise LibraryError(f"知识库打不开：{path}（{error}）", "请检查文件夹的权限与磁盘空间") from None
        except sqlite3.DatabaseError as error:
            raise LibraryError(
                f"这不是有据的知识库，或文件已损坏：{path}（{error}）", "请换一个 --library，或从备份恢复这个文件"
            ) from None
        if version != str(SCHEMA_VERSION):
            raise LibraryVersion(
                f"知识库 {path} 的格式版本是 {version}，这一版有据读到版本 {SCHEMA_VERSION} 为止",
                "请升级有据（它由更新的版本写成），或换一个 --library",
            )

    def _is_made(self) -> bool:
        return bool(self._db().execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone())

    def _make_or_migrate(self) -> None:
        if self._is_made() and self.meta().get("schema") == str(SCHEMA_VERSION):
            return
        with self.transaction() as db:  # another process may have been quicker: look again
            if self._is_made():
                migrate(db, self.meta().get("schema", "?"))
            else:
                create(db)

    # -- connections ---------------------------------------------------------------------------------------------

    def _db(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")  # an article is reported as added only once it is on the disk
            db.execute("PRAGMA foreign_keys = ON")
            self._local.db = db
            with self._guard:
                self._connections.append(db)
        return db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write: all of it or none. Readers see what was there before until it is committed."""
        db = self._db()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def query(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Read rows; within a transaction of this thread, those that it has written so far too."""
        return self._db().execute(sql, values)

    def close(self) -> None:
        """Close every thread's connection."""
        with self._guard:
            for db in self._connections:
                db.close()
            self._connections.clear()
        self._local = threading.local()

    # -- what the library knows of itself ------------------------------------------------------------------------

    def meta(self) -> dict[str, str]:
        """Everything recorded of how the library was made, e.g. embedder, fingerprint, dim, chunking."""
        return dict(self._db().execute("SELECT key, value FROM meta").fetchall())

    def set_meta(self, values: Mapping[str, str]) -> None:
        """Record how the library is made."""
        with self.transaction() as db:
            db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def generation(self) -> int:
        """Number of the last write; 0 for a new library."""
        return int(self._db().execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])

    def counts(self) -> tuple[int, int]:
        """Number of articles and of chunks."""
        db = self._db()
        return (
            db.execute("SELECT count(*) FROM articles").fetchone()[0],
            db.execute("SELECT count(*) FROM chunks").fetchone()[0],
        )

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

    def erase(self, db: sqlite3.Connection, article_id: str) -> None:
        """Remove an article within the caller's transaction."""
        self._drop_chunks(db, article_id, self._next_generation(db))
        self._remove(db, article_id)

    def replace_chunks(self, workshop: Path, facts: Mapping[str, str]) -> None:
        """Put the chunks of another database in the place of all that are here, and record how they were made, in one transaction.

        Args:
            workshop: a database with a table `chunks` (article_id, start, end, heading, vector).
        """
        db = self._db()
        db.execute("ATTACH ? AS workshop", (str(workshop),))
        try:
            with self.transaction():
                generation = self._next_generation(db)
                db.execute("INSERT OR REPLACE INTO removed SELECT id, ? FROM main.chunks", (generation,))
                db.execute("DELETE FROM main.chunks")
                db.execute(
                    "INSERT INTO main.chunks (article_id, start, end, heading, vector, generation)"
                    " SELECT article_id, start, end, heading, vector, ? FROM workshop.chunks ORDER BY workshop.chunks.rowid",
                    (generation,),
                )
                db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(facts.items()))
        finally:
            db.execute("DETACH workshop")

    @staticmethod
    def _next_generation(db: sqlite3.Connection) -> int:
        db.execute("UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'")
        return int(db.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])

    @staticmethod
    def _put(db: sqlite3.Connection, stored: StoredArticle, generation: int) -> None:
        a = stored.article
        db.execute(
            "INSERT OR REPLACE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                a.id, a.title, a.text, a.source, json.dumps(a.category, ensure_ascii=False), a.author, a.url,
                a.published_at.astimezone(UTC).isoformat() if a.published_at else None, a.path, a.digest,
                json.dumps(dict(a.metadata), ensure_ascii=False), stored.body_digest, stored.story or a.id, stored.cuts,
                stored.bands,
            ),
        )  # fmt: skip
        db.executemany(
            "INSERT INTO chunks (article_id, start, end, heading, vector, generation) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (a.id, c.start, c.end, c.heading, pack(v), generation)
                for c, v in zip(stored.chunks, stored.vectors, strict=True)
            ],
        )
        if stored.seq is not None:
            db.execute("DELETE FROM inbox WHERE seq = ?", (stored.seq,))

    @staticmethod
    def _remove(db: sqlite3.Connection, article_id: str) -> None:
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
    def _drop_chunks(db: sqlite3.Connection, article_id: str, generation: int) -> None:
        db.execute(
            "INSERT OR REPLACE INTO removed SELECT id, ? FROM chunks WHERE article_id = ?", (generation, article_id)
        )
        db.execute("DELETE FROM chunks WHERE article_id = ?", (article_id,))

    # -- reading -------------------------------------------------------------------------------------------------

    def article(self, article_id: str) -> Article | None:
        """One article, or None."""
        row = self._db().execute(_ARTICLES + " WHERE id = ?", (article_id,)).fetchone()
        return _article(row) if row else None

    def articles(self) -> Iterator[Article]:
        """Every article, newest first."""
        for row in self._db().execute(_ARTICLES + " ORDER BY published_at DESC, path"):
            yield _article(row)

    def digest(self, article_id: str) -> str | None:
        """Digest of an article as it was read, or None where there is no such article."""
        row = self._db().execute("SELECT digest FROM articles WHERE id = ?", (article_id,)).fetchone()
        return row[0] if row else None

    def stories(self, article_ids: Sequence[str]) -> dict[str, tuple[str, tuple[Article, ...]]]:
        """For each article its story, and every article of that story (itself too) if there are several, earliest first."""
        found: dict[str, tuple[str, tuple[Article, ...]]] = {}
        for article_id in article_ids:
            row = self._db().execute("SELECT story FROM articles WHERE id = ?", (article_id,)).fetchone()
            if row is None:
                continue
            rows = self._db().execute(
                _ARTICLES + " WHERE story = ? ORDER BY published_at IS NULL, published_at, path LIMIT ?",
                (row[0], _MAX_STORY),
            )
            members = tuple(_article(member) for member in rows)
            found[article_id] = (row[0], members if len(members) > 1 else ())
        return found

    def locations(self, article_id: str) -> list[Location]:
        """Where an article stands, sorted; places that went wrong since are left out."""
        rows = self._db().execute(
            _LOCATIONS + " WHERE article_id = ? AND reason = '' ORDER BY path, member", (article_id,)
        )
        return [Location(*row) for row in rows]

    def locations_in(self, path: str) -> dict[str, Location]:
        """What was found in a file, by member."""
        rows = self._db().execute(_LOCATIONS + " WHERE path = ?", (path,))
        return {row[1]: Location(*row) for row in rows}

    def files(self) -> dict[str, FileState]:
        """What was last seen at each path."""
        rows = self._db().execute("SELECT path, size, mtime_ns FROM files")
        return {row[0]: FileState(*row) for row in rows}

    def places(self) -> Iterator[tuple[str, str]]:
        """Every (article id, path) at which an article was found."""
        yield from self._db().execute("SELECT article_id, path FROM locations WHERE article_id IS NOT NULL")

    def waiting(self) -> int:
        """Number of articles that were read and still wait for their vectors."""
        return int(self._db().execute("SELECT count(*) FROM inbox").fetchone()[0])

    def chunks_of(self, article_id: str) -> list[tuple[Chunk, NDArray[np.float32]]]:
        """The chunks of an article with their vectors, in the order of the text."""
        article = self.article(article_id)
        if article is None:
            return []
        rows = self._db().execute(
            "SELECT id, start, end, heading, vector FROM chunks WHERE article_id = ? ORDER BY start", (article_id,)
        )
        return [
            (Chunk(id_, article_id, start, end, article.text[start:end], heading), unpack(vector))
            for id_, start, end, heading, vector in rows
        ]

    def chunks(self, ids: Sequence[int]) -> dict[int, tuple[Chunk, Article]]:
        """Chunks by id with their articles; ids that are gone are left out."""
        found: dict[int, tuple[Chunk, Article]] = {}
        articles: dict[str, Article] = {}
        for id_ in ids:
            row = (
                self._db().execute("SELECT article_id, start, end, heading FROM chunks WHERE id = ?", (id_,)).fetchone()
            )
            if row is None:
                continue
            article_id, start, end, heading = row
            if article_id not in articles:
                article = self.article(article_id)
                if article is None:
                    continue
                articles[article_id] = article
            article = articles[article_id]
            found[id_] = (Chunk(id_, article_id, start, end, article.text[start:end], heading), article)
        return found

    def vectors_since(self, generation: int) -> Iterator[tuple[int, bytes]]:
        """Chunks added after a generation: id, packed vector (see `unpack`)."""
        yield from self._db().execute(
            f"SELECT id, vector FROM chunks {_since(generation)} WHERE generation > ? ORDER BY id",  # noqa: S608 - constants
            (generation,),
        )

    def words_since(self, generation: int) -> Iterator[IndexedChunk]:
        """Chunks added after a generation, as the keyword index takes them."""
        columns = (
            "c.id, a.title, substr(a.text, c.start + 1, c.end - c.start), a.id, a.published_at, a.source, a.category"
        )
        tables = f"chunks c {_since(generation)} JOIN articles a ON a.id = c.article_id"
        sql = f"SELECT {columns} FROM {tables} WHERE c.generation > ? ORDER BY c.id"  # noqa: S608 - constants
        rows = self._db().execute(sql, (generation,))
        for id_, title, text, article_id, published_at, source, category in rows:
            moment = datetime.fromisoformat(published_at) if published_at else None
            yield IndexedChunk(id_, title, text, article_id, moment, source, tuple(json.loads(category)))

    def removed_since(self, generation: int) -> list[int]:
        """Ids of the chunks removed after a generation."""
        rows = self._db().execute("SELECT chunk_id FROM removed WHERE generation > ?", (generation,))
        return [id_ for (id_,) in rows]

    def vectors_of(self, chunk_ids: Sequence[int]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The vectors of chunks, those that are there."""
        for id_ in chunk_ids:
            row = self._db().execute("SELECT vector FROM chunks WHERE id = ?", (id_,)).fetchone()
            if row:
                yield id_, unpack(row[0])

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Copy everything into another database, as it stands at one moment, while others read and write."""
        self._db().backup(target, pages=1000)

    def chunk_ids(self) -> set[int]:
        """Every chunk id; `youju check` compares the indexes with it."""
        return {id_ for (id_,) in self._db().execute("SELECT id FROM chunks")}

    def verify(self) -> list[str]:
        """SQLite's own integrity check: an empty list, or what is wrong."""
        try:
            problems = [str(row[0]) for row in self._db().execute("PRAGMA integrity_check(20)")]
            strays = self._db().execute("PRAGMA foreign_key_check").fetchmany(1)
            problems += ["有片段不属于任何文章"] if strays else []
        except sqlite3.DatabaseError as error:
            problems = [str(error)]
        return [problem for problem in problems if problem != "ok"]


_MAX_STORY = 50
"""More reposts of one story than this are counted in the library, but not listed under a hit."""

_LOCATIONS = "SELECT path, member, article_id, reason, message FROM locations"
_ARTICLES = "SELECT id, title, text, source, category, author, url, published_at, path, digest, metadata FROM articles"


def _since(generation: int) -> str:
    """Without it SQLite reads all chunks to find the last ten: they are asked for in the order of their ids."""
    return "INDEXED BY chunks_by_generation" if generation else ""


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
