"""Reading in a process of its own: the same result, and nothing that happens there reaches us."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from rag.reading import IsolatedReader, Reading, read_articles

POST = "---\ntitle: 甲\ncategories: [财经, 国内]\ndate: 2021-07-02 11:59\n---\n## 小标题\n\n东湖镇茶叶产量为320.5吨。\n"


@pytest.fixture
def post(tmp_path: Path) -> Path:
    path = tmp_path / "甲.md"
    path.write_text(POST, encoding="utf-8")
    return path


def slow_page(tmp_path: Path) -> Path:
    path = tmp_path / "slow.html"
    path.write_text("<p>甲<b>乙</b>丙</p>\n" * 400_000, encoding="utf-8")
    return path


def test_it_gives_what_reading_here_gives(post: Path, tmp_path: Path) -> None:
    with IsolatedReader() as reader:
        for path in (post, tmp_path / "missing.md", tmp_path):
            assert list(reader.read(path)) == list(read_articles(path))
        assert list(reader.read(post, name="https://n.example/a.md")) == list(
            read_articles(post, name="https://n.example/a.md")
        )


def test_a_reader_that_computes_too_long_is_stopped_and_the_next_file_is_read(post: Path, tmp_path: Path) -> None:
    with IsolatedReader(seconds=0.3) as reader:
        list(reader.read(post))
        started = time.monotonic()
        (reading,) = reader.read(slow_page(tmp_path))
        assert (reading.article, reading.reason) == (None, "timeout")
        assert "slow.html" in reading.message
        assert time.monotonic() - started < 20
    with IsolatedReader() as reader:
        assert [r.article is not None for r in reader.read(post)] == [True]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_reader_that_dies_costs_one_file(post: Path, tmp_path: Path) -> None:
    slow = slow_page(tmp_path)
    with IsolatedReader() as reader:
        list(reader.read(post))
        assert reader._child is not None
        victim = reader._child._process.pid
        threading.Timer(0.2, os.kill, (victim, signal.SIGKILL)).start()
        (reading,) = reader.read(slow)
        assert reading.reason == "crash"
        assert list(reader.read(post)) == list(read_articles(post))


def test_a_caller_that_does_not_want_the_rest_gets_the_next_file_right(post: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"title": "甲", "text": "东湖镇茶叶产量为320.5吨。"}\n' * 500, encoding="utf-8")
    with IsolatedReader() as reader:
        for reading in reader.read(rows):
            assert isinstance(reading, Reading)
            break
        assert list(reader.read(post)) == list(read_articles(post))


def test_closing_leaves_no_process_behind(post: Path) -> None:
    reader = IsolatedReader()
    list(reader.read(post))
    assert reader._child is not None
    process = reader._child._process
    reader.close()
    assert process.poll() is not None
    reader.close()
