"""Files into the store: what is new is read into the inbox, compared with the rest, embedded and written; what is known is left alone."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embeddings import Embedder
from rag.chunking import chunk_article
from rag.errors import LibraryError, ReadError
from rag.fetch import fetch
from rag.inbox import Entry, Inbox, iterate
from rag.reading import HOLDING_ROWS, IsolatedReader, Reading, find_files
from rag.reading.assembly import article_digest, article_id
from rag.reading.lines import storable
from rag.records import Article, Chunk
from rag.settle import settle
from rag.store import FileState, Location, Store, StoredArticle
from rag.uploads import Upload
from rag.words import search_form

_BATCH_CHUNKS = 128
"""Chunks embedded and written at once: what a crash can cost, and how often the progress bar moves for certain."""
READING_VERSION = "2"
"""Raised when the same file would be read as another text; a library then looks at its files once more."""
_STAGED = 64
"""Readings put into the inbox in one transaction."""

Stage: TypeAlias = Literal["read", "compare", "embed"]
OnProgress: TypeAlias = Callable[[Stage, float, int, int], None]
"""Told of progress: the stage, its files or articles finished (with fractions while a batch is embedded) and in all, chunks written so far."""

Outcome: TypeAlias = Literal["added", "updated", "unchanged", "duplicate", "moved", "skipped", "failed"]

NO_NEWS = frozenset({"empty", "no-text"})
"""Reasons for which a file is skipped rather than failed: it was read, and there is nothing in it to ask about."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a part of one, that gave no article: its path, a short reason for counting, and a message in Chinese."""

    path: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one reading, for the written report. `twin` is the title of the article it repeats, exactly or nearly."""

    path: str
    member: str
    outcome: Outcome
    reason: str = ""
    message: str = ""
    title: str = ""
    source: str = ""
    date: str = ""
    characters: int = 0
    chunks: int = 0
    twin: str = ""


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `add` did.

    Attributes:
        near_duplicates: how many of the added and updated articles tell a story that another article tells nearly word for word.
        moved: articles whose file lies elsewhere now.
        skipped: files without news in them (empty, images only); `failed`: those that went wrong.
        vanished: files below the folders given that are no longer there; their articles stay until they are removed.
        notes: what was mended while reading, in Chinese, and in how many articles.
        chunks: written; `embedded`: of these, those whose vector had to be computed.
        stages: seconds by stage (read, compare, embed, index).
        rows: one for each reading, where they were asked for.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    near_duplicates: int = 0
    moved: int = 0
    skipped: tuple[Problem, ...] = ()
    failed: tuple[Problem, ...] = ()
    vanished: tuple[str, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()

    @property
    def reasons(self) -> dict[str, int]:
        """Number of skipped and failed files by reason, the most frequent first."""
        return dict(Counter(p.reason for p in (*self.skipped, *self.failed)).most_common())


class Reader(Protocol):
    """What turns a file into articles; `IsolatedReader` is the one in use."""

    def read(self, path: Path, *, name: str = "", columns: Mapping[str, str] = ...) -> Iterator[Reading]:
        """Every article in the file, or why there is none; never raises."""


def _at_address(reading: Reading, address: str) -> Reading:
    """The reading of a fetched page: where it names no address of its own, it is the one it came from."""
    article = reading.article
    if article is None or article.url or reading.member:
        return reading
    article = replace(article, id=article_id(address, ""), url=address)
    return replace(reading, article=replace(article, digest=article_digest(article)))


def printable(path: Path) -> str:
    """The path as text that can be stored and shown; bytes of a file name that are not UTF-8 become \\udc.. escapes."""
    return _clean(str(path))


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def passage_text(title: str, text: str) -> str:
    """What is embedded of a chunk, in the form in which questions are embedded: one script, one width, one case.

    The title tells a passage from the middle of an article what it is about.
    """
    return search_form(f"{title}\n{text}" if title else text)


PASSAGE_FORM = "title+text/2"
"""Names `passage_text` in the library's meta data: vectors of another form are not comparable."""


