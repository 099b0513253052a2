"""Follow-ups become questions that stand alone; questions that stand alone are left as they are."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.conversations import is_right, load_conversations, measure
from eval.datasets import load_shipped
from rag.conversation import resolve, standalone_question
from rag.records import Turn

WUCHANG = Turn("武昌区2020年全区金融产业增加值是多少？", "2020年，全区金融产业增加值达400.69亿元。[1]")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("那汉阳区呢？", "汉阳区2020年全区金融产业增加值是多少？"),
        ("那2019年呢？", "武昌区2019年全区金融产业增加值是多少？"),
        ("同比增长多少？", "武昌区2020年全区金融产业增加值同比增长多少？"),
        ("百威啤酒要在哪里建碳中和工厂？", "百威啤酒要在哪里建碳中和工厂？"),
    ],
)
def test_follow_up(question: str, expected: str) -> None:
    assert standalone_question(question, [WUCHANG]) == expected


def test_without_history_nothing_changes() -> None:
    assert standalone_question(" 那汉阳区呢？ ", []) == "那汉阳区呢？"


def test_pronouns_stand_for_the_last_fitting_name() -> None:
    history = [Turn("林若溪什么时候担任校长？", "林若溪于2019年担任校长。")]
    assert standalone_question("她是哪里人？", history) == "林若溪是哪里人？"


def test_a_chain_of_follow_ups_keeps_its_topic() -> None:
    history = [WUCHANG, Turn("那汉阳区呢？", "资料中没有相关信息。")]
    assert standalone_question("2021年呢？", history) == "汉阳区2021年全区金融产业增加值是多少？"


def test_the_hand_written_set_is_met_and_the_held_out_third_too() -> None:
    cases = load_conversations()
    found = measure(cases, standalone_question)
    wrong = [(c.id, c.question, f) for c, f in zip(cases, found, strict=True) if not is_right(c, f)]
    held_out = [case for case in cases if case.held_out]
    lost = {id_ for id_, _, _ in wrong} & {case.id for case in held_out}
    assert 1 - len(lost) / len(held_out) >= 0.83, wrong
    assert 1 - (len(wrong) - len(lost)) / (len(cases) - len(held_out)) >= 0.94, wrong


def test_a_question_that_stands_alone_takes_nothing_from_another_topic() -> None:
    """Every question of the shipped set after another one of it."""
    alone = [case for case in load_shipped().cases if not case.history and case.type != "hostile"]
    chosen = random.Random(7).sample(range(len(alone)), len(alone))
    changed = []
    for case, i in zip(alone, chosen, strict=True):
        before = alone[i].question
        found = standalone_question(case.question, [Turn(before, "不详。")])
        if before != case.question and found != case.question.strip():
            changed.append((before, case.question, found))
    assert len(changed) <= len(alone) // 100, changed


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("换个话题，望川马拉松冠军是谁？", "望川马拉松冠军是谁？"),
        ("另外，霁州暴雨造成多少人受灾？", "霁州暴雨造成多少人受灾？"),
        ("今年养老金涨多少？", "今年养老金涨多少？"),
        ("吉他的入门价格是多少？", "吉他的入门价格是多少？"),
        ("其他银行的存款利率都下调了吗？", "其他银行的存款利率都下调了吗？"),
        ("该不该给孩子报名冬令营？", "该不该给孩子报名冬令营？"),
    ],
)
def test_a_change_of_topic_leaves_the_history_behind(question: str, expected: str) -> None:
    assert standalone_question(question, [WUCHANG]) == expected


@pytest.mark.parametrize(
    ("asked", "said", "question", "expected"),
    [
        ("临澜大学和沧屏大学谁的招生人数多？", "临澜大学多。", "后者招多少人？", "沧屏大学招多少人？"),
        ("省里公布了哪三个试点城市？", "青岚市、霁州市和云汐市。", "第二个的试点内容是什么？", "霁州市的试点内容是什么？"),
        ("望川马拉松男子冠军是谁？", "达尼尔·奥古。", "女子冠军呢？", "望川马拉松女子冠军是谁？"),
        ("“青禾三号”水稻亩产多少？", "812公斤。", "“青禾五号”呢？", "“青禾五号”水稻亩产多少？"),
        ("栖江银行2024年净利润是多少？", "52.17亿元。", "我是说2023年", "栖江银行2023年净利润是多少？"),
        ("武昌区2020年的增加值是多少？", "400亿元。", "不对，我问的是汉阳区", "汉阳区2020年的增加值是多少？"),
        ("柏陵湖大桥坍塌是哪天？", "2018年7月3日。", "那次事故死了几人？", "柏陵湖大桥坍塌事故死了几人？"),
        ("北屿港由谁运营？", "由澜港集团运营。", "该集团去年利润多少？", "澜港集团去年利润多少？"),
    ],
)  # fmt: skip
def test_what_points_back_or_corrects(asked: str, said: str, question: str, expected: str) -> None:
    assert standalone_question(question, [Turn(asked, said)]) == expected


def test_small_talk_between_two_questions_is_no_topic() -> None:
    history = [WUCHANG, Turn("谢谢！", "不客气。")]
    assert standalone_question("那汉阳区呢？", history) == "汉阳区2020年全区金融产业增加值是多少？"


def test_a_question_that_is_clear_is_not_unsure() -> None:
    assert not resolve("百威啤酒要在哪里建碳中和工厂？", [WUCHANG]).unsure
    assert not resolve("那汉阳区呢？", [WUCHANG]).unsure
    assert resolve("为什么？", [WUCHANG]).unsure


def test_it_takes_milliseconds_at_most() -> None:
    cases = load_conversations()
    measure(cases[:3], standalone_question)
    started = time.process_time()
    measure(cases, standalone_question)
    assert (time.process_time() - started) / len(cases) < 0.005


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_text_breaks_it(question: str, asked: str, said: str) -> None:
    assert isinstance(standalone_question(question, [Turn(asked, said)]), str)


@given(
    st.text("那它他这该前后者第二个呢吗的是2024年3月\\\\1《》“”，。？换个话题不对我说", max_size=24),
    st.text("武昌区和汉阳的是多少谁2023年《》“”？\\\\g<0>", max_size=24),
)
def test_no_piece_of_a_follow_up_breaks_it(question: str, asked: str) -> None:
    assert isinstance(standalone_question(question, [Turn(asked, "张三、李四和王五。")]), str)
