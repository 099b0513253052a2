"""Reads files in a process of its own, so that no file can hang, crash or exhaust the program that asked.

The two talk in lines of JSON over pipes; nothing that comes back can be anything but text.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from rag.reading.readings import Reading
from rag.records import Article

SECONDS = 5.0
"""Processor time that may pass without a reading or a sign of life."""
PATIENCE = 60.0
"""The same in wall time: on a busy machine, or a slow disk, a reader that is not computing is only waiting."""

_AHEAD = 32
_NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


class IsolatedReader:
    """Use it as a context manager; the process starts with the first file and is started anew when it had to be stopped."""

    def __init__(self, seconds: float = SECONDS, patience: float = PATIENCE) -> None:
        self._seconds = seconds
        self._patience = patience
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the process."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def read(self, path: Path, *, name: str = "", columns: Mapping[str, str] = _NO_COLUMNS) -> Iterator[Reading]:
        """What `read_articles` gives for the file. Where its process hangs or dies, the last reading says so."""
        child = self._child = self._child or _Child()
        finished = False
        try:
            child.ask({"path": os.fspath(path), "name": name, "columns": dict(columns)})
            while (answer := child.answer(self._seconds, self._patience)) != {"end": True}:
                if "alive" not in answer:
                    yield _reading(answer)
            finished = True
        except TimeoutError:
            yield Reading("", None, "timeout", f"读取超过 {self._seconds:g} 秒，已跳过：{name or path}")
        except (EOFError, OSError, ValueError):
            yield Reading("", None, "crash", f"读取时出错中断，已跳过：{name or path}")
        finally:
            if not finished:  # also when the caller does not want the rest
                self.close()


def to_line(reading: Reading) -> str:
    """A reading as a line of JSON."""
    article = reading.article.to_json() if reading.article else None
    return json.dumps([reading.member, article, reading.reason, reading.message], ensure_ascii=False)


def _reading(answer: Any) -> Reading:
    member, article, reason, message = answer
    return Reading(str(member), Article.from_json(article) if article else None, str(reason), str(message))


class _Child:
    def __init__(self) -> None:
        paths = [entry or os.getcwd() for entry in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "rag.reading.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1"},
            encoding="utf-8",
        )
        self._answers: queue.Queue[str | None] = queue.Queue(_AHEAD)
        self._stopped = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True, name="youju-reader")
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                self._put(line)
                if self._stopped.is_set():
                    return
        except ValueError:  # closed meanwhile, or not UTF-8: the process is no longer ours
            pass
        self._put(None)

    def _put(self, line: str | None) -> None:
        while not self._stopped.is_set():
            try:
                self._answers.put(line, timeout=0.2)
                return
            except queue.Full:
                continue

    def ask(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        # ASCII: file names may hold bytes that are not UTF-8
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self, seconds: float, patience: float) -> Any:
        """The next line; TimeoutError when the process computes without an answer, EOFError when it is gone."""
        started = time.monotonic()
        computed: float | None = None
        while True:
            try:
                line = self._answers.get(timeout=min(1.0, seconds))
            except queue.Empty:
                now = self._computed()
                computed = now if computed is None else computed
                waited = time.monotonic() - started
                # the first look comes a moment after the question: what was computed until then counts as well
                if now - computed + min(1.0, seconds) >= seconds or waited >= patience:
                    raise TimeoutError from None
                continue
            if line is None:
                raise EOFError
            return json.loads(line)

    def _computed(self) -> float:
        import psutil

        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:
            return float("inf")
        return float(times.user + times.system)

    def stop(self) -> None:
        self._stopped.set()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was still to be written has no reader any more
                    pipe.close()
        self._listener.join(timeout=5)
