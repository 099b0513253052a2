"""Follow-ups become questions that stand alone; questions that stand alone are left as they are."""

from __future__ import annotations

import pytest

from rag.conversation import standalone_question
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