@dataclass(slots=True)
class Ingest:
    """One run of `add`. Use it once: `files` or `articles`, then read the report it returns.

    Args:
        store: where everything goes.
        embedder: called when the first chunk is to be embedded, never for a run without news.
        chunk_tokens: longest chunk, in the embedder's tokens.
        columns: which column of a table holds what, for CSV and JSON Lines files that name them otherwise.
        on_progress: see `OnProgress`.
        on_batch: called after every written batch, to bring indexes up to date now and then.
        keep_rows: whether the report lists every reading.
    """

    store: Store
    embedder: Callable[[], Embedder]
    chunk_tokens: int
    columns: Mapping[str, str] = field(default_factory=dict)
    on_progress: OnProgress | None = None
    on_batch: Callable[[], None] | None = None
    keep_rows: bool = False
    _inbox: Inbox = field(init=False)
    _counts: Counter[str] = field(default_factory=Counter)
    _notes: Counter[str] = field(default_factory=Counter)
    _skipped: list[Problem] = field(default_factory=list)
    _failed: list[Problem] = field(default_factory=list)
    _rows: list[Row] = field(default_factory=list)
    _stages: Counter[str] = field(default_factory=Counter)
    _entries: list[Entry] = field(default_factory=list)
    _locations: list[Location] = field(default_factory=list)
    _finished: list[FileState] = field(default_factory=list)
    _forget: list[str] = field(default_factory=list)
    _vanished: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._inbox = Inbox(self.store)

    def files(
        self,
        paths: Sequence[Path],
        reader: Reader | None = None,
        addresses: Sequence[str] = (),
        uploads: Sequence[Upload] = (),
    ) -> AddReport:
        """Add files and folders, web pages by their addresses, and uploads. What cannot be read is reported; the others go on.

        Raises:
            LibraryError: the disk is full or not writable; what was written before is whole.
        """
        start = time.perf_counter()
        with _disk_errors(self.store):
            with self._timed("read"):
                if reader is not None:
                    self._read_all(paths, reader, addresses, uploads)
                else:
                    with IsolatedReader() as isolated:
                        self._read_all(paths, isolated, addresses, uploads)
            self._settle()
            self._embed()
        return self._report(start)

    def articles(self, articles: Iterable[Article]) -> AddReport:
        """Add articles that are already in memory; `id` and `digest` must be set."""
        start = time.perf_counter()
        with _disk_errors(self.store):
            with self._timed("read"):
                for article in articles:
                    self._article(_storable(article), "", "")
                    if len(self._entries) >= _STAGED:
                        self._flush()
                self._flush()
            self._settle()
            self._embed()
        return self._report(start)

    def _report(self, start: float) -> AddReport:
        return AddReport(
            added=self._counts["added"],
            updated=self._counts["updated"],
            unchanged=self._counts["unchanged"],
            duplicates=self._counts["duplicate"],
            near_duplicates=self._counts["near"],
            moved=self._counts["moved"],
            skipped=tuple(self._skipped),
            failed=tuple(self._failed),
            vanished=tuple(self._vanished),
            notes=dict(self._notes.most_common()),
            chunks=self._counts["chunks"],
            embedded=self._counts["embedded"],
            seconds=time.perf_counter() - start,
            stages=dict(self._stages),
            rows=tuple(self._named(row) for row in self._rows),
        )

    def _named(self, row: Row) -> Row:
        """The row with its twin's title, which was not in the store yet when the row was made."""
        twin = self.store.article(row.twin) if row.twin else None
        return replace(row, twin=twin.title if twin else "")

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._stages[stage] += time.perf_counter() - start  # type: ignore[assignment]

    def _tell(self, stage: Stage, done: float, total: int) -> None:
        if self.on_progress:
            self.on_progress(stage, done, total, self._counts["chunks"])

    # -- reading into the inbox ----------------------------------------------------------------------------------

    def _read_all(
        self, paths: Sequence[Path], reader: Reader, addresses: Sequence[str], uploads: Sequence[Upload]
    ) -> None:
        for done, address in enumerate(addresses):
            self._page(address, reader)
            self._tell("read", done + 1, len(addresses))
        for done, upload in enumerate(uploads):
            self._upload(upload, reader)
            self._tell("read", done + 1, len(uploads))
        self._flush()
        if not paths:  # files that the library knows were not looked at
            return
        found = find_files(paths)
        for problem in found.problems:
            self._problem(_clean(str(problem.path)), "", problem.reason, _clean(problem.message))
        # A reader that cleans better is to see every file again; articles that it reads as before are left alone.
        meta, columns = self.store.meta(), json.dumps(self.columns, sort_keys=True, ensure_ascii=False)
        before = self.store.files()
        known = before if meta.get("reading") == READING_VERSION else {}
        if meta.get("columns", "{}") != columns:  # tables may say something else now
            known = {path: state for path, state in known.items() if Path(path).suffix.lower() not in HOLDING_ROWS}
        self._note_vanished(paths, found.files, before)
        queue = deque(found.files)
        queued = {str(path) for path in queue}
        done = 0
        try:
            while queue:
                path = queue.popleft()
                again = [other for other in self._file(path, known, reader) if other not in queued]
                queued |= set(again)
                queue.extend(map(Path, again))
                done += 1
                if len(self._entries) + len(self._finished) >= _STAGED:
                    self._flush()
                self._tell("read", done, done + len(queue))
            if meta.get("reading") != READING_VERSION or meta.get("columns", "{}") != columns:
                self._flush()
                self.store.set_meta({"reading": READING_VERSION, "columns": columns})
        finally:
            self._flush()

    def _note_vanished(self, paths: Sequence[Path], files: Sequence[Path], known: Mapping[str, FileState]) -> None:
        folders = [f"{path}/".replace("//", "/") for path in paths if path.is_dir()]
        seen = {str(path) for path in files}
        self._vanished = sorted(
            path
            for path in known
            if path not in seen
            and any(path.startswith(folder) for folder in folders)
            and self.store.database.gone(path)
        )

    def _file(self, path: Path, known: Mapping[str, FileState], reader: Reader) -> list[str]:
        """Take one file in. Returns paths of files to read again, because the article that stood for them changes."""
        name = printable(path)
        if name != str(path):
            self._problem(name, "", "name", f"文件名不是有效的 UTF-8，请改名后再加入：{name}")
            return []
        try:
            stat = path.stat()
        except OSError as error:
            self._problem(name, "", "permission", f"读不到文件：{name}（{error.strerror}）")
            return []
        state = FileState(name, stat.st_size, stat.st_mtime_ns)
        places = self.store.locations_in(name) if name in known else {}
        if known.get(name) == state and name not in self._forget:
            for place in places.values():
                self._known(place)
            return []
        again = self._take(name, reader.read(path, columns=self.columns), places or self.store.locations_in(name))
        self._finished.append(state)
        return again

    def _page(self, address: str, reader: Reader) -> None:
        """Fetch one web page or feed and take it in."""
        try:
            fetched = fetch(address)
        except ReadError as error:
            self._problem(address, "", error.reason, str(error))
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "page"  # a name of ours, whatever the address says
            file.write_bytes(fetched.data)
            name = fetched.url if fetched.url.lower().endswith(fetched.suffix) else f"{fetched.url}{fetched.suffix}"
            readings = [_at_address(reading, fetched.url) for reading in reader.read(file, name=name)]
            self._take(address, readings, self.store.locations_in(address))

    def _upload(self, upload: Upload, reader: Reader) -> None:
        """Take in a file that somebody sent."""
        try:
            place = upload.place()
        except OSError as error:
            self._problem(upload.name, "", "unreadable", f"无法读取：{upload.name}（{error.strerror}）")
            return
        readings = reader.read(upload.file, name=place, columns=self.columns)
        self._take(place, readings, self.store.locations_in(place))

    def _take(self, path: str, readings: Iterable[Reading], places: Mapping[str, Location]) -> list[str]:
        """Put what a file says into the inbox. Members that it no longer has keep their articles."""
        self._inbox.begin(path)
        again: list[str] = []
        for reading in readings:
            if reading.article is None:
                self._problem(path, reading.member, reading.reason, _clean(reading.message))
                self._locations.append(Location(path, reading.member, None, reading.reason, _clean(reading.message)))
            else:
                again += self._article(reading.article, path, reading.member, places.get(reading.member))
            if len(self._entries) >= _STAGED:
                self._flush()
        return again

    def _known(self, place: Location) -> None:
        if place.article_id is None or place.reason:
            message = place.message or f"与上次相同：{place.path}"
            self._problem(place.path, place.member, place.reason, message)
            return
        self._counts["unchanged"] += 1
        if self.keep_rows:
            article = self.store.article(place.article_id)
            self._row(place.path, place.member, "unchanged", article)

    def _problem(self, path: str, member: str, reason: str, message: str) -> None:
        skipped = reason in NO_NEWS
        where = f"{path}#{member}" if member else path
        (self._skipped if skipped else self._failed).append(Problem(where, reason, message))
        if self.keep_rows:
            self._rows.append(Row(path, member, "skipped" if skipped else "failed", reason, message))

    def _row(self, path: str, member: str, outcome: Outcome, article: Article | None, **more: object) -> None:
        if self.keep_rows and article is not None:
            about = Row(
                path, member, outcome, title=article.title, source=article.source, date=article.date,
                characters=len(article.text),
            )  # fmt: skip
            self._rows.append(replace(about, **more))  # type: ignore[arg-type]

    def _article(self, article: Article, path: str, member: str, before: Location | None = None) -> list[str]:
        """Take one article in. Returns paths of other files that were filed under it while it said something else."""
        article, others = self._identify(article, path, member, before)
        if path:
            self._locations.append(Location(path, member, article.id))
        if self.store.digest(article.id) == article.digest and self._inbox.waiting_place(article.id) is None:
            self._counts["unchanged"] += 1
            self._row(path, member, "unchanged", article)
            return []
        self._entries.append(Entry(-1, path, member, article, article.body_digest))
        self._forget += others
        return others

    def _identify(self, article: Article, path: str, member: str, before: Location | None) -> tuple[Article, list[str]]:
        """The article under the id it is to have, and the other files that stand under that id and must be read again.

        An address names an article, and a file that says something new under the same address is its new version. But where
        another file that is still there says something else under that address, both are kept: nothing is ever lost.
        """
        if not path:
            return article, []
        separate = article_id("", f"{article.url}\n{path}#{member}")
        if before is not None and before.article_id == separate:
            return replace(article, id=separate), []
        staged = next((e for e in self._entries if e.article.id == article.id), None)
        waiting = self._inbox.waiting_place(article.id)
        holder = (staged.path, staged.member, staged.article.digest) if staged else waiting
        if holder and holder[0] and holder[:2] != (path, member) and holder[2] != article.digest:
            return replace(article, id=separate), []
        if self.store.digest(article.id) in (None, article.digest):
            return article, []
        others = [p for p in self.store.locations(article.id) if (p.path, p.member) != (path, member)]
        others = [p for p in others if not self.store.database.gone(p.path)]
        if before is not None and before.article_id == article.id:
            return article, [p.path for p in others if p.path != path]
        return (replace(article, id=separate), []) if others else (article, [])

    def _flush(self) -> None:
        self._inbox.put(self._entries, self._locations, self._finished, self._forget)
        for batch in (self._entries, self._locations, self._finished, self._forget):
            batch.clear()

    # -- among the others ----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        with self._timed("compare"):
            duplicates = settle(self.store, lambda done, total: self._tell("compare", done, total))
        for duplicate in duplicates:
            outcome: Outcome = "moved" if duplicate.moved else "duplicate"
            self._counts[outcome] += 1
            place = duplicate.location
            if self.keep_rows:
                self._row(place.path, place.member, outcome, duplicate.article, twin=duplicate.twin)

    # -- vectors -------------------------------------------------------------------------------------------------

    def _embed(self) -> None:
        total, _ = self._inbox.counts()
        done = 0
        batch: list[tuple[Entry, list[Chunk]]] = []
        with self._timed("embed"):
            for entry in iterate(self._inbox):
                batch.append((entry, self._chunk(entry.article)))
                if sum(len(chunks) for _, chunks in batch) >= _BATCH_CHUNKS:
                    self._write(batch, done, total)
                    done += len(batch)
                    batch = []
            if batch:
                self._write(batch, done, total)
        if total:
            self._tell("embed", total, total)

    def _chunk(self, article: Article) -> list[Chunk]:
        embedder = self.embedder()
        limit = min(self.chunk_tokens, embedder.max_tokens)
        return chunk_article(article, max_tokens=limit, count_tokens=embedder.count_tokens)

    def _write(self, batch: Sequence[tuple[Entry, list[Chunk]]], done: int, total: int) -> None:
        vectors = self._vectors(batch, lambda share: self._tell("embed", done + share * len(batch), total))
        stored = []
        for entry, chunks in batch:
            own, vectors = vectors[: len(chunks)], vectors[len(chunks) :]
            old = self.store.digest(entry.article.id)
            stored.append(
                StoredArticle(
                    entry.article, entry.body_digest, chunks, own, entry.story, entry.cuts, entry.bands, entry.seq
                )
            )
            self._count(entry, len(chunks), "updated" if old else "added", recut=old == entry.article.digest)
        self.store.write(stored)
        self._counts["chunks"] += sum(len(chunks) for _, chunks in batch)
        self._tell("embed", done + len(batch), total)
        if self.on_batch:
            with self._timed("index"):
                self.on_batch()

    def _count(self, entry: Entry, chunks: int, outcome: Outcome, *, recut: bool) -> None:
        self._counts[outcome] += 1
        near = entry.story not in ("", entry.article.id)
        self._counts["near"] += near
        for note in filter(None, entry.article.metadata.get("notes", "").split("；")):
            self._notes[note.split("：")[0].split("（")[0]] += 1
        if self.keep_rows:
            reason = "recurring-lines" if recut else ""
            self._row(
                entry.path or entry.article.path, entry.member, outcome, entry.article, chunks=chunks, reason=reason,
                message=entry.article.metadata.get("notes", ""), twin=entry.story if near else "",
            )  # fmt: skip

    def _vectors(
        self, batch: Sequence[tuple[Entry, list[Chunk]]], tell: Callable[[float], None]
    ) -> NDArray[np.float32]:
        """Vectors of the batch's chunks; a changed article keeps those of its unchanged chunks."""
        texts = [passage_text(entry.article.title, chunk.text) for entry, chunks in batch for chunk in chunks]
        kept: dict[str, NDArray[np.float32]] = {}
        for entry, _ in batch:
            old = self.store.article(entry.article.id)
            if old is not None:
                for chunk, vector in self.store.chunks_of(old.id):
                    kept[passage_text(old.title, chunk.text)] = vector
        fresh = [text for text in dict.fromkeys(texts) if text not in kept]
        finished = 0

        def progress(n: int) -> None:
            nonlocal finished
            finished += n
            tell(finished / max(1, len(fresh)))

        embedder = self.embedder()
        made = embedder.encode_passages(fresh, progress)
        self._counts["embedded"] += len(fresh)
        vectors = kept | dict(zip(fresh, made, strict=True))
        rows = [vectors[text] for text in texts]
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), embedder.dim)


def _storable(article: Article) -> Article:
    """An article from a program, without what no database takes."""
    plain: dict[str, Any] = {
        name: storable(getattr(article, name)) for name in ("id", "title", "text", "source", "author", "url", "path")
    }
    metadata = {storable(key): storable(value) for key, value in article.metadata.items()}
    return replace(article, **plain, category=tuple(map(storable, article.category)), metadata=metadata)


@contextmanager
def _disk_errors(store: Store) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise LibraryError(
            f"写不进知识库 {store.name}（{error}）；此前写入的文章都完好",
            "请腾出磁盘空间或检查文件夹权限，再运行同一条 youju add，它会接着做",
        ) from None
