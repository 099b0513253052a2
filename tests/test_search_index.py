"""One contract for every index: in the library's folder, on a Milvus server on loopback, in a Milvus Lite file."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings

from embeddings import HashingEmbedder
from rag import Filters, Library, open_library
from rag.checking import restore
from rag.errors import LibraryError, SettingsError
from rag.milvus_index import MilvusIndex
from rag.rebuild import rebuild
from rag.search_index import index_place
from rag.settings import load_settings
from rag.words import query_pairs, query_words
from tests.conftest import make_article
from tests.test_filters import ARTICLES, FILTERS

DIM = 64
NOBODY = "http://127.0.0.1:9"


class Server:
    """`milvus-lite server` in a process of its own; it keeps its data when it is killed."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.data = data
        self.uri = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--data-dir", str(self.data)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise TimeoutError("milvus-lite did not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("milvus"))
    yield running
    running.kill()


@pytest.fixture(params=["folder", "server", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the index lies."""
    if request.param == "server":
        return str(request.getfixturevalue("server").uri)
    return "" if request.param == "folder" else str(tmp_path / "索引.db")


@contextmanager
def opened(home: Path, place: str = "", dim: int = DIM) -> Iterator[Library]:
    with open_library(home, embedder=HashingEmbedder(dim), llm="none") as library:
        if place and library.store.meta().get("index", "") != place:
            library.move_index(place)
        yield library


def titles(library: Library, question: str, k: int = 5) -> list[str]:
    return [hit.article.title for hit in library.search(question, k, filters=Filters())]


TEA = make_article("茶叶", "望川镇去年茶叶产量为320.5吨，比上年增加一成。", path="tea.md")
BANK = make_article("年报", "栖江银行全年净利润52.17亿元，同比增长6.8%。", path="bank.md")
RAIN = make_article("天气", "青石区今天有小雨，气温十二度。", path="rain.md")


def test_what_is_added_is_found_and_what_is_removed_is_not(tmp_path: Path, place: str) -> None:
    with opened(tmp_path / "lib", place) as library:
        library.add_articles([TEA, BANK])
        assert titles(library, "茶叶产量")[0] == "茶叶"
        library.add_articles([RAIN])
        assert titles(library, "青石区小雨")[0] == "天气"
        newer = replace(TEA, text="望川镇去年茶叶产量改为330吨。", digest="newer")
        library.add_articles([newer])
        assert "330吨" in library.search("茶叶产量", 1)[0].chunk.text
        assert library.remove([RAIN.id]) == 1
        assert "天气" not in titles(library, "青石区小雨")
        report = library.check()
        assert (report.articles, report.problems, report.repaired) == (2, (), ())
    with opened(tmp_path / "lib") as again:  # nobody says where the index is: the library knows
        assert again.store.meta().get("index", "") == place
        assert titles(again, "茶叶产量")[0] == "茶叶"


@pytest.fixture(scope="module", params=["folder", "server"])
def filtered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    place = str(request.getfixturevalue("server").uri) if request.param == "server" else ""
    with opened(tmp_path_factory.mktemp("filters") / "lib", place) as library:
        library.add_articles(ARTICLES)
        yield library


@given(filters=FILTERS)
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_filter_finds_all_that_it_lets_through_in_both_legs(filtered: Library, filters: Filters) -> None:
    ids = filtered.matching(filters).tolist()
    query = filtered.embedder.encode_queries(["茶叶"])[0]
    found = filtered.index().dense(query, 1000, filters)
    if filters or not filtered.store.meta().get("index"):  # a graph over everything may miss one of a thousand
        assert sorted(id_ for id_, _ in found) == ids
    words = filtered.index().keyword(query_words("茶叶"), 1000, filters)
    assert sorted(id_ for id_, _ in words) == ids


def test_a_filter_that_leaves_five_of_many_finds_those_five(tmp_path: Path, place: str) -> None:
    with opened(tmp_path / "lib", place) as library:
        library.add_articles([make_article(f"第{i}号", f"青石区第{i}号茶叶消息。", path=f"{i}.md") for i in range(400)])
        some = tuple(article.id for article in list(library.articles())[::80])
        assert len(some) == 5
        hits = library.search("茶叶", 50, filters=Filters(articles=some))
        assert {hit.article.id for hit in hits} == set(some)


def test_every_place_scores_as_the_folder_does(tmp_path: Path, server: Server) -> None:
    texts = [a.text for a in (TEA, BANK, RAIN)] + [f"第{i}条：青石区{i}月的粮食产量为{i * 7}万吨。" for i in range(30)]
    articles = [make_article(f"报道{i}", text, path=f"{i}.md") for i, text in enumerate(texts)]
    with opened(tmp_path / "lib") as library:
        library.add_articles(articles)
        question = "青石区7月的粮食产量是多少？"
        query = library.embedder.encode_queries([question])[0]
        words, pairs = query_words(question), query_pairs(question)
        here = library.index()
        before = (here.dense(query, 20), dict(here.keyword(words, 33, pairs=pairs)), here.idf(words))
        library.move_index(server.uri)
        there = library.index()
        assert isinstance(there, MilvusIndex)
        dense = there.dense(query, 20)
        assert [s for _, s in dense] == pytest.approx([s for _, s in before[0]], abs=2e-3)
        keyword = dict(there.keyword(words, 33, pairs=pairs))
        assert keyword.keys() == before[1].keys()
        assert np.corrcoef([keyword[i] for i in keyword], [before[1][i] for i in keyword])[0, 1] > 0.98
        assert there.idf(words) == pytest.approx(before[2], abs=0.05)
        ids = [id_ for id_, _ in dense]
        stored = dict(library.store.vectors_of(ids))
        assert all(np.allclose(row, stored[id_], atol=1e-3) for id_, row in there.rows([*ids, 10**9]).items())


def test_hostile_names_and_words_stay_text(tmp_path: Path, place: str) -> None:
    evil = '"] or id >= 0 or text_match(text, "'
    with opened(tmp_path / "lib", place) as library:
        library.add_articles([replace(TEA, source=evil, category=(evil, "x/y")), replace(BANK, source="好的")])
        assert titles_in(library, Filters(sources=(evil,))) == {"茶叶"}
        assert titles_in(library, Filters(sources=('x"',))) == set()
        index = library.index()
        for text in (evil, "'); drop", "\\", '\\"', "{a}", "%_", "\x00", "茶叶 OR 净利润", "NOT", "+-&|!(){}[]^~*?:"):
            assert isinstance(index.idf(query_words(text) or [text]), dict)
            index.keyword(query_words(text) or [text], 5, pairs=query_pairs(text))
            index.idf([text])


def titles_in(library: Library, filters: Filters) -> set[str]:
    return {hit.article.title for hit in library.search("茶叶产量与净利润", 10, filters=filters)}


def test_there_and_back_again(tmp_path: Path, server: Server) -> None:
    steps: list[tuple[int, int]] = []
    with opened(tmp_path / "lib") as library:
        library.add_articles([TEA, BANK, RAIN])
        library.move_index(server.uri, lambda done, total: steps.append((done, total)))
        assert steps[-1] == (3, 3)
        collections = library_collections(server, library)
        assert len(collections) == 1
        assert not (tmp_path / "lib" / "vectors.faiss").exists()
        assert not (tmp_path / "lib" / "keywords").exists()
        library.move_index("")
        assert library_collections(server, library) == [], "nothing is left behind"
        assert library.check().repaired == ()
        assert titles(library, "茶叶产量")[0] == "茶叶"


def library_collections(server: Server, library: Library) -> list[str]:
    from pymilvus import MilvusClient

    client = MilvusClient(server.uri)
    names = [name for name in client.list_collections() if library.store.meta()["library_id"] in name]
    client.close()
    return names


def test_an_update_that_was_broken_off_is_done_by_the_next_who_comes(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "lib", server.uri) as library:
        library.add_articles([TEA])
        index = library.index()
        with monkeypatch.context() as broken:
            broken.setattr(index._client, "upsert", raiser(OSError("connection reset")))  # type: ignore[attr-defined]
            with pytest.raises(LibraryError, match="connection reset"):
                library.add_articles([BANK])
        assert library.counts()[0] == 2, "the article is in the store"
    with opened(tmp_path / "lib") as again:
        assert titles(again, "栖江银行净利润")[0] == "年报"
        assert again.check().repaired == ()


def raiser(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_lost_collection_is_made_anew_and_a_changed_one_is_found(tmp_path: Path, server: Server) -> None:
    from pymilvus import MilvusClient

    with opened(tmp_path / "lib", server.uri) as library:
        library.add_articles([TEA, BANK])
        (name,) = library_collections(server, library)
    client = MilvusClient(server.uri)
    client.drop_collection(name)
    with opened(tmp_path / "lib") as library:
        assert titles(library, "茶叶产量")[0] == "茶叶"
        assert library.repairs == ["Milvus 里的集合不见了，已从知识库重建"]
        library.repairs.clear()
        some = next(iter(library.store.chunk_ids()))
        client.delete(name, ids=[some])
        assert library.check().repaired == ("Milvus 索引与文章不一致，已重建",)
        assert library.check().repaired == ()
    client.close()


def test_a_server_that_is_away_is_an_error_for_people_and_nothing_is_lost(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    home = tmp_path / "lib"
    try:
        with opened(home, server.uri) as library:
            library.add_articles([TEA])
            server.kill()
            with pytest.raises(LibraryError, match=r"Milvus 用不了.*没有丢"):
                library.search("茶叶产量", 1)
            server.start()
            assert patiently(lambda: titles(library, "茶叶产量")) == ["茶叶"], "the same process goes on, too"
            server.kill()
        with opened(home) as library:
            assert [article.title for article in library.articles()] == ["茶叶"], "what needs no index needs no server"
            assert library.repairs == []
    finally:
        server.kill()


def patiently(ask: Callable[[], list[str]]) -> list[str]:
    """A connection that was lost is tried again after a second or two."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return ask()
        except LibraryError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_moving_to_nobody_leaves_all_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path / "lib") as library:
        library.add_articles([TEA])
        with pytest.raises(LibraryError, match=r"Milvus 用不了"):
            library.move_index(NOBODY)
        assert titles(library, "茶叶产量") == ["茶叶"]
        assert not library.store.meta().get("index")


def test_rebuilt_with_another_embedder(tmp_path: Path, server: Server) -> None:
    home = tmp_path / "lib"
    with opened(home, server.uri) as library:
        library.add_articles([TEA, BANK])
        old = library_collections(server, library)
    rebuild(load_settings(library=home), embedder=HashingEmbedder(32))
    with opened(home, dim=32) as library:
        assert titles(library, "茶叶产量")[0] == "茶叶"
        assert library.index().rows(sorted(library.store.chunk_ids())).popitem()[1].shape == (32,)
        now = library_collections(server, library)
        assert len(now) == 1
        assert now != old


def test_a_restored_backup_does_not_write_into_its_origin(tmp_path: Path, server: Server) -> None:
    with opened(tmp_path / "lib", server.uri) as library:
        library.add_articles([TEA, BANK])
        library.backup(tmp_path / "copy.youju")
        restore(tmp_path / "copy.youju", tmp_path / "second")
        with opened(tmp_path / "second") as second:
            assert not second.store.meta().get("index")
            second.remove([TEA.id])
        assert titles(library, "茶叶产量")[0] == "茶叶"


@pytest.mark.model
def test_the_command_moves_and_other_processes_follow(tmp_path: Path, server: Server) -> None:
    home = tmp_path / "lib"
    article = tmp_path / "tea.md"
    article.write_text(f"---\ntitle: 茶叶\n---\n\n{TEA.text}\n", encoding="utf-8")

    def youju(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "rag.cli", *arguments, "--library", str(home)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, env=os.environ | {"YOUJU_THREADS": "1"}
        )

    assert youju("add", str(article)).returncode == 0
    moved = youju("move", "--to", server.uri)
    assert moved.returncode == 0, moved.stderr
    assert f"索引已在 {server.uri}：1 篇文章，1 个片段" in moved.stdout
    found = youju("search", "茶叶产量是多少？", "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)[0]["title"] == "茶叶"
    assert not [line for line in found.stderr.splitlines() if "Traceback" in line]
    wrong = youju("move", "--to", "http://user:secret@host:19530")
    assert wrong.returncode == 1
    assert "YOUJU_INDEX_TOKEN" in wrong.stderr
    assert "secret" not in wrong.stderr


@contextmanager
def two_hosts() -> Iterator[tuple[str, str, str]]:
    """Two network namespaces with a wire between them: their names, and the address of the first."""
    marks = f"{os.getpid() % 10_000}"
    first, second, wire = f"yja{marks}", f"yjb{marks}", f"yjw{marks}"
    address, other = "10.213.77.1", "10.213.77.2"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        ip("netns", "add", first)
        ip("netns", "add", second)
        ip("link", "add", f"{wire}a", "netns", first, "type", "veth", "peer", "name", f"{wire}b", "netns", second)
        for host, end, own in ((first, "a", address), (second, "b", other)):
            ip("-n", host, "addr", "add", f"{own}/30", "dev", f"{wire}{end}")
            ip("-n", host, "link", "set", f"{wire}{end}", "up")
            ip("-n", host, "link", "set", "lo", "up")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespaces here ({error}); run as root with Debian's iproute2")
    try:
        yield first, second, address
    finally:
        for host in (first, second):
            subprocess.run(["ip", "netns", "del", host], check=False, capture_output=True)


@pytest.mark.model
def test_the_index_on_another_host(tmp_path: Path) -> None:
    article = tmp_path / "tea.md"
    article.write_text(f"---\ntitle: 茶叶\n---\n\n{TEA.text}\n", encoding="utf-8")
    with two_hosts() as (there, here, address):
        uri = f"http://{address}:19530"
        command = ["ip", "netns", "exec", there, sys.executable, "-m", "milvus_lite", "server"]
        command += ["--host", address, "--port", "19530", "--data-dir", str(tmp_path / "data")]

        def youju(*arguments: str) -> subprocess.CompletedProcess[str]:
            run = ["ip", "netns", "exec", here, sys.executable, "-m", "rag.cli", *arguments]
            return subprocess.run(
                [*run, "--library", str(tmp_path / "lib")],
                capture_output=True, text=True, timeout=300, env=os.environ | {"YOUJU_THREADS": "1"},
            )  # fmt: skip

        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                assert youju("add", str(article)).returncode == 0
                deadline = time.monotonic() + 60
                while (moved := youju("move", "--to", uri)).returncode and time.monotonic() < deadline:
                    time.sleep(1)  # the server is still starting
                assert moved.returncode == 0, moved.stderr
                found = youju("search", "茶叶产量是多少？", "--json")
                assert json.loads(found.stdout)[0]["title"] == "茶叶", found.stderr
                subprocess.run(["ip", "-n", there, "link", "set", "lo", "down"], check=True)
                wires = subprocess.run(["ip", "-n", there, "-br", "link"], capture_output=True, text=True, check=True)
                wire = next(line.split("@")[0] for line in wires.stdout.splitlines() if "yjw" in line)
                subprocess.run(["ip", "-n", there, "link", "set", wire, "down"], check=True)
                cut = youju("search", "茶叶产量是多少？")
                assert cut.returncode == 1
                assert "Milvus 用不了" in cut.stderr
                assert "Traceback" not in cut.stderr
                back = youju(
                    "move", "--to", "folder"
                )  # the server cannot be reached: the library comes home all the same
                assert back.returncode == 0, back.stderr
                assert "茶叶" in youju("search", "茶叶产量是多少？").stdout
            finally:
                server.kill()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("folder", ""),
        ("http://a:19530/", "http://a:19530"),
        ("https://a.b/x", "https://a.b/x"),
        ("tcp://a:1", "tcp://a:1"),
    ],
)
def test_addresses(text: str, place: str) -> None:
    assert index_place(text) == place
    assert index_place("x.db") == str(Path("x.db").resolve())
    for wrong in ("", "milvus", "ftp://x", "http://u:p@host:19530", "http://"):
        with pytest.raises(SettingsError):
            index_place(wrong)


def test_a_day_is_a_day_in_shanghai_everywhere(filtered: Library) -> None:
    hits = filtered.search("茶叶", 100, filters=Filters(after=date(2021, 7, 2), before=date(2021, 7, 2)))
    assert hits
    assert {hit.article.date for hit in hits} == {"2021-07-02"}
