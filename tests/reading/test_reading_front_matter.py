"""Front matter as exporters write it, whole and broken."""

from __future__ import annotations

from rag.reading.front_matter import split_front_matter


def test_blank_line_before_the_first_fence() -> None:
    found = split_front_matter("\n---\ntitle: '春耕'\ncategories: \n - 农业\n - 种植\nthumbnail: \n---\n\n正文\n")
    assert found.fields["title"] == ("春耕",)
    assert found.fields["categories"] == ("农业", "种植")
    assert found.fields["thumbnail"] == ()
    assert found.body.strip() == "正文"
    assert found.notes == ()


def test_scalars_stay_as_written() -> None:
    found = split_front_matter("---\ntitle: 007\ndate: 2026-03-18 14:06:36  +0800\ndraft: no\n---\n")
    assert found.first("title") == "007"
    assert found.first("date") == "2026-03-18 14:06:36  +0800"
    assert found.first("draft") == "no"


def test_broken_yaml_keeps_every_field_that_can_be_kept() -> None:
    found = split_front_matter(
        '---\ntitle: """\'利率不变\'"""\nauthor: 甲: 乙: 丙\ncategories:\n  - 金融\n\t- 银行\ndate: Mon, 22 Mar 2021 03:59:40 GMT\n---\n文'
    )
    assert found.first("title").strip("\"'") == "利率不变"
    assert found.first("author") == "甲: 乙: 丙"
    assert found.fields["categories"] == ("金融", "银行")
    assert found.first("date") == "Mon, 22 Mar 2021 03:59:40 GMT"
    assert len(found.notes) == 1
    assert "title" in found.notes[0]
    assert found.body == "文"


def test_a_rule_at_the_top_is_not_front_matter() -> None:
    text = "---\n这里是正文，不是字段。\n---\n还是正文。"
    assert split_front_matter(text).body == text


def test_front_matter_left_open_is_body() -> None:
    text = "---\ntitle: 没有结尾\n正文"
    assert split_front_matter(text).body == text


def test_a_fence_inside_the_body_ends_nothing() -> None:
    assert split_front_matter("---\ntitle: 甲\n---\n一\n---\n二").body == "一\n---\n二"


def test_hostile_yaml_is_only_text() -> None:
    found = split_front_matter(
        '---\na: !!python/object/apply:os.system ["true"]\nb: &x [1]\nc: [*x, *x]\ntitle: 甲\n---\n'
    )
    assert found.first("title") == "甲"


def test_deep_nesting_is_survived() -> None:
    found = split_front_matter(f"---\ntitle: 甲\nx: {'[' * 20_000}\ny:\n  {'- ' * 20_000}z\n---\n文")
    assert found.first("title") == "甲"
    assert found.body == "文"
