"""One collection on disk: nothing done twice, nothing lost, indexes in step, clear words when something is wrong."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from rag.checking import CheckReport
from rag.errors import EmbedderMismatch, LibraryBusy, LibraryError
from rag.folder_index import FolderIndex
from rag.ingest import Ingest
from rag.library import Library
from rag.rebuild import rebuild
from rag.settings import Settings
from tests.conftest import make_article
from tests.postgres_server import articles_at  # noqa: F401 - with both databases

WriteFile = Callable[..., Path]

POST = """
---
title: '{title}'
categories:
 - 财经
 - 青石日报
author: 青石日报
date: Fri, 02 Jul 2021 11:59:33 GMT
---

<div><p>{text}</p></div>
"""


def post(write_file: WriteFile, name: str, text: str, title: str = "") -> Path:
    return write_file(f"{name}.md", POST.format(title=title or name, text=text))


def titles(library: Library, question: str) -> list[str]:
    return [hit.article.title for hit in library.search(question, 5)]


def test_files_go_in_once(library: Library, write_file: WriteFile) -> None:
    folder = post(write_file, "甲", "东湖镇茶叶产量为320.5吨，同比增长4.1%。").parent
    post(write_file, "乙", "西岭镇修通了盘山公路，全长18公里。")
    seen: list[tuple[str, float, int, int]] = []
    first = library.add([folder], lambda *progress: seen.append(progress))
    assert (first.added, first.unchanged, first.failed) == (2, 0, ())
    assert seen[-1] == ("embed", 2, 2, first.chunks)
    for stage in ("read", "compare", "embed"):
        done = [done for name, done, _, _ in seen if name == stage]
        assert done == sorted(done), stage
        assert done[-1] == 2, stage
    second = library.add([folder])
    assert (second.added, second.unchanged, second.chunks) == (0, 2, 0)
    assert titles(library, "茶叶产量")[0] == "甲"


def test_a_changed_file_replaces_its_article_and_keeps_unchanged_vectors(
    library: Library, write_file: WriteFile
) -> None:
    path = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")
    library.add([path])
    post(write_file, "甲", "东湖镇茶叶产量修正为318吨。")
    os.utime(path, ns=(1, 1))
    report = library.add([path])
    assert (report.updated, report.added, library.counts()[0]) == (1, 0, 1)
    assert "318吨" in library.search("茶叶产量", 1)[0].chunk.text
    assert library.check().problems == ()


def test_a_touched_file_with_the_same_text_is_not_embedded_again(library: Library, write_file: WriteFile) -> None:
    path = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")
    library.add([path])
    os.utime(path, ns=(1, 1))
    assert library.add([path]).unchanged == 1


def test_two_files_with_the_same_body_are_one_article(library: Library, write_file: WriteFile) -> None:
    folder = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。", title="茶叶").parent
    post(write_file, "乙", "东湖镇茶叶产量为320.5吨。", title="茶叶")
    report = library.add([folder])
    assert (report.added, report.duplicates, library.counts()[0]) == (1, 1, 1)
    article = next(library.articles())
    assert len(library.store.locations(article.id)) == 2


def test_a_duplicate_becomes_an_article_when_its_twin_changes(library: Library, write_file: WriteFile) -> None:
    first = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。", title="茶叶")
    post(write_file, "乙", "东湖镇茶叶产量为320.5吨。", title="茶叶")
    library.add([first.parent])
    standing = Path(next(library.articles()).path)
    standing.write_text(POST.format(title="茶叶", text="东湖镇茶叶产量修正为318吨。"), encoding="utf-8")
    os.utime(standing, ns=(1, 1))
    library.add([first.parent])
    assert sorted("318" in a.text for a in library.articles()) == [False, True]


def test_a_post_that_was_renamed_to_txt_is_still_a_post(library: Library, write_file: WriteFile) -> None:
    library.add([write_file("甲.txt", POST.format(title="甲", text="东湖镇茶叶产量为320.5吨。"))])
    assert [(a.title, a.text) for a in library.articles()] == [("甲", "东湖镇茶叶产量为320.5吨。")]


def test_one_bad_file_does_not_stop_the_others(library: Library, write_file: WriteFile) -> None:
    folder = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。").parent
    (folder / "坏.md").write_bytes(b"\x00\x01\x02" * 100)
    (folder / "空.md").write_text("", encoding="utf-8")
    report = library.add([folder, folder / "没有.md"])
    assert report.added == 1
    assert sorted(p.reason for p in report.failed) == ["binary", "missing"]
    assert [p.reason for p in report.skipped] == ["empty"]
    again = library.add([folder])
    assert (again.unchanged, [p.reason for p in again.failed]) == (1, ["binary"])


def test_removed_articles_are_not_found(library: Library, write_file: WriteFile) -> None:
    path = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")
    post(write_file, "乙", "西岭镇修通了盘山公路。")
    library.add([path.parent])
    target = next(a.id for a in library.articles() if a.title == "甲")
    assert library.remove([target, "unknown"]) == 1
    assert titles(library, "茶叶产量") == ["乙"]
    assert library.check().problems == ()


def test_vanished_files_are_reported_and_removed_on_request(library: Library, write_file: WriteFile) -> None:
    path = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")
    library.add([path])
    path.unlink()
    assert library.check().vanished == (str(path),)
    assert titles(library, "茶叶") == ["甲"]
    assert library.remove(library.vanished()) == 1


def test_opened_again_it_finds_the_same(library: Library, write_file: WriteFile, settings: Settings) -> None:
    library.add([post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")])
    before = [(h.chunk, h.score) for h in library.search("茶叶产量", 5)]
    library.close()
    with Library(settings, HashingEmbedder()) as again:
        assert [(h.chunk, h.score) for h in again.search("茶叶产量", 5)] == before


@pytest.mark.parametrize("name", ["vectors.faiss", "vectors.json", "keywords/meta.json", "keywords/youju.json"])
@pytest.mark.parametrize("how", ["missing", "garbage"])
def test_a_derived_index_that_is_lost_or_damaged_is_made_anew(
    library: Library, write_file: WriteFile, settings: Settings, name: str, how: str
) -> None:
    library.add([post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")])
    library.close()
    path = settings.library / name
    assert path.is_file()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(b"garbage")
    with Library(settings, HashingEmbedder()) as again:
        hit = again.search("茶叶产量", 5)[0]
        assert hit.article.title == "甲"
        assert {"dense", "keyword"} <= hit.why.keys()
        assert again.check().problems == ()


def test_indexes_that_disagree_with_the_store_are_found_and_mended(library: Library, write_file: WriteFile) -> None:
    library.add([post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")])
    index = library.index()
    assert isinstance(index, FolderIndex)
    index.vectors.remove(library.store.chunk_ids())
    assert library.check().repaired == ("向量索引与文章不一致，已重建",)
    assert library.check() == CheckReport(1, 1)


def test_another_embedder_is_refused_by_name_with_the_command_that_rebuilds(
    library: Library, write_file: WriteFile, settings: Settings
) -> None:
    library.add([post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")])
    library.close()
    with pytest.raises(EmbedderMismatch, match="hashing-512-0") as caught:
        Library(settings, HashingEmbedder(dim=32))
    assert "hashing-32-0" in caught.value.message
    assert "youju rebuild" in caught.value.hint


def test_the_same_name_with_another_fingerprint_is_refused_too(
    library: Library, write_file: WriteFile, settings: Settings
) -> None:
    library.add([post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")])
    library.close()
    changed = HashingEmbedder()
    changed.fingerprint = "0123456789abcdef"
    with Library(settings, changed) as again, pytest.raises(EmbedderMismatch, match="指纹"):
        again.search("茶叶", 1)


def test_rebuild_needs_no_files_and_keeps_what_was_seen_of_them(
    library: Library, write_file: WriteFile, settings: Settings
) -> None:
    path = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")
    library.add([path])
    library.close()
    path.rename(path.with_suffix(".gone"))
    other = HashingEmbedder(dim=32)
    report = rebuild(settings, embedder=other)
    assert report.articles == 1
    path.with_suffix(".gone").rename(path)
    with Library(settings, other) as again:
        assert titles(again, "茶叶产量") == ["甲"]
        assert again.add([path]).unchanged == 1
        assert again.check().problems == ()
    assert [file.name for file in settings.library.glob("rebuild*")] == []


def test_a_second_writer_gets_a_clear_message(library: Library, write_file: WriteFile, settings: Settings) -> None:
    path = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")
    with (
        Library(settings, HashingEmbedder()) as other,
        library._writing(),
        pytest.raises(LibraryBusy, match="正在写入"),
    ):
        other.add([path])


def test_a_reader_sees_what_another_process_added(library: Library, write_file: WriteFile, settings: Settings) -> None:
    library.add([post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")])
    with Library(settings, HashingEmbedder()) as reader:
        assert titles(reader, "盘山公路全长") == ["甲"]
        library.add([post(write_file, "乙", "西岭镇修通了盘山公路，全长18公里。")])
        assert titles(reader, "盘山公路全长")[0] == "乙"


@pytest.mark.sqlite_only
def test_a_full_disk_is_told_and_what_was_written_is_whole(
    library: Library, write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。").parent
    library.add([folder])
    for i in range(40):
        post(write_file, f"长文{i}", f"第{i}篇。" + "西岭镇修通了盘山公路，全长18公里。" * 60)
    pages = sqlite3.connect(Path(library.store.name)).execute("PRAGMA page_count").fetchone()[0]
    library.store.database.connection().execute(
        f"PRAGMA max_page_count = {pages + 20}"
    )  # SQLite's own word for a disk with 80 kB left
    with pytest.raises(LibraryError, match="写不进知识库") as caught:
        library.add([folder])
    assert "磁盘空间" in caught.value.hint
    library.store.database.connection().execute("PRAGMA max_page_count = 1073741823")
    assert library.check().problems == ()
    report = library.add([folder])
    assert (report.failed, library.counts()[0]) == ((), 41)


def _add_in_a_child(folder: Path, settings: Settings) -> None:
    with Library(settings, HashingEmbedder()) as library:
        library.add([folder])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_at_any_moment_it_opens_whole_and_running_again_finishes(
    write_file: WriteFile, settings: Settings, tmp_path: Path
) -> None:
    for i in range(60):
        folder = post(write_file, f"第{i}篇", f"第{i}镇的茶叶产量为{i}.5吨。" * 12).parent
    with Library(replace_library(settings, tmp_path / "whole"), HashingEmbedder()) as whole:
        whole.add([folder])
        expected = sorted((a.id, a.digest) for a in whole.articles())
    context = multiprocessing.get_context("spawn")
    for delay in (0.0, 0.15, 0.3, 0.5):
        child = context.Process(target=_add_in_a_child, args=(folder, settings))
        child.start()
        _wait_for(settings.library / "write.lock")
        time.sleep(delay)
        child.kill()
        child.join()
        with Library(settings, HashingEmbedder()) as opened:
            assert opened.check().problems == ()
    with Library(settings, HashingEmbedder()) as library:
        library.add([folder])
        assert sorted((a.id, a.digest) for a in library.articles()) == expected
        assert library.check().problems == ()


def replace_library(settings: Settings, path: Path) -> Settings:
    return settings.model_copy(update={"library": path})


def _wait_for(path: Path) -> None:
    for _ in range(2000):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} never appeared")


def test_articles_from_memory(library: Library) -> None:
    article = make_article("茶叶", "东湖镇茶叶产量为320.5吨。")
    assert library.add_articles([article]).added == 1
    assert library.add_articles([article]).unchanged == 1
    changed = replace(article, text="东湖镇茶叶产量修正为318吨。", digest="changed")
    assert library.add_articles([changed]).updated == 1
    assert library.article(article.id) == changed


def test_an_ingest_without_news_never_loads_the_embedder(library: Library, write_file: WriteFile) -> None:
    path = post(write_file, "甲", "东湖镇茶叶产量为320.5吨。")
    library.add([path])

    def forbidden() -> HashingEmbedder:
        raise AssertionError("the embedder was loaded")

    assert Ingest(library.store, forbidden, 256).files([path.parent]).unchanged == 1


def test_characters_that_no_database_takes_are_left_out(library: Library, write_file: WriteFile) -> None:
    row = {
        "title": "茶\0叶\ud800",
        "text": "望川镇去年\0茶叶产量为320.5吨。",
        "source": "青石\udfff日报",
    }
    path = write_file("行.jsonl", json.dumps(row))
    front = write_file("前.md", '---\ntitle: "天\\0气"\n"地\\0区": "青\\0石"\n---\n青石区今天有小雨，气温十二度。\n')
    assert library.add([path, front]).failed == ()
    found = {article.title: article for article in library.articles()}
    assert set(found) == {"茶叶", "天气"}
    assert (found["茶叶"].text, found["茶叶"].source) == ("望川镇去年茶叶产量为320.5吨。", "青石日报")
    assert found["天气"].metadata["地区"] == "青石"
    program = replace(
        make_article("年报", "净利润为52.17亿元。"), title="年\0报\ud800", text="净利润为5\0.2亿元。\udc80"
    )
    library.add_articles([program])
    assert [a.text for a in library.articles() if a.title == "年报"] == ["净利润为5.2亿元。"]
    assert library.check().problems == ()
