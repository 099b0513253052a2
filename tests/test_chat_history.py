"""Conversations on the server: kept at once, shown again as they were, and nobody else's."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.chat_history import FILE_NAME, ChatHistory, Diary
from rag.chat_records import Feedback, Outcome
from rag.errors import HistoryFull, LibraryError
from rag.filters import Filters, parse_day
from rag.records import Answer, Provenance, Statement
from rag.saved_answers import pack_answer, unpack_answer
from tests.ui.fake_backend import (
    GROWTH,
    HARBOUR,
    HOSTILE,
    PLANS,
    TARGET_STATEMENTS,
    THROUGHPUT_STATEMENTS,
    TRAP,
    cite,
    hit,
)

MADE = Provenance("zh-small", "qwen", "answer@abc", "库@3", "0.1.0", f"注意 {HOSTILE}")
PROGRAM = Path(__file__).with_name("talk_until_killed.py")


def answer(question: str = "问", statements: tuple[Statement, ...] = THROUGHPUT_STATEMENTS) -> Answer:
    hits = (replace(hit(HARBOUR, 1), why={"dense": 0.71, "sentence": 0.5}, also=(PLANS,)), hit(TRAP, 2, 8, 40))
    return Answer(question, f"{question}（完整）", statements, hits, False, "", {"total": 1.234567}, MADE, "2025-04-08")


@pytest.fixture
def history(tmp_path: Path) -> Iterator[ChatHistory]:
    history = ChatHistory(tmp_path / FILE_NAME)
    yield history
    history.close()


@pytest.fixture
def diary(history: ChatHistory) -> Diary:
    return history.of("browser:one")


def told(diary: Diary, exchange: str, question: str, conversation: str = "", *, said: str = "") -> str:
    """An answered exchange; returns its conversation."""
    conversation = diary.begin(exchange, question, conversation)
    statements = (Statement(said, (GROWTH,), "supported"),) if said else THROUGHPUT_STATEMENTS
    diary.finish(exchange, Outcome("answered", answer(question, statements)))
    return conversation


@pytest.mark.parametrize(
    "statements",
    [
        THROUGHPUT_STATEMENTS,
        TARGET_STATEMENTS,
        (Statement(HOSTILE, (cite(1, TRAP, f"这一句是要引用的：{HOSTILE}。"),), "supported", HOSTILE),),
        (),
    ],
)
def test_a_packed_answer_is_equal_to_what_it_was(statements: tuple[Statement, ...]) -> None:
    before = answer(HOSTILE, statements)
    packed = pack_answer(before)
    after = unpack_answer(packed.text, packed.articles)
    assert after == before
    assert [c.article.text[c.start : c.end] == c.quote for c in after.citations] == [True] * len(after.citations)
    assert len(packed.articles) == len(
        {a.id for h in before.hits for a in (h.article, *h.also)} | {c.article.id for c in before.citations}
    )


def test_a_conversation_is_read_again_as_it_was(diary: Diary, tmp_path: Path) -> None:
    filters = Filters(after=parse_day("2022-05"), sources=("港口周刊",))
    conversation = diary.begin("e1", HOSTILE, filters=filters)
    diary.finish("e1", Outcome("answered", answer(HOSTILE), notice=HOSTILE))
    assert diary.begin("e2", "还有呢？", conversation) == conversation
    diary.finish("e2", Outcome("stopped", draft="只写了一半"))
    diary.begin("e3", "失败？", conversation)
    diary.finish("e3", Outcome("failed", error=("大模型没有回答", "请检查")))
    again = ChatHistory(tmp_path / FILE_NAME)
    saved = again.of("browser:one").open(conversation)
    again.close()
    assert saved is not None
    one, two, three = saved.exchanges
    assert (one.question, one.answer, one.notice, one.filters) == (HOSTILE, answer(HOSTILE), HOSTILE, filters)
    assert (two.state, two.draft, two.filters) == ("stopped", "只写了一半", None)
    assert (three.state, three.error) == ("failed", ("大模型没有回答", "请检查"))


def test_an_article_is_kept_once_and_goes_with_the_last_answer_that_cites_it(history: ChatHistory) -> None:
    diary = history.of("browser:one")
    first, second = told(diary, "e1", "一"), told(diary, "e2", "二")
    assert history.query("SELECT count(*) FROM articles") == [(3,)]
    assert diary.delete(first)
    assert history.query("SELECT count(*) FROM articles") == [(3,)]
    assert diary.delete(second)
    for table in ("articles", "exchanges", "conversations", "cited", "feedback"):
        assert history.query(f"SELECT count(*) FROM {table}") == [(0,)], table


def test_one_reader_never_sees_touches_or_finds_what_is_anothers(history: ChatHistory) -> None:
    mine, theirs = history.of("browser:one"), history.of("account:王")
    conversation = told(mine, "e1", "我的秘密问题")
    assert theirs.conversations() == theirs.conversations("秘密") == []
    assert theirs.open(conversation) is None
    assert not theirs.rename(conversation, "改了")
    assert not theirs.delete(conversation)
    assert not theirs.rate("e1", Feedback("down"))
    assert theirs.delete_oldest(10) == 0
    theirs.finish("e1", Outcome("failed", error=("换掉",)))
    other = theirs.begin("e2", "插一句", conversation, instead_of="e1")
    assert other != conversation
    saved = mine.open(conversation)
    assert saved is not None
    assert [(e.id, e.state, e.feedback) for e in saved.exchanges] == [("e1", "answered", None)]
    assert mine.conversations()[0].title == "我的秘密问题"
    with pytest.raises(ValueError, match="without a name"):
        history.of("")


def test_the_last_changed_conversation_comes_first(diary: Diary) -> None:
    first, second = told(diary, "e1", "一"), told(diary, "e2", "二")
    assert [row.id for row in diary.conversations()] == [second, first]
    told(diary, "e3", "又一", first)
    assert [row.id for row in diary.conversations()] == [first, second]


def test_search_looks_into_titles_questions_and_answers_in_either_script(diary: Diary) -> None:
    harbour = told(diary, "e1", "临江港的吞吐量", said="完成货物吞吐量3,126.5万吨")
    gdp = told(diary, "e2", "武昌区的GDP")
    diary.rename(gdp, "经济 100%_统计")
    for wanted, found in {
        "吞吐量": [gdp, harbour],  # the known answer speaks of it, too
        "3,126.5万吨": [gdp, harbour],
        "臨江港 貨物": [gdp, harbour],
        "gdp": [gdp],
        "经济 武昌": [gdp],
        "100%_": [gdp],
        "%": [gdp],
        "没有的": [],
        "": [gdp, harbour],
    }.items():
        assert [row.id for row in diary.conversations(wanted)] == found, wanted


def test_titles_are_one_short_line_and_are_otherwise_what_was_typed(diary: Diary) -> None:
    conversation = diary.begin("e1", f"第一行\n第二行 {HOSTILE * 3}")
    title = diary.conversations()[0].title
    assert title.startswith("第一行 第二行 <script>")
    assert len(title) == 80
    assert diary.rename(conversation, f"  {HOSTILE[:40]}\n ")
    assert diary.conversations()[0].title == HOSTILE[:40]
    assert not diary.rename(conversation, " \n ")
    assert diary.rename(conversation, "半个\ud83d字")
    assert diary.conversations()[0].title == "半个?字"


def test_what_is_asked_anew_is_no_longer_shown_but_what_was_said_of_it_stays(history: ChatHistory) -> None:
    diary = history.of("browser:one")
    conversation = told(diary, "e1", "一")
    told(diary, "e2", "二", conversation)
    told(diary, "e3", "三", conversation)
    diary.rate("e2", Feedback("down", ("wrong_figure",)))
    diary.begin("e4", "二，改过", conversation, instead_of="e2")
    saved = diary.open(conversation)
    assert saved is not None
    assert [e.id for e in saved.exchanges] == ["e1", "e4"]
    assert [(r.exchange.id, r.feedback.reasons) for r in history.rated()] == [("e2", ("wrong_figure",))]
    assert [e.id for e in history.rated()[0].before] == ["e1"]


def test_what_a_reader_says_replaces_what_they_said_before(history: ChatHistory) -> None:
    diary = history.of("browser:one")
    conversation = told(diary, "e1", "一")
    assert diary.rate("e1", Feedback("up"))
    assert diary.rate("e1", Feedback("down", ("other", "wrong_figure", "no such reason"), f" {'字' * 600} "))
    saved = diary.open(conversation)
    assert saved is not None
    assert saved.exchanges[0].feedback == Feedback("down", ("wrong_figure", "other"), "字" * 500)
    assert diary.rate("e1", None)
    assert history.rated() == []
    diary.begin("e2", "没答完", conversation)
    assert not diary.rate("e2", Feedback("up")), "there is no answer to judge"


def test_a_full_diary_keeps_what_is_there_and_says_so(tmp_path: Path) -> None:
    history = ChatHistory(tmp_path / FILE_NAME, most_conversations=2)
    diary, other = history.of("browser:one"), history.of("browser:two")
    first = told(diary, "e1", "一")
    assert not diary.full()
    told(diary, "e2", "二")
    assert diary.full()
    with pytest.raises(HistoryFull, match="最多 2 段"):
        diary.begin("e3", "三")
    assert len(diary.conversations()) == 2, "nothing was deleted to make room"
    told(diary, "e4", "一，续", first)
    told(other, "e5", "别人还可以")
    assert diary.delete_oldest(1) == 1
    assert [row.id for row in diary.conversations()] == [first]
    told(diary, "e6", "三")
    history.close()


def test_the_size_of_a_diary_is_limited_too(tmp_path: Path) -> None:
    history = ChatHistory(tmp_path / FILE_NAME, most_characters=3_000)
    diary = history.of("browser:one")
    conversation = ""
    for n in range(50):
        try:
            conversation = diary.begin(f"e{n}", "长" * 500, conversation)
        except HistoryFull:
            break
    assert n == 6
    assert diary.full()
    history.close()


def test_a_question_whose_program_is_gone_was_broken_off(tmp_path: Path) -> None:
    first = ChatHistory(tmp_path / FILE_NAME)
    conversation = first.of("browser:one").begin("e1", "答到一半？")
    saved = first.of("browser:one").open(conversation)
    assert saved is not None
    assert saved.exchanges[0].state == "running", "in another window"
    second = ChatHistory(tmp_path / FILE_NAME)
    saved = second.of("browser:one").open(conversation)
    assert saved is not None
    assert saved.exchanges[0].state == "broken"
    first.of("browser:one").finish("e1", Outcome("answered", answer()))  # it was not gone after all
    saved = second.of("browser:one").open(conversation)
    assert saved is not None
    assert saved.exchanges[0].state == "answered"
    first.close()
    second.close()


def test_a_conversation_deleted_while_it_is_answered_stays_deleted(history: ChatHistory) -> None:
    diary = history.of("browser:one")
    conversation = diary.begin("e1", "一")
    diary.delete(conversation)
    diary.finish("e1", Outcome("answered", answer()))
    assert diary.conversations() == []
    assert history.query("SELECT count(*) FROM articles") == [(0,)]


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        history = ChatHistory(tmp_path / FILE_NAME)
        told(history.of("browser:one"), "e1", "一")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        history.close()
    finally:
        os.umask(old)
    assert set(modes) == {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}
    assert set(modes.values()) == {0o600}


def test_what_is_no_history_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"not a database, whatever the name says" * 50)
    with pytest.raises(LibraryError, match="不是对话记录"):
        ChatHistory(path)
    path.unlink()
    ChatHistory(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LibraryError, match="由更新的有据写成"):
        ChatHistory(path)
    with pytest.raises(LibraryError, match="对话记录"):
        ChatHistory(tmp_path / "no such folder" / FILE_NAME)


def test_many_threads_write_at_once(history: ChatHistory) -> None:
    def talk(reader: int) -> None:
        diary, conversation = history.of(f"browser:{reader}"), ""
        for n in range(10):
            conversation = told(diary, f"{reader}-{n}", "问", conversation)

    threads = [threading.Thread(target=talk, args=(reader,)) for reader in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert history.query("SELECT count(*), count(DISTINCT conversation) FROM exchanges WHERE state = 'answered'") == [
        (80, 8)
    ]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_process_loses_nothing_that_was_shown(tmp_path: Path) -> None:
    """Twenty readers talk in a process of their own, which writes down what they are shown; it is killed in the middle."""
    path, shown_at = tmp_path / FILE_NAME, tmp_path / "shown.txt"
    program = subprocess.Popen([sys.executable, str(PROGRAM), str(path), str(shown_at)])
    try:
        deadline = time.monotonic() + 60
        while not shown_at.exists() or shown_at.read_text(encoding="utf-8").count("\n") < 150:
            assert program.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()
    lines = shown_at.read_text(encoding="utf-8").split("\n")[:-1]  # the last line may be half a one
    shown = [line.split("\t") for line in lines]
    history = ChatHistory(path)
    kept = {
        e.id: (row.title, e)
        for reader in range(20)
        for row in history.of(f"browser:{reader}").conversations()
        for e in (history.of(f"browser:{reader}").open(row.id) or pytest.fail("listed, but not there")).exchanges
    }
    questions = {uid: text for kind, uid, text in shown if kind == "question"}
    answers = {uid: text for kind, uid, text in shown if kind == "answer"}
    assert len({kept[uid][0] for uid in questions}) >= 20, "not all twenty had begun"
    assert {uid: kept[uid][1].question for uid in questions} == questions
    for uid, text in answers.items():
        saved = kept[uid][1]
        assert saved.state == "answered"
        assert saved.answer is not None
        assert saved.answer.text == text
        assert all(c.article.text[c.start : c.end] == c.quote for c in saved.answer.citations)
    unfinished = {uid: kept[uid][1].state for uid in questions.keys() - answers.keys()}
    assert unfinished, "it was not killed in the middle"
    assert set(unfinished.values()) <= {"broken", "answered"}, "kept, though it died before it was shown"
    assert "broken" in unfinished.values()
    history.close()
