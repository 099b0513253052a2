"""What readers said becomes an evaluation set that `eval` reads and runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eval.datasets import check_set, load_folder, read_texts
from eval.sets import load_set
from rag.chat_history import FILE_NAME, ChatHistory
from rag.chat_records import Feedback, Outcome
from rag.errors import LibraryError
from rag.feedback import describe, write_feedback
from rag.library import Library
from rag.records import Answer, Article, Citation, Provenance, Statement, Turn
from tests.conftest import make_article

STEEL = make_article("青石区经济", "2020年，青石区金融产业增加值达400.69亿元，同比增长6.3%。全区有银行360家。")
TEA = make_article("望川镇茶叶", "望川镇2020年茶叶产量为320.5吨。")
MADE = Provenance("zh-small", "", "answer@abc", "库@3", "0.1.0")


def told(question: str, article: Article, quote: str, *, text: str = "", standalone: str = "") -> Answer:
    start = article.text.index(quote)
    citation = Citation(1, article, start, start + len(quote), quote)
    statement = Statement(text or quote, (citation,), "supported")
    return Answer(question, standalone or question, (statement,), (), False, "", {}, MADE)


def refused(question: str) -> Answer:
    return Answer(question, question, (), (), True, "资料中没有相关信息。", {}, MADE)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[ChatHistory]:
    history = ChatHistory(tmp_path / FILE_NAME)
    yield history
    history.close()


GROWTH = "2020年，青石区金融产业增加值达400.69亿元，同比增长6.3%。"


def fill(history: ChatHistory) -> None:
    """Six judged answers of two readers."""
    one, two = history.of("browser:one"), history.of("browser:two")
    cases = [
        (one, "right", told("青石区2020年金融产业增加值是多少？", STEEL, GROWTH), Feedback("up")),
        (one, "wrong", told("望川镇2020年茶叶产量是多少？", TEA, TEA.text, text="望川镇茶叶产量为275吨。"), Feedback("down", ("wrong_figure",), "应为320.5吨\n见原文")),
        (two, "is-there", refused("青石区有多少家银行？"), Feedback("down", ("is_in_articles",))),
        (two, "not-there", refused("青石区有多少家书店？"), Feedback("up")),
        (two, "missed", told("青石区谁负责？", STEEL, GROWTH), Feedback("down", ("off_topic", "other"), "<b>没答</b>")),
    ]  # fmt: skip
    for diary, uid, answer, feedback in cases:
        diary.begin(uid, answer.question)
        diary.finish(uid, Outcome("answered", answer))
        assert diary.rate(uid, feedback)
    conversation = one.begin("before", "青石区2020年金融产业增加值是多少？")
    one.finish("before", Outcome("answered", cases[0][2]))
    one.begin("follow", "那望川镇的茶叶呢？", conversation)
    follow = told("那望川镇的茶叶呢？", TEA, TEA.text, standalone="望川镇2020年茶叶产量是多少？")
    one.finish("follow", Outcome("answered", follow))
    one.rate("follow", Feedback("up"))


def test_what_was_said_comes_back_as_cases_of_eval(history: ChatHistory, tmp_path: Path) -> None:
    fill(history)
    assert write_feedback(tmp_path / "set", history.rated(), [STEEL, TEA]) == 6
    chosen = load_set(str(tmp_path / "set"))
    cases = {case.id.removeprefix("fb-"): case for case in chosen.cases}
    assert list(cases) == ["right", "wrong", "is-there", "not-there", "missed", "follow"]

    right = cases["right"]
    assert (right.type, right.answerable, right.key_facts) == ("number", True, (("400.69亿元",),))
    assert [(g.article, g.quote) for g in right.gold] == [(STEEL.id, GROWTH)]
    assert right.references == (GROWTH,)

    wrong = cases["wrong"]
    assert (wrong.answerable, wrong.key_facts, wrong.forbidden) == (True, (), ("275吨",))

    assert (cases["is-there"].answerable, cases["is-there"].gold) == (True, ())
    assert (cases["not-there"].answerable, cases["not-there"].type) == (False, "unanswerable")
    assert (cases["missed"].answerable, cases["missed"].gold, cases["missed"].references) == (True, (), ())

    follow = cases["follow"]
    assert follow.type == "follow_up"
    assert follow.history == (Turn("青石区2020年金融产业增加值是多少？", f"{GROWTH}[1]"),)
    assert follow.key_facts == (("320.5吨",),)

    said = {row["id"]: row["said"] for row in map(json.loads, (tmp_path / "set" / "questions_feedback.jsonl").read_text("utf-8").splitlines())}  # fmt: skip
    assert said["fb-wrong"] == "有问题：数字不对；应为320.5吨 见原文"
    assert said["fb-missed"] == "有问题：没答到、其他；<b>没答</b>"
    assert said["fb-right"] == "答得对"

    problems = check_set(chosen, read_texts(chosen))
    assert problems == [
        "fb-wrong：可回答的问题没有要点（key_facts）",
        "fb-is-there：可回答的问题没有出处（gold）",
        "fb-is-there：可回答的问题没有要点（key_facts）",
        "fb-missed：可回答的问题没有出处（gold）",
        "fb-missed：可回答的问题没有要点（key_facts）",
    ], "what a judgement does not tell is left for a person"


def test_an_article_that_left_the_library_goes_with_the_question(history: ChatHistory, tmp_path: Path) -> None:
    fill(history)
    changed = replace(TEA, text="这篇文章改写过了。")
    write_feedback(tmp_path / "set", history.rated(), [changed])
    chosen = load_folder(tmp_path / "set")
    assert sorted(article.path for article in chosen.articles) == sorted([STEEL.id, TEA.id])
    gold = {case.id: case.gold for case in chosen.cases}
    assert gold["fb-follow"][0].quote == "", "its sentence is no longer there"
    assert gold["fb-right"][0].quote == GROWTH


def test_a_set_that_is_there_is_not_written_over(history: ChatHistory, tmp_path: Path) -> None:
    fill(history)
    write_feedback(tmp_path / "set", history.rated(), [STEEL])
    with pytest.raises(LibraryError, match="已有评测集"):
        write_feedback(tmp_path / "set", history.rated(), [STEEL])
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="评测集写不了"):
        write_feedback(tmp_path / "file" / "set", history.rated(), [STEEL])


def test_eval_runs_the_set(history: ChatHistory, tmp_path: Path, library: Library) -> None:
    from eval.run import describe_run, run_cases

    fill(history)
    write_feedback(tmp_path / "set", history.rated(), [STEEL, TEA])
    chosen = load_set(str(tmp_path / "set"))
    library.add_articles(chosen.articles)
    run = describe_run(chosen, library.settings, limit=None, seed=0)
    rows = run_cases(library, chosen, read_texts(chosen), tmp_path / "results", run, lambda done, total: None, None)
    assert [row["error"] for row in rows] == [None] * 6
    assert (tmp_path / "results" / "cases.jsonl").is_file()


def test_a_judgement_in_words() -> None:
    assert describe(Feedback("up")) == "答得对"
    assert describe(Feedback("down", ("wrong_source", "no such reason"), " a\nb ")) == "有问题：出处不对；a b"
