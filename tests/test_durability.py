"""Whole after anything: killed processes, full disks, damaged files, older versions, copies made while in use."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from rag.checking import CheckReport, restore
from rag.errors import LibraryError, LibraryVersion
from rag.library import Library
from rag.settings import Settings
from rag.store import Store
from tests.postgres_server import articles_at  # noqa: F401 - with both databases
from tests.test_settle import STORY, numbered, post, touch

WriteFile = Callable[..., Path]

KILLS = int(os.environ.get("YOUJU_KILLS", "12"))
"""The whole proof is `YOUJU_KILLS=300 pytest tests/test_durability.py -k killed`, about ten minutes."""

CHILD = """
import sys
from pathlib import Path
from embeddings import HashingEmbedder
from rag.library import Library
from rag.settings import Settings
import rag.collection
rag.collection._SAVE_EVERY = 0.05  # so that kills fall into the saving of indexes, too
rag.collection._SAVE_SHARE = 0.5
settings = Settings(library=sys.argv[1], models=sys.argv[1] + "/models", llm="none", threads=1, embedder="hashing-512-0")
with Library(settings, HashingEmbedder()) as library:
    print("open", flush=True)
    library.add([sys.argv[2]])
    print("done", flush=True)
"""


def add_in_a_child(library: Path, folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(library), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    return child


def at(settings: Settings, path: Path) -> Settings:
    return settings.model_copy(update={"library": path})


def content(library: Library) -> list[tuple[str, str, str, str, int]]:
    """Everything that must not depend on how often a run was broken off."""
    rows = library.store.query(
        "SELECT id, digest, text, story, (SELECT count(*) FROM chunks c WHERE c.article_id = a.id) FROM articles a ORDER BY id"
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]


@pytest.fixture
def pile(write_file: WriteFile) -> Path:
    """A folder with everything that happens to a pile: footers to learn, reposts, doubles, files without news, broken ones."""
    folder = numbered(write_file, 40)
    for i in range(12):
        paragraphs = [
            STORY.replace("东湖", f"东{i}湖").replace("三百二十", f"{i}百二十") * 2,
            f"第{i}组的记录到此为止。",
        ]
        post(write_file, f"报道{i}", "\n\n".join(paragraphs), title=f"茶叶{i}")
        post(
            write_file,
            f"转载{i}",
            "\n\n".join([*paragraphs, "江畔晚报转载"]),
            title=f"茶叶新闻{i}",
            source="江畔晚报",
            day=9,
        )
        post(write_file, f"重复{i}", "\n\n".join(paragraphs), title=f"茶叶{i}")
    write_file("空.md", "")
    (folder / "坏.md").write_bytes(b"\x00\x01" * 200)
    return folder


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.timeout(3600)
def test_killed_at_any_moment_nothing_is_lost_or_doubled(pile: Path, settings: Settings, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    child = add_in_a_child(whole, pile)
    started = time.monotonic()
    assert child.communicate()[0] == "done\n"
    needed = time.monotonic() - started
    with Library(at(settings, whole), HashingEmbedder()) as library:
        expected = content(library)
        assert len(expected) == 40 + 12 + 12
    rng = random.Random(20211102)
    home = tmp_path / "killed"
    kills = unfinished = 0
    while kills < KILLS:
        child = add_in_a_child(home, pile)
        time.sleep(rng.uniform(0, needed * 1.05))
        child.kill()
        finished = "done" in child.communicate()[0]
        kills += 1
        unfinished += not finished
        with Library(at(settings, home), HashingEmbedder()) as library:
            report = library.check()
            assert report.problems == (), f"kill {kills}"
            assert library.counts()[0] + report.waiting <= len(expected) + 12, f"kill {kills}"
            if finished or kills % 7 == 0 or kills == KILLS:
                library.add([pile])
                assert content(library) == expected, f"kill {kills}"
                assert library.check() == CheckReport(len(expected), library.counts()[1]), f"kill {kills}"
                library.close()
                shutil.rmtree(home)
    assert unfinished >= KILLS // 2, "the kills came too late to prove anything"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_readers_are_never_blocked_and_never_see_half_an_article(
    pile: Path, settings: Settings, tmp_path: Path
) -> None:
    home = tmp_path / "read"
    child = add_in_a_child(home, pile)
    slowest = 0.0
    seen = 0
    with Library(at(settings, home), HashingEmbedder()) as reader:
        while child.poll() is None:
            started = time.monotonic()
            for hit in reader.search("东湖镇春茶采摘了多少吨？", 5):
                assert hit.article.text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
                seen += 1
            slowest = max(slowest, time.monotonic() - started)
            counts = dict(
                reader.store.query(
                    "SELECT a.id, count(c.id) FROM articles a LEFT JOIN chunks c ON c.article_id = a.id GROUP BY a.id"
                ).fetchall()
            )
            assert all(counts.values())
    assert slowest < 5
    assert child.communicate()[0] == "done\n"


def test_interrupted_it_stops_at_once_and_keeps_what_it_had(
    pile: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.ingest._BATCH_CHUNKS", 20)

    class Slow(HashingEmbedder):
        def encode_passages(self, texts, progress=None):  # type: ignore[no-untyped-def]
            calls.append(len(texts))
            if len(calls) == 2:
                raise KeyboardInterrupt
            return super().encode_passages(texts, progress)

    calls: list[int] = []
    home = at(settings, tmp_path / "stopped")
    with Library(home, Slow()) as library:
        with pytest.raises(KeyboardInterrupt):
            library.add([pile])
        kept = library.counts()[0]
        assert 0 < kept < 64
        assert library.store.waiting() == 64 - kept
        assert library.check().problems == ()
    with Library(home, HashingEmbedder()) as library:
        report = library.add([pile])  # the files are known; only what waited is embedded
        assert (report.added, report.unchanged + report.duplicates) == (64 - kept, 76)
        assert library.counts()[0] == 64


# -- a full disk -------------------------------------------------------------------------------------------------


_TELL = """
    from rag.errors import LibraryError
    try:
        library.add([sys.argv[2]])
    except LibraryError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are a matter of POSIX")
