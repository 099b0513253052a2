"""A library's articles from the folder's SQLite file into PostgreSQL, and back. Nothing is deleted before all of it has arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rag.database import Database, SqliteDatabase, transfer
from rag.errors import LibraryError
from rag.schema import SCHEMA_VERSION, TABLES
from rag.store import DATABASE, ELSEWHERE, INDEX_FACTS, LIBRARY_ID, Store


def move_out(
    store: Store, home: Path, target: Store, check: Callable[[Store], None], on_step: Callable[[int, int], None]
) -> bool:
    """Move the articles of the library in a folder into a database; or join the library that is there, where the folder has none.

    The caller holds the library's lock and that of both databases. Broken off, it can be run again.

    Args:
        target: the store of the database.
        check: raises where the library that is there cannot be used with the settings in force.
        on_step: told how many rows are copied, and how many there are.

    Returns:
        Whether the library that was there is joined.

    Raises:
        LibraryError: both have articles.
    """
    joins = _is_empty(store) and not _is_empty(target)
    if joins:
        check(target)
    elif not _is_copied(store, target):
        if not _is_empty(target) and target.meta().get(LIBRARY_ID) != store.meta().get(LIBRARY_ID, ""):
            raise LibraryError(
                f"{target.name} 里已经有别的知识库，{store.name} 里也有文章，两者不能合并",
                "请换一个空的数据库；要使用那里的知识库，请给 --library 一个新的文件夹",
            )
        store.library_id()
        _copy(store.database, target.database, on_step)
    pointer = SqliteDatabase(home / DATABASE)
    try:
        with pointer.transaction():
            for table in reversed(TABLES):
                pointer.execute(f"DELETE FROM {table}")  # noqa: S608 - constant
            facts = {"schema": str(SCHEMA_VERSION), "generation": "0", ELSEWHERE: target.name}
            pointer.executemany("INSERT INTO meta VALUES (?, ?)", list(facts.items()))
        pointer.tidy()
    finally:
        pointer.close()
    return joins


def move_home(store: Store, home: Path, on_step: Callable[[int, int], None]) -> None:
    """Copy the articles of a database into the folder's SQLite file, which is used from now on.

    The database keeps what it has, for other machines may use it; so does an index on a server, which belongs to it. The caller
    holds the locks.
    """
    target = SqliteDatabase(home / DATABASE)
    try:
        _copy(store.database, target, on_step, forget=INDEX_FACTS)
    finally:
        target.close()


def _is_empty(store: Store) -> bool:
    return store.counts() == (0, 0) and not store.waiting()


def _is_copied(store: Store, target: Store) -> bool:
    """Whether an earlier move was broken off after the copy."""
    ours, theirs = store.meta(), target.meta()
    return (
        LIBRARY_ID in ours
        and all(ours[key] == theirs.get(key) for key in (LIBRARY_ID, "generation"))
        and (store.counts(), store.waiting()) == (target.counts(), target.waiting())
    )


def _copy(source: Database, target: Database, on_step: Callable[[int, int], None], forget: Sequence[str] = ()) -> None:
    total = sum(source.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES)  # noqa: S608 - constants
    done = 0
    with source.snapshot(), target.transaction():
        for copied in transfer(source, target):
            done += copied
            on_step(min(done, total), total)
        target.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in forget])
    target.tidy()
