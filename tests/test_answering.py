"""The one pipeline: events in order, refusals without the LLM, failures that end in an extract, drafts that are checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.library import Library
from rag.prompting import build_messages
from rag.records import Answer, Retrieved, Token, Turn
from rag.relevance import rank_sentences
from rag.verdicts import verify_draft
from tests.chats import ARTICLES, QUESTION, ScriptedChat, ask, scripted
from tests.conftest import make_article


@pytest.fixture
def filled(library: Library) -> Library:
    library.add_articles(ARTICLES)
    return library


def test_extractive_answer_quotes_the_sentence(filled: Library) -> None:
    events, answer = ask(filled, None)
    assert [type(e) for e in events] == [Retrieved, Answer]
    assert not answer.refused
    assert "2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。" in [s.text for s in answer.statements]
    assert all(s.support == "supported" and s.citations[0].quote == s.text for s in answer.statements)
    assert answer.provenance.llm == ""
    assert answer.provenance.notice == "没有配置大模型，以下是原文摘录。"
    assert {"retrieve", "judge", "total"} <= answer.timings.keys()


def test_llm_answer_streams_as_a_draft_and_ends_checked(filled: Library) -> None:
    reply = "武昌区2020年金融产业增加值达400.69亿元，同比增长6.3%[7]。"
    events, answer = ask(filled, scripted(reply))
    assert isinstance(events[0], Retrieved)
    assert "".join(e.text for e in events if isinstance(e, Token)) == reply
    assert answer.text == "武昌区2020年金融产业增加值达400.69亿元，同比增长6.3%。[1]"
    assert answer.citations[0].quote == "2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。"
    assert answer.provenance.llm == "scripted"
    assert answer.provenance.prompts.startswith("answer@")


def test_the_prompt_holds_the_passages_and_ends_with_the_question(filled: Library) -> None:
    chat = scripted("资料中没有相关信息。")
    ask(filled, chat)
    assert isinstance(chat.model, ScriptedChat)
    last = str(chat.model.asked[0][-1].content)
    assert "[1]《武汉产业集群规划出炉》（青石日报，2021-07-02）" in last
    assert last.endswith(f"问题：{QUESTION}")


def test_what_the_llm_invents_is_left_out_and_kept_for_who_asks(filled: Library) -> None:
    _, answer = ask(filled, scripted("2020年全区金融产业增加值达400.69亿元。该区还获得了诺贝尔奖。"))
    assert [s.support for s in answer.statements] == ["supported", "unsupported"]
    assert answer.text == "2020年全区金融产业增加值达400.69亿元。[1]"
    assert [(s.text, s.note) for s in answer.struck] == [("该区还获得了诺贝尔奖。", "资料中找不到与这句话相符的原文")]


def test_a_draft_of_which_nothing_holds_is_refused(filled: Library) -> None:
    _, answer = ask(filled, scripted("2020年全区金融产业增加值达999亿元。"))
    assert answer.refused
    assert answer.text == "资料中没有相关信息。"
    assert "没有一句" in answer.provenance.notice


def test_a_draft_that_refuses_is_a_refusal_with_the_nearest_passages(filled: Library) -> None:
    _, answer = ask(filled, scripted("资料中没有相关信息。"))
    assert answer.refused
    assert answer.hits


def test_what_surely_answers_is_quoted_although_the_llm_finds_nothing(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.verdicts._SURE", 0.1)
    for draft in ("资料中没有相关信息。", "天空是蓝色的。"):
        _, answer = ask(filled, scripted(draft))
        assert not answer.refused
        assert answer.statements[0].citations[0].quote == "2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。"
        assert "以下是原文摘录" in answer.provenance.notice


def test_the_prompt_holds_the_best_sentences_that_the_budget_allows(filled: Library) -> None:
    candidates = rank_sentences(filled, QUESTION, filled.search(QUESTION, 5))
    hits = filled.search(QUESTION, 5)
    chat = scripted("")
    small = str(build_messages(chat, QUESTION, hits, candidates, 1)[-1].content)
    assert "400.69亿元" in small
    assert "母基金" not in small
    whole = str(build_messages(chat, QUESTION, hits, candidates, 5000)[-1].content)
    assert whole.index("金融业是重要支柱产业") < whole.index("400.69亿元") < whole.index("母基金"), (
        "as the article has them"
    )
    assert "[1]《武汉产业集群规划出炉》（青石日报，2021-07-02）" in whole
    assert "[2]《上海楼市》" in whole
    assert whole.count("400.69亿元") == 1


def test_days_are_worked_out_before_the_llm_sees_them(library: Library) -> None:
    library.add_articles([make_article("地铁开通", "昨日上午，青石区地铁3号线开通。", day="2025-09-29")])
    chat = scripted("青石区地铁3号线于2025年9月28日开通[1]。")
    _, answer = ask(library, chat, "青石区地铁3号线是哪天开通的？")
    model = chat.model
    assert isinstance(model, ScriptedChat)
    assert "昨日（2025年9月28日）上午" in str(model.asked[0][-1].content)
    assert answer.statements[0].support == "supported"


def test_nothing_relevant_is_refused_without_asking_the_llm(filled: Library) -> None:
    chat = scripted("洪山区的目标是1500亿元。")
    _, answer = ask(filled, chat, "洪山区2025年的地区生产总值目标是多少？")
    assert answer.refused
    assert isinstance(chat.model, ScriptedChat)
    assert chat.model.asked == []


def test_an_llm_that_breaks_off_gives_way_to_the_extract(filled: Library) -> None:
    events, answer = ask(filled, scripted("武昌区2020年金融产业", fails_after=4))
    assert "".join(e.text for e in events if isinstance(e, Token)) == "武昌区2"
    assert not answer.refused
    assert "400.69亿元" in answer.text
    assert "大模型没有答完" in answer.provenance.notice
    assert answer.provenance.llm == ""


def test_an_empty_library_says_so(library: Library) -> None:
    _, answer = ask(library, None)
    assert answer.refused
    assert "知识库还是空的" in answer.reason


def test_a_follow_up_is_asked_as_it_stands_alone(filled: Library) -> None:
    _, answer = ask(filled, None, "同比增长多少？", (Turn(QUESTION, "400.69亿元"),))
    assert answer.question == "同比增长多少？"
    assert answer.standalone_question == "武昌区2020年的金融产业增加值同比增长多少？"
    assert "6.3%" in answer.text


@pytest.mark.parametrize("question", ["", "  \n", "？？？", "😀" * 3000, "a" * 5000])
def test_odd_questions_end_in_an_answer(filled: Library, question: str) -> None:
    _, answer = ask(filled, None, question)
    assert isinstance(answer.text, str)


def test_what_the_llm_and_the_reader_have_both_found_is_quoted_although_the_words_of_the_draft_are_not_carried(
    filled: Library,
) -> None:
    found = rank_sentences(filled, QUESTION, filled.search(QUESTION, 5))
    unsure = [replace(c, score=0.3, answer="400.69亿元") for c in found]
    draft = "哎呀，我猜差不多就是400.69亿元吧，谁说得准呢，反正我也只是随口一提。"
    agreed = verify_draft(draft, [(QUESTION, unsure)], "scripted")
    assert agreed.statements[0].citations[0].quote == found[0].sentence.text.strip()
    assert "以下是原文摘录" in agreed.notice
    elsewhere = [replace(c, features={**c.features, "names": 0.2}) for c in unsure]
    assert verify_draft(draft, [(QUESTION, elsewhere)], "scripted").statements == ()
    assert verify_draft(draft, [(f"{QUESTION}是400.69亿元吗", unsure)], "scripted").statements == ()


def test_what_surely_answers_takes_the_place_of_a_sentence_that_is_struck(filled: Library) -> None:
    question = f"汉阳区将设立多少亿元母基金？{QUESTION}"
    parts = [
        (part, [replace(c, score=0.97) for c in rank_sentences(filled, part, filled.search(part, 5))])
        for part in ("汉阳区将设立多少亿元母基金？", QUESTION)
    ]
    draft = "汉阳区将设立15亿元母基金。武昌区2020年的金融产业增加值是999亿元。"
    told = verify_draft(draft, parts, "scripted", question).statements
    assert [s.support for s in told] == ["supported", "unsupported", "supported"]
    assert told[-1].text == "2020年，全区金融产业增加值达400.69亿元、同比增长6.3%。"


def test_a_refusal_does_not_announce_extracts(filled: Library) -> None:
    _, answer = ask(filled, None, "洪山区2020年的地区生产总值是多少？")
    assert answer.refused
    assert answer.provenance.notice == "没有配置大模型。"
