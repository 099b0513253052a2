"""Suggested questions: made of the library's sentences, offered only where the library answers them."""

from __future__ import annotations

import json
import time

import pytest

from rag.figure_questions import figure_questions
from rag.library import Library
from rag.suggestions import Suggestions, answers, best_question
from tests.conftest import make_article

GDP = make_article("武昌区2020年金融产业增加值超400亿元", "2020年，武昌区金融产业增加值达400.69亿元，同比增长6.3%。")
TEA = make_article("望川镇茶叶丰收", "2021年，望川镇茶叶产量为320.5吨，比上年多。", source="望川日报")
LEANS = make_article("望川镇的桥", "该桥2021年全长为1250米，由望川镇出资。近日，望川镇共有1300人过桥。", source="桥报")
OTHER = make_article("天气", "2021年，望川镇茶园面积为1250亩。", source="气象报")
PLAIN = make_article("散文", "春天来了，花都开了，一切都很好。", source="副刊")


def found(suggestions: Suggestions) -> tuple[str, ...]:
    suggestions.prepare()
    deadline = time.monotonic() + 30
    while suggestions._thread is not None and suggestions._thread.is_alive():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return suggestions.questions()


def test_a_figure_becomes_what_is_asked_for() -> None:
    made = {asked.question: asked for asked in figure_questions(GDP)}
    assert list(made) == [
        "2020年，武昌区金融产业增加值达多少元？",
        "2020年，武昌区金融产业增加值达400.69亿元，同比增长百分之多少？",
    ]
    first = made["2020年，武昌区金融产业增加值达多少元？"]
    assert (first.answer, GDP.text[first.start : first.end]) == ("400.69亿元", GDP.text)


@pytest.mark.parametrize(
    ("article", "question"),
    [
        (GDP, "2020年，武昌区金融产业增加值达多少元？"),
        (TEA, "2021年，望川镇茶叶产量为多少吨？"),
        (LEANS, None),  # 该桥, 近日: nobody knows what is meant
        (OTHER, None),  # the title speaks of something else
        (PLAIN, None),
    ],
)
def test_only_what_can_be_understood_and_is_what_the_article_is_about_is_asked(
    article: object, question: str | None
) -> None:
    asked = best_question(article)  # type: ignore[arg-type]
    assert (asked.question if asked else None) == question


def test_only_what_the_library_answers_is_offered(library: Library) -> None:
    library.add_articles([GDP, TEA, LEANS, OTHER, PLAIN])
    assert sorted(found(Suggestions(library))) == [
        "2020年，武昌区金融产业增加值达多少元？",
        "2021年，望川镇茶叶产量为多少吨？",
    ]
    asked = best_question(TEA)
    assert asked is not None
    library.remove([TEA.id])
    assert not answers(library, TEA, asked)


def test_what_was_found_is_kept_until_the_library_changes(library: Library) -> None:
    library.add_articles([GDP, PLAIN])
    first = found(Suggestions(library))
    assert len(first) == 1
    kept = json.loads((library.path / "suggestions.json").read_text(encoding="utf-8"))
    kept["questions"] = ["从文件里读的？"]
    (library.path / "suggestions.json").write_text(json.dumps(kept), encoding="utf-8")
    assert found(Suggestions(library)) == ("从文件里读的？",)
    library.add_articles([TEA])
    assert set(found(Suggestions(library))) == {*first, "2021年，望川镇茶叶产量为多少吨？"}
    (library.path / "suggestions.json").write_text("[broken", encoding="utf-8")
    assert len(found(Suggestions(library))) == 2


def test_nothing_is_offered_of_an_empty_library_and_closing_ends_the_search(library: Library) -> None:
    assert found(Suggestions(library)) == ()
    library.add_articles([GDP, TEA])
    suggestions = Suggestions(library)
    suggestions.prepare()
    suggestions.close()
    assert suggestions._thread is not None
    assert not suggestions._thread.is_alive()
