"""The door: which files are found, what each kind of file gives, and what each kind of trouble says."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

import rag.reading
from rag.errors import ReadError
from rag.headings import heading_starts
from rag.reading import MAX_BYTES, find_files, read_file
from rag.reading.assembly import article_digest

POST = """
---
title: '某市_三五_产业规划出炉'
categories:
 - 财经
 - 某某财经
 - 国内
headimg: 'https://img.example.cn/1.png'
author: 某某财经
comments: false
date: Fri, 02 Jul 2021 11:59:33 GMT
thumbnail: 'https://img.example.cn/1.png'
---

<div>
<p class="ori_titlesource">　　原标题：某市“三五”产业规划出炉</p>
<p>　　某区去年的产值达400.69亿元，同比增长6.3%。</p>
<p>　　支持<span id="s"><a href="http://q.example.cn/1" class="keyword">某某股份</a></span><span id="q"></span>建厂。</p>
<p>　　（作者：张三，李四）</p>
<!--article_adlist[<p cms-style="font-M">--><!-- news_keyword_pub,stock -->

<!-- 文末二维码 start -->
<style>
.appendQr_wrap&#123;border:1px solid #E6E6E6;padding:8px;&#125;
</style>
<div class="clearfix appendQr_wrap"><div class="appendQr_normal_txt">海量资讯、精准解读，尽在新浪财经APP</div></div>
<p class="article-editor">责任编辑：王小明 </p>
</div>
"""


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_the_door_is_pinned() -> None:
    assert rag.reading.__all__ == [
        "HOLDING_ROWS", "MAX_BYTES", "SUFFIXES", "FoundFiles", "IsolatedReader", "Problem", "Reading", "find_files", "read_articles",
        "read_file",
    ]  # fmt: skip


def test_a_mirrored_post(tmp_path: Path) -> None:
    article = read_file(write(tmp_path, "某市_三五_产业规划出炉.md", POST))
    assert article.title == "某市“三五”产业规划出炉"
    assert article.text == "某区去年的产值达400.69亿元，同比增长6.3%。\n支持某某股份建厂。\n（作者：张三，李四）"
    assert article.source == "某某财经"
    assert article.category == ("财经", "某某财经", "国内")
    assert article.date == "2021-07-02"
    assert article.metadata == {"editor": "王小明", "reporters": "张三，李四"}
    assert article.path == (tmp_path / "某市_三五_产业规划出炉.md").resolve().as_posix()
    assert article.id == hashlib.sha256(article.path.encode()).hexdigest()[:16]


def test_reading_twice_gives_the_same_and_a_change_another_digest(tmp_path: Path) -> None:
    path = write(tmp_path, "a.md", POST)
    article = read_file(path)
    assert read_file(path) == article
    for changed in (replace(article, title="甲"), replace(article, text="乙"), replace(article, metadata={})):
        assert article_digest(changed) != article.digest


def test_identity_comes_from_the_url_where_there_is_one(tmp_path: Path) -> None:
    url = "https://n.example.cn/1"
    first = read_file(write(tmp_path, "a.md", f"---\ntitle: 甲\nurl: {url}\n---\n正文。"))
    second = read_file(write(tmp_path, "b.md", f"---\ntitle: 甲\nlink: {url}\n---\n正文。"))
    assert first.id == second.id == hashlib.sha256(url.encode()).hexdigest()[:16]
    assert first.url == url


def test_a_date_that_cannot_be_true_is_none_and_noted(tmp_path: Path) -> None:
    article = read_file(write(tmp_path, "a.md", "---\ntitle: 甲\ndate: 2999-01-01\n---\n正文。"))
    assert article.published_at is None
    assert "2999-01-01" in article.metadata["notes"]


def test_fields_of_the_file_cannot_pose_as_ours(tmp_path: Path) -> None:
    article = read_file(
        write(tmp_path, "a.md", "---\ntitle: 甲\nheadings: '0 2'\nnotes: 假\ntags: [一, 二]\n---\n正文。")
    )
    assert article.metadata == {"tags": "一、二"}


def test_plain_markdown(tmp_path: Path) -> None:
    article = read_file(write(tmp_path, "a.md", "# 春耕开始\n\n农民下田。\n\n## 天气\n\n明天有**雨**。"))
    assert article.title == "春耕开始"
    assert article.text == "农民下田。\n天气\n明天有雨。"
    assert heading_starts(article) == {article.text.index("天气")}


def test_plain_text(tmp_path: Path) -> None:
    article = read_file(write(tmp_path, "a.txt", "春耕开始\n\n农民下田，用<b>新</b>机器。\n阅读原文".encode("gb18030")))
    assert article.title == "春耕开始"
    assert article.text == "春耕开始\n农民下田，用<b>新</b>机器。"


def test_a_saved_page(tmp_path: Path) -> None:
    article = read_file(
        write(
            tmp_path,
            "a.HTM",
            "<html><head><title>春耕</title><meta property='article:published_time' content='2024-03-01T08:00:00+08:00'></head>"
            "<body><h1>春耕开始</h1><p>农民下田。</p><script>x()</script></body></html>",
        )
    )
    assert (article.title, article.text, article.date) == ("春耕开始", "农民下田。", "2024-03-01")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", b"", "empty"),
        ("a.md", b"\xff\xd8\xff\xe0\0\x10JFIF", "binary"),
        ("a.txt", "今年、來年、茶を飲む、山へ行く。古い道を歩く人々。".encode("shift-jis"), "encoding"),
        ("a.md", "---\ntitle: 图\n---\n<div><img src='http://x/1.png'></div>", "no-text"),
        ("a.md", "---\ntitle: 空\n---\n<div>\n<br />\n</div>", "no-text"),
        ("a.html", "<script>document.write('x')</script>", "no-text"),
        ("a.doc", b"PK", "format"),
    ],
)
def test_trouble_has_a_reason_and_names_the_file(tmp_path: Path, name: str, content: bytes | str, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_file(write(tmp_path, name, content))
    assert caught.value.reason == reason
    assert name in caught.value.message


def test_missing_folder_and_too_large(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as missing:
        read_file(tmp_path / "none.md")
    (tmp_path / "folder.md").mkdir()
    with pytest.raises(ReadError) as folder:
        read_file(tmp_path / "folder.md")
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(MAX_BYTES[".txt"] + 1)
    with pytest.raises(ReadError) as too_large:
        read_file(large)
    assert [caught.value.reason for caught in (missing, folder, too_large)] == ["missing", "unreadable", "too-large"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="file permissions do not bind this user")
def test_no_permission(tmp_path: Path) -> None:
    path = write(tmp_path, "a.md", "正文")
    path.chmod(0)
    with pytest.raises(ReadError) as caught:
        read_file(path)
    assert caught.value.reason == "permission"


def test_files_are_found_once_in_a_stable_order(tmp_path: Path) -> None:
    for name in ("b/2.md", "b/1.txt", "a.HTML", ".hidden.md", ".git/x.md", "c.png", "c.xls"):
        write(tmp_path, name, "文")
    found = find_files([tmp_path, tmp_path / "b", tmp_path / "a.HTML"])
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == ["a.HTML", "b/1.txt", "b/2.md"]
    assert found.problems == ()
    assert found.skipped == 3


def test_trouble_while_searching_is_reported(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path, "x.doc", "文")
    found = find_files([tmp_path / "none", tmp_path / "empty", tmp_path / "x.doc"])
    assert [problem.reason for problem in found.problems] == ["missing", "empty-folder", "format"]
    assert all(str(problem.path) in problem.message for problem in found.problems)


def test_link_loops_end(tmp_path: Path) -> None:
    write(tmp_path, "a/x.md", "文")
    try:
        (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "a" / "self.md").symlink_to(tmp_path / "a" / "self.md")
    except OSError:
        pytest.skip("this system lets this user make no symbolic links")
    assert [path.name for path in find_files([tmp_path]).files if path.is_file()] == ["x.md"]
