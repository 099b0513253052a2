"""Youju inside LangChain: the official contract suites, and what they do not ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.tools import create_retriever_tool
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests, VectorStoreIntegrationTests

from embeddings import HashingEmbedder
from rag.filters import Filters
from rag.langchain import LangChainEmbedder, YoujuRetriever, YoujuVectorStore
from rag.library import Library, open_library
from tests.conftest import make_article

pytestmark = pytest.mark.anyio
"""The suites have coroutines among their tests; anyio is there because of Gradio."""

TEA = make_article("茶叶产量公布", "东湖镇茶叶产量为320.5吨，同比增长4.1%。")
ROAD = make_article("公路通车", "西岭镇修通了盘山公路，全长12公里。", source="西岭日报")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:
        embedder = LangChainEmbedder(self.get_embeddings(), name="deterministic")
        with open_library(tmp_path / "l", embedder=embedder, llm="none") as library:
            yield YoujuVectorStore(library)


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _a_library(self, library: Library) -> None:
        library.add_articles(
            [make_article(f"公告{i}", f"青石区第{i}号公告说了茶叶的事，产量为{i}吨。") for i in range(6)]
        )
        type(self).library = library

    library: Any = None

    @property
    def retriever_constructor(self) -> type[YoujuRetriever]:
        return YoujuRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"library": self.library}

    @property
    def retriever_query_example(self) -> str:
        return "茶叶产量"


def test_documents_say_where_they_come_from(library: Library) -> None:
    library.add_articles([TEA, ROAD])
    (document,) = library.as_retriever(k=1).invoke("茶叶产量是多少？")
    assert document == Document(
        TEA.text,
        metadata={"title": "茶叶产量公布", "source": "青石日报", "date": "2021-07-02", "article_id": TEA.id},
        id=TEA.id,
    )
    (other,) = library.as_retriever(k=5, filters=Filters(sources=("西岭日报",))).invoke("茶叶产量是多少？")
    assert other.id == ROAD.id


def test_a_passage_of_a_long_article_knows_its_place(library: Library) -> None:
    long = make_article(
        "长文", "。".join(f"第{i}节说了别的事情，与茶叶没有关系" for i in range(60)) + "。最后说，茶叶产量为9吨。"
    )
    library.add_articles([long])
    (document,) = library.as_retriever(k=1).invoke("茶叶产量为多少吨")
    start, end = document.metadata["start"], document.metadata["end"]
    assert document.page_content == long.text[start:end]
    assert document.id == f"{long.id}:{start}-{end}"


def test_it_is_a_tool_of_an_agent(library: Library) -> None:
    library.add_articles([TEA, ROAD])
    tool = create_retriever_tool(library.as_retriever(k=1), "news", "查中文新闻")
    assert "320.5吨" in tool.invoke({"query": "茶叶产量"})


def test_a_store_from_texts_is_a_library(tmp_path: Path) -> None:
    store = YoujuVectorStore.from_texts(
        ["东湖镇茶叶产量为320.5吨。", "西岭镇修通了公路。"],
        HashingEmbedder(),
        [{"title": "茶", "n": 1}, {"n": 2}],
        path=tmp_path / "l",
    )
    with store.library as library:
        ((document, score), _) = store.similarity_search_with_score("茶叶产量", 2)
        assert (document.metadata, score) == ({"title": "茶", "n": 1}, pytest.approx(1.0))
        assert library.ask("东湖镇茶叶产量是多少？").citations[0].quote == "东湖镇茶叶产量为320.5吨。"
        assert store.delete([str(document.id), "不在"])
        assert library.counts()[0] == 1
