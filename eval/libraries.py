"""The library that a set is asked over: built once, kept in a cache folder, found again by what made it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from embeddings import Embedder, EmbeddingError, load_embedder
from eval.datasets import EvalSet
from rag import Library, Settings, __version__, open_library
from rag.errors import LibraryError, ModelError

_SOURCES = (
    "chunking.py",
    "sentences.py",
    "headings.py",
    "ingest.py",
    "settle.py",
    "near_duplicates.py",
    "schema.py",
    "reading",
)
"""The code that decides what the chunks of an article are; a library made by other code is another library."""


def default_cache() -> Path:
    """Where libraries are kept when the command line names no folder."""
    return Path(platformdirs.user_cache_dir("youju", appauthor=False)) / "eval"


@contextmanager
def prepared_library(
    eval_set: EvalSet, settings: Settings, cache: Path, console: Console, *, embedder: Embedder | None = None
) -> Iterator[Library]:
    """The library with exactly the articles of `eval_set`, built first where it is not in `cache`.

    A build that was killed goes on where it stopped. The library is opened with `settings` but for its place, and with
    `embedder` instead of the one that they name where it is given.

    Raises:
        LibraryError: an article of the set could not be read (the figures would be those of another set).
        ModelError: the embedder cannot be used.
    """
    if embedder is None:
        embedder = _load_embedder(settings)
    home = cache / f"{eval_set.name}-{_key(eval_set, settings, embedder.fingerprint)}"
    with open_library(home / "library", settings=settings, embedder=embedder) as library:
        marker = home / "built.json"
        if not marker.is_file():
            _build(library, eval_set, console)
            marker.write_text(json.dumps({"set": eval_set.name, "digest": eval_set.digest}), encoding="utf-8")
        yield library


def library_texts(library: Library, eval_set: EvalSet) -> dict[str, str]:
    """The clean text of every article in the library by its key in the set.

    Raises:
        LibraryError: a gold article is not there, so that its cases could not be judged.
    """
    texts = {eval_set.key_of(article.path): article.text for article in library.articles()}
    missing = {key for case in eval_set.cases for key in case.gold_articles} - texts.keys()
    if missing:
        raise LibraryError(
            f"评测集 {eval_set.name} 的 {len(missing)} 篇出处文章不在库中，例如 {min(missing)}",
            "请检查文章是否与另一篇完全相同，或删去缓存后重建",
        )
    return texts


def progress_bar(console: Console) -> Progress:
    """A bar with a count, the time gone and the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("剩余"),
        TimeRemainingColumn(),
        console=console,
    )


def _load_embedder(settings: Settings) -> Embedder:
    try:
        return load_embedder(settings.embedder, threads=settings.threads, models_dir=settings.models)
    except EmbeddingError as error:
        raise ModelError(str(error), "运行 youju models doctor 查看可用的模型") from None


def _build(library: Library, eval_set: EvalSet, console: Console) -> None:
    with progress_bar(console) as bar:
        task = bar.add_task(f"建库 {eval_set.name}", total=max(1, len(eval_set.articles)))

        def show(stage: str, done: float, total: int, chunks: int) -> None:
            if stage == "embed":
                bar.update(task, completed=done, total=total, description=f"建库 {eval_set.name}（{chunks} 个片段）")

        if eval_set.folder is None:
            report = library.add_articles(eval_set.articles, on_progress=show)
        else:
            report = library.add([eval_set.folder], on_progress=show)
    if report.failed:
        first = report.failed[0]
        raise LibraryError(
            f"评测集 {eval_set.name} 有 {len(report.failed)} 篇文章读不了，例如 {first.path}：{first.message}",
            "请先修好这些文件",
        )


def _key(eval_set: EvalSet, settings: Settings, fingerprint: str) -> str:
    package = Path(__file__).parent.parent / "rag"
    digest = hashlib.sha256()
    root = str(eval_set.folder.resolve()) if eval_set.folder else ""  # articles are known by their paths
    for part in (eval_set.digest, fingerprint, str(settings.chunk_tokens), __version__, root):
        digest.update(f"{part}\n".encode())
    for name in _SOURCES:
        place = package / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
