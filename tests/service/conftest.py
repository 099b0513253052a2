"""A small library behind a real server, shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embeddings import HashingEmbedder
from rag.library import Library
from rag.settings import Settings
from tests.chats import ARTICLES
from tests.conftest import make_article
from tests.service.live_service import LiveService

SECRET_PLACE = "/home/secret/place"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Three articles under the fake embedder; tests of a module share it, and put their LLM in and out."""
    place: Path = tmp_path_factory.mktemp("shelf")
    settings = Settings(
        library=place / "library", models=place / "models", llm="none", threads=1, embedder="hashing-512-0"
    )
    with Library(settings, HashingEmbedder()) as library:
        hostile = make_article(
            "<script>alert(1)</script>", "临江港完成吞吐量三千万吨。", source="<b>来源</b>", path=f"{SECRET_PLACE}/a.md"
        )
        library.add_articles([*ARTICLES, hostile])
        yield library


@pytest.fixture(scope="module")
def live(shelf: Library) -> Iterator[LiveService]:
    with LiveService(shelf) as live:
        yield live
