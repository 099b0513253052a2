"""`youju mcp` as an assistant uses it: the official client starts the real program and talks to it over its standard streams."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.library import Library
from rag.settings import Settings
from tests.chats import ARTICLES, QUESTION

mcp = pytest.importorskip("mcp", reason="pip install 'youju[mcp]'")


async def talk(place: Path) -> dict[str, Any]:
    """Everything that the test wants to know, in one conversation."""
    from mcp import Client, StdioServerParameters

    root = Path(__file__).parents[2]
    env = {name: value for name, value in os.environ.items() if not name.startswith("YOUJU_")}
    program = StdioServerParameters(
        command=sys.executable,
        args=["-X", "utf8", "-m", "rag.cli", "mcp", "--library", str(place), "--llm", "none"],
        env=env | {"YOUJU_READER": "", "YOUJU_THREADS": "1", "PYTHONPATH": str(root)},
        cwd=root,
    )
    async with Client(program) as client:
        tools = await client.list_tools()
        asked = await client.call_tool("ask", {"question": QUESTION})
        found = await client.call_tool("search", {"question": QUESTION, "k": 1})
        where = (asked.structured_content or {})["citations"][0]["article_id"]
        return {
            "tools": tools.tools,
            "asked": asked.structured_content,
            "found": found.structured_content,
            "article": (await client.call_tool("article", {"article_id": where})).structured_content,
            "wrong": await client.call_tool("search", {"question": QUESTION, "after": "昨天"}),
            "missing": await client.call_tool("article", {"article_id": "ffff"}),
        }


@pytest.mark.model
def test_an_assistant_asks_searches_and_reads(tmp_path: Path) -> None:
    settings = Settings(library=tmp_path / "library", models=tmp_path / "models", llm="none", threads=1)
    with Library(settings) as library:
        library.add_articles(ARTICLES)
    told = asyncio.run(talk(settings.library))
    assert {tool.name for tool in told["tools"]} == {"ask", "search", "article"}
    assert all(tool.description for tool in told["tools"])
    assert "400.69亿元" in told["asked"]["text"]
    citation = told["asked"]["citations"][0]
    assert told["article"]["text"][citation["start"] : citation["end"]] == citation["quote"]
    assert told["found"]["hits"][0]["article_id"] == citation["article_id"]
    assert told["wrong"].is_error
    assert "看不懂日期：昨天" in told["wrong"].content[0].text
    assert told["missing"].is_error
    assert "没有这篇文章：ffff" in told["missing"].content[0].text
    assert not any("path" in part for part in (citation, told["found"]["hits"][0]))
