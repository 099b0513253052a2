"""Files that somebody sent: what they are called is only data, nothing of another sender is replaced, and a second time is harmless."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path

import pytest

from rag.errors import LibraryBusy
from rag.ingest import AddReport
from rag.library import Library
from rag.uploads import LONGEST_NAME, Upload, plain_name, shown, suffix_of
from tests.conftest import make_article
from tests.postgres_server import articles_at  # noqa: F401 - with both databases

POST = "---\ntitle: {title}\ndate: 2021-07-02 11:59\n---\n东湖镇茶叶产量为{tons}吨，比上年多。\n"


def sent(tmp_path: Path, name: str, content: str | bytes) -> Upload:
    """An upload as the desk would hand it on."""
    folder = tmp_path / "desk"
    folder.mkdir(exist_ok=True)
    file = folder / f"{len(list(folder.iterdir())):06d}{suffix_of(name)}"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Upload(file, name)


def add(library: Library, *uploads: Upload) -> AddReport:
    return library.add([], rows=True, uploads=uploads)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("新闻/2021/甲.md", "新闻/2021/甲.md"),
        ("../../etc/passwd.md", "etc/passwd.md"),
        ("..\\..\\甲.md", "甲.md"),
        ("/etc/甲.md", "etc/甲.md"),
        ("a\x00b.md", "ab.md"),
        ("甲\u202edm.exe.md", "甲dm.exe.md"),
        ("<script>alert(1)</script>.md", "<script>alert(1)</script>.md".replace("</", "</")),
        ("长" * 300 + ".md", ("长" * 300 + ".md")[-LONGEST_NAME:]),
        ("....", "unnamed"),
        ("", "unnamed"),
        ("\ud800甲.md", "甲.md"),
    ],
)
def test_a_name_becomes_harmless_text(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_an_upload_is_an_article_and_a_second_time_is_harmless(library: Library, tmp_path: Path) -> None:
    first = add(library, sent(tmp_path, "新闻/茶叶.md", POST.format(title="茶叶丰收", tons="320.5")))
    assert (first.added, [row.outcome for row in first.rows]) == (1, ["added"])
    assert [shown(row.path) for row in first.rows] == ["新闻/茶叶.md"]
    again = add(library, sent(tmp_path, "新闻/茶叶.md", POST.format(title="茶叶丰收", tons="320.5")))
    assert (again.added, again.unchanged) == (0, 1)
    (article,) = library.articles()
    assert [shown(place.path) for place in library.store.locations(article.id)] == ["新闻/茶叶.md"]
    assert "320.5" in library.search("茶叶产量")[0].chunk.text


def test_the_bytes_may_go_and_the_article_does_not_count_as_vanished(library: Library, tmp_path: Path) -> None:
    upload = sent(tmp_path, "茶叶.md", POST.format(title="茶叶丰收", tons="320.5"))
    add(library, upload)
    upload.file.unlink()
    assert library.vanished() == []
    assert library.check().vanished == ()
    assert library.check().problems == ()


def test_files_of_the_same_name_do_not_replace_each_other(library: Library, tmp_path: Path) -> None:
    add(library, sent(tmp_path, "a.md", POST.format(title="茶叶丰收", tons="320.5")))
    add(library, sent(tmp_path, "a.md", "---\ntitle: 公路通车\n---\n两地之间的公路昨日通车，全长十二公里。\n"))
    assert sorted(article.title for article in library.articles()) == ["公路通车", "茶叶丰收"]


def test_a_name_is_a_title_where_the_file_has_none_and_never_a_path(library: Library, tmp_path: Path) -> None:
    add(
        library,
        sent(tmp_path, "../../../tmp/茶叶.txt", "东湖镇茶叶产量为320.5吨，比上年多出不少，茶农收入也随之增加了。"),
    )
    (article,) = library.articles()
    assert article.title == "茶叶"
    assert article.path.startswith("upload://")
    assert ".." not in article.path


def test_what_cannot_be_read_is_told_by_its_senders_name(library: Library, tmp_path: Path) -> None:
    report = add(
        library, sent(tmp_path, "坏.pdf", b"%PDF-1.7 nonsense"), sent(tmp_path, "空.md", "---\ntitle: 空\n---\n")
    )
    outcomes = {shown(row.path): (row.outcome, row.reason) for row in report.rows}
    assert outcomes == {"坏.pdf": ("failed", "malformed"), "空.md": ("skipped", "no-text")}
    assert all("desk" not in shown(row.message) and "upload://" not in shown(row.message) for row in report.rows)


def test_an_archive_of_hostile_names(library: Library, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("../../x.md", POST.format(title="茶叶丰收", tons="1"))
        made.writestr("b/公路.md", "---\ntitle: 公路通车\n---\n公路昨日通车，全长十二公里。\n")
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    add(library, sent(tmp_path, "a.zip", archive.read_bytes()))
    after = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert {path.name for path in set(after) - set(before)} <= {
        "000000.zip",
        *(p.name for p in library.path.rglob("*")),
    }
    assert "公路通车" in [article.title for article in library.articles()]


def test_giving_up_takes_back_what_waits(library: Library, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(stage: str, done: float, total: int, chunks: int) -> None:
        if stage == "compare":
            raise Enough

    uploads = [sent(tmp_path, f"{n}.md", POST.format(title=f"第{n}篇", tons=n)) for n in range(3)]
    with pytest.raises(Enough):
        library.add([], stop, uploads=uploads)
    assert library.store.waiting() == 3
    assert library.withdraw(uploads) == 3
    assert library.store.waiting() == 0
    assert library.add([]).added == 0
    assert add(library, *uploads).added == 3  # and a later upload of the same is not "known"


def test_two_threads_of_one_process_do_not_write_at_once(library: Library) -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold(stage: str, done: float, total: int, chunks: int) -> None:
        inside.set()
        leave.wait(20)

    first = threading.Thread(target=lambda: library.add_articles([make_article("甲", "甲文。")], hold))
    first.start()
    assert inside.wait(20)
    try:
        with pytest.raises(LibraryBusy, match="正在写入知识库"):
            library.add_articles([make_article("乙", "乙文。")])
    finally:
        leave.set()
        first.join(20)
    library.add_articles([make_article("乙", "乙文。")])
    assert library.counts()[0] == 2
