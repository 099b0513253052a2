"""Lines learned as a source's own: cut only inwards from the edges, and put back exactly."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rag.headings import HEADINGS, encode_headings, heading_starts
from rag.reading.recurring import Cut, cut_lines, edge_lines, is_boilerplate, restore
from rag.records import Article

BANNER = "青石网客户端为您播报本地要闻"
FOOTER = "扫码关注青石日报"
TEXT = st.lists(
    st.sampled_from([BANNER, FOOTER, "第一段说工程开工。", "第二段说全长18公里。", "小标题", "| 甲 | 乙 |"]),
    min_size=1,
    max_size=14,
)


def article(lines: list[str], headings: list[int]) -> Article:
    text = "\n".join(lines)
    starts = [sum(len(line) + 1 for line in lines[:i]) for i in headings]
    metadata = {HEADINGS: encode_headings(starts)} if starts else {}
    return Article(id="0", title="题", text=text, metadata=metadata)


@given(lines=TEXT, learned=st.sets(st.sampled_from([BANNER, FOOTER])), chosen=st.sets(st.integers(0, 13)))
def test_what_is_cut_can_be_put_back_exactly(lines: list[str], learned: set[str], chosen: set[int]) -> None:
    headings = sorted(i for i in chosen if i < len(lines) and lines[i] not in learned)
    before = article(lines, headings)
    after, cuts = cut_lines(before, learned)
    assert restore(after, cuts) == before
    assert all(cut.text in learned for cut in cuts)
    assert len(after.text) <= len(before.text)
    assert after.text, "an article never loses all of its text"
    kept = after.text.split("\n")
    assert "\n".join(kept) in before.text, "what stays is one piece of what was there"
    assert {after.text[at : at + 3] for at in heading_starts(after)} == {
        before.text[at : at + 3] for at in heading_starts(before)
    }


def test_only_what_stands_at_the_edge_goes() -> None:
    lines = [BANNER, "第一段说工程开工。", FOOTER, "第二段说全长18公里。", FOOTER]
    after, cuts = cut_lines(article(lines, []), {BANNER, FOOTER})
    assert after.text == "\n".join(lines[1:4])
    assert cuts == (Cut(0, BANNER), Cut(4, FOOTER))


def test_an_article_of_nothing_else_stays() -> None:
    before = article([BANNER, FOOTER], [])
    assert cut_lines(before, {BANNER, FOOTER}) == (before, ())
    assert restore(replace(before), ()) == before


def test_labels_rows_times_and_long_lines_are_never_candidates() -> None:
    lines = ["其他新闻：", "| 甲 | 乙 |", "2021年7月2日 11:59", "长" * 81, FOOTER, "短"]
    assert edge_lines("\n".join(["第一段说工程开工了。", *lines])) == ("第一段说工程开工了。", FOOTER)


def test_a_line_must_recur_often_and_in_a_share_of_the_source() -> None:
    assert not is_boilerplate(7, 10)
    assert is_boilerplate(8, 10)
    assert is_boilerplate(20, 1000)
    assert not is_boilerplate(19, 1000)
