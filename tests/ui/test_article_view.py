"""The JSON of a whole article: text that is all there, cut at the cited sentences, and honest when it was changed."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.records import Article
from rag.ui.article_view import MOST_PLACES, Place, address, article_json, parse_places, place_of
from rag.ui.markup import visible
from tests.ui.fake_backend import GROWTH, HARBOUR, HOSTILE, ROUTES, TRAP, FakeBackend
from tests.ui.live_page import LivePage


def text_of(line: object) -> str:
    """The text of a line, the cells of a row joined by bars."""
    if isinstance(line, dict):
        return "|".join(text_of(cell) for cell in line["cells"])
    assert isinstance(line, list)
    return "".join(text for text, _ in line)


def marked(found: dict[str, object], number: int) -> str:
    """The text that is part of a place."""
    lines = found["lines"]
    assert isinstance(lines, list)
    rows = [cell for line in lines for cell in (line["cells"] if isinstance(line, dict) else [line])]
    return "".join(text for runs in rows for text, places in runs if number in places)


def solid(text: str) -> str:
    """The text without space and without bars, which a row of a table loses."""
    return "".join(char for char in text if not char.isspace() and char != "|")


def test_the_whole_text_is_there_with_each_cited_sentence_marked() -> None:
    places = [place_of(HARBOUR, cited.start, cited.end) for cited in (GROWTH, ROUTES)]
    found = article_json(HARBOUR, places)
    assert found["found"] == [True, True]
    assert (marked(found, 0), marked(found, 1)) == (GROWTH.quote, ROUTES.quote)
    assert text_of(found["lines"][0]) == "临江港集团4月8日公布一季度经营数据。"
    assert text_of(found["lines"][2]) == "指标|数值|同比"
    assert text_of(found["lines"][-1]).startswith("第29段背景")
    assert (found["title"], found["source"], found["date"]) == (HARBOUR.title, "临江日报", "2025-04-08")
    assert (found["category"], found["url"]) == (["经济", "港口"], HARBOUR.url)


def test_overlapping_places_and_one_over_several_lines_are_cut_at_every_edge() -> None:
    article = Article("a", "题", "甲乙丙\n| 丁 | 戊己 |\n庚")
    places = [place_of(article, 1, 3), place_of(article, 2, 9), place_of(article, 0, len(article.text))]
    found = article_json(article, places)
    assert found["lines"] == [
        [["甲", [2]], ["乙", [0, 2]], ["丙", [0, 1, 2]]],
        {"cells": [[["丁", [1, 2]]], [["戊己", [2]]]]},
        [["庚", [2]]],
    ]


def test_an_article_that_was_changed_is_not_marked_in_the_wrong_place() -> None:
    kept, moved = place_of(HARBOUR, 0, 5), place_of(HARBOUR, GROWTH.start, GROWTH.end)
    changed = replace(HARBOUR, text=HARBOUR.text[:10] + "（更正）" + HARBOUR.text[10:])
    found = article_json(changed, [kept, moved])
    assert found["found"] == [True, False]
    assert marked(found, 1) == ""


def test_characters_beyond_the_basic_plane_do_not_shift_the_sentence() -> None:
    article = Article("a", "题", "😀𠮷野家开业。第二句在此。")
    start = article.text.index("第")
    assert marked(article_json(article, [place_of(article, start, len(article.text))]), 0) == "第二句在此。"


def test_hostile_text_is_plain_text_and_bad_links_are_none() -> None:
    found = article_json(TRAP, ())
    assert found["title"] == HOSTILE
    assert found["url"] == ""
    assert text_of(found["lines"][-1]) == "最后一段。", "control characters are gone"
    assert article_json(replace(TRAP, url="https://a.example/x"), ())["url"] == "https://a.example/x"


@given(st.text(), st.data())
def test_no_text_is_lost_whatever_the_article(text: str, data: st.DataObject) -> None:
    article = Article("a", "题", text)
    edges = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    found = article_json(article, [place_of(article, edges[0], edges[1])])
    shown = "".join(text_of(line) for line in found["lines"])
    assert solid(shown) == solid(visible(text))
    if edges[0] < edges[1]:
        assert solid(marked(found, 0)) == solid(visible(text[edges[0] : edges[1]]))


def test_an_address_is_read_back() -> None:
    places = (Place(0, 5, 0xAB), place_of(HARBOUR, GROWTH.start, GROWTH.end))
    wanted = parse_qs(address(replace(HARBOUR, id="a&b=<c>"), *places))
    assert wanted["id"] == ["a&b=<c>"]
    assert parse_places(wanted["at"]) == places


@pytest.mark.parametrize(
    "wrong", ["", "1-2", "5-5-00000000", "9-3-00000000", "-1-2-00000000", "1-2-zzzzzzzz", "x" * 999]
)
def test_what_is_no_place_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="place"):
        parse_places([wrong])
    with pytest.raises(ValueError, match="too many"):
        parse_places(["0-1-00000000"] * (MOST_PLACES + 1))


@pytest.fixture(scope="module")
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture(scope="module")
def client(backend: FakeBackend) -> Iterator[httpx.Client]:
    with LivePage(backend) as live, httpx.Client(base_url=live.url, trust_env=False, timeout=20) as client:
        yield client


def test_the_route_gives_the_article_and_nothing_else_of_the_library(client: httpx.Client) -> None:
    reply = client.get(f"/page/article?{address(HARBOUR, place_of(HARBOUR, GROWTH.start, GROWTH.end))}")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert marked(reply.json(), 0) == GROWTH.quote
    for wrong in ("", "id=", "id=../../etc/passwd", "id=0000000000000000"):
        assert client.get(f"/page/article?{wrong}").status_code == 404
    assert client.get(f"/page/article?id={HARBOUR.id}&at=x").status_code == 400
    assert client.post(f"/page/article?id={HARBOUR.id}").status_code in (404, 405)


def test_a_library_that_cannot_be_read_is_logged_not_shown(
    client: httpx.Client, backend: FakeBackend, caplog: pytest.LogCaptureFixture
) -> None:
    kept, backend.articles = backend.articles, None  # type: ignore[assignment]
    try:
        with caplog.at_level(logging.ERROR, "youju.ui"):
            reply = client.get(f"/page/article?id={HARBOUR.id}")
    finally:
        backend.articles = kept
    assert (reply.status_code, reply.json()) == (500, {})
    assert [record.message for record in caplog.records] == ["an article cannot be shown"]
