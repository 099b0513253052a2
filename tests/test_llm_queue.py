"""The queue in front of the LLM: order, positions, limits, and that whoever goes away is forgotten at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from langchain_core.messages import BaseMessage

from rag.errors import ChatModelError
from rag.library import Library
from rag.llm_queue import MOST_OF_ONE, MOST_WAITING, LlmQueue, Place
from rag.records import Answer, Event, Token, Turn, Waiting
from tests.chats import ARTICLES, QUESTION, FakeChat, chat_model, scripted


class GatedChat(FakeChat):
    """Says one sentence, but only once `gate` is open; counts how many it is asked by at the same time."""

    gate: threading.Event
    running: list[int] = []  # noqa: RUF012  (a pydantic field: copied for each instance)
    most: list[int] = []  # noqa: RUF012
    model_config = {"arbitrary_types_allowed": True}  # noqa: RUF012

    def pieces(self, messages: list[BaseMessage]) -> Iterator[str]:
        self.running.append(1)
        self.most.append(len(self.running))
        try:
            while not self.gate.wait(0.02):
                yield ""  # as llama.cpp while it reads the prompt
            yield "2020年，武昌区金融产业增加值达400.69亿元。"
        finally:
            self.running.pop()


@pytest.fixture
def gated(library: Library) -> Iterator[tuple[Library, GatedChat]]:
    model = GatedChat(gate=threading.Event())
    library.add_articles(ARTICLES)
    library.use_chat_model(chat_model(model, "gated"))
    yield library, model
    model.gate.set()


def until(events: Iterator[Event], kind: type[Event]) -> Event:
    return next(event for event in events if isinstance(event, kind))


def ahead(place: Place) -> int:
    """How many the place says are ahead, now; 0 when it has its turn."""
    return next((event.ahead for event in place.wait()), 0)


def test_first_come_first_served() -> None:
    queue = LlmQueue()
    first, second, third = (queue.place() for _ in range(3))
    assert [ahead(place) for place in (first, second, third)] == [0, 1, 2]
    assert (queue.busy, queue.waiting) == (1, 2)
    second.leave()
    assert ahead(third) == 1
    first.leave()
    first.leave()
    assert ahead(third) == 0
    third.leave()
    assert (queue.busy, queue.waiting) == (0, 0)


def test_an_llm_that_answers_several_at_once() -> None:
    queue = LlmQueue(2)
    places = [queue.place() for _ in range(4)]
    assert [ahead(place) for place in places] == [0, 0, 1, 2]
    places[1].leave()
    assert [ahead(place) for place in (places[0], *places[2:])] == [0, 0, 1]


def test_waiting_ends_as_soon_as_it_is_ones_turn() -> None:
    queue = LlmQueue()
    first, second = queue.place(), queue.place()
    assert ahead(first) == 0
    steps = second.wait()
    assert next(steps) == Waiting(1)
    threading.Timer(0.05, first.leave).start()
    started = time.monotonic()
    assert list(steps) == []
    assert time.monotonic() - started < 0.4, "sooner than the next heartbeat"


def test_one_client_cannot_fill_the_queue() -> None:
    queue = LlmQueue()
    own = [queue.place("甲") for _ in range(MOST_OF_ONE)]
    assert [ahead(place) for place in own] == list(range(MOST_OF_ONE))
    with pytest.raises(ChatModelError, match="您已有 4 个问题在等大模型回答"):
        ahead(queue.place("甲"))
    assert ahead(queue.place("乙")) == MOST_OF_ONE
    own[0].leave()
    assert ahead(queue.place("甲")) == MOST_OF_ONE


def test_the_queue_has_an_end() -> None:
    queue = LlmQueue()
    for number in range(1 + MOST_WAITING):
        ahead(queue.place(f"第{number}位"))
    with pytest.raises(ChatModelError, match=f"已有 {MOST_WAITING} 个问题在等大模型回答") as caught:
        ahead(queue.place("又一位"))
    assert caught.value.kind == "busy"


def test_four_at_once_are_queued_and_all_answered(gated: tuple[Library, GatedChat]) -> None:
    library, model = gated
    seen: list[list[Event]] = [[] for _ in range(4)]
    askers = [
        threading.Thread(
            target=lambda mine=mine: mine.extend(library.events(QUESTION, client="甲" if mine is seen[0] else "乙"))
        )
        for mine in seen
    ]
    for asker in askers:
        asker.start()
    while not any(Waiting(3) in mine for mine in seen):
        time.sleep(0.02)
    assert sorted(max((e.ahead for e in mine if isinstance(e, Waiting)), default=0) for mine in seen) == [0, 1, 2, 3]
    model.gate.set()
    for asker in askers:
        asker.join(20)
    for mine in seen:
        assert isinstance(mine[-1], Answer)
        assert (mine[-1].provenance.llm, mine[-1].provenance.notice) == ("gated", "")
        assert "400.69亿元" in mine[-1].text
    assert max(model.most) == 1, "never two at the same time"


def test_one_who_stops_frees_the_model_and_one_who_waits_leaves(gated: tuple[Library, GatedChat]) -> None:
    library, model = gated
    chat, _ = library.chat_model()
    assert chat is not None
    answering, waiting, last = (library.events(QUESTION, client=name) for name in "甲乙丙")
    assert until(answering, Token) == Token(""), "a sign of life before the first word"
    assert until(waiting, Waiting) == Waiting(1)
    assert until(last, Waiting) == Waiting(2)
    waiting.close()  # type: ignore[attr-defined]
    assert (chat.queue.busy, chat.queue.waiting) == (1, 1)
    answering.close()  # type: ignore[attr-defined]
    assert model.running == [], "the model does nothing any more"
    model.gate.set()
    answer = until(last, Answer)
    assert isinstance(answer, Answer)
    assert answer.provenance.llm == "gated"
    assert (chat.queue.busy, chat.queue.waiting) == (0, 0)


def test_a_slow_llm_delays_no_search_and_no_extract(gated: tuple[Library, GatedChat]) -> None:
    library, _ = gated
    answering = library.events(QUESTION)
    until(answering, Token)
    assert library.search(QUESTION)
    *_, answer = library.events(QUESTION, mode="extractive")
    assert isinstance(answer, Answer)
    assert "400.69亿元" in answer.text
    assert (answer.provenance.llm, answer.provenance.notice) == ("", "")
    refused = until(library.events("洪山区2025年的地区生产总值目标是多少？"), Answer)
    assert isinstance(refused, Answer)
    assert refused.refused, "what the LLM need not be asked about does not wait for it"
    answering.close()  # type: ignore[attr-defined]


def test_who_asks_too_much_at_once_gets_the_extract_with_the_reason(gated: tuple[Library, GatedChat]) -> None:
    library, _ = gated
    own = [library.events(QUESTION, client="甲") for _ in range(MOST_OF_ONE)]
    until(own[0], Token)
    for events in own[1:]:
        until(events, Waiting)
    *_, answer = library.events(QUESTION, client="甲")
    assert isinstance(answer, Answer)
    assert "400.69亿元" in answer.text
    assert answer.provenance.notice == "您已有 4 个问题在等大模型回答，以下是原文摘录。"
    for events in own:
        events.close()  # type: ignore[attr-defined]


def test_a_follow_up_keeps_its_turn_from_the_question_to_the_answer(library: Library) -> None:
    library.add_articles(ARTICLES)
    chat = scripted("为什么？")
    library.use_chat_model(chat)
    place = chat.queue.place()
    assert ahead(place) == 0
    events = library.events("为什么？", (Turn("武昌区的金融产业增加值是多少？", "400.69亿元。"),))
    assert next(events) == Waiting(1), "the LLM is to say what is meant, before anything is searched"
    place.leave()
    assert isinstance(list(events)[-1], Answer)
    assert (chat.queue.busy, chat.queue.waiting) == (0, 0)
