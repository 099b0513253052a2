"""Files into the store: what is new is read, chunked, embedded and written in whole batches; what is known is left alone."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from embeddings import Embedder
from rag.chunking import chunk_article
from rag.errors import LibraryError, ReadError
from rag.reading import find_files, read_file
from rag.records import Article, Chunk
from rag.store import FileState, Store, StoredArticle

_BATCH_CHUNKS = 128
"""Chunks embedded and written at once: what a crash can cost, and how often the progress bar moves for certain."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that gave no article: its path, a short reason for counting, and a message in Chinese."""

    path: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `add` did. `skipped` holds files without news in them (empty, images only), `failed` those that went wrong."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    skipped: tuple[Problem, ...] = ()
    failed: tuple[Problem, ...] = ()
    chunks: int = 0
    seconds: float = 0.0

    @property
    def reasons(self) -> dict[str, int]:
        """Number of skipped and failed files by reason, the most frequent first."""
        return dict(Counter(p.reason for p in (*self.skipped, *self.failed)).most_common())


OnProgress: TypeAlias = Callable[[float, int, int], None]
"""Told of progress: files finished (with fractions while a batch is embedded), files in all, chunks written so far."""


def printable(path: Path) -> str:
    """The path as text that can be stored and shown; bytes of a file name that are not UTF-8 become \\udc.. escapes."""
    return _clean(str(path))


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


NO_NEWS = frozenset({"empty", "no-text"})
"""Reasons for which a file is skipped rather than failed: it was read, and there is nothing in it to ask about."""


def passage_text(title: str, text: str) -> str:
    """What is embedded of a chunk. The title tells a passage from the middle of an article what it is about."""
    return f"{title}\n{text}" if title else text


PASSAGE_FORM = "title+text/1"
"""Names `passage_text` in the library's meta data: vectors of another form are not comparable."""


def body_digest(article: Article) -> str:
    """sha256 (hex) of what a reader sees; two files with the same are one article."""
    return hashlib.sha256(f"{article.title}\0{article.text}".encode()).hexdigest()


@dataclass(slots=True)
class _Pending:
    article: Article
    body: str
    chunks: list[Chunk]
    state: FileState | None


