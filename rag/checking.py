"""Proof that a library is whole, and its copy in one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embeddings import Embedder
from rag.durable import sync_file, sync_folder
from rag.errors import LibraryError
from rag.ingest import passage_text
from rag.records import Article, Chunk
from rag.settle import as_read
from rag.store import DATABASE, INDEX_FACTS, Store

_SAMPLE = 16
_ALIKE = 0.98
"""Cosine of a stored vector (half precision) with one computed now; other texts or other weights are far below."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` found: counts, and a Chinese line for each thing that is wrong (none: all is well).

    Attributes:
        repaired: what was wrong with derived indexes and is mended now.
        waiting: articles that were read and still wait for their vectors; the next `add` finishes them.
        vanished: files that are no longer where they were read; their articles are kept until removed.
    """

    articles: int
    chunks: int
    problems: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    waiting: int = 0
    vanished: tuple[str, ...] = ()


def check_store(store: Store, dim: int, on_step: Callable[[int, int], None] | None = None) -> list[str]:
    """What is wrong with the store itself: with its pages, its articles, chunks, vectors or references."""
    problems = store.database.verify()
    total = store.counts()[0]
    for done, (article, body, cuts) in enumerate(_articles(store), 1):
        name = f"文章《{article.title}》（{article.id}）"
        try:
            if as_read(article, cuts).body_digest != body:
                problems.append(f"{name}的正文与读入时不同，文件可能损坏，请从备份恢复，或移除后重新加入")
        except (ValueError, TypeError, IndexError):
            problems.append(f"{name}的删改记录读不出，文件可能损坏，请从备份恢复")
        problems += [f"{name}{problem}" for problem in _check_chunks(article, store.chunks_of(article.id), dim)]
        if on_step:
            on_step(done, total)
    for sql, what in _REFERENCES:
        (count,) = store.query(sql).fetchone()
        if count:
            problems.append(f"{count} {what}")
    return problems


_REFERENCES = (
    (
        "SELECT count(*) FROM locations WHERE article_id IS NOT NULL AND article_id NOT IN (SELECT id FROM articles)"
        " AND article_id NOT IN (SELECT article_id FROM inbox)",
        "个文件位置指向不存在的文章，请重新运行 youju add",
    ),
    (
        "SELECT count(*) FROM articles WHERE story NOT IN (SELECT id FROM articles) AND story NOT IN (SELECT article_id FROM inbox)",
        "篇文章归在不存在的报道之下",
    ),
)


def _articles(store: Store) -> Iterator[tuple[Article, str, str]]:
    for (article_id,) in store.query("SELECT id FROM articles ORDER BY id").fetchall():
        article = store.article(article_id)
        row = store.query("SELECT body_digest, cuts FROM articles WHERE id = ?", (article_id,)).fetchone()
        if article is not None and row is not None:
            yield article, row[0], row[1]


def _check_chunks(article: Article, chunks: Sequence[tuple[Chunk, NDArray[np.float32]]], dim: int) -> Iterator[str]:
    covered = 0
    for chunk, vector in chunks:
        if not 0 <= chunk.start < chunk.end <= len(article.text):
            yield f"的片段 {chunk.id} 越出了正文，请移除后重新加入"
            continue
        if article.text[covered : chunk.start].strip():
            yield f"在片段 {chunk.id} 之前缺了一段，请移除后重新加入"
        covered = max(covered, chunk.end)
        if vector.shape != (dim,) or not np.isfinite(vector).all() or not 0.98 < float(np.linalg.norm(vector)) < 1.02:
            yield f"的片段 {chunk.id} 的向量坏了，请运行 youju rebuild"
    if article.text[covered:].strip():
        yield "的末尾没有片段，请移除后重新加入"


def check_sample(store: Store, embedder: Embedder) -> list[str]:
    """Compute some vectors anew: whether what is stored was made from these texts by this very model."""
    ids = [id_ for (id_,) in store.query("SELECT id FROM chunks ORDER BY id")]
    ids = ids[:: max(1, len(ids) // _SAMPLE)][:_SAMPLE]
    found = store.chunks(ids)
    texts = [passage_text(article.title, chunk.text) for chunk, article in found.values()]
    if not texts:
        return []
    stored = dict(store.vectors_of(list(found)))
    made = embedder.encode_passages(texts)
    bad = [id_ for id_, vector in zip(found, made, strict=True) if float(vector @ stored[id_]) < _ALIKE]
    return [f"抽查 {len(texts)} 个片段，{len(bad)} 个的向量与正文对不上，请运行 youju rebuild"] if bad else []


def back_up(store: Store, target: Path) -> None:
    """Copy the store into one file while it is in use; the derived indexes are made anew from it.

    Raises:
        LibraryError: the file exists already, or cannot be written.
    """
    if target.exists():
        raise LibraryError(f"备份文件已经存在：{target}", "请换一个文件名，备份不覆盖任何文件")
    partial = target.with_name(target.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        store.database.copy_to(partial)
        sync_file(partial)
        partial.replace(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise LibraryError(f"备份写不出：{target}（{error}）", "请检查文件夹、权限与磁盘空间") from None


def restore(backup: Path, home: Path) -> None:
    """Make a library of a backup.

    Raises:
        LibraryError: the backup is not one, or there is a library already.
    """
    if (home / DATABASE).exists():
        raise LibraryError(f"这里已经有知识库：{home}", "请给 --library 一个新的文件夹，恢复不覆盖任何知识库")
    if not backup.is_file():
        raise LibraryError(f"找不到备份文件：{backup}", "请检查路径")
    partial = home / f"{DATABASE}.partial"
    try:
        home.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(f"{backup.resolve().as_uri()}?mode=ro", uri=True)) as source:
            problems = [row[0] for row in source.execute("PRAGMA integrity_check(3)")]
            made = source.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
            if problems != ["ok"] or made is None:
                raise LibraryError(f"备份文件损坏：{backup}（{problems[0]}）", "请换一个备份")
            with closing(sqlite3.connect(partial)) as copy:
                source.backup(copy)
                copy.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in INDEX_FACTS])
                copy.commit()
        sync_file(partial)
        partial.replace(home / DATABASE)
        sync_folder(home)
    except sqlite3.DatabaseError as error:
        partial.unlink(missing_ok=True)
        raise LibraryError(f"这不是有据的备份，或文件已损坏：{backup}（{error}）", "请换一个备份") from None
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise LibraryError(f"恢复不到 {home}（{error.strerror}）", "请检查文件夹、权限与磁盘空间") from None
