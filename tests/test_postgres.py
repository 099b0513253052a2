"""Articles in PostgreSQL: moved there and back, joined by other machines, and a server that goes away in the middle.

What holds wherever the articles lie is in the tests of the store, of the collection and of broken-off runs, which run with both.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from rag import Filters, Library, open_library
from rag.checking import restore
from rag.database import SqliteDatabase
from rag.doctor import Finding, examine
from rag.errors import EmbedderMismatch, LibraryBusy, LibraryError, SettingsError
from rag.postgres import PostgresDatabase, articles_place
from rag.rebuild import rebuild
from rag.settings import Settings
from rag.store import DATABASE, Store
from tests.conftest import make_article
from tests.postgres_server import INITDB, MISSING, PostgresServer, point
from tests.test_cli import Run, article, run  # noqa: F401 - fixtures
from tests.test_search_index import Server, server, two_hosts  # noqa: F401 - a fixture

pytestmark = pytest.mark.skipif(not INITDB, reason=MISSING)
DIM = 64

TEA = make_article("茶叶", "望川镇去年茶叶产量为320.5吨，比上年增加一成。", path="tea.md")
BANK = make_article("年报", "栖江银行全年净利润52.17亿元，同比增长6.8%。", path="bank.md")
RAIN = make_article("天气", "青石区今天有小雨，气温十二度。", path="rain.md")


@contextmanager
def opened(home: Path, dim: int = DIM) -> Iterator[Library]:
    with open_library(home, embedder=HashingEmbedder(dim), llm="none") as library:
        yield library


def move(library: Library, place: str) -> bool:
    return library.move_articles(place, lambda done, total: None)


def titles(library: Library, question: str, k: int = 5) -> list[str]:
    return [hit.article.title for hit in library.search(question, k, filters=Filters())]


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    facts = ("'embedder', 'fingerprint', 'dim', 'generation', 'chunk_tokens'", "key, value")
    found = {"meta": store.query(f"SELECT {facts[1]} FROM meta WHERE key IN ({facts[0]})").fetchall()}
    for table in ("articles", "chunks", "removed", "files", "locations", "bands", "lines", "learned"):
        found[table] = store.query(f"SELECT * FROM {table}").fetchall()
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


# -- moving ------------------------------------------------------------------------------------------------------


def test_articles_move_out_and_home_without_a_change(
    tmp_path: Path, postgres: PostgresServer, write_file: Callable[[str, str], Path]
) -> None:
    place = postgres.new()
    folder = write_file("茶.md", f"# 茶叶\n\n{TEA.text}").parent
    write_file("年报.md", f"# 年报\n\n{BANK.text}")
    with opened(tmp_path / "lib") as library:
        library.add([folder])
        library.add_articles([RAIN])
        library.remove([RAIN.id])
        before, found = everything(library.store), titles(library, "茶叶产量")
        assert not move(library, place)
        assert library.store.name == place
        assert everything(library.store) == before
        assert titles(library, "茶叶产量") == found
        assert library.check().problems == library.check().repaired == ()
        assert library.add([folder]).unchanged == 2
        ids = library.store.chunk_ids()
        library.add_articles([RAIN])
        assert min(library.store.chunk_ids() - ids) > 3  # the number of the chunk that was removed is not given again
    assert TEA.text.encode() not in (tmp_path / "lib" / DATABASE).read_bytes()
    with opened(tmp_path / "lib") as again:  # nobody says where the articles are: the library knows
        assert (again.store.name, again.counts()[0]) == (place, 3)
        before = everything(again.store)
        assert not move(again, "")
        assert everything(again.store) == before
        assert titles(again, "青石区小雨")[0] == "天气"
        again.remove([RAIN.id])
        assert again.check().problems == ()
    with opened(tmp_path / "other") as other:  # what the database had it still has
        assert move(other, place)
        assert other.counts()[0] == 3


def test_other_machines_join_and_see_what_is_added(tmp_path: Path, postgres: PostgresServer) -> None:
    place = postgres.new()
    with opened(tmp_path / "first") as first, opened(tmp_path / "second") as second:
        first.add_articles([TEA, BANK])
        move(first, place)
        assert move(second, place)
        assert titles(second, "茶叶产量")[0] == "茶叶"
        first.add_articles([RAIN])
        assert titles(second, "青石区小雨")[0] == "天气"
        second.add_articles([replace(TEA, text="望川镇去年茶叶产量改为330吨。", digest="newer")])
        assert "330吨" in first.search("茶叶产量", 1)[0].chunk.text
        second.remove([BANK.id])
        assert "年报" not in titles(first, "栖江银行净利润")
        assert first.check().problems == second.check().problems == ()
        assert first.repairs == second.repairs == []  # an index that was never here is nothing damaged
    with opened(tmp_path / "first") as first, opened(tmp_path / "second") as second:
        assert titles(first, "青石区小雨") == titles(second, "青石区小雨")
        assert first.repairs == second.repairs == []


def test_files_of_another_machine_do_not_count_as_gone(
    tmp_path: Path, postgres: PostgresServer, write_file: Callable[[str, str], Path]
) -> None:
    here = write_file("茶.md", f"# 茶叶\n\n{TEA.text}")
    with opened(tmp_path / "lib") as library:
        library.add([here])
        move(library, postgres.new())
        path = str(here)
        there = path.replace("files", "of-another-machine")
        with library.store.transaction() as db:
            for table in ("files", "locations"):
                db.execute(f"UPDATE {table} SET path = ? WHERE path = ?", (there, path))
        assert library.vanished() == list(library.check().vanished) == []
        assert library.add([here]).moved == 0
        here.unlink()
        assert library.check().vanished == (path,)


def test_a_move_that_is_broken_off_can_be_run_again(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = postgres.new()
    with opened(tmp_path / "lib") as library:
        library.add_articles([TEA, BANK])
        before = everything(library.store)

        def break_off(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            library.move_articles(place, break_off)
        assert everything(library.store) == before
        with monkeypatch.context() as broken:  # the copy is there, but the library does not know yet
            broken.setattr(SqliteDatabase, "tidy", lambda self: None)
            broken.setattr("rag.moving.ELSEWHERE", None)
            with pytest.raises(Exception, match="meta"):
                move(library, place)
        assert everything(library.store) == before
        library.add_articles([RAIN])  # the copy there is an older one by now
        assert not move(library, place)
        assert library.counts()[0] == 3
        assert library.check().problems == ()


def test_two_libraries_are_never_mixed(tmp_path: Path, postgres: PostgresServer) -> None:
    place = postgres.new()
    with opened(tmp_path / "first") as first, opened(tmp_path / "second") as second:
        first.add_articles([TEA])
        move(first, place)
        second.add_articles([BANK])
        with pytest.raises(LibraryError, match="已经有别的知识库"):
            move(second, place)
        assert [article.title for article in second.articles()] == ["年报"]
        assert [article.title for article in first.articles()] == ["茶叶"]
        with pytest.raises(LibraryError, match="不能直接搬到另一个数据库"):
            move(first, postgres.new())


def test_a_library_of_another_embedder_is_not_joined(tmp_path: Path, postgres: PostgresServer) -> None:
    place = postgres.new()
    with opened(tmp_path / "first") as first:
        first.add_articles([TEA])
        move(first, place)
    with opened(tmp_path / "second", dim=32) as second:
        with pytest.raises(EmbedderMismatch, match="hashing-64"):
            move(second, place)
        assert isinstance(second.store.database, SqliteDatabase)


def test_a_process_that_has_the_library_open_follows_it(tmp_path: Path, postgres: PostgresServer) -> None:
    with opened(tmp_path / "lib") as mover, opened(tmp_path / "lib") as other:
        mover.add_articles([TEA])
        assert titles(other, "茶叶产量") == ["茶叶"]
        place = postgres.new()
        move(mover, place)
        assert other.counts()[0] == 1
        assert titles(other, "茶叶产量") == ["茶叶"]
        other.add_articles([BANK])
        assert other.store.name == place
        assert titles(mover, "栖江银行净利润")[0] == "年报"


def test_the_indexes_of_an_older_database_put_back_are_made_anew(tmp_path: Path, postgres: PostgresServer) -> None:
    with opened(tmp_path / "lib") as library:
        library.add_articles([TEA])
        move(library, postgres.new())
        titles(library, "茶叶")
        library.backup(tmp_path / "older")
        library.add_articles([BANK, RAIN])
        titles(library, "茶叶")
    restore(tmp_path / "older", tmp_path / "restored")
    with opened(tmp_path / "restored") as restored:
        assert [article.title for article in restored.articles()] == ["茶叶"]
        assert restored.check().problems == ()
    for name in ("vectors.json", "vectors.faiss", "keywords"):  # indexes that know more than the articles
        old = tmp_path / "restored" / name
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        (tmp_path / "lib" / name).rename(old)
    with opened(tmp_path / "restored") as restored:
        assert titles(restored, "栖江银行净利润") == ["茶叶"]
        restored.add_articles([RAIN])
        assert titles(restored, "青石区小雨")[0] == "天气"
        assert restored.check().problems == ()


def test_a_rebuild_with_another_embedder_is_seen_on_every_machine(tmp_path: Path, postgres: PostgresServer) -> None:
    place = postgres.new()
    with opened(tmp_path / "first") as first:
        first.add_articles([TEA, BANK])
        move(first, place)
    with opened(tmp_path / "second") as second:
        move(second, place)
        assert titles(second, "茶叶产量")[0] == "茶叶"
        settings = Settings(library=tmp_path / "first", models=tmp_path / "m", llm="none", threads=1)
        assert rebuild(settings, embedder=HashingEmbedder(32)).articles == 2
        with pytest.raises(EmbedderMismatch):
            titles(second, "茶叶产量")
    with opened(tmp_path / "second", dim=32) as second:
        assert titles(second, "茶叶产量")[0] == "茶叶"
        assert second.check().problems == ()


def test_articles_and_index_are_both_on_servers(tmp_path: Path, postgres: PostgresServer, server: Server) -> None:  # noqa: F811
    place = postgres.new()
    with opened(tmp_path / "first") as first, opened(tmp_path / "second") as second:
        first.add_articles([TEA])
        move(first, place)
        move(second, place)
        first.move_index(server.uri)
        assert titles(second, "茶叶产量") == ["茶叶"]
        second.add_articles([BANK])
        assert titles(first, "栖江银行净利润")[0] == "年报"
        first.remove([TEA.id])
        assert titles(second, "茶叶产量") == ["年报"]
        assert first.check().problems == second.check().problems == ()
        move(second, "")  # a copy of its own, which must not touch what the first one has
        assert second.store.meta().get("index", "") == ""
        second.add_articles([RAIN])
        assert (titles(first, "青石区小雨"), titles(second, "青石区小雨")[0]) == (["年报"], "天气")
        assert first.check().problems == second.check().problems == ()


# -- several writers, and servers that go away ----------------------------------------------------------------------


def test_one_machine_writes_at_a_time(tmp_path: Path, postgres: PostgresServer) -> None:
    place = postgres.new()
    with opened(tmp_path / "first") as first, opened(tmp_path / "second") as second:
        move(first, place)
        move(second, place)
        with first.store.database.writing():
            with pytest.raises(LibraryBusy, match="另一台机器正在写入"):
                second.add_articles([TEA])
            assert titles(second, "茶叶") == []  # reading goes on
        assert second.add_articles([TEA]).added == 1


_WRITER = """
import sys
from pathlib import Path
from embeddings import HashingEmbedder
from rag import open_library
from tests.conftest import make_article
articles = [make_article(f"第{i}篇", f"第{i}号消息：东湖镇今年收茶{i}.5吨。" * 3, path=f"{i}.md") for i in range(600)]
print("ready", flush=True)
with open_library(Path(sys.argv[1]), embedder=HashingEmbedder(64), llm="none") as library:
    library.add_articles(articles)
