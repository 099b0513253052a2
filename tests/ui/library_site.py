"""A small library behind the real page: articles of several sources and months, one of them hostile, one very long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from embeddings import HashingEmbedder
from rag.library import Library
from rag.model_catalogue import LocalLlm
from rag.records import Article
from rag.settings import Settings
from rag.ui import UiStatus
from rag.ui.shelf import Shelf
from tests.conftest import make_article
from tests.ui.fake_backend import HOSTILE, FakeBackend
from tests.ui.live_page import LivePage

STORY = "东湖镇茶叶产量为320.5吨，比上年增长百分之六，茶农收入也随之增加，镇里准备再建两座加工厂。" + "".join(
    f"{place}的茶园今年新增{n * 13}亩，采茶的人手比往年多，收购价每公斤涨了{n}元。"
    for n, place in enumerate("东南西北中上下", 2)
)
LONG = replace(
    make_article(
        "一篇三十万字的长文", "".join(f"第{n}段。{'长文的内容，' * 30}\n" for n in range(1, 1_600)), day="2020-03-04"
    ),
    category=("副刊",),
)
TRAP = replace(
    make_article(HOSTILE, f"第一段。\n{HOSTILE}\n最后一段。\x00\u202e", day="2019-05-06", source="<b>来源</b>\u202e"),
    url="javascript:alert(3)",
    author=HOSTILE,
    category=(HOSTILE,),
)
TEA = replace(
    make_article("东湖镇茶叶丰收", STORY, day="2023-04-05", source="青石日报", path="茶叶/东湖.md"),
    category=("农业", "茶叶"),
    url="https://news.example.com/tea.html",
    author="张三",
)
COPY = replace(
    make_article("东湖镇茶叶丰收（转载）", f"{STORY}完。", day="2023-04-06", source="江城晚报", path="茶叶/转载.md"),
    category=("农业",),
)


def _plain(number: int) -> Article:
    month = number % 12 + 1
    article = make_article(
        f"第{number:03d}号新闻", f"这是第{number}号新闻的内容，说的是{'经济港口铁路天气'[number % 4 * 2:][:2]}。",
        day=f"2022-{month:02d}-{number % 28 + 1:02d}", source=("临江日报", "港口周刊")[number % 2],
    )  # fmt: skip
    return replace(article, category=("经济", ("港口", "铁路")[number % 2]))


ARTICLES = (*(_plain(number) for number in range(1, 121)), LONG, TRAP, TEA, COPY)
MODEL = LocalLlm(
    "tiny-1b", "someone/tiny-1b", "tiny-1b.gguf", 0, "", "Apache-2.0", 2048, 1_900_000_000, "测试用的小模型"
)  # fmt: skip


@dataclass
class Switch:
    """Stands for the chat's backend; remembers what it was asked to use."""

    used: list[str] = field(default_factory=list)
    current: UiStatus = field(default_factory=lambda: UiStatus("资料", 0))

    def use(self, llm: str) -> None:
        """Ready at once."""
        self.used.append(llm)
        name = "" if llm == "none" else Path(llm).stem
        self.current = UiStatus("资料", 0, name, "ready" if name else "extractive")

    def status(self) -> UiStatus:
        """See `use`."""
        return self.current


@dataclass
class Site:
    """The page, what is behind it, and whether who looks at it may change anything."""

    live: LivePage
    shelf: Shelf
    backend: FakeBackend
    switch: Switch
    edit: bool = True

    @property
    def library(self) -> Library:
        """The library that is shown."""
        return self.shelf.library


@contextmanager
def library_site(folder: Path, articles: tuple[Article, ...] = ARTICLES, hub: str = "") -> Iterator[Site]:
    """A running page over a library with these articles."""
    settings = Settings(
        library=folder / "library", models=folder / "models", llm="none", threads=1, embedder="hashing-512-0",
        reader="", hub=hub,
    )  # fmt: skip
    site: list[Site] = []

    def editors(request: Any) -> bool:
        return request is not None and site[0].edit

    with Library(settings, HashingEmbedder()) as library:
        library.add_articles(articles)
        switch, backend = Switch(), FakeBackend(pace=0.03)
        shelf = Shelf(library, switch, editors=editors, catalogue=(MODEL,))
        with LivePage(backend, shelf=shelf) as live:
            site.append(Site(live, shelf, backend, switch))
            yield site[0]
