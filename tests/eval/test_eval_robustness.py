"""Noise and false sources: what is mixed, what is altered, and what counts as right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eval.datasets import Case, EvalSet, Gold
from eval.robustness import CONDITIONS, LABELS, falsify, markdown, mix, run_robustness, summarize
from rag.errors import YoujuError
from rag.library import Library
from rag.records import Answer, Article, Event, Hit, Turn
from tests.conftest import make_article
from tests.eval.scripted_door import ARTICLE, PROVENANCE, answer, hit

CASE = Case(
    "q", "number", "青石区去年金融业增加值是多少？", key_facts=(("12.5亿元", "十二亿五千万元"),), gold=(Gold("d1", ""),)
)


def noise(count: int) -> list[Hit]:
    return [hit(Article(f"{n:016x}", f"别的{n}", f"第{n}条别的新闻。", path=f"n{n}"), n) for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("telling", "share", "good", "bad"),
    [
        (5, 0.0, 5, 0),
        (5, 0.4, 3, 2),
        (5, 0.8, 1, 4),
        (1, 0.0, 1, 0),
        (1, 0.4, 1, 1),
        (1, 0.8, 1, 4),
        (2, 0.2, 2, 0),
        (3, 1.0, 0, 5),
    ],
)
def test_the_share_of_noise(telling: int, share: float, good: int, bad: int) -> None:
    said = [hit(ARTICLE, n) for n in range(1, telling + 1)]
    mixed = mix(said, noise(9), share, "7")
    assert [h.rank for h in mixed] == list(range(1, good + bad + 1))
    assert sum(h.article == ARTICLE for h in mixed) == good
    assert mixed == mix(said, noise(9), share, "7")


def test_a_false_number_is_put_in_its_place_and_nowhere_else() -> None:
    text = "增加值为12.5亿元，比112.5亿元少，与12.53亿元无关，约合十二亿五千万元。"
    source = hit(replace(ARTICLE, text=text), 1)
    found = falsify(CASE, [source, *noise(1)])
    assert found is not None
    case, (altered,) = found
    assert altered.chunk.text == altered.article.text == text.replace("为12.5亿", "为45.8亿")
    assert case.key_facts == (("45.8亿元",),)
    assert case.forbidden == CASE.key_facts[0]
    assert falsify(replace(CASE, question="为何是12.5亿元？"), [source]) is None, "the question names it"
    assert falsify(replace(CASE, key_facts=(("张三",),)), [source]) is None
    years = falsify(replace(CASE, key_facts=(("2019年",),)), [hit(replace(ARTICLE, text="自2019年起。"), 1)])
    assert years is not None
    assert years[0].key_facts == (("2012年",),)


class Credulous:
    """Answers with the first passage that holds 亿元, and refuses without one; a question of its list breaks it once."""

    def __init__(self, found: Sequence[Hit]) -> None:
        self.found = list(found)
        self.asked = 0
        self.break_at = 0

    def search(self, question: str, k: int | None = None) -> list[Hit]:
        return self.found

    def events(
        self, question: str, history: Sequence[Turn] = (), *, passages: Sequence[Hit] | None = None
    ) -> Iterator[Event]:
        self.asked += 1
        if self.asked == self.break_at:
            raise YoujuError("中断", "")
        text = next((h.chunk.text for h in passages or () if "亿元" in h.chunk.text), "")
        yield (
            answer(question, "12.5亿元", said=text)
            if text
            else Answer(question, question, (), (), True, "无", {}, PROVENANCE)
        )


def test_every_condition_is_asked_and_a_stopped_run_goes_on(tmp_path: Path) -> None:
    door = Credulous([hit(ARTICLE, 1), *noise(6)])
    follow_up = replace(CASE, id="talk", history=(Turn("？", "。"),))
    tiny = EvalSet("tiny", (CASE, follow_up), "d", "c", articles=(ARTICLE,))
    door.break_at = 4
    with pytest.raises(YoujuError):
        run_robustness(door, tiny, tmp_path)
    rows = run_robustness(door, tiny, tmp_path)
    assert door.asked == len(CONDITIONS) + 1
    assert [row["condition"] for row in rows] == list(CONDITIONS)
    assert all(row["right"] == 1.0 for row in rows), "also the refusal, and the false number that the source says"
    assert [row["passages"] for row in rows] == [1, 1, 2, 2, 5, 5, 2]
    assert (rows[-1]["instead_of"], rows[-1]["says"]) == ("12.5亿元", "45.8亿元")
    shares = summarize(rows)
    assert shares["counterfactual"]["value"] == 1.0
    table = markdown("tiny", shares)
    assert all(label in table for label in LABELS.values())


def test_a_real_library_answers_from_the_passages_it_is_given(library: Library) -> None:
    known = make_article("青石区年度数据", "青石区去年金融业增加值为12.5亿元，同比增长6.3%。")
    library.add_articles([known])
    (found,) = library.search(CASE.question, 1)
    false = falsify(CASE, [found])
    assert false is not None
    (*_, said) = library.events(CASE.question, passages=false[1])
    assert isinstance(said, Answer)
    assert "45.8亿元" in said.text
    assert said.citations[0].quote in false[1][0].article.text
    (*_, nothing) = library.events(CASE.question, passages=[])
    assert isinstance(nothing, Answer)
    assert nothing.refused