@dataclass(slots=True)
class Ingest:
    """One run of `add`. Use it once: `files` or `articles`, then read the report it returns.

    Args:
        store: where everything goes.
        embedder: called when the first chunk is to be embedded, never for a run without news.
        chunk_tokens: longest chunk, in the embedder's tokens.
        on_progress: see `OnProgress`.
    """

    store: Store
    embedder: Callable[[], Embedder]
    chunk_tokens: int
    on_progress: OnProgress | None = None
    _counts: Counter[str] = field(default_factory=Counter)
    _skipped: list[Problem] = field(default_factory=list)
    _failed: list[Problem] = field(default_factory=list)
    _pending: list[_Pending] = field(default_factory=list)
    _states: list[FileState] = field(default_factory=list)
    _bodies: dict[str, str] = field(default_factory=dict)
    _done: int = 0
    _total: int = 0
    _chunks: int = 0

    def files(self, paths: Sequence[Path]) -> AddReport:
        """Add files and folders. A file that cannot be read is reported; the others go on."""
        start = time.perf_counter()
        found = find_files(paths)
        self._failed += [Problem(printable(p.path), p.reason, _clean(p.message)) for p in found.problems]
        known = self.store.files()
        queue = deque(found.files)
        self._total = len(queue)
        try:
            while queue:
                path = queue.popleft()
                again = self._file(path, known)
                for other in again:
                    known.pop(str(other), None)
                queue.extend(again)
                self._flush(whole=False)
                self._tell(0)
            self._flush(whole=True)
        except BaseException:
            self._remember()
            raise
        return self._report(start)

    def articles(self, articles: Iterable[Article]) -> AddReport:
        """Add articles that are already in memory; `id` and `digest` must be set."""
        start = time.perf_counter()
        items = list(articles)
        self._total = len(items)
        for article in items:
            self._article(article, None)
            self._flush(whole=False)
            self._tell(0)
        self._flush(whole=True)
        return self._report(start)

    def _report(self, start: float) -> AddReport:
        self._done = self._total
        self._tell(0)
        return AddReport(
            added=self._counts["added"],
            updated=self._counts["updated"],
            unchanged=self._counts["unchanged"],
            duplicates=self._counts["duplicates"],
            skipped=tuple(self._skipped),
            failed=tuple(self._failed),
            chunks=self._chunks,
            seconds=time.perf_counter() - start,
        )

    def _tell(self, fraction: float) -> None:
        if self.on_progress:
            waiting = len(self._pending)
            self.on_progress(min(self._total, self._done - waiting + waiting * fraction), self._total, self._chunks)

    def _file(self, path: Path, known: dict[str, FileState]) -> list[Path]:
        """Take one file in. Returns files to read again, because the article that stood for them has changed."""
        self._done += 1
        name = printable(path)
        if name != str(path):
            message = f"文件名不是有效的 UTF-8，请改名后再加入：{name}"
            self._failed.append(Problem(name, "name", message))
            return []
        try:
            stat = path.stat()
        except OSError as error:
            self._failed.append(Problem(name, "permission", f"读不到文件：{name}（{error.strerror}）"))
            return []
        before = known.get(name)
        if before and (before.size, before.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            if before.article_id:
                self._counts["unchanged"] += 1
            else:
                self._note(Problem(name, before.reason, f"与上次相同：{name}"))
            return []
        try:
            article = read_file(path)
        except ReadError as error:
            self._note(Problem(name, error.reason, str(error)))
            self._states.append(FileState(name, stat.st_size, stat.st_mtime_ns, None, error.reason))
            return []
        return self._article(article, FileState(name, stat.st_size, stat.st_mtime_ns, article.id))

    def _note(self, problem: Problem) -> None:
        (self._skipped if problem.reason in NO_NEWS else self._failed).append(problem)

    def _article(self, article: Article, state: FileState | None) -> list[Path]:
        if state is None:
            self._done += 1
        body = body_digest(article)
        old = self.store.article(article.id)
        if old is not None and old.digest == article.digest:
            self._counts["unchanged"] += 1
            if state:
                self._states.append(state)
            return []
        twin = self._bodies.get(body) or self.store.article_with_body(body)
        if twin and body not in self._bodies and any(p.article.id == twin for p in self._pending):
            twin = None  # it is about to change
        if twin and twin != article.id:
            self._counts["duplicates"] += 1
            if state:
                self._states.append(FileState(state.path, state.size, state.mtime_ns, twin))
            return []
        embedder = self.embedder()
        limit = min(self.chunk_tokens, embedder.max_tokens)
        chunks = chunk_article(article, max_tokens=limit, count_tokens=embedder.count_tokens)
        self._bodies[body] = article.id
        self._pending.append(_Pending(article, body, chunks, state))
        self._counts["updated" if old else "added"] += 1
        if old is None or state is None:
            return []
        # Other files with the old text were filed under this article; they are articles of their own now.
        others = [path for path in self.store.locations(article.id) if path != state.path]
        for path in others:
            self._states.append(FileState(path, -1, -1, None, "stale"))
        self._total += len(others)
        return [Path(path) for path in others]

    def _flush(self, *, whole: bool) -> None:
        waiting = sum(len(p.chunks) for p in self._pending)
        if not self._pending or (waiting < _BATCH_CHUNKS and not whole):
            if whole:
                self._remember()
            return
        texts = [passage_text(p.article.title, c.text) for p in self._pending for c in p.chunks]
        vectors = self._vectors(texts)
        stored = []
        for pending in self._pending:
            own, vectors = vectors[: len(pending.chunks)], vectors[len(pending.chunks) :]
            stored.append(StoredArticle(pending.article, pending.body, pending.chunks, own))
        states = [p.state for p in self._pending if p.state]
        self._write(stored, [*self._states, *states])
        self._states.clear()
        self._bodies.clear()
        self._chunks += waiting
        self._pending.clear()

    def _vectors(self, texts: list[str]) -> NDArray[np.float32]:
        """Vectors of the texts; a changed article keeps those of its unchanged chunks."""
        kept: dict[str, NDArray[np.float32]] = {}
        for pending in self._pending:
            for chunk, vector in self.store.chunks_of(pending.article.id):
                old = self.store.article(pending.article.id)
                kept[passage_text(old.title if old else "", chunk.text)] = vector
        fresh = [text for text in texts if text not in kept]
        finished = 0

        def progress(n: int) -> None:
            nonlocal finished
            finished += n
            self._tell(finished / max(1, len(fresh)))

        embedder = self.embedder()
        made = iter(embedder.encode_passages(fresh, progress))
        rows = [kept[text] if text in kept else next(made) for text in texts]
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), embedder.dim)

    def _remember(self) -> None:
        """Write down what was seen of files that gave no chunks."""
        if self._states:
            self._write([], self._states)
            self._states.clear()

    def _write(self, stored: Sequence[StoredArticle], states: Sequence[FileState]) -> None:
        try:
            self.store.write(stored, files=states)
        except sqlite3.OperationalError as error:
            raise LibraryError(
                f"写不进知识库 {self.store.path}（{error}）；此前写入的文章都完好",
                "请腾出磁盘空间或检查文件夹权限，再运行同一条 youju add，它会接着做",
            ) from None
