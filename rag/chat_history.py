"""Conversations, kept on the server for each reader: a SQLite file beside the library, written the moment something is shown.

A question is on the disk before its search begins and an answer before it is shown, so a process that is killed loses nothing that
a reader saw. Nothing is ever removed but by its reader: where their place is full, nothing more is kept, and it is said.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from rag.chat_records import (
    LONGEST_COMMENT,
    LONGEST_TITLE,
    REASONS,
    ConversationRow,
    Feedback,
    Outcome,
    RatedExchange,
    SavedConversation,
    SavedExchange,
)
from rag.errors import HistoryFull, LibraryError
from rag.filters import Filters
from rag.saved_answers import pack_answer, unpack_answer
from rag.words import search_form

FILE_NAME: Final = "conversations.sqlite"
MOST_CONVERSATIONS: Final = 500
MOST_CHARACTERS: Final = 20_000_000
"""Of one reader's questions and answers, without the articles they cite, which all readers share."""


_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY, reader TEXT NOT NULL, title TEXT NOT NULL, started_at REAL NOT NULL, changed_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX conversations_by_reader ON conversations (reader, changed_at DESC);
CREATE TABLE exchanges (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    question TEXT NOT NULL, asked_at REAL NOT NULL, run TEXT NOT NULL, state TEXT NOT NULL, replaced INTEGER NOT NULL DEFAULT 0,
    filters TEXT,
    size INTEGER NOT NULL, words TEXT NOT NULL, notice TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
    draft TEXT NOT NULL DEFAULT '', answer TEXT
);
CREATE INDEX exchanges_by_conversation ON exchanges (conversation, number);
CREATE TABLE articles (key TEXT PRIMARY KEY, article TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cited (
    exchange TEXT NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE, article TEXT NOT NULL REFERENCES articles (key),
    PRIMARY KEY (exchange, article)
) WITHOUT ROWID;
CREATE INDEX cited_by_article ON cited (article);
CREATE TABLE feedback (
    exchange TEXT PRIMARY KEY REFERENCES exchanges (id) ON DELETE CASCADE,
    verdict TEXT NOT NULL, reasons TEXT NOT NULL, comment TEXT NOT NULL, given_at REAL NOT NULL
) WITHOUT ROWID;
"""

_TAKEN = (
    "SELECT count(DISTINCT c.id), coalesce(sum(e.size), 0) FROM conversations c "
    "LEFT JOIN exchanges e ON e.conversation = c.id WHERE c.reader = ?"
)
"""How many conversations a reader has, and of how many characters."""


class ChatHistory:
    """The file of all readers' conversations. Safe to use from several threads and processes.

    Args:
        path: made when missing, for its owner alone (0600).

    Raises:
        LibraryError: it cannot be written, is something else, or is of a later version.
    """

    def __init__(
        self, path: Path, *, most_conversations: int = MOST_CONVERSATIONS, most_characters: int = MOST_CHARACTERS
    ) -> None:
        self.path = path
        self.most_conversations = most_conversations
        self.most_characters = most_characters
        self.run = secrets.token_hex(8)
        self._lock = threading.RLock()
        try:
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")  # what is shown is kept, also when the power goes
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.create_function("search_form", 1, search_form, deterministic=True)
            self._prepare()
        except OSError as error:
            raise LibraryError(f"对话记录写不了：{path}（{error.strerror}）", "请检查文件夹的权限与磁盘空间") from None
        except sqlite3.OperationalError as error:
            raise LibraryError(f"对话记录打不开：{path}（{error}）", "请检查文件夹的权限与磁盘空间") from None
        except sqlite3.DatabaseError as error:
            raise LibraryError(
                f"这不是对话记录，或文件已损坏：{path}（{error}）", "请把这个文件移到别处，有据会新建一个"
            ) from None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def of(self, reader: str) -> Diary:
        """The conversations of one reader.

        Args:
            reader: as `rag.service.browser_id.reader_key` names them; never empty.
        """
        if not reader:
            raise ValueError("a reader without a name")
        return Diary(self, reader)

    def rated(self) -> list[RatedExchange]:
        """Every exchange that a reader said something of, of all readers, the oldest judgement first. It does not say whose it is."""
        rows = self.query(
            "SELECT e.id, e.conversation, e.number, f.given_at FROM feedback f JOIN exchanges e ON e.id = f.exchange "
            "WHERE e.state = 'answered' ORDER BY f.given_at, e.number"
        )
        rated = []
        for id_, conversation, number, given_at in rows:
            (exchange,) = self.exchanges("e.id = ?", [id_])
            before = self.exchanges(
                "e.conversation = ? AND e.number < ? AND e.state = 'answered' AND e.replaced = 0",
                [conversation, number],
            )
            if exchange.feedback is not None:
                rated.append(RatedExchange(exchange, exchange.feedback, given_at, tuple(before)))
        return rated

    # -- for the diaries -----------------------------------------------------------------------------------------

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows of a statement."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write: all of it or none.

        Raises:
            LibraryError: it cannot be written.
        """
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield self._db
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise LibraryError(f"对话没能保存（{error}）", "请检查磁盘空间") from None

    def exchanges(self, where: str, values: Sequence[Any]) -> list[SavedExchange]:
        """The exchanges that a condition on `exchanges e` holds for, oldest first."""
        rows = self.query(
            "SELECT e.id, e.question, e.asked_at, e.state, e.run, e.answer, e.notice, e.draft, e.error, e.filters, "  # noqa: S608 - our own words
            "f.verdict, f.reasons, f.comment FROM exchanges e LEFT JOIN feedback f ON f.exchange = e.id "
            f"WHERE {where} ORDER BY e.number",
            values,
        )
        found = []
        for (
            id_,
            question,
            asked_at,
            state,
            run,
            packed,
            notice,
            draft,
            error,
            filters,
            verdict,
            reasons,
            comment,
        ) in rows:
            answer = None
            if packed is not None:
                articles = self.query(
                    "SELECT a.key, a.article FROM cited c JOIN articles a ON a.key = c.article WHERE c.exchange = ?",
                    [id_],
                )
                answer = unpack_answer(packed, dict(articles))
            if state == "running" and run != self.run:
                state = "broken"  # the program that was answering is gone
            feedback = Feedback(verdict, tuple(json.loads(reasons)), comment) if verdict else None
            told = tuple(json.loads(error)) if error else ()
            chosen = None if filters is None else Filters.from_dict(json.loads(filters))
            found.append(SavedExchange(id_, question, asked_at, state, answer, notice, draft, told, chosen, feedback))
        return found

    def _prepare(self) -> None:
        with self.transaction() as db:
            version = int(db.execute("PRAGMA user_version").fetchone()[0])
            if version > _SCHEMA_VERSION:
                raise LibraryError(
                    f"对话记录由更新的有据写成：{self.path}（版本 {version}，这里只认到 {_SCHEMA_VERSION}）",
                    "请升级有据，或把这个文件移到别处",
                )
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")


class Diary:
    """One reader's conversations. What belongs to another reader is to every method as if it were not there."""

    def __init__(self, history: ChatHistory, reader: str) -> None:
        self._history = history
        self._reader = reader

    # -- reading -------------------------------------------------------------------------------------------------

    def conversations(self, wanted: str = "") -> list[ConversationRow]:
        """The reader's conversations, the one last changed first.

        Args:
            wanted: words, each of which must stand in the title, a question or an answer (in either script, in any case).
        """
        clauses, values = ["c.reader = ?"], [self._reader]
        for word in search_form(wanted).split():
            clauses.append(
                "(instr(search_form(c.title), ?) OR EXISTS (SELECT 1 FROM exchanges e WHERE e.conversation = c.id "
                "AND e.replaced = 0 AND instr(e.words, ?)))"
            )
            values += [word, word]
        rows = self._history.query(
            f"SELECT c.id, c.title, c.changed_at FROM conversations c WHERE {' AND '.join(clauses)} "  # noqa: S608 - our own words
            "ORDER BY c.changed_at DESC, c.id",
            values,
        )
        return [ConversationRow(*row) for row in rows]

    def open(self, conversation: str) -> SavedConversation | None:
        """A conversation with all that was shown; None where the reader has none of that id."""
        rows = self._history.query(
            "SELECT title FROM conversations WHERE id = ? AND reader = ?", [conversation, self._reader]
        )
        if not rows:
            return None
        exchanges = self._history.exchanges("e.conversation = ? AND e.replaced = 0", [conversation])
        return SavedConversation(conversation, rows[0][0], tuple(exchanges))

    def full(self) -> bool:
        """Whether nothing more is kept until the reader deletes something."""
        count, characters = self._history.query(_TAKEN, [self._reader])[0]
        return bool(count >= self._history.most_conversations or characters >= self._history.most_characters)

    # -- writing -------------------------------------------------------------------------------------------------

    def begin(
        self,
        exchange: str,
        question: str,
        conversation: str = "",
        *,
        filters: Filters | None = None,
        instead_of: str = "",
    ) -> str:
        """Keep a question that is being asked.

        Args:
            exchange: a new id, random.
            conversation: the one it belongs to; a new one is made for an empty id, or one that was deleted meanwhile.
            filters: see `SavedExchange`.
            instead_of: an exchange of that conversation; it and those after it are no longer shown. What was said of them stays.

        Returns:
            The id of the conversation.

        Raises:
            HistoryFull: there is no room for it.
            LibraryError: it cannot be written.
        """
        now, question = time.time(), _storable(question)
        with self._history.transaction() as db:
            mine = db.execute(
                "SELECT 1 FROM conversations WHERE id = ? AND reader = ?", [conversation, self._reader]
            ).fetchone()
            count, characters = db.execute(_TAKEN, [self._reader]).fetchone()
            if characters >= self._history.most_characters or (not mine and count >= self._history.most_conversations):
                raise HistoryFull(
                    f"保存的对话已满（最多 {self._history.most_conversations} 段），这一问没有保存",
                    "请在左边删除一些旧对话",
                )
            if not mine:
                conversation = secrets.token_hex(12)
                db.execute(
                    "INSERT INTO conversations VALUES (?, ?, ?, ?, ?)",
                    [conversation, self._reader, _title(question), now, now],
                )
            db.execute(
                "UPDATE exchanges SET replaced = 1 WHERE conversation = ? "
                "AND number >= (SELECT number FROM exchanges WHERE id = ? AND conversation = ?)",
                [conversation, instead_of, conversation],
            )
            db.execute(
                "INSERT INTO exchanges (id, conversation, question, asked_at, run, state, filters, words, size) "
                "VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?)",
                [
                    exchange, conversation, question, now, self._history.run,
                    None if filters is None else json.dumps(filters.to_dict(), ensure_ascii=False),
                    search_form(question), len(question),
                ],
            )  # fmt: skip
            db.execute("UPDATE conversations SET changed_at = ? WHERE id = ?", [now, conversation])
        return conversation

    def finish(self, exchange: str, outcome: Outcome) -> None:
        """Keep what became of a question; nothing happens where its conversation was deleted meanwhile.

        Raises:
            LibraryError: it cannot be written.
        """
        packed = pack_answer(outcome.answer) if outcome.answer else None
        with self._history.transaction() as db:
            row = db.execute(
                "SELECT e.question FROM exchanges e JOIN conversations c ON c.id = e.conversation WHERE e.id = ? AND c.reader = ?",
                [exchange, self._reader],
            ).fetchone()
            if row is None:
                return
            said = outcome.answer.text if outcome.answer else outcome.draft
            body = _storable(packed.text) if packed else None
            db.execute(
                "UPDATE exchanges SET state = ?, answer = ?, notice = ?, draft = ?, error = ?, words = ?, size = ? WHERE id = ?",
                [
                    outcome.state, body, outcome.notice, _storable(outcome.draft),
                    json.dumps(outcome.error, ensure_ascii=False) if outcome.error else "",
                    search_form(f"{row[0]}\n{said}"), len(row[0]) + len(body or "") + len(outcome.draft), exchange,
                ],
            )  # fmt: skip
            for key, article in packed.articles.items() if packed else ():
                db.execute("INSERT OR IGNORE INTO articles VALUES (?, ?)", [key, _storable(article)])
                db.execute("INSERT OR IGNORE INTO cited VALUES (?, ?)", [exchange, key])

    def rename(self, conversation: str, title: str) -> bool:
        """Give a conversation another title, on one line and cut to `LONGEST_TITLE`; an empty one changes nothing."""
        title = _title(title)
        if not title:
            return False
        with self._history.transaction() as db:
            done = db.execute(
                "UPDATE conversations SET title = ? WHERE id = ? AND reader = ?", [title, conversation, self._reader]
            )
            return bool(done.rowcount)

    def delete(self, conversation: str) -> bool:
        """Remove a conversation for good, with what was said of its answers; whether there was one."""
        return self._remove("id = ?", [conversation]) > 0

    def delete_oldest(self, count: int) -> int:
        """Remove the conversations that were changed longest ago; how many there were."""
        return self._remove(
            "id IN (SELECT id FROM conversations WHERE reader = ? ORDER BY changed_at LIMIT ?)", [self._reader, count]
        )

    def rate(self, exchange: str, feedback: Feedback | None) -> bool:
        """Keep what the reader says of an answer, in place of what they said before; None takes it back.

        Unknown reasons are left out and a long comment is cut.
        """
        with self._history.transaction() as db:
            mine = db.execute(
                "SELECT 1 FROM exchanges e JOIN conversations c ON c.id = e.conversation "
                "WHERE e.id = ? AND c.reader = ? AND e.state = 'answered'",
                [exchange, self._reader],
            ).fetchone()
            if not mine:
                return False
            db.execute("DELETE FROM feedback WHERE exchange = ?", [exchange])
            if feedback is not None:
                reasons = [reason for reason in REASONS if reason in feedback.reasons]
                db.execute(
                    "INSERT INTO feedback VALUES (?, ?, ?, ?, ?)",
                    [exchange, feedback.verdict, json.dumps(reasons), _storable(feedback.comment.strip()[:LONGEST_COMMENT]), time.time()],
                )  # fmt: skip
            return True

    def _remove(self, condition: str, values: Sequence[Any]) -> int:
        with self._history.transaction() as db:
            done = db.execute(f"DELETE FROM conversations WHERE reader = ? AND {condition}", [self._reader, *values])  # noqa: S608
            db.execute("DELETE FROM articles WHERE key NOT IN (SELECT article FROM cited)")
            return int(done.rowcount)


def _title(text: str) -> str:
    """A text as a title: one line, not too long."""
    line = " ".join(_storable(text).split())
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1]}…"


def _storable(text: str) -> str:
    """Without halves of surrogate pairs, which SQLite does not take."""
    return text.encode("utf-8", "replace").decode("utf-8")
