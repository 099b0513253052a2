"""The commands that stay: the page in the browser, the service, the tools for assistants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rag.console import (
    ConfigOption,
    EmbedderOption,
    LibraryOption,
    LlmOption,
    opened,
    opened_history,
    out,
    print_report,
    progress,
)
from rag.errors import YoujuError
from rag.settings import load_settings

_HostOption = Annotated[str | None, typer.Option("--host", help="监听的地址", show_default=False)]
_PortOption = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="监听的端口", show_default=False)]


def chat(
    library: LibraryOption = None,
    config: ConfigOption = None,
    llm: LlmOption = None,
    embedder: EmbedderOption = None,
    host: _HostOption = None,
    port: _PortOption = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="不打开浏览器")] = False,
    if_empty: Annotated[
        Path | None, typer.Option("--if-empty", help="知识库为空时先加入这里的文章", show_default=False)
    ] = None,
    questions: Annotated[
        Path | None, typer.Option("--questions", help="示例问题，文本文件，每行一个", show_default=False)
    ] = None,
) -> None:
    """在浏览器里问答。"""
    from rag.service.guard import guard_of
    from rag.suggestions import Suggestions
    from rag.ui import serve
    from rag.ui.live import LiveBackend
    from rag.ui.shelf import Shelf

    settings = load_settings(config, library=library, llm=llm, embedder=embedder, host=host, port=port)
    guard_of(settings, settings.host)  # before models are loaded, say that nobody would have to log in
    samples = questions.read_text(encoding="utf-8").split("\n") if questions and questions.is_file() else []
    with opened(settings) as collection:
        if if_empty is not None and collection.counts()[0] == 0:
            with progress("加入样例文章") as tell:
                print_report(collection.add([if_empty], tell), settings)
        backend = LiveBackend(collection)
        backend.prepare()
        suggestions = Suggestions(collection)
        shown = [line.strip() for line in samples if line.strip()]
        if not shown:
            suggestions.prepare()
        with opened_history(collection.path) as history:
            try:
                serve(
                    backend,
                    settings.host,
                    settings.port,
                    open_browser=not no_browser,
                    samples=shown,
                    shelf=Shelf(collection, backend),
                    history=history,
                    suggest=suggestions.questions,
                    announce=lambda line: out.print(escape(line)),
                    library=collection,
                    settings=settings,
                )
            finally:
                suggestions.close()


def serve_quietly(
    library: LibraryOption = None,
    config: ConfigOption = None,
    llm: LlmOption = None,
    embedder: EmbedderOption = None,
    host: _HostOption = None,
    port: _PortOption = None,
) -> None:
    """启动网页与 HTTP 接口（说明见 /docs），不打开浏览器。"""
    chat(library, config, llm, embedder, host, port, no_browser=True, if_empty=None, questions=None)


def serve_mcp(
    library: LibraryOption = None,
    config: ConfigOption = None,
    llm: LlmOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """作为 MCP 服务（标准输入输出）供智能助手使用：检索、提问、读文章。"""
    try:
        from rag.service.mcp_server import mcp_server
    except ImportError:
        raise YoujuError("没有安装 MCP 的组件", "运行 pip install 'youju[mcp]'") from None
    with opened(load_settings(config, library=library, llm=llm, embedder=embedder)) as collection:
        mcp_server(collection).run("stdio")
