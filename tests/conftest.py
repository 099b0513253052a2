"""What every test may use: articles and libraries made of a few sentences, with the shipped fake embedder."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

# Before anything heavy is imported: models in tests get one thread, or they fight over the cores; and no network.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
for name in [
    name
    for name in os.environ
    if name.upper().startswith("YOUJU_")
    and name not in ("YOUJU_SHARED_DATA", "YOUJU_MODELS", "YOUJU_KILLS", "YOUJU_MUTATIONS", "YOUJU_SEED")
]:
    del os.environ[name]  # a developer's own settings must not decide what a test sees
os.environ["YOUJU_READER"] = ""  # the reader is real; tests that are about it, and those marked `model`, name it
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # started in the background: what tests start would ignore Ctrl-C, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

from embeddings import HashingEmbedder  # noqa: E402
from rag.library import Library  # noqa: E402
from rag.records import Article  # noqa: E402
from rag.settings import Settings  # noqa: E402
from tests.postgres_server import INITDB, MISSING, PostgresServer, point  # noqa: E402

MakeArticle = Callable[..., Article]
MakeLibrary = Callable[..., Library]


def make_article(
    title: str, text: str, *, day: str = "2021-07-02", source: str = "青石日报", path: str = ""
) -> Article:
    """An article as the reading room would make it."""
    path = path or f"{title}.md"
    article = Article(
        id=f"{abs(hash(('id', path))) % 16**16:016x}",
        title=title,
        text=text,
        source=source,
        published_at=datetime.fromisoformat(f"{day}T04:00:00+00:00").astimezone(UTC),
        path=path,
    )
    from dataclasses import replace

    return replace(article, digest=article.body_digest)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of our own, on loopback."""
    if not INITDB:
        pytest.skip(MISSING)
    running = PostgresServer()
    yield running
    running.close()


@pytest.fixture
def articles_at() -> str:
    """Where the articles of a library lie: empty for its folder. Modules that import the other one run with both."""
    return ""


@pytest.fixture
def settings(tmp_path: Path, articles_at: str) -> Settings:
    """Settings that touch nothing outside the test's folder."""
    if articles_at:
        point(tmp_path / "library", articles_at)
    return Settings(
        library=tmp_path / "library", models=tmp_path / "models", llm="none", threads=1, embedder="hashing-512-0"
    )


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    """An empty library with the fake embedder."""
    with Library(settings, HashingEmbedder()) as library:
        yield library


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a small article file and return its path."""

    def write(name: str, text: str, *, encoding: str = "utf-8") -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        return path

    return write
