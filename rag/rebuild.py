"""The same articles under another embedder: a new store is made beside the old one and takes its place when it is whole."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from embeddings import Embedder
from rag.collection import Collection, write_lock
from rag.errors import LibraryError
from rag.ingest import AddReport, OnProgress
from rag.settings import Settings
from rag.store import Store

_DATABASE = "youju.sqlite"


def rebuild(settings: Settings, on_progress: OnProgress | None = None, embedder: Embedder | None = None) -> AddReport:
    """Chunk and embed every stored article anew with the settings in force.

    The articles come from the store, so their files need not be there any more. Until the last moment the old library stands
    untouched; a rebuild that is broken off costs nothing but its time.

    Raises:
        LibraryError: there is no library at `settings.library`, or it is open elsewhere and cannot be replaced.
        LibraryBusy: another process is writing.
    """
    home = settings.library
    if not (home / _DATABASE).is_file():
        raise LibraryError(f"这里没有知识库：{home}", "请检查 --library，或先用 youju add 建库")
    workshop = home / "rebuild"
    shutil.rmtree(workshop, ignore_errors=True)
    old = Store(home / _DATABASE)
    try:
        with write_lock(home):
            new = Collection(settings.model_copy(update={"library": workshop}), embedder)
            try:
                report = new.add_articles(old.articles(), on_progress)
                new.store.write(files=list(old.files().values()))
            finally:
                new.close()
            old.close()
            _take_place(workshop, home)
    finally:
        old.close()
        shutil.rmtree(workshop, ignore_errors=True)
    return replace(report, updated=report.added, added=0)


def _take_place(workshop: Path, home: Path) -> None:
    try:
        for leftover in (f"{_DATABASE}-wal", f"{_DATABASE}-shm"):  # belong to the old file; closing it has emptied them
            (home / leftover).unlink(missing_ok=True)
        (workshop / _DATABASE).replace(home / _DATABASE)
    except OSError as error:
        raise LibraryError(
            f"新库已经建好，但换不下旧库 {home}（{error.strerror}）", "请关闭正在使用它的程序（如 youju chat）再试"
        ) from None
    (home / "vectors.json").unlink(missing_ok=True)
    shutil.rmtree(home / "keywords", ignore_errors=True)
    for name in ("vectors.faiss", "vectors.json"):
        if (workshop / name).is_file():
            (workshop / name).replace(home / name)
    if (workshop / "keywords").is_dir():
        (workshop / "keywords").replace(home / "keywords")
