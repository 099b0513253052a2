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

import numpy as np
from numpy.typing import NDArray

from rag.errors import LibraryError, LibraryVersion
from rag.records import Article, Chunk

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE articles (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL, category TEXT NOT NULL,
    author TEXT NOT NULL, url TEXT NOT NULL, published_at TEXT, path TEXT NOT NULL, digest TEXT NOT NULL,
    metadata TEXT NOT NULL, body_digest TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX articles_by_body ON articles (body_digest);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, article_id TEXT NOT NULL REFERENCES articles (id), start INTEGER NOT NULL,
    end INTEGER NOT NULL, heading TEXT NOT NULL, vector BLOB NOT NULL, generation INTEGER NOT NULL
);
CREATE INDEX chunks_by_article ON chunks (article_id);
CREATE INDEX chunks_by_generation ON chunks (generation);
CREATE TABLE removed (chunk_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX removed_by_generation ON removed (generation);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, article_id TEXT, reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_by_article ON files (article_id);
"""


@dataclass(frozen=True, slots=True)
class FileState:
    """What was last seen at a path. `article_id` is None for a file that gave no article; `reason` then says why."""

    path: str
    size: int
    mtime_ns: int
    article_id: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """One article on its way into the store: `vectors` has a row for each chunk, shape (len(chunks), dim), float32."""

    article: Article
    body_digest: str
    chunks: Sequence[Chunk]
    vectors: NDArray[np.float32]


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
            if not self._is_made():
                self._make()
            version = self.meta().get("schema", "?")
        except sqlite3.OperationalError as error:
            raise LibraryError(f"知识库打不开：{path}（{error}）", "请检查文件夹的权限与磁盘空间") from None
        except sqlite3.DatabaseError as error:
            raise LibraryError(
                f"这不是有据的知识库，或文件已损坏：{path}（{error}）", "请换一个 --library，或从备份恢复这个文件"
            ) from None
        if version != str(SCHEMA_VERSION):
            raise LibraryVersion(
                f"知识库 {path} 的格式版本是 {version}，这一版有据只读版本 {SCHEMA_VERSION}",
                "请用当时的有据打开它，或用 youju add 重新建库",
            )

    def _is_made(self) -> bool:
        return bool(self._db().execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone())

    def _make(self) -> None:
        with self._writing() as db:
            if self._is_made():  # another process was quicker
                return
            for statement in filter(str.strip, _SCHEMA.split(";")):
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('schema', ?), ('generation', '0')", (str(SCHEMA_VERSION),))

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
    def _writing(self) -> Iterator[sqlite3.Connection]:
        db = self._db()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

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
        with self._writing() as db:
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

    def write(
        self,
        articles: Sequence[StoredArticle] = (),
        remove: Iterable[str] = (),
        files: Sequence[FileState] = (),
        forget: Iterable[str] = (),
    ) -> int:
        """One transaction: put articles (replacing those of the same id), remove others, remember and forget files.

        Returns:
            The new generation. After a crash either all of it is there or none.
        """
        with self._writing() as db:
            generation = int(db.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0]) + 1
            for article_id in [*remove, *(s.article.id for s in articles)]:
                self._drop_chunks(db, article_id, generation)
            for article_id in remove:
                db.execute("DELETE FROM articles WHERE id = ?", (article_id,))
                db.execute("DELETE FROM files WHERE article_id = ?", (article_id,))
            for stored in articles:
                a = stored.article
                db.execute(
                    "INSERT OR REPLACE INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        a.id, a.title, a.text, a.source, json.dumps(a.category, ensure_ascii=False), a.author, a.url,
                        a.published_at.astimezone(UTC).isoformat() if a.published_at else None, a.path, a.digest,
                        json.dumps(dict(a.metadata), ensure_ascii=False), stored.body_digest,
                    ),
                )  # fmt: skip
                db.executemany(
                    "INSERT INTO chunks (article_id, start, end, heading, vector, generation) VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (a.id, c.start, c.end, c.heading, _pack(v), generation)
                        for c, v in zip(stored.chunks, stored.vectors, strict=True)
                    ],
                )
            db.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                [(f.path, f.size, f.mtime_ns, f.article_id, f.reason) for f in files],
            )
            db.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in forget])
            db.execute("UPDATE meta SET value = ? WHERE key = 'generation'", (str(generation),))
        return generation

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

    def article_with_body(self, body_digest: str) -> str | None:
        """Id of the article whose title and text have this digest, or None."""
        row = self._db().execute("SELECT id FROM articles WHERE body_digest = ?", (body_digest,)).fetchone()
        return row[0] if row else None

    def locations(self, article_id: str) -> list[str]:
        """Paths of the files that hold an article."""
        rows = self._db().execute("SELECT path FROM files WHERE article_id = ? ORDER BY path", (article_id,))
        return [path for (path,) in rows]

    def files(self) -> dict[str, FileState]:
        """What was last seen at each path."""
        rows = self._db().execute("SELECT path, size, mtime_ns, article_id, reason FROM files")
        return {row[0]: FileState(*row) for row in rows}

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

    def added_since(self, generation: int) -> Iterator[tuple[int, str, str, bytes]]:
        """Chunks added after a generation: id, title, text, packed vector (see `unpack`)."""
        rows = self._db().execute(
            "SELECT c.id, a.title, substr(a.text, c.start + 1, c.end - c.start), c.vector FROM chunks c"
            " JOIN articles a ON a.id = c.article_id WHERE c.generation > ? ORDER BY c.id",
            (generation,),
        )
        yield from rows

    def removed_since(self, generation: int) -> list[int]:
        """Ids of the chunks removed after a generation."""
        rows = self._db().execute("SELECT chunk_id FROM removed WHERE generation > ?", (generation,))
        return [id_ for (id_,) in rows]

    def chunk_ids(self) -> set[int]:
        """Every chunk id; `youju check` compares the indexes with it."""
        return {id_ for (id_,) in self._db().execute("SELECT id FROM chunks")}

    def verify(self) -> list[str]:
        """SQLite's own integrity check: an empty list, or what is wrong."""
        try:
            problems = [str(row[0]) for row in self._db().execute("PRAGMA integrity_check(20)")]
        except sqlite3.DatabaseError as error:
            problems = [str(error)]
        return [] if problems == ["ok"] else problems


_ARTICLES = "SELECT id, title, text, source, category, author, url, published_at, path, digest, metadata FROM articles"


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


def _pack(vector: NDArray[np.float32]) -> bytes:
    """Half precision: half the file, and cosines move by less than 0.001."""
    return np.asarray(vector, dtype="<f2").tobytes()


def unpack(vector: bytes) -> NDArray[np.float32]:
    """The stored vector as float32, shape (dim,)."""
    return np.frombuffer(vector, dtype="<f2").astype(np.float32)
