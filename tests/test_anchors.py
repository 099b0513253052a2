"""Names that a statement hangs on, also those that no dictionary knows, and whether a sentence can speak of them."""

from __future__ import annotations

import pytest

from rag.anchors import find_anchors, rivals, speaks_of


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("洪山区2025年的目标", "洪山区", "place"),
        ("澄湖区上半年实现地区生产总值", "澄湖区", "place"),
        ("远棹重工2024年营收", "远棹重工", "org"),
        ("临澜大学教授郦知远介绍", "郦知远", "person"),
        ("鹭岬风电场首批机组并网", "鹭岬", "name"),
    ],
)
def test_names_are_found(text: str, name: str, kind: str) -> None:
    assert (name, kind) in [(a.text, a.kind) for a in find_anchors(text)]


@pytest.mark.parametrize("text", ["全区人民币存贷款规模", "全国城市居民", "该市大学"])
def test_everybodys_places_are_no_names(text: str) -> None:
    assert find_anchors(text) == ()


def test_offsets_point_into_the_text() -> None:
    text = "武昌区和汉阳区的区长"
    for anchor in find_anchors(text):
        assert text[anchor.start : anchor.end] == anchor.text


WUCHANG = "武昌区介绍，金融业是重要支柱产业。"
FIGURE = "2020年，全区金融产业增加值达400.69亿元。"


@pytest.mark.parametrize(
    ("asked", "sentence", "before", "expected"),
    [
        ("武昌区", "武昌区实现增长。", "", 1.0),
        ("武昌区", FIGURE, WUCHANG, 0.9),
        ("汉阳区", FIGURE, "汉阳区另有规划。" + WUCHANG, 0.2),
        ("汉阳区", "武昌区实现增长。", "汉阳区另有规划。", 0.2),
        ("洪山区", FIGURE, WUCHANG, 0.0),
        ("栖江银行", "栖江农商行31日披露，2024年营业收入35.2亿元。", "", 0.2),
        ("栖江银行", "栖江农商行营业收入不及栖江银行。", "", 1.0),
        ("远棹重工", "远棹去年营收35.2亿元。", "", 1.0),
    ],
)
def test_which_district_a_sentence_speaks_of(asked: str, sentence: str, before: str, expected: float) -> None:
    anchor = find_anchors(asked)[0]
    assert speaks_of(anchor, sentence, before, before + sentence) == expected


@pytest.mark.parametrize(
    ("asked", "sentence", "before"),
    [
        (
            "小熊猫",
            "三只幼崽昨日首次与游客见面。",
            "碧砚动物园小熊猫三胞胎满百日。园方正征集名字。",
        ),  # neither is a person
        ("马拉松", "组委会主任车向东透露，起跑日期将提前。", "望川马拉松鸣枪。"),
        (
            "栖江",
            "细颗粒物平均浓度为26.4微克/立方米。",
            "栖江市昨日通报，上月，澄湖水质首次达标。",
        ),  # 栖江市, no rival of a lake
    ],
)
def test_what_is_no_rival_stands_between_no_name_and_its_sentence(asked: str, sentence: str, before: str) -> None:
    anchor = find_anchors(asked)[0]
    assert speaks_of(anchor, sentence, before, before + sentence) >= 0.5


@pytest.mark.parametrize(("asked", "other"), [("李强", "王毅"), ("拾尘X3", "拾尘X2")])
def test_people_and_codes_are_rivals(asked: str, other: str) -> None:
    (one, *_), (two, *_) = find_anchors(asked), find_anchors(other)
    assert rivals(one, two)