"""


def test_a_machine_that_dies_while_it_writes_leaves_whole_articles_and_no_lock(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    place = postgres.new()
    with opened(tmp_path / "first") as first, opened(tmp_path / "second") as second:
        move(first, place)
        move(second, place)
        command = [sys.executable, "-c", _WRITER, str(tmp_path / "first")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()})
        deadline = time.monotonic() + 120
        while second.store.counts()[0] < 100:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        deadline = time.monotonic() + 30
        while True:  # the server notices that the connection is gone
            try:
                second.add_articles([RAIN])
                break
            except LibraryBusy:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        report = second.check()
        assert (report.problems, report.waiting) == ((), 0)  # what the dead one had read is written by the next
        assert report.articles == 601


def test_a_server_that_is_killed_is_told_and_all_goes_on_when_it_is_back(tmp_path: Path) -> None:
    killed = PostgresServer()
    try:
        place = killed.new()
        with opened(tmp_path / "lib") as library:
            library.add_articles([TEA])
            move(library, place)
            assert titles(library, "茶叶产量") == ["茶叶"]
            made = [make_article(f"第{i}篇", f"第{i}号消息，收茶{i}.5吨。", path=f"{i}.md") for i in range(300)]
            store = library.store
            write, calls = store.write, 0

            def kill_at_the_second(*arguments: object, **words: object) -> int:
                nonlocal calls
                calls += 1
                if calls == 2:
                    killed.kill()
                return write(*arguments, **words)  # type: ignore[arg-type]

            store.write = kill_at_the_second  # type: ignore[method-assign]
            with pytest.raises(LibraryError, match="PostgreSQL") as caught:
                library.add_articles(made)
            assert "此前写入的文章都完好" in caught.value.message
            with pytest.raises(LibraryError, match="PostgreSQL"):
                library.search("茶叶产量", 1)
            killed.start()
            store.write = write  # type: ignore[method-assign]
            assert titles(library, "茶叶产量")[0] == "茶叶"
            waiting = library.store.waiting()
            assert 0 < waiting < 300
            library.add_articles(made)
            assert (library.counts()[0], library.store.waiting()) == (301, 0)
            assert library.check().problems == ()
    finally:
        killed.close()


def test_a_connection_cut_between_two_questions_is_not_noticed(tmp_path: Path, postgres: PostgresServer) -> None:
    place = postgres.new()
    with opened(tmp_path / "lib") as library:
        library.add_articles([TEA])
        move(library, place)
        assert titles(library, "茶叶产量") == ["茶叶"]
        other = PostgresDatabase(place)
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        other.close()
        assert titles(library, "茶叶产量") == ["茶叶"]
        assert library.add_articles([BANK]).added == 1


# -- hostile articles and addresses ---------------------------------------------------------------------------------


def test_whatever_an_article_says_can_be_stored(tmp_path: Path, postgres: PostgresServer) -> None:
    long = "".join(chr(0x4E00 + (i * 7919) % 20000) for i in range(20_000))  # cannot be compressed into an index page
    hostile = [
        replace(TEA, title="甲\0乙\ud800", text="正文\0里有空字符。%s ? {} '; DROP TABLE articles; --", digest="1"),
        replace(BANK, source=long, author=long, category=(long, "金融"), path=long, url="http://x/" + long, digest="2"),
        replace(RAIN, metadata={"来源\0": "报\udfff社"}, digest="3"),
    ]
    homes = [tmp_path / "there", tmp_path / "here"]
    found = []
    for home in homes:
        with opened(home) as library:
            if home.name == "there":
                move(library, postgres.new())
            assert library.add_articles(hostile).failed == ()
            assert library.check().problems == ()
            assert [a.title for a in library.articles() if Filters(sources=(long,)).accepts(a)] == ["年报"]
            assert (
                len(library.matching(Filters(sources=(long,))))
                == len(library.matching(Filters(categories=(long,))))
                == 1
            )
            found.append(everything(library.store))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://me:secret@host/news", "不能写口令"),
        ("postgresql://host/news?options=-c%20log_statement=all", "不能有 options"),
        ("postgresql://host/news?passfile=/etc/shadow", "不能有 passfile"),
        ("postgresql://host", "看不懂"),
        ("postgresql://host/a/b", "看不懂"),
        ("postgresql://host:port/news", "端口"),
        ("mysql://host/news", "看不懂"),
    ],
)
def test_addresses_that_are_not_taken(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        articles_place(text)
    assert "secret" not in str(caught.value)


def test_addresses_are_kept_in_one_form() -> None:
    assert articles_place(" postgres://me@host:5433/news ") == "postgresql://me@host:5433/news"
    assert articles_place("postgresql+psycopg:///news?sslmode=verify-full") == "postgresql:///news?sslmode=verify-full"


def test_a_server_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with opened(tmp_path / "lib") as library:
        library.add_articles([TEA])
        with pytest.raises(LibraryError, match=re.escape("PostgreSQL 用不了：postgresql://127.0.0.1:9/news")):
            move(library, "postgresql://127.0.0.1:9/news")
        assert titles(library, "茶叶产量") == ["茶叶"]


def test_the_doctor_says_where_the_articles_are(tmp_path: Path, postgres: PostgresServer) -> None:
    def finding() -> Finding:
        settings = Settings(library=tmp_path / "lib", models=tmp_path / "models", llm="none")
        return next(entry for entry in examine(settings) if entry.topic == "知识库")

    with opened(tmp_path / "lib") as library:
        library.add_articles([TEA])
        assert finding().message.endswith("1 篇文章，1 个片段")
        place = postgres.new()
        move(library, place)
    assert finding().message.endswith(f"1 篇文章，1 个片段，文章在 {place}")
    (tmp_path / "lib" / DATABASE).unlink()
    point(tmp_path / "lib", "postgresql://127.0.0.1:9/news")
    assert finding().level == "bad"
    assert "PostgreSQL 用不了" in finding().message


def test_a_machine_without_the_driver_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with opened(tmp_path / "lib") as library, pytest.raises(LibraryError, match="没有装它的驱动") as caught:
        move(library, "postgresql://host/news")
    assert "pip install" in caught.value.hint


# -- from the command line, and from another host -------------------------------------------------------------------


@pytest.mark.model
def test_from_the_command_line(tmp_path: Path, postgres: PostgresServer, run: Run, article: Path) -> None:  # noqa: F811
    place, second = postgres.new(), str(tmp_path / "second")
    assert run("add", str(article.parent)).returncode == 0
    moved = run("move", "--to", place)
    assert f"文章已在 {place}：1 篇" in moved.stdout, moved.stderr
    assert "金融产业增加值达400.69亿元" in run("search", "武昌区金融产业增加值").stdout
    assert f"已加入 {place} 的知识库：1 篇" in run("move", "--to", place, YOUJU_LIBRARY=second).stdout
    assert "金融产业增加值达400.69亿元" in run("search", "武昌区金融产业增加值", YOUJU_LIBRARY=second).stdout
    assert "不再需要时请删除那个数据库" in run("move", "--to", "sqlite").stdout
    assert run("check").returncode == 0
    refused = run("move", "--to", "postgresql://me:secret@host/news")
    assert (refused.returncode, "secret" in refused.stderr) == (1, False), refused.stderr
    lost = tmp_path / "lost"
    point(lost, "postgresql://127.0.0.1:9/news")
    unreachable = run("search", "茶叶", YOUJU_LIBRARY=str(lost))
    assert unreachable.returncode == 1
    assert "PostgreSQL 用不了" in unreachable.stderr


def test_the_articles_on_another_host(tmp_path: Path) -> None:
    file = tmp_path / "tea.md"
    file.write_text(f"---\ntitle: 茶叶\n---\n\n{TEA.text}\n", encoding="utf-8")
    with two_hosts() as (there, here, address):
        server = PostgresServer(address, there)
        place = f"postgresql://youju@{address}:{server.port}/postgres"

        def youju(*arguments: str, home: str = "lib") -> subprocess.CompletedProcess[str]:
            run = ["ip", "netns", "exec", here, sys.executable, "-m", "rag.cli", *arguments]
            return subprocess.run(
                [*run, "--library", str(tmp_path / home)],
                capture_output=True, text=True, timeout=300, env=os.environ | {"YOUJU_THREADS": "1"},
            )  # fmt: skip

        try:
            moved = youju("move", "--to", place)
            assert moved.returncode == 0, moved.stderr
            assert youju("add", str(file)).returncode == 0
            assert "茶叶" in youju("search", "茶叶产量是多少？").stdout
            joined = youju("move", "--to", place, home="second")
            assert "已加入" in joined.stdout, joined.stderr
            assert "茶叶" in youju("search", "茶叶产量是多少？", home="second").stdout
            wires = subprocess.run(["ip", "-n", there, "-br", "link"], capture_output=True, text=True, check=True)
            wire = next(line.split("@")[0] for line in wires.stdout.splitlines() if "yjw" in line)
            subprocess.run(["ip", "-n", there, "link", "set", wire, "down"], check=True)
            cut = youju("search", "茶叶产量是多少？")
            assert cut.returncode == 1
            assert "PostgreSQL 用不了" in cut.stderr
            assert "Traceback" not in cut.stderr
            subprocess.run(["ip", "-n", there, "link", "set", wire, "up"], check=True)
            assert "茶叶" in youju("search", "茶叶产量是多少？").stdout
        finally:
            server.close()
