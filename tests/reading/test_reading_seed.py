"""The seed articles as they really came; only where YOUJU_SHARED_DATA says where they are."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rag.reading import find_files, read_file

DATA = os.environ.get("YOUJU_SHARED_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="YOUJU_SHARED_DATA is not set")

_PARAGRAPH = re.compile(r"<p[^>]*>(.*?)</p>", re.DOTALL)
_NOISE = re.compile(r"appendQr|新浪财经APP|责任编辑|article_adlist|原标题|-->|<!--|</|float:|&#\d+;|点击查看|　　")


def test_every_paragraph_of_news_and_no_line_of_noise() -> None:
    files = find_files([Path(DATA) / "articles_real"]).files
    assert len(files) == 8
    for path in files:
        article = read_file(path)
        source = path.read_text(encoding="utf-8")
        assert not _NOISE.search(article.text), (path.name, _NOISE.search(article.text))
        assert "_" not in article.title
        news = [re.sub(r"<[^>]*>", "", part).strip() for part in _PARAGRAPH.findall(source.split("<!--")[0])]
        for paragraph in news:
            if paragraph and not paragraph.startswith("原标题"):
                assert paragraph in article.text, (path.name, paragraph)


def test_the_seed_article() -> None:
    (path,) = (Path(DATA) / "articles_real").rglob("武汉_965_*.md")
    article = read_file(path)
    assert article.title.startswith("武汉“965”产业集群")
    assert (article.source, article.date) == ("新浪财经", "2021-07-02")
    assert article.metadata == {"editor": "张亚楠", "reporters": "陈红霞，井然"}
    assert len(article.text.split("\n")) == 16
