"""No file crashes the reader, hangs it, or goes unaccounted for."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import psutil
import pytest

from rag.reading import IsolatedReader, Reading
from tests.reading.mutations import monsters, mutated

COUNT = int(os.environ.get("YOUJU_MUTATIONS", "5000"))
SEED = int(os.environ.get("YOUJU_SEED", "20211102"))
EXPECTED = {
    "binary", "columns", "empty", "encoding", "encrypted", "format", "limit", "malformed", "nested", "no-text", "too-large",
    "timeout", "unreadable",
}  # fmt: skip
"""Not among them: "crash". A reader that dies has met a file that it should have refused."""


def check(readings: list[Reading], name: str) -> None:
    assert readings, f"{name} is not accounted for"
    for reading in readings:
        if reading.article is None:
            assert reading.reason in EXPECTED, f"{name}: {reading}"
            assert reading.message, name
        else:
            assert reading.article.text.strip(), name
            assert "\0" not in reading.article.text + reading.article.title, name


@pytest.mark.timeout(3600)
def test_mutated_files_are_all_accounted_for(tmp_path: Path) -> None:
    slowest = (0.0, "")
    articles = timeouts = 0
    with IsolatedReader() as reader:
        for number, (suffix, data) in enumerate(mutated(COUNT, SEED)):
            path = tmp_path / f"{number}{suffix}"
            path.write_bytes(data)
            started = time.monotonic()
            readings = list(reader.read(path))
            slowest = max(slowest, (time.monotonic() - started, path.name))
            check(readings, f"file {number} of seed {SEED} ({suffix})")
            articles += any(reading.article for reading in readings)
            timeouts += any(reading.reason == "timeout" for reading in readings)
            path.unlink()
    assert timeouts == 0, slowest
    assert articles > COUNT // 5, "mutations that leave nothing to read prove nothing"
    assert slowest[0] < 5, slowest


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "suffix", "data"),
    list(monsters()),
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_monsters_are_stopped_or_read_in_time(tmp_path: Path, name: str, suffix: str, data: bytes) -> None:
    path = tmp_path / f"monster{suffix}"
    path.write_bytes(data)
    with IsolatedReader() as reader:
        started = time.monotonic()
        readings = list(reader.read(path))
        seconds = time.monotonic() - started
        check(readings, name)
        if reader._child is not None:
            peak = psutil.Process(reader._child._process.pid).memory_info().rss
            assert peak < 1_500_000_000, f"{name}: {peak / 1e6:.0f} MB"
    assert seconds < 10, f"{name}: {seconds:.1f} s"  # five of computing; the machine may be busy


def test_the_mutator_repeats_itself() -> None:
    assert list(mutated(40, 7)) == list(mutated(40, 7))
    assert random.Random(1).random() == random.Random(1).random()
