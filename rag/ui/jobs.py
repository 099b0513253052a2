"""Long work that a page starts: it runs in a thread, tells how far it is, and can be cancelled. Knows nothing of what it does."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rag.errors import LibraryBusy, YoujuError

log = logging.getLogger("youju.ui")

State = Literal["waiting", "running", "done", "failed", "cancelled"]

_KEPT: Final = 20
"""Jobs that are remembered; those that ended longest ago are forgotten first."""
_AGAIN: Final = 1.0
"""Seconds between two attempts while somebody else is writing to the library."""


class Cancelled(Exception):
    """Raised in the job's own thread, by its next step, once it is to end."""


@dataclass(slots=True)
class Job:
    """One piece of work. Written by its own thread, read by others; each field is replaced as a whole.

    Attributes:
        kind: what it is, e.g. "add"; names its texts.
        about: what it is done to, e.g. a model's name; may be hostile text.
        stage: the part it is in now; `done` of `total` of it are finished (0 of 0: not known).
        busy: why it waits, in Chinese; empty when it does not.
        result: what it returned.
        error: what people are told when it failed.
    """

    id: str
    kind: str
    about: str = ""
    state: State = "running"
    stage: str = ""
    done: float = 0.0
    total: int = 0
    busy: str = ""
    result: Any = None
    error: YoujuError | None = None
    ended: float = 0.0
    _stage_began: float = field(default_factory=time.monotonic)
    _stepped: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)

    def step(self, stage: str, done: float, total: int) -> None:
        """Tell how far it is.

        Raises:
            Cancelled: it is to end.
        """
        if self._stop.is_set():
            raise Cancelled
        if stage != self.stage:
            self._stage_began = time.monotonic()
        self.stage, self.done, self.total, self._stepped = stage, done, total, time.monotonic()

    def cancel(self) -> None:
        """Ask it to end; it does at its next step."""
        self._stop.set()

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("waiting", "running")

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to end, and has not yet."""
        return self.active and self._stop.is_set()

    @property
    def seconds_left(self) -> float | None:
        """How long the stage takes yet at its speed so far; None while that cannot be said."""
        passed = self._stepped - self._stage_began
        if not self.total or self.done <= 0 or passed < 1:
            return None
        left = passed * (self.total - self.done) / self.done
        return max(0.0, left - (time.monotonic() - self._stepped))

    def when_free(self, run: Callable[[], Any]) -> Any:
        """What `run` returns; while somebody else writes to the library it waits and tries again.

        Raises:
            Cancelled: it is to end.
        """
        while True:
            if self._stop.is_set():
                raise Cancelled
            try:
                result = run()
            except LibraryBusy as error:
                self.state, self.busy = "waiting", error.message
                self._stop.wait(_AGAIN)
            else:
                self.state, self.busy = "running", ""
                return result


class Jobs:
    """The jobs of one server, the newest first."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._guard = threading.Lock()
        self._numbers = itertools.count(1)

    def start(self, kind: str, run: Callable[[Job], Any], about: str = "") -> Job:
        """Run it in a thread of its own, and return at once."""
        job = Job(str(next(self._numbers)), kind, about)
        with self._guard:
            self._jobs[job.id] = job
            over = [old for old in self._jobs.values() if not old.active]
            for old in sorted(over, key=lambda old: old.ended)[: max(0, len(self._jobs) - _KEPT)]:
                del self._jobs[old.id]
        threading.Thread(target=self._run, args=(job, run), daemon=True, name=f"youju-{kind}").start()
        return job

    def all(self) -> list[Job]:
        """Every job that is remembered, the newest first."""
        with self._guard:
            return list(reversed(self._jobs.values()))

    def get(self, job_id: str) -> Job | None:
        """One of them, or None."""
        return self._jobs.get(job_id)

    def running(self, kind: str) -> Job | None:
        """The newest job of a kind that has not ended."""
        return next((job for job in self.all() if job.kind == kind and job.active), None)

    def forget(self, job_id: str) -> None:
        """Forget a job that has ended."""
        with self._guard:
            job = self._jobs.get(job_id)
            if job is not None and not job.active:
                del self._jobs[job_id]

    @staticmethod
    def _run(job: Job, run: Callable[[Job], Any]) -> None:
        state: State = "done"
        try:
            job.result = run(job)
        except Cancelled:
            state = "cancelled"
        except YoujuError as error:
            job.error, state = error, "failed"
        except Exception as error:
            log.exception("the job %s failed", job.kind)
            job.error = YoujuError(f"程序出了意外的错误（{type(error).__name__}）", "详情写在启动有据的那个窗口里")
            state = "failed"
        job.ended = time.monotonic()
        job.busy, job.state = "", state
