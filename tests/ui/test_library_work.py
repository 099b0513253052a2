"""What stands behind the library page: jobs, the desk for uploads, and what a page may ask for. Without a browser."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import LibraryBusy, LibraryError
from rag.library import Library
from rag.model_catalogue import LocalLlm
from rag.ui import upload_desk
from rag.ui.jobs import Cancelled, Job, Jobs
from rag.ui.library_html import PART, split, token
from rag.ui.library_page import Desk
from rag.ui.shelf import Added, Shelf
from rag.ui.upload_desk import MAX_FILES, MAX_TOTAL_BYTES, Delivery, UploadDesk
from tests.conftest import make_article
from tests.model_hub import ModelHub
from tests.openai_server import serve

POST = "---\ntitle: {title}\n---\n{title}。这里写的是它的正文，说的是{title}的来龙去脉。\n"
ANYBODY = object()


def ended(jobs: Jobs, count: int = 1) -> list[Job]:
    deadline = time.monotonic() + 30
    while len(jobs.all()) < count or any(job.active for job in jobs.all()):
        assert time.monotonic() < deadline, jobs.all()
        time.sleep(0.02)
    return jobs.all()


async def in_pieces(content: bytes, size: int = 7) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


def receive(desk: UploadDesk, delivery: Delivery, number: int, content: bytes) -> None:
    asyncio.run(desk.receive(delivery.id, number, in_pieces(content)))


# -- jobs ------------------------------------------------------------------------------------------------------------


def test_a_job_tells_its_result_and_its_failure() -> None:
    jobs = Jobs()

    def fail(job: Job) -> None:
        raise LibraryError("磁盘满了", "请腾出空间")

    def crash(job: Job) -> None:
        raise ZeroDivisionError("secret detail")

    jobs.start("add", lambda job: 42)
    jobs.start("add", fail)
    jobs.start("add", crash)
    by_id = {job.id: job for job in ended(jobs, 3)}
    assert (by_id["1"].state, by_id["1"].result) == ("done", 42)
    assert (by_id["2"].state, str(by_id["2"].error)) == ("failed", "磁盘满了\n→ 请腾出空间")
    assert by_id["3"].state == "failed"
    assert "secret" not in str(by_id["3"].error)


def test_a_job_ends_at_its_next_step_once_it_is_cancelled() -> None:
    jobs, begun = Jobs(), threading.Event()

    def run(job: Job) -> None:
        for done in range(10_000):
            job.step("read", done, 10_000)
            begun.set()
            time.sleep(0.005)

    job = jobs.start("add", run)
    assert begun.wait(10)
    job.cancel()
    assert job.cancelling or not job.active
    assert ended(jobs)[0].state == "cancelled"


def test_a_job_waits_while_somebody_else_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.ui.jobs._AGAIN", 0.01)
    jobs, free = Jobs(), threading.Event()

    def run() -> str:
        if not free.is_set():
            raise LibraryBusy("另一个程序正在写入")
        return "written"

    job = jobs.start("add", lambda job: job.when_free(run))
    deadline = time.monotonic() + 10
    while job.state != "waiting":
        assert time.monotonic() < deadline
    assert job.busy == "另一个程序正在写入"
    free.set()
    assert ended(jobs)[0].result == "written"


def test_only_the_newest_jobs_are_remembered() -> None:
    jobs = Jobs()
    for _ in range(30):
        jobs.start("add", lambda job: None)
        ended(jobs)
    assert [job.id for job in jobs.all()][:2] == ["30", "29"]
    assert len(jobs.all()) <= 21


def test_the_time_left_is_what_the_speed_so_far_says(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("rag.ui.jobs.time.monotonic", lambda: now[0])
    job = Job("1", "add")
    job.step("read", 0, 100)
    assert job.seconds_left is None
    now[0] += 10
    job.step("read", 25, 100)
    assert job.seconds_left == pytest.approx(30)
    now[0] += 5  # no news: it counts down, and does not grow
    assert job.seconds_left == pytest.approx(25)
    job.step("embed", 0, 100)
    assert job.seconds_left is None


# -- the desk --------------------------------------------------------------------------------------------------------


def test_bytes_lie_under_names_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    desk = UploadDesk()
    names = [
        "../../x.md",
        "a\x00b.txt",
        "长" * 300 + ".md",
        "甲\u202edm.exe",
        "<script>.html",
        "/etc/passwd.MD",
        "..",
        "a.md/",
    ]
    delivery = desk.begin([(name, 5) for name in names])
    assert sorted(delivery.refused) == [3, 6]
    for number in range(len(names)):
        if number not in delivery.refused:
            receive(desk, delivery, number, b"12345")
    finished = desk.finish(delivery.id)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(path.name for path in written) == [
        "000000.md", "000001.txt", "000002.md", "000004.html", "000005.md", "000007.md"
    ]  # fmt: skip
    assert {path.parent for path in written} == {finished.folder}
    assert finished.folder.parent == tmp_path
    finished.throw_away()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"1234", b"123456", b""])
def test_more_or_fewer_bytes_than_announced_are_refused(content: bytes) -> None:
    desk = UploadDesk()
    delivery = desk.begin([("甲.md", 5)])
    with pytest.raises(LibraryError, match="变了"):
        receive(desk, delivery, 0, content)
    finished = desk.finish(delivery.id)
    assert finished.uploads() == []
    assert list(finished.folder.iterdir()) == []
    assert [problem.reason for problem in finished.problems()] == ["broken"]
    finished.throw_away()


def test_only_what_was_announced_is_taken_and_only_once() -> None:
    desk = UploadDesk()
    delivery = desk.begin([("甲.md", 5), ("乙.exe", 5)])
    receive(desk, delivery, 0, b"12345")
    for number in (0, 1, 2, -1):
        with pytest.raises(LibraryError):
            receive(desk, delivery, number, b"12345")
    desk.abort(delivery.id)
    assert not delivery.folder.exists()
    for again in (lambda: receive(desk, delivery, 0, b"12345"), lambda: desk.finish(delivery.id)):
        with pytest.raises(LibraryError, match="没有这次上传"):
            again()


def test_limits() -> None:
    desk = UploadDesk()
    with pytest.raises(LibraryError, match="没有选中"):
        desk.begin([])
    with pytest.raises(LibraryError, match="5,001"):
        desk.begin([("甲.md", 5)] * (MAX_FILES + 1))
    with pytest.raises(LibraryError, match="2,000 MB"):
        desk.begin([("甲.zip", 190_000_000)] * (MAX_TOTAL_BYTES // 190_000_000 + 1))
    delivery = desk.begin([("大.md", 10_000_001), ("大.zip", 200_000_001), ("空.md", 0), ("负.md", -5), ("好.md", 1)])
    assert {n: no.reason for n, no in delivery.refused.items()} == {
        0: "too-large",
        1: "too-large",
        2: "empty",
        3: "empty",
    }
    desk.abort(delivery.id)


def test_uploads_that_nobody_goes_on_with_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = UploadDesk()
    held = [desk.begin([("甲.md", 5)]) for _ in range(8)]
    with pytest.raises(LibraryError, match="同时上传的人太多"):
        desk.begin([("甲.md", 5)])
    monkeypatch.setattr(upload_desk, "_IDLE", 0.0)
    last = desk.begin([("甲.md", 5)])
    assert [delivery.folder.exists() for delivery in held] == [False] * 8
    desk.abort(last.id)


# -- the shelf -------------------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(library: Library) -> Iterator[Shelf]:
    shelf = Shelf(library)
    yield shelf
    for job in shelf.jobs.all():
        job.cancel()
    ended(shelf.jobs, 0)


def deliver(shelf: Shelf, *files: tuple[str, str]) -> Added:
    delivery = shelf.desk.begin([(name, len(content.encode())) for name, content in files])
    for number, (_, content) in enumerate(files):
        if number not in delivery.refused:
            receive(shelf.desk, delivery, number, content.encode())
    count = len(shelf.jobs.all())
    shelf.deliver(shelf.desk.finish(delivery.id))
    added = ended(shelf.jobs, count + 1)[0].result
    assert isinstance(added, Added)
    assert not delivery.folder.exists()
    return added


def test_what_became_of_each_file(shelf: Shelf) -> None:
    added = deliver(
        shelf, ("甲.md", POST.format(title="公路通车")), ("乙.md", POST.format(title="公路通车")),
        ("丙.exe", "x"), ("丁.md", "---\ntitle: 空\n---\n"),
    )  # fmt: skip
    outcomes = {row.path: row.outcome for row in added.rows}
    assert sorted((outcomes.pop("甲.md"), outcomes.pop("乙.md"))) == [
        "added",
        "duplicate",
    ]  # which of them is left to the bytes
    assert outcomes == {"丙.exe": "failed", "丁.md": "skipped"}
    job = shelf.jobs.all()[0]
    page = shelf.report_page(job.id)
    assert page is not None
    assert "丙.exe" in page
    assert "upload://" not in page
    assert shelf.report_page("99") is None


def test_a_cancelled_upload_adds_nothing_later_either(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancelled(job: Job, stage: str, done: float, total: int) -> None:
        if stage == "compare":
            raise Cancelled

    monkeypatch.setattr(Job, "step", cancelled)
    delivery = shelf.desk.begin([("甲.md", len(POST.encode()))])
    receive(shelf.desk, delivery, 0, POST.encode())
    shelf.deliver(shelf.desk.finish(delivery.id))
    assert ended(shelf.jobs)[0].state == "cancelled"
    assert shelf.library.store.waiting() == 0
    monkeypatch.undo()
    shelf.finish_waiting()
    ended(shelf.jobs, 2)
    assert shelf.library.counts()[0] == 0


class SlowHub(ModelHub):
    """Sends its files in a hundred pieces, with time between them."""

    def _body(self, content: bytes) -> Iterator[bytes]:
        for at in range(0, len(content), 10_000):
            time.sleep(0.02)
            yield content[at : at + 10_000]


def test_a_cancelled_fetch_goes_on_from_there(library: Library) -> None:
    weights = bytes(range(250)) * 4_000
    llm = LocalLlm("tiny", "someone/tiny", "tiny.gguf", len(weights), "", "Apache-2.0", 2048, 0, "")
    hub = SlowHub({llm.repo: {llm.file: weights}})
    with serve(hub.app()) as address:
        library.settings = library.settings.model_copy(update={"hub": address})
        shelf = Shelf(library, catalogue=(llm,))
        shelf.fetch("tiny")
        shelf.fetch("tiny")  # it is being fetched already
        (job,) = shelf.jobs.all()
        deadline = time.monotonic() + 20
        while job.done < 50_000:
            assert time.monotonic() < deadline
            assert job.active
        job.cancel()
        assert ended(shelf.jobs)[0].state == "cancelled"
        assert [model.fetched for model in shelf.models() if model.name == "tiny"] == [False]
        hub.asked.clear()
        shelf.fetch("tiny")
        assert ended(shelf.jobs, 2)[0].state == "done"
        assert hub.asked[0].startswith("bytes=")
    assert (library.settings.models / llm.file).read_bytes() == weights
    assert [model.fetched for model in shelf.models() if model.name == "tiny"] == [True]


# -- what a page may ask for -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {}, {"do": None}, {"do": "open", "part": "../x"}, {"do": "open", "part": "article", "id": "' OR 1=1"},
        {"do": "page", "page": "1e999"}, {"do": "page", "page": -4}, {"do": "sort", "order": "id; DROP TABLE articles"},
        {"do": "list", "words": ["a"], "source": {"a": 1}, "month": "2021"}, {"do": "remove", "ids": "abc"},
        {"do": "remove", "ids": [None, "../x"]}, {"do": "fetch", "name": "../../x"}, {"do": "use", "llm": "/etc/passwd"},
        {"do": "cancel", "job": "99"}, {"do": "forget", "job": None}, {"do": "part", "id": "0" * 16, "part_number": "x"},
        {"do": "list", "words": "\x00\ud800" * 500, "full": True},
    ],
)  # fmt: skip
def test_nonsense_is_answered_calmly(shelf: Shelf, said: dict[str, Any]) -> None:
    shelf.library.add_articles([make_article("甲", "甲的正文在这里。")])
    shown = Desk().act(shelf, said, ANYBODY)
    assert all(isinstance(html, str) for html in shown.values())
    assert shelf.library.counts()[0] == 1


def test_a_source_is_chosen_by_its_token(shelf: Shelf) -> None:
    odd = "<b>来源</b>\u202e"
    shelf.library.add_articles([make_article("甲", "甲的正文。", source=odd), make_article("乙", "乙的正文。")])
    desk = Desk()
    html = desk.act(shelf, {"do": "list", "source": token(odd)}, ANYBODY)["articles"]
    assert desk.state.source == odd
    assert "<b>来源" not in html
    assert "乙的" not in html


def test_readers_change_nothing(library: Library) -> None:
    library.add_articles([make_article("甲", "甲的正文。")])
    (article,) = library.articles()
    shelf = Shelf(library, editors=lambda request: False)
    for do in ("remove", "remove-vanished", "check", "finish", "fetch", "use", "cancel", "forget", "jobs"):
        shown = Desk().act(shelf, {"do": do, "ids": [article.id], "name": "x", "llm": "none"}, ANYBODY)
        assert list(shown) == ["add"], do
        assert "只有编辑" in shown["add"]
    assert shelf.jobs.all() == []
    assert "jobs" not in Desk().act(shelf, {"do": "open", "part": "articles"}, ANYBODY)
    assert Desk().look(shelf, ANYBODY) == ({}, False)


def test_a_long_article_is_cut_between_lines() -> None:
    text = "\n".join("字" * 300 for _ in range(1_000))
    parts = split(text)
    assert "".join(parts) == text
    assert all(0 < len(part) <= PART for part in parts)
    assert all(part.endswith("\n") for part in parts[:-1])
    assert split("字" * (2 * PART + 1)) == ["字" * PART, "字" * PART, "字"]
    assert split("") == [""]
