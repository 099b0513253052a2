"""A conversation: events in, messages out; follow-ups, errors, and being broken off."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from rag.filters import Filters
from rag.records import Event, Mode, Token, Turn, Waiting
from rag.ui import UiStatus
from rag.ui.session import MOST_EXCHANGES, Session
from tests.ui.fake_backend import FakeBackend
from tests.ui.test_render import chinese

QUESTION = "临江港一季度货物吞吐量是多少？"


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend(pace=0)


def run(session: Session, backend: FakeBackend, question: str) -> list[str]:
    """Ask, and return what the answer looked like after each redraw."""
    return [chinese(session.messages()[-1]["content"]) for _ in session.ask(backend, question)]


def test_an_answer_goes_through_searching_reading_draft_and_final(backend: FakeBackend) -> None:
    seen = run(Session(), backend, QUESTION)
    assert seen[0] == "正在检索资料…"
    assert seen[1] == "找到 3 段资料，正在组织回答…"
    assert seen[2].endswith("草稿，正在核对每一句的出处…")
    assert "同比增长6.8%。出处[1]有据" in seen[-1]
    assert "草稿" not in seen[-1]


def test_a_draft_is_redrawn_at_a_bounded_rate() -> None:
    seen = run(Session(), FakeBackend(pace=0.001), f"{QUESTION}")
    assert 3 < len(seen) < 12, "one redraw a token would be about 40"


def test_follow_ups_get_the_answered_exchanges_and_only_those(backend: FakeBackend) -> None:
    session = Session()
    for question in (QUESTION, "失败", "2027年的目标呢？"):
        run(session, backend, question)
    run(session, backend, "火星呢？")
    asked, history = backend.asked[-1]
    assert asked == "火星呢？"
    assert [turn.question for turn in history] == [QUESTION, "2027年的目标呢？"]
    assert history[1] == Turn("2027年的目标呢？", "规划提出，到2027年货物吞吐量达到1.5亿吨。[1][2]")


def test_an_amended_question_is_taken_as_it_stands(backend: FakeBackend) -> None:
    session = Session()
    run(session, backend, QUESTION)
    assert session.exchanges[-1].rewritten == ""
    run(session, backend, "那目标呢？")
    assert session.exchanges[-1].rewritten == "临江港目标呢？"
    for _ in session.ask(backend, "临江港2030年的目标是什么？", alone=True):
        pass
    assert backend.asked[-1] == ("临江港2030年的目标是什么？", ())
    assert session.exchanges[-1].rewritten == ""
    run(session, backend, "那火星呢？")
    questions = [turn.question for turn in backend.asked[-1][1]]
    assert questions == [QUESTION, "临江港目标呢？", "临江港2030年的目标是什么？"], "as they were understood"


def test_a_question_takes_the_place_of_another_and_of_all_after_it(backend: FakeBackend) -> None:
    session = Session()
    for question in (QUESTION, "目标", "那火星呢？"):
        run(session, backend, question)
    session.replacing = session.exchanges[1].uid
    run(session, backend, "2027年的目标是什么？")
    assert [e.question for e in session.exchanges] == [QUESTION, "2027年的目标是什么？"]
    assert [turn.question for turn in backend.asked[-1][1]] == [QUESTION], "history ends before what is replaced"
    run(session, backend, "还有呢？")
    assert len(session.exchanges) == 3, "once only"
    session.replacing = "no such exchange"
    run(session, backend, "再问？")
    assert len(session.exchanges) == 4


def test_a_conversation_has_an_end(backend: FakeBackend) -> None:
    session = Session()
    run(session, backend, QUESTION)
    session.exchanges *= MOST_EXCHANGES
    assert "请点“新对话”接着问" in chinese(session.problem("再问？"))
    session.replacing = session.exchanges[0].uid
    assert session.problem("再问？") == ""


def test_a_question_that_waits_for_the_llm_says_how_many_come_first() -> None:
    class Busy(FakeBackend):
        def events(self, *asked: Any, **more: Any) -> Iterator[Event]:
            yield from (Waiting(2), Waiting(2), Waiting(1), Token(""))
            yield from super().events(*asked, **more)

    seen = run(Session(), Busy(pace=0), QUESTION)
    assert seen[1:5] == [
        "在等大模型，前面还有 2 个问题…",
        "在等大模型，前面还有 2 个问题…",
        "在等大模型，前面还有 1 个问题…",
        "大模型正在读资料…",
    ]
    assert "同比增长6.8%" in seen[-1]


def test_small_talk_is_replied_to_without_a_search_and_leaves_no_turn(backend: FakeBackend) -> None:
    session = Session()
    seen = run(session, backend, "你好")
    assert seen[0] == ""
    assert seen[-1].startswith("你好！<script>")
    assert session.history == ()


def test_messages_keep_the_whole_conversation_in_order(backend: FakeBackend) -> None:
    session = Session()
    run(session, backend, QUESTION)
    run(session, backend, "目标")
    assert [message["role"] for message in session.messages()] == ["user", "assistant"] * 2
    assert chinese(session.messages()[2]["content"]) == "目标修改"


def test_a_known_error_speaks_for_itself(backend: FakeBackend) -> None:
    session = Session()
    seen = run(session, backend, "失败")
    assert "大模型没有回答" in seen[-1]
    assert "请检查 YOUJU" in seen[-1]
    assert not session.running


def test_an_unknown_error_is_logged_not_shown(backend: FakeBackend, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "youju.ui"):
        seen = run(Session(), backend, "崩溃")
    assert "内部细节" not in seen[-1]
    assert "程序出了意外的错误。" in seen[-1]
    assert [record.message for record in caplog.records] == ["an answer failed"]


def test_a_stream_without_an_answer_is_an_error() -> None:
    class Silent:
        def events(
            self,
            question: str,
            history: Sequence[Turn],
            filters: Filters | None = None,
            mode: Mode = "auto",
            client: str = "",
        ) -> Iterator[Event]:
            yield Token("半句")

        def status(self) -> UiStatus:
            return UiStatus("库", 0)

    session = Session()
    for _ in session.ask(Silent(), "问"):
        pass
    assert "回答中途断了" in chinese(session.messages()[-1]["content"])


def test_stop_keeps_the_draft_and_closes_the_stream(backend: FakeBackend) -> None:
    session = Session()
    steps = session.ask(backend, QUESTION)
    for _ in range(3):
        next(steps)
    session.stop()
    assert list(steps) == [None]
    text = chinese(session.messages()[-1]["content"])
    assert text.endswith("已停止，以上草稿未经核对重新回答")
    assert text.startswith("202")
    assert backend.closed == [QUESTION]
    assert session.history == ()


def test_dropping_the_steps_closes_the_stream(backend: FakeBackend) -> None:
    session = Session()
    steps = session.ask(backend, QUESTION)
    for _ in range(3):
        next(steps)
    steps.close()
    assert backend.closed == [QUESTION]
    assert not session.running


def test_clear_forgets_everything_even_in_the_middle(backend: FakeBackend) -> None:
    session = Session()
    steps = session.ask(backend, QUESTION)
    for _ in range(3):
        next(steps)
    session.clear()
    list(steps)
    assert session.messages() == []
    assert session.history == ()


def test_questions_that_cannot_be_asked(backend: FakeBackend) -> None:
    session = Session()
    assert chinese(session.problem("  \n")) == "请先输入问题。"
    assert chinese(session.problem("问" * 2_001)) == "问题太长：有 2,001 个字，最多 2,000 个。请只留下要问的部分。"
    assert session.problem("问" * 2_000) == ""
    steps = session.ask(backend, QUESTION)
    next(steps)
    assert "还在回答" in chinese(session.problem("再问"))
    list(steps)
    assert session.problem("再问") == ""
