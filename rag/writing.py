"""What a process does that writes to a library: it holds the lock, and saves indexes now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import LibraryBusy

_SAVE_EVERY = 60.0
_SAVE_SHARE = 30.0
"""Indexes are saved once a minute while articles are added, more rarely where a save takes more than two seconds."""


@contextmanager
def write_lock(home: Path, lock: FileLock | None = None) -> Iterator[None]:
    """Hold a library's write lock; the operating system gives it back when a process dies.

    Raises:
        LibraryBusy: another process (or thread) holds it.
    """
    lock = lock or FileLock(home / "write.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise LibraryBusy(f"另一个程序正在写入知识库 {home}", "请等它完成后再试") from None
    try:
        yield
    finally:
        lock.release()


class SaveNowAndThen:
    """Saves indexes during a long run, so that news can be found and a broken run costs little, but never for long in all."""

    def __init__(self, save: Callable[[], None]) -> None:
        self._save = save
        self._next = time.monotonic() + _SAVE_EVERY

    def tick(self) -> None:
        """Save if it is time to."""
        started = time.monotonic()
        if started < self._next:
            return
        self._save()
        finished = time.monotonic()
        self._next = finished + max(_SAVE_EVERY, _SAVE_SHARE * (finished - started))
