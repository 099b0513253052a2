"""The tables of a library, and how a library of an older version becomes one of this version."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Protocol

SCHEMA_VERSION = 3

TABLES = MappingProxyType(
    {
        "meta": "key, value",
        "articles": "id, title, text, source, category, author, url, published_at, path, digest, metadata, body_digest, story, cuts, bands",
        "chunks": 'id, article_id, start, "end", heading, vector, generation',
        "removed": "chunk_id, generation",
        "files": "path, size, mtime_ns",
        "locations": "path, member, article_id, reason, message",
        "inbox": "seq, path, member, article_id, digest, article, published_at, body_digest, settled, story, cuts, bands",
        "superseded": "article_id",
        "bands": "key, article_id",
        "lines": "key, articles",
        "learned": "source, line",
    }
)
"""Every table with its columns, those first that others refer to."""


class Executes(Protocol):
    """What runs one statement; a database within a transaction."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Any:
        """Run it."""


_ARTICLES = """
CREATE TABLE articles (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL, category TEXT NOT NULL,
    author TEXT NOT NULL, url TEXT NOT NULL, published_at TEXT, path TEXT NOT NULL, digest TEXT NOT NULL,
    metadata TEXT NOT NULL, body_digest TEXT NOT NULL, story TEXT NOT NULL, cuts TEXT NOT NULL, bands BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX articles_by_body ON articles (body_digest);
CREATE INDEX articles_by_story ON articles (story);
CREATE INDEX articles_by_source ON articles (source);
"""

# articles_by_facets: everything that articles are filtered by, so that no text is read for it.
# articles_without_bands: those of older versions, which the next `youju add` compares with the rest.
_INDEXES_OF_3 = """
CREATE INDEX articles_by_facets ON articles (published_at, source, category);
CREATE INDEX articles_without_bands ON articles (id) WHERE bands = x'';
"""

# Added within version 3: programs that do not know it neither need nor mind it. All that a list of articles is searched,
# filtered and sorted by, so that no text is read for it.
LIST_INDEX = "articles_by_title"
_LIST_INDEX = f"CREATE INDEX IF NOT EXISTS {LIST_INDEX} ON articles (title, source, category, published_at);"

_CHUNKS = """
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, article_id TEXT NOT NULL REFERENCES articles (id), start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, heading TEXT NOT NULL, vector BLOB NOT NULL, generation INTEGER NOT NULL
);
CREATE INDEX chunks_by_article ON chunks (article_id);
CREATE INDEX chunks_by_generation ON chunks (generation);
CREATE TABLE removed (chunk_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX removed_by_generation ON removed (generation);
"""

# files: what was last seen on disk, written once a file has been read to its end.
# locations: what each file holds; `member` is empty for a file that is one article. `article_id` is null where `reason` says
#   why there is no article; where both are there, the place held that article before it went wrong.
# superseded: articles whose place holds another one now; they go unless they are found elsewhere.
# inbox: articles that were read and wait for their vectors; unseen by readers. `settled` once they are compared with the rest.
# bands: MinHash bands of every article, for near-duplicates. lines, learned: how often a line stands at the edge of a source's
#   stories (by hash), and the lines that are boilerplate for it.
_READING = """
CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE locations (
    path TEXT NOT NULL, member TEXT NOT NULL, article_id TEXT, reason TEXT NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (path, member)
) WITHOUT ROWID;
CREATE INDEX locations_by_article ON locations (article_id);
CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, member TEXT NOT NULL, article_id TEXT NOT NULL,
    digest TEXT NOT NULL, article TEXT NOT NULL, published_at TEXT, body_digest TEXT NOT NULL, settled INTEGER NOT NULL,
    story TEXT NOT NULL, cuts TEXT NOT NULL, bands BLOB NOT NULL
);
CREATE INDEX inbox_by_article ON inbox (article_id);
CREATE INDEX inbox_by_body ON inbox (body_digest);
CREATE INDEX inbox_by_path ON inbox (path);
CREATE TABLE superseded (article_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE bands (key INTEGER NOT NULL, article_id TEXT NOT NULL, PRIMARY KEY (key, article_id)) WITHOUT ROWID;
CREATE TABLE lines (key INTEGER PRIMARY KEY, articles INTEGER NOT NULL);
CREATE TABLE learned (source TEXT NOT NULL, line TEXT NOT NULL, PRIMARY KEY (source, line)) WITHOUT ROWID;
"""


def create(db: Executes) -> None:
    """Make the tables of a new library. The caller holds a transaction."""
    _run(db, "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;")
    for script in (_ARTICLES, _INDEXES_OF_3, _LIST_INDEX, _CHUNKS, _READING):
        _run(db, script)
    db.execute("INSERT INTO meta VALUES ('schema', ?), ('generation', '0')", (str(SCHEMA_VERSION),))


def migrate(db: Executes, version: str) -> bool:
    """Bring a library of an older version to this one; False for a version that is not known. The caller holds a transaction.

    What older versions did not know (near-duplicates, learned lines) is found out by the next `youju add`.
    """
    if version == str(SCHEMA_VERSION):
        return True
    if version not in ("1", "2"):
        return False
    if version == "1":
        _migrate_from_1(db)
    _run(db, _INDEXES_OF_3)
    db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (str(SCHEMA_VERSION),))
    return True


def add_list_index(db: Executes) -> None:
    """Give a library that was made before it the index that its list of articles is read from. The caller holds a transaction."""
    _run(db, _LIST_INDEX)


def _migrate_from_1(db: Executes) -> None:
    _run(
        db,
        """
        ALTER TABLE articles ADD COLUMN story TEXT NOT NULL DEFAULT '';
        ALTER TABLE articles ADD COLUMN cuts TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE articles ADD COLUMN bands BLOB NOT NULL DEFAULT x'';
        UPDATE articles SET story = id;
        CREATE INDEX articles_by_story ON articles (story);
        CREATE INDEX articles_by_source ON articles (source);
        ALTER TABLE files RENAME TO files_1;
        DROP INDEX files_by_article;
        """,
    )
    _run(db, _READING)
    _run(
        db,
        """
        INSERT INTO files SELECT path, size, mtime_ns FROM files_1 WHERE mtime_ns >= 0;
        INSERT INTO locations SELECT path, '', article_id, reason, '' FROM files_1 WHERE mtime_ns >= 0;
        DROP TABLE files_1;
        """,
    )


def _run(db: Executes, script: str) -> None:
    """Several statements within the caller's transaction (`executescript` would end it)."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)
