"""Near-duplicates: the signature estimates what the exact overlap decides."""

from __future__ import annotations

import random

import numpy as np
import pytest

from rag.near_duplicates import band_keys, same_story, shingles, signature, similarity

STORY = (
    "远棹重工今天宣布，公司中标海上风电安装船项目，合同金额12.6亿元，预计两年内交付首条船，届时将提供三百个岗位。"
    "公司董事长表示，这是今年以来签下的第四份大单，全年新接订单已经超过去年的总和。项目所在的船厂将于下月开工。"
)


def test_shingles_ignore_punctuation_width_and_script() -> None:
    assert shingles("產業增加值達４００亿元。") == shingles("产业，增加值达400亿元")
    assert similarity(STORY, STORY.replace("，", " ").replace("。", "\n")) == 1.0


def test_similarity_is_the_share_of_common_shingles() -> None:
    # abcde bcdef | abcde bcdeg: one of three in common
    assert similarity("abcdef", "abcdeg") == pytest.approx(1 / 3)
    assert similarity("", "一二三四五六") == 0.0


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("（转载）" + STORY, True),
        (STORY + "来源：青石日报", True),
        (
            STORY.replace("12.6", "16.2"),
            True,
        ),  # a correction tells the same story; whether it is folded is another question
        (STORY[: len(STORY) // 2], False),
        ("栖江银行全年净利润52.17亿元，同比增长6.8%。" * 4, False),
    ],
)
def test_what_counts_as_the_same_story(other: str, same: bool) -> None:
    assert same_story(STORY, other) is same
    assert same_story(other, STORY) is same


def test_short_texts_are_never_the_same_story() -> None:
    assert not same_story("今日要闻", "今日要闻")


def test_the_signature_estimates_the_similarity() -> None:
    rng = random.Random(7)
    alphabet = [chr(0x4E00 + i) for i in range(2000)]
    errors = []
    for _ in range(40):
        text = "".join(rng.choices(alphabet, k=600))
        cut = rng.randrange(60, 540)
        other = text[:cut] + "".join(rng.choices(alphabet, k=600 - cut))
        a, b = (np.frombuffer(signature(t), dtype="<u4") for t in (text, other))
        errors.append(float(np.mean(a == b)) - similarity(text, other))
    assert abs(float(np.mean(errors))) < 0.02, "unbiased"
    assert max(map(abs, errors)) < 0.2, "125 minima: standard deviation at most 0.045"


def test_equal_texts_share_every_band_and_strangers_none() -> None:
    mine = band_keys(signature(STORY))
    assert len(mine) == len(set(mine))
    assert band_keys(signature("（" + STORY + "）")) == mine
    assert not set(mine) & set(band_keys(signature("栖江银行全年净利润52.17亿元，同比增长6.8%。" * 4)))
    assert all(-(1 << 63) <= key < 1 << 63 for key in mine), "SQLite's integers"
