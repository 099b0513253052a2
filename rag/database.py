"""Where a store keeps its tables: a SQLite file (here), or PostgreSQL (`rag.postgres`).

SQL is written once, in what the two have in common, with `?` for values; the few words in which they differ (`json_each(?)`,
`instr`, `x''`, `INDEXED BY`) are SQLite's and are translated by the other.
"""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol, Self

from rag.errors import LibraryError
from rag.fetch import is_web_address
from rag.schema import LIST_INDEX, SCHEMA_VERSION, TABLES, add_list_index, create, migrate
from rag.uploads import is_upload


class Rows(Protocol):
    """What a statement found."""

    def __iter__(self) -> Iterator[Any]:
        """Row by row, each a tuple."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """The rows that are left."""


class Database(ABC):
    """Safe to use from several threads and processes.

    Attributes:
        name: for messages: the file, or the address without secrets.
        shared: whether other machines use it too, whose files cannot be seen from here.
    """

    name: str
    shared: bool

    @abstractmethod
    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Run one statement; within a transaction of this thread, as part of it."""

    @abstractmethod
    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""

    @abstractmethod
    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Rows that need not fit into memory, as they stand at one moment."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Self]:
        """One write: all of it or none. Readers see what was there before until it is committed."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Everything this thread reads meanwhile is as it stood at one moment."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Hold off writers on other machines (those on this one are held off by the library's lock).

        Raises:
            LibraryBusy: another machine is writing.
        """

    @abstractmethod
    def prepare(self) -> None:
        """Make the tables of a new library, or bring those of an older version to this one.

        Raises:
            LibraryError: it cannot be reached or is no library.
        """

    @abstractmethod
    def last_number(self, table: str) -> int:
        """The last number that was given to a row of `chunks` or `inbox`; none is given twice."""

    @abstractmethod
    def set_last_number(self, table: str, number: int) -> None:
        """See `last_number`."""

    @abstractmethod
    def verify(self) -> list[str]:
        """What is wrong with the pages and references, in words; empty if nothing is."""

    @abstractmethod
    def copy_to(self, path: Path) -> None:
        """Copy everything into a new SQLite file, as it stands at one moment, while others read and write."""

    @abstractmethod
    def tidy(self) -> None:
        """Give back the space of what was deleted, and let the planner count what was added."""

    @abstractmethod
    def close(self) -> None:
        """Close every thread's connection."""

    def gone(self, path: str) -> bool:
        """Whether a file is no longer where it was read. Web addresses and uploads count as there, and so do files in folders
        that this machine does not have when others use the library too: they may lie on one of those.
        """
        place = Path(path)
        if is_web_address(path) or is_upload(path):
            return False
        return not place.exists() and (not self.shared or place.parent.exists())


class SqliteDatabase(Database):
    """One file.

    Args:
        path: made by `prepare` when missing.
    """

    shared = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
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

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """See `Database.execute`."""
        return self.connection().execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `Database.executemany`."""
        self.connection().executemany(sql, rows)

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """See `Database.stream`."""
        yield from self.connection().execute(sql, values)

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """See `Database.transaction`."""
        db = self.connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield self
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See `Database.snapshot`."""
        db = self.connection()
        db.execute("BEGIN")
        try:
            yield
        finally:
            db.execute("ROLLBACK")

    def writing(self) -> AbstractContextManager[None]:
        """Nothing to do: the file belongs to this machine."""
        return nullcontext()

    def prepare(self) -> None:
        """See `Database.prepare`."""
        try:
            if not self._is_made() or self._version() != str(SCHEMA_VERSION):
                with self.transaction():  # another process may have been quicker: look again
                    if self._is_made():
                        migrate(self, self._version())
                    else:
                        create(self)
            if self._version() == str(SCHEMA_VERSION) and not self._has(LIST_INDEX):
                with self.transaction():
                    add_list_index(self)
        except sqlite3.OperationalError as error:
            raise LibraryError(f"知识库打不开：{self.path}（{error}）", "请检查文件夹的权限与磁盘空间") from None
        except sqlite3.DatabaseError as error:
            raise LibraryError(
                f"这不是有据的知识库，或文件已损坏：{self.path}（{error}）", "请换一个 --library，或从备份恢复这个文件"
            ) from None

    def _is_made(self) -> bool:
        return self._has("meta")

    def _has(self, name: str) -> bool:
        return bool(self.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone())

    def _version(self) -> str:
        row = self.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        return str(row[0]) if row else "?"

    def last_number(self, table: str) -> int:
        """See `Database.last_number`."""
        row = self.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return int(row[0]) if row else 0

    def set_last_number(self, table: str, number: int) -> None:
        """See `Database.set_last_number`."""
        self.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        self.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))

    def verify(self) -> list[str]:
        """See `Database.verify`."""
        try:
            problems = [str(row[0]) for row in self.execute("PRAGMA integrity_check(20)")]
            strays = self.execute("PRAGMA foreign_key_check").fetchone()
            problems += ["有片段不属于任何文章"] if strays else []
        except sqlite3.DatabaseError as error:
            problems = [str(error)]
        return [problem for problem in problems if problem != "ok"]

    def copy_to(self, path: Path) -> None:
        """See `Database.copy_to`."""
        with closing(sqlite3.connect(path)) as copy:
            self.connection().backup(copy, pages=1000)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, no -wal beside it

    def tidy(self) -> None:
        """See `Database.tidy`."""
        self.execute("VACUUM")

    def close(self) -> None:
        """See `Database.close`."""
        with self._guard:
            for db in self._connections:
                db.close()
            self._connections.clear()
        self._local = threading.local()


_ROWS_AT_ONCE = 500


def transfer(source: Database, target: Database) -> Iterator[int]:
    """Replace everything in `target` by what is in `source`, within the caller's transaction on `target`.

    Yields:
        The number of rows copied, after each few hundred of them.
    """
    for table in reversed(TABLES):
        target.execute(f"DELETE FROM {table}")  # noqa: S608 - constant
    for table, columns in TABLES.items():
        marks = ", ".join("?" * (columns.count(",") + 1))
        insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - constants
        rows: list[Any] = []
        for row in source.stream(f"SELECT {columns} FROM {table}"):  # noqa: S608 - constants
            rows.append(row)
            if len(rows) == _ROWS_AT_ONCE:
                target.executemany(insert, rows)
                yield len(rows)
                rows = []
        target.executemany(insert, rows)
        yield len(rows)
    for table in ("chunks", "inbox"):
        target.set_last_number(table, source.last_number(table))
