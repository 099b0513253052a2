"""What an article is among the others: duplicates, near-duplicates, a source's own footers, and nothing lost on the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from rag.errors import LibraryError
from rag.fetch import Fetched
from rag.library import Library
from rag.settings import Settings
from rag.settle import learned_lines
from tests.postgres_server import articles_at  # noqa: F401 - with both databases

WriteFile = Callable[..., Path]

POST = """---
title: '{title}'
author: {source}
{url}date: {date}
---
{text}
"""

STORY = (
    "东湖镇农业办公室七月一日公布了上半年的茶叶生产情况。全镇共采摘春茶三百二十吨，比上年同期多出十三吨。"
    "茶农王守田说，今年三月的雨水来得早，头采比往年提前了六天。镇里的两家加工厂新添了四条生产线，"
    "鲜叶当天就能制成干茶，损耗下降了一半。收购价也比去年高，每公斤鲜叶达到二十八元。"
    "下半年，镇里打算把老茶园改种良种，面积约八百亩，所需的苗木由县里的苗圃提供。"
)


def post(
    write_file: WriteFile,
    name: str,
    text: str,
    *,
    title: str = "",
    source: str = "青石日报",
    url: str = "",
    day: int = 2,
) -> Path:
    return write_file(
        f"{name}.md",
        POST.format(
            title=title or name,
            source=source,
            text=text,
            url=f"url: {url}\n" if url else "",
            date=f"2021-07-{day:02d} 08:00",
        ),
    )


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def story_of(library: Library, title: str) -> str:
    (row,) = library.store.query(
        "SELECT b.title FROM articles a JOIN articles b ON b.id = a.story WHERE a.title = ?", (title,)
    ).fetchall()
    return str(row[0])


# -- near-duplicates ---------------------------------------------------------------------------------------------


def test_a_repost_is_linked_to_the_earliest_telling(library: Library, write_file: WriteFile) -> None:
    post(write_file, "转载", STORY + "本报综合报道。", day=5, source="江畔晚报")
    post(write_file, "首发", STORY, day=2)
    folder = post(write_file, "别的", "西岭镇修通了盘山公路，全长18公里，路面宽七米，途经五个村子。" * 2).parent
    report = library.add([folder])
    assert (report.added, report.near_duplicates) == (3, 1)
    assert story_of(library, "转载") == "首发"
    assert story_of(library, "别的") == "别的"


def test_one_of_a_story_represents_it_and_lists_the_others(library: Library, write_file: WriteFile) -> None:
    post(write_file, "首发", STORY)
    folder = post(write_file, "转载", STORY + "本报综合报道。", day=5, source="江畔晚报").parent
    library.add([folder])
    hits = library.search("东湖镇春茶采摘了多少吨？", 10)
    assert len({hit.article.id for hit in hits}) == 1
    assert [article.title for article in hits[0].also] in (["转载"], ["首发"])


def test_a_correction_is_not_folded_away(library: Library, write_file: WriteFile) -> None:
    text = STORY.replace("三百二十吨", "320吨")
    post(write_file, "首发", text)
    folder = post(write_file, "更正", text.replace("320吨", "302吨"), day=5).parent
    library.add([folder])
    hits = [hit for hit in library.search("东湖镇春茶采摘了多少吨？", 10) if "春茶3" in hit.chunk.text]
    assert {hit.article.title for hit in hits} == {"首发", "更正"}
    assert all(hit.also == () for hit in hits)


def test_when_the_first_telling_is_removed_the_next_one_stands_for_the_story(
    library: Library, write_file: WriteFile
) -> None:
    post(write_file, "首发", STORY)
    post(write_file, "转载一", STORY + "本报综合报道。", day=5)
    folder = post(write_file, "转载二", STORY + "本台综合报道。", day=6).parent
    library.add([folder])
    first = next(article for article in library.articles() if article.title == "首发")
    library.remove([first.id])
    assert story_of(library, "转载一") == story_of(library, "转载二") == "转载一"
    assert library.check().problems == ()


# -- the same text, moved and changed files ----------------------------------------------------------------------


def test_a_file_that_moved_is_the_same_article_at_its_new_place(library: Library, write_file: WriteFile) -> None:
    path = post(write_file, "甲", STORY)
    library.add([path.parent])
    path.rename(path.with_name("乙.md"))
    report = library.add([path.parent])
    assert (report.added, report.moved, report.chunks) == (0, 1, 0)
    (article,) = library.articles()
    assert article.path.endswith("乙.md")
    assert library.vanished() == []
    assert library.add([path.parent]).unchanged == 1


def test_two_files_that_say_different_things_under_one_address_are_both_kept(
    library: Library, write_file: WriteFile
) -> None:
    address = "https://news.example/home"
    first = post(write_file, "甲", STORY, url=address)
    second = post(write_file, "乙", "西岭镇修通了盘山公路，全长18公里。", url=address)
    assert library.add([first.parent]).added == 2
    assert sorted(article.title for article in library.articles()) == ["乙", "甲"]
    for path in (first, second):
        touch(path)
    assert library.add([first.parent]).unchanged == 2
    post(write_file, "乙", "西岭镇的盘山公路加长到21公里。", url=address)
    assert library.add([first.parent]).updated == 1
    assert library.counts()[0] == 2


def test_a_new_version_at_the_same_address_replaces_a_file_that_is_gone(
    library: Library, write_file: WriteFile
) -> None:
    address = "https://news.example/1"
    path = post(write_file, "甲", STORY, url=address)
    library.add([path])
    path.unlink()
    report = library.add([post(write_file, "乙", STORY + "后续报道。", url=address)])
    assert (report.updated, library.counts()[0]) == (1, 1)


def test_a_file_that_says_something_else_under_another_address_replaces_what_it_said(
    library: Library, write_file: WriteFile
) -> None:
    path = post(write_file, "甲", STORY, url="https://news.example/1")
    library.add([path])
    post(write_file, "甲", "西岭镇修通了盘山公路，全长18公里。", url="https://news.example/2")
    touch(path)
    assert library.add([path]).added == 1
    (article,) = library.articles()
    assert article.url.endswith("/2")
    assert library.check().problems == ()


def test_a_file_that_becomes_another_ones_double_leaves_no_old_version_behind(
    library: Library, write_file: WriteFile
) -> None:
    first = post(write_file, "甲", STORY, title="茶叶")
    second = post(write_file, "乙", "西岭镇修通了盘山公路，全长18公里。")
    library.add([first.parent])
    post(write_file, "乙", STORY, title="茶叶")
    touch(second)
    assert library.add([first.parent]).duplicates == 1
    (article,) = library.articles()
    assert [Path(place.path).name for place in library.store.locations(article.id)] == ["乙.md", "甲.md"]


def test_a_file_that_goes_bad_keeps_its_article(library: Library, write_file: WriteFile) -> None:
    path = post(write_file, "甲", STORY)
    library.add([path])
    path.write_bytes(b"\x00\x01\x02" * 100)
    for _ in range(2):
        report = library.add([path])
        assert [problem.reason for problem in report.failed] == ["binary"]
    assert [article.title for article in library.articles()] == ["甲"]
    assert library.check().problems == ()
    post(write_file, "甲", STORY)
    assert library.add([path]).unchanged == 1


def test_vanished_files_are_reported_by_the_next_run_over_their_folder(library: Library, write_file: WriteFile) -> None:
    path = post(write_file, "甲", STORY)
    other = post(write_file, "乙", "西岭镇修通了盘山公路，全长18公里。")
    library.add([path.parent])
    path.unlink()
    assert library.add([other]).vanished == ()
    assert library.add([path.parent]).vanished == (str(path),)
    assert library.counts()[0] == 2


# -- a source's own footers --------------------------------------------------------------------------------------

FOOTER = "青石日报新媒体中心出品"


def numbered(write_file: WriteFile, count: int, *, start: int = 0, source: str = "青石日报") -> Path:
    for i in range(start, start + count):
        text = "\n\n".join(
            (
                f"编号{i}的村子今年修了{i + 3}座桥，最长的一座有{i * 7 + 20}米，由{i % 5 + 2}个施工队轮流修建。",
                f"村里{i * 13 + 101}户人家都出了力，完工那天是{i % 11 + 1}月{i % 27 + 1}日，来了{i * 3 + 40}位客人。",
                FOOTER,
            )
        )
        path = post(write_file, f"{source}{i}", text, source=source, day=i % 27 + 1)
    return path.parent


def test_a_line_that_recurs_in_a_source_is_taken_out_and_can_be_put_back(
    library: Library, write_file: WriteFile
) -> None:
    library.add([numbered(write_file, 30)])
    assert learned_lines(library.store, "青石日报") == {FOOTER}
    assert all(FOOTER not in article.text for article in library.articles())
    assert all("户人家都出了力" in article.text for article in library.articles())
    assert library.check().problems == ()  # which puts the lines back and compares with what was read


def test_articles_that_were_there_before_a_line_was_learned_are_cleaned_too(
    library: Library, write_file: WriteFile
) -> None:
    folder = numbered(write_file, 3)
    library.add([folder])
    assert sum(FOOTER in article.text for article in library.articles()) == 3
    numbered(write_file, 30, start=3)
    report = library.add([folder])
    assert sum(FOOTER in article.text for article in library.articles()) == 0
    assert (report.added, report.updated) == (30, 3)
    assert library.check().problems == ()
    again = library.add([folder])
    assert (again.unchanged, again.updated) == (33, 0)


def test_another_sources_articles_keep_the_line(library: Library, write_file: WriteFile) -> None:
    folder = numbered(write_file, 30)
    numbered(write_file, 1, start=50, source="江畔晚报")
    library.add([folder])
    kept = [article.source for article in library.articles() if FOOTER in article.text]
    assert kept == ["江畔晚报"]


def test_many_versions_of_one_story_teach_nothing(library: Library, write_file: WriteFile) -> None:
    for i in range(30):
        folder = post(write_file, f"第{i}版", f"{STORY}\n\n{FOOTER}", day=i % 27 + 1, title=f"茶叶{i}").parent
    library.add([folder])
    assert learned_lines(library.store, "青石日报") == frozenset()
    path = folder / "第0版.md"
    for i in range(12):  # nor do many versions of one file
        path.write_text(path.read_text(encoding="utf-8").replace("三百二十吨", f"{i}吨"), encoding="utf-8")
        touch(path)
        library.add([folder])
    assert learned_lines(library.store, "青石日报") == frozenset()


@pytest.mark.parametrize("again", [False, True])
def test_the_order_of_runs_does_not_matter_for_what_is_learned(
    library: Library, write_file: WriteFile, again: bool
) -> None:
    folder = numbered(write_file, 15)
    if again:
        library.add([folder])
    numbered(write_file, 15, start=15)
    library.add([folder])
    texts = sorted(article.text for article in library.articles())
    assert len(texts) == 30
    assert not any(FOOTER in text for text in texts)


# -- web addresses -----------------------------------------------------------------------------------------------


def test_pages_are_fetched_only_where_that_is_allowed(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "https://news.example/tea"
    with pytest.raises(LibraryError, match="没有允许联网"):
        library.add([address])
    pages = [f"<html><title>茶叶</title><body><p>{STORY}</p></body></html>"]
    monkeypatch.setattr("rag.ingest.fetch", lambda url: Fetched(url, pages[0].encode(), ".html"))
    library.close()
    with Library(settings.model_copy(update={"fetch": True}), HashingEmbedder()) as online:
        assert online.add([address]).added == 1
        (article,) = online.articles()
        assert (article.title, article.url, article.text) == ("茶叶", address, STORY)
        assert online.add([address]).unchanged == 1
        pages[0] = pages[0].replace("三百二十吨", "三百吨")
        assert online.add([address]).updated == 1
        assert online.counts()[0] == 1
        assert online.vanished() == []
        assert online.check().problems == ()