@pytest.mark.parametrize("kilobytes", [40, 120, 260])
def test_a_disk_that_is_full_at_some_point_is_told_and_costs_nothing(
    pile: Path, settings: Settings, tmp_path: Path, kilobytes: int
) -> None:
    home = tmp_path / "full"
    limited = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes * 1024}, {kilobytes * 1024}))\n"
    )
    child = CHILD.replace("    library.add([sys.argv[2]])", _TELL)
    run = subprocess.run(
        [sys.executable, "-c", limited + child, str(home), str(pile)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "磁盘空间" in run.stdout or "磁盘空间" in run.stderr, run.stderr[-2000:]
    with Library(at(settings, home), HashingEmbedder()) as library:
        assert library.check().problems == ()
        library.add([pile])
        assert library.counts()[0] == 64
        assert library.check().problems == ()


# -- damage ------------------------------------------------------------------------------------------------------


def test_a_repair_is_told_once(pile: Path, settings: Settings, library: Library) -> None:
    library.add([pile])
    library.close()
    (settings.library / "vectors.faiss").write_bytes(b"garbage")
    with Library(settings, HashingEmbedder()) as again:
        again.search("茶叶", 3)
        assert again.repairs == ["向量索引缺失或损坏，已从知识库重建"]
        again.add([pile])
        assert again.check().problems == ()
    with Library(settings, HashingEmbedder()) as again:
        again.search("茶叶", 3)
        assert again.repairs == []


@pytest.mark.parametrize("part", ["vectors.faiss", "keywords"])
def test_a_flipped_bit_in_an_index_is_found(pile: Path, settings: Settings, library: Library, part: str) -> None:
    library.add([pile])
    library.close()
    path = settings.library / part
    if path.is_dir():
        path = max(path.glob("*.*"), key=lambda file: file.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    with Library(settings, HashingEmbedder()) as again:
        report = again.check()
        assert (report.problems, len(report.repaired)) == ((), 1)
        assert again.check() == CheckReport(64, report.chunks, repaired=tuple(again.repairs))


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE articles SET text = replace(text, '320', '321') || '！'", "正文与读入时不同"),
        ('UPDATE chunks SET "end" = "end" + 100000 WHERE id = 1', "越出了正文"),
        ("DELETE FROM chunks WHERE id = 1", "缺了一段|末尾没有片段"),
        ("UPDATE chunks SET vector = x'' WHERE id = 1", "向量坏了"),
        ("UPDATE chunks SET vector = (SELECT vector FROM chunks WHERE id = 1)", "向量与正文对不上"),
        ("UPDATE locations SET article_id = 'nobody'", "指向不存在的文章"),
        ("UPDATE articles SET story = 'nobody'", "不存在的报道"),
    ],
)
def test_whatever_is_wrong_with_the_truth_is_told(pile: Path, library: Library, sql: str, told: str) -> None:
    library.add([pile])
    with library.store.transaction() as db:
        db.execute(sql)
    assert any(part in problem for problem in library.check().problems for part in told.split("|"))


# -- copies ------------------------------------------------------------------------------------------------------


def test_a_backup_made_while_writing_is_a_whole_library(
    write_file: WriteFile, library: Library, settings: Settings, tmp_path: Path
) -> None:
    folder = numbered(write_file, 10)
    library.add([folder])
    numbered(write_file, 60, start=10)
    with Library(settings, HashingEmbedder()) as writer:
        adding = threading.Thread(target=writer.add, args=([folder],))
        adding.start()
        library.backup(tmp_path / "backup.youju")
        adding.join()
    restore(tmp_path / "backup.youju", tmp_path / "restored")
    with Library(at(settings, tmp_path / "restored"), HashingEmbedder()) as restored:
        assert restored.check().problems == ()
        assert 10 <= restored.counts()[0] <= 70
        restored.add([folder])
        assert content(restored) == content(library)


def test_a_backup_and_a_restore_never_overwrite(library: Library, write_file: WriteFile, tmp_path: Path) -> None:
    library.add([post(write_file, "甲", STORY)])
    target = tmp_path / "backup.youju"
    library.backup(target)
    with pytest.raises(LibraryError, match="已经存在"):
        library.backup(target)
    with pytest.raises(LibraryError, match="已经有知识库"):
        restore(target, library.path)
    with pytest.raises(LibraryError, match="找不到备份"):
        restore(tmp_path / "nothing", tmp_path / "new")
    target.write_bytes(target.read_bytes()[:5000])
    with pytest.raises(LibraryError, match="损坏"):
        restore(target, tmp_path / "new")
    with pytest.raises(LibraryError, match="写不出"):
        library.backup(tmp_path / "nowhere" / "b")


# -- older and newer versions ------------------------------------------------------------------------------------

VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE articles (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL, category TEXT NOT NULL,
    author TEXT NOT NULL, url TEXT NOT NULL, published_at TEXT, path TEXT NOT NULL, digest TEXT NOT NULL,
    metadata TEXT NOT NULL, body_digest TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX articles_by_body ON articles (body_digest);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, article_id TEXT NOT NULL REFERENCES articles (id), start INTEGER NOT NULL,
    end INTEGER NOT NULL, heading TEXT NOT NULL, vector BLOB NOT NULL, generation INTEGER NOT NULL
);
CREATE INDEX chunks_by_article ON chunks (article_id);
CREATE INDEX chunks_by_generation ON chunks (generation);
CREATE TABLE removed (chunk_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX removed_by_generation ON removed (generation);
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, article_id TEXT, reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_by_article ON files (article_id);
"""


def as_version_1(library: Library) -> None:
    """Write the library as the first version of Youju had it."""
    path = Path(library.store.name)
    library.close()
    new = sqlite3.connect(path)
    old = sqlite3.connect(path.with_name("old"))
    old.executescript(VERSION_1)
    old.executemany(
        "INSERT INTO meta VALUES (?, ?)",
        new.execute("SELECT key, value FROM meta WHERE key NOT IN ('reading', 'indexed')"),
    )
    old.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    columns = "id, title, text, source, category, author, url, published_at, path, digest, metadata, body_digest"
    old.executemany(
        f"INSERT INTO articles VALUES ({','.join('?' * 12)})", new.execute(f"SELECT {columns} FROM articles")
    )
    old.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?)", new.execute("SELECT * FROM chunks"))
    old.executemany(
        "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
        new.execute(
            "SELECT f.path, size, mtime_ns, article_id, reason FROM files f JOIN locations l ON l.path = f.path"
        ),
    )
    old.commit()
    old.close()
    new.close()
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    path.with_name("old").rename(path)


@pytest.mark.sqlite_only
def test_a_library_of_the_first_version_is_brought_up_to_date(
    library: Library, write_file: WriteFile, settings: Settings
) -> None:
    post(write_file, "首发", STORY)
    post(write_file, "转载", STORY + "本报综合报道。", day=5)
    folder = write_file("空.md", "").parent
    library.add([folder])
    expected = content(library)
    as_version_1(library)
    with Library(settings, HashingEmbedder()) as again:
        assert again.counts()[0] == 2
        report = again.add([folder])
        assert (report.unchanged, report.chunks, len(report.skipped)) == (2, 0, 1)
        assert content(again) == expected
        assert again.check().problems == ()


@pytest.mark.sqlite_only
def test_a_library_of_a_newer_version_is_refused_untouched(library: Library, settings: Settings) -> None:
    library.store.set_meta({"schema": "9"})
    library.close()
    before = (settings.library / "youju.sqlite").read_bytes()
    with pytest.raises(LibraryVersion, match="格式版本是 9"):
        Store(settings.library / "youju.sqlite")
    assert (settings.library / "youju.sqlite").read_bytes() == before
    touch(settings.library / "youju.sqlite")
