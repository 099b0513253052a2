"""Who may log in: names, roles, password hashes, sessions and tokens, in one SQLite file that only its owner can read.

Nothing in the file lets its reader in: passwords are kept as scrypt hashes, sessions and tokens (256 random bits each) as
SHA-256 digests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rag.errors import AccountError
from rag.service.readers import Reader, Role

FILE: Final = "accounts.sqlite"
SESSION_SECONDS: Final = 14 * 24 * 3600
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 256

_NAME = re.compile(r"[^\W_][\w.\-]{0,39}")
_COST, _BLOCK, _LANES = 15, 8, 3
"""scrypt with N = 2^15, r = 8, p = 3: 32 MB and about a quarter of a second. One of OWASP's equivalent choices (Password
Storage Cheat Sheet)."""
_MEMORY = 64 * 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, token TEXT UNIQUE, made REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, name TEXT NOT NULL, proof TEXT NOT NULL, ends REAL NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Account:
    """One row of `youju user list`. `made` is in seconds since 1970."""

    name: str
    role: Role
    made: float
    has_token: bool


class Accounts:
    """The accounts of one library. The file is made with the first account or session; until then nobody has to log in.

    Safe to use from several threads and processes; what the command line changes holds for a running server at once.

    Args:
        folder: of the library.
        now: the clock, in seconds since 1970.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self.path = folder / FILE
        self._now = now
        self._db: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def any(self) -> bool:
        """Whether there is an account."""
        return bool(self._rows("SELECT 1 FROM accounts LIMIT 1"))

    def listed(self) -> list[Account]:
        """All accounts, by name."""
        rows = self._rows("SELECT name, role, made, token IS NOT NULL FROM accounts ORDER BY name")
        return [Account(name, role, made, bool(token)) for name, role, made, token in rows]

    def add(self, name: str, password: str, role: Role) -> None:
        """Make an account.

        Raises:
            AccountError: the name is taken or no name, or the password is too short or too long.
        """
        name = _checked_name(name)
        made = hash_password(_checked_password(password))
        try:
            self._write("INSERT INTO accounts VALUES (?, ?, ?, NULL, ?)", (name, role, made, self._now()))
        except sqlite3.IntegrityError:
            raise AccountError(f"已经有名为 {name} 的账户", "换一个名字，或用 youju user password 改密码") from None

    def remove(self, name: str) -> None:
        """Delete an account; its sessions and its token end with it.

        Raises:
            AccountError: there is none of this name.
        """
        self._change("DELETE FROM accounts WHERE name = ?", (_plain(name),), name)
        self._write("DELETE FROM sessions WHERE name = ?", (_plain(name),))

    def set_role(self, name: str, role: Role) -> None:
        """Change what an account may do; holds for its next request.

        Raises:
            AccountError: there is none of this name.
        """
        self._change("UPDATE accounts SET role = ? WHERE name = ?", (role, _plain(name)), name)

    def set_password(self, name: str, password: str) -> None:
        """Change a password. All sessions of the account end, and its token: whoever had them may be why it is changed.

        Raises:
            AccountError: there is no such account, or the password is too short or too long.
        """
        made = hash_password(_checked_password(password))
        self._change("UPDATE accounts SET password = ?, token = NULL WHERE name = ?", (made, _plain(name)), name)
        self._write("DELETE FROM sessions WHERE name = ?", (_plain(name),))

    def make_token(self, name: str) -> str:
        """A new token for the API in place of the old one. It is returned once and kept as a digest.

        Raises:
            AccountError: there is no such account.
        """
        token = f"youju-{secrets.token_urlsafe(32)}"
        self._change("UPDATE accounts SET token = ? WHERE name = ?", (_digest(token), _plain(name)), name)
        return token

    def check(self, name: str, password: str) -> bool:
        """Whether the password is the account's. Takes as long for a name that does not exist."""
        rows = self._rows("SELECT password FROM accounts WHERE name = ?", (_plain(name),))
        right = verify_password(_plain(password)[:LONGEST_PASSWORD], rows[0][0] if rows else _DUMMY)
        return right and bool(rows)

    def by_token(self, token: str) -> Reader | None:
        """Whose token it is."""
        rows = self._rows("SELECT name, role FROM accounts WHERE token = ?", (_digest(token),))
        return Reader(*rows[0]) if rows else None

    def begin_session(self, name: str, secret: str = "") -> str:
        """Remember that somebody logged in; returns the session's id, 256 random bits.

        Args:
            name: of the account; empty for one who logged in with a shared secret.
            secret: that one. The session ends when another is set.
        """
        session = secrets.token_urlsafe(32)
        ends = self._now() + SESSION_SECONDS
        self._write("DELETE FROM sessions WHERE ends < ?", (self._now(),))
        self._write("INSERT INTO sessions VALUES (?, ?, ?, ?)", (_digest(session), _plain(name), _digest(secret), ends))
        return session

    def by_session(self, session: str, secret: str = "") -> Reader | None:
        """Who logged in with it, with today's role; None for a session that ended, and for one that never was."""
        rows = self._rows(
            "SELECT sessions.name, accounts.role, proof FROM sessions LEFT JOIN accounts USING (name)"
            " WHERE digest = ? AND ends >= ?",
            (_digest(session), self._now()),
        )
        if not rows:
            return None
        name, role, proof = rows[0]
        if name:
            return Reader(name, role) if role else None
        return Reader("", "editor") if secret and hmac.compare_digest(proof, _digest(secret)) else None

    def end_session(self, session: str) -> None:
        """Forget a session."""
        if self.path.exists():
            self._write("DELETE FROM sessions WHERE digest = ?", (_digest(session),))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            if self._db is None and not self.path.exists():
                return []
            return self._open().execute(sql, values).fetchall()

    def _write(self, sql: str, values: tuple[Any, ...]) -> int:
        with self._lock:
            return self._open().execute(sql, values).rowcount

    def _change(self, sql: str, values: tuple[Any, ...], name: str) -> None:
        if not self.path.exists() or not self._write(sql, values):
            raise AccountError(f"没有名为 {_plain(name)} 的账户", "用 youju user list 查看全部账户")

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Made before SQLite does, which would ask the umask; its -wal and -shm take the rights of this file.
                with suppress(FileExistsError):
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                self.path.chmod(0o600)
                db = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(_SCHEMA)
            except (OSError, sqlite3.DatabaseError) as error:
                raise AccountError(
                    f"账户文件打不开：{self.path}（{error}）", "请检查这个文件属于谁、是否完好"
                ) from None
            self._db = db
        return self._db


