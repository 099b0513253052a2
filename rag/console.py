"""What every command shares: one console for results, one for messages, tables that never cut a name off, the usual options."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rag.errors import YoujuError
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.chat_history import ChatHistory
    from rag.library import Library

_WIDTH_OF_A_PIPE = 160

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def table(*columns: str, title: str = "") -> Table:
    """A table whose cells go on in a second line where they are too long."""
    made = Table(title=title or None, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in ("篇数", "大小") else "left")
    return made


LibraryOption = Annotated[Path | None, typer.Option("--library", help="知识库文件夹", show_default=False)]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="配置文件 youju.toml", show_default=False)]
LlmOption = Annotated[
    str | None, typer.Option("--llm", help="none、api、模型名称、GGUF 文件或模型文件夹", show_default=False)
]
EmbedderOption = Annotated[str | None, typer.Option("--embedder", help="向量模型", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON")]


@contextmanager
def opened(settings: Settings) -> Iterator[Library]:
    """A library that is closed at the end, and says what was repaired when it was opened."""
    from rag.library import Library

    library = Library(settings)
    try:
        yield library
    finally:
        for repair in library.repairs:
            err.print(f"[yellow]![/yellow] {escape(repair)}")
        library.close()


@contextmanager
def opened_history(library: Path) -> Iterator[ChatHistory | None]:
    """Where a library's conversations are kept; None, and a line that says so, where they cannot be."""
    from rag.chat_history import FILE_NAME, ChatHistory

    try:
        history = ChatHistory(library / FILE_NAME)
    except YoujuError as error:
        err.print(f"[yellow]![/yellow] 对话不会保存：{escape(error.message)}")
        yield None
        return
    try:
        yield history
    finally:
        history.close()
