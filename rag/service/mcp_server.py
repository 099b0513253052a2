"""The library as tools for assistants that speak the Model Context Protocol. Import it late: it needs the extra `mcp`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field, ValidationError

from rag.errors import YoujuError
from rag.library import Library
from rag.records import Answer, Mode
from rag.service.forms import Choices, Day, FiltersForm, Question
from rag.service.shown import hits_json, without_paths
from rag.version import VERSION

_INSTRUCTIONS: Final = (
    "有据：从用户自己的中文文章里回答问题。ask 的回答每句话都带编号，citations 里是它所依据的原文，一字不差；"
    "refused 为真时资料中没有答案，请照实告诉用户，不要自己补。search 只找段落，article 读一篇文章的全文。"
)
_LONGEST_PART: Final = 20_000

After = Annotated[Day | None, Field(description="只查这一天及以后发表的：2022-05-01、2022-05 或 2022")]
Before = Annotated[Day | None, Field(description="只查这一天及以前发表的")]
Sources = Annotated[Choices | None, Field(description="只查这些来源")]
Categories = Annotated[Choices | None, Field(description="只查这些分类，如 金融 或 金融/宏观")]


def mcp_server(library: Library) -> MCPServer[Any]:
    """The server with its three tools; `run("stdio")` serves it."""
    server: MCPServer[Any] = MCPServer(
        "youju", title="有据", version=VERSION, instructions=_INSTRUCTIONS, log_level="WARNING"
    )

    @server.tool(title="提问")
    def ask(
        question: Question,
        mode: Annotated[Mode, Field(description="auto：有大模型就用；extractive：只摘录原文，快")] = "auto",
        after: After = None,
        before: Before = None,
        sources: Sources = None,
        categories: Categories = None,
    ) -> dict[str, Any]:
        """回答一个中文问题：每句话都带出处，或者说明资料中没有。"""
        with _told():
            filters = _filters(after, before, sources, categories)
            *_, answer = library.events(question, filters=filters.filters(), mode=mode)
            assert isinstance(answer, Answer)
            shown: dict[str, Any] = without_paths(answer.to_dict())
            return {
                "text": shown["text"],
                "refused": shown["refused"],
                "notice": shown["provenance"]["notice"],
                "scope": shown["scope"],
                "citations": [without_paths(citation.to_dict()) for citation in answer.citations],
            }

    @server.tool(title="检索")
    def search(
        question: Question,
        k: Annotated[int, Field(ge=1, le=50, description="条数")] = 10,
        after: After = None,
        before: Before = None,
        sources: Sources = None,
        categories: Categories = None,
    ) -> dict[str, Any]:
        """只检索，不回答：最相关的段落，好的在前。"""
        with _told():
            filters = _filters(after, before, sources, categories)
            return {"hits": hits_json(library.search(question, k, filters=filters.filters()))}

    @server.tool(title="读文章")
    def article(
        article_id: Annotated[str, Field(max_length=200, description="文章编号，在 ask 与 search 的结果里")],
        start: Annotated[int, Field(ge=0, description="从第几个字符读起；一次最多两万字")] = 0,
    ) -> dict[str, Any]:
        """一篇文章的正文与它的信息。"""
        with _told():
            found = library.article(article_id)
        if found is None:
            raise ToolError(f"没有这篇文章：{article_id}")
        return {
            "title": found.title,
            "source": found.source,
            "date": found.date,
            "url": found.url,
            "text": found.text[start : start + _LONGEST_PART],
            "characters": len(found.text),
        }

    return server


def _filters(after: str | None, before: str | None, sources: Any, categories: Any) -> FiltersForm:
    return FiltersForm(after=after, before=before, sources=sources or [], categories=categories or [])


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong, in words for the assistant."""
    try:
        yield
    except YoujuError as error:
        raise ToolError(str(error)) from None
    except ValidationError as error:
        raise ToolError(f"参数不对：{error.errors()[0]['loc']}") from None