def hash_password(password: str) -> str:
    """A salted scrypt hash with its parameters, as text."""
    salt = secrets.token_bytes(16)
    return "$".join(("scrypt", str(_COST), str(_BLOCK), str(_LANES), _text(salt), _text(_scrypt(password, salt))))


def verify_password(password: str, kept: str) -> bool:
    """Whether a password belongs to a hash of `hash_password`, in constant time."""
    _, cost, block, lanes, salt, expected = kept.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, base64.b64decode(expected))


def _scrypt(password: str, salt: bytes, cost: int = _COST, block: int = _BLOCK, lanes: int = _LANES) -> bytes:
    return hashlib.scrypt(_plain(password).encode(), salt=salt, n=2**cost, r=block, p=lanes, maxmem=_MEMORY, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(text: str) -> str:
    """The same characters from every keyboard and system; what is no text (half a character) becomes a question mark."""
    return unicodedata.normalize("NFC", text).encode("utf-8", "replace").decode()


def _checked_name(name: str) -> str:
    plain = _plain(name)
    if not _NAME.fullmatch(plain):
        raise AccountError(
            "这个名字不能用", "名字最多 40 个字，可以是汉字、字母、数字、点、连字符和下划线，以汉字、字母或数字开头"
        )
    return plain


def _checked_password(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise AccountError("密码太短", f"至少 {SHORTEST_PASSWORD} 个字符，几个不相干的词连起来就很好")
    if len(password) > LONGEST_PASSWORD:
        raise AccountError("密码太长", f"最多 {LONGEST_PASSWORD} 个字符")
    return password


_DUMMY: Final = "$".join(("scrypt", str(_COST), str(_BLOCK), str(_LANES), _text(bytes(16)), _text(bytes(32))))
"""What a password is checked against for a name that does not exist; nothing hashes to it."""
