"""`youju feedback`: what readers said of answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rag.console import ConfigOption, LibraryOption, err, opened, out, table
from rag.settings import load_settings

app = typer.Typer(help="读者对回答的评价：查看，导出为评测集。", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_feedback(library: LibraryOption = None, config: ConfigOption = None) -> None:
    """列出读者的评价。"""
    from rag.chat_history import FILE_NAME, ChatHistory
    from rag.feedback import describe
    from rag.records import SHANGHAI

    path = load_settings(config, library=library).library / FILE_NAME
    rows = table("时间", "问题", "回答", "评价")
    count = 0
    if path.is_file():
        history = ChatHistory(path)
        try:
            for rated in history.rated():
                count += 1
                when = datetime.fromtimestamp(rated.given_at, SHANGHAI)
                said = rated.exchange.answer.text if rated.exchange.answer else ""
                rows.add_row(
                    f"{when:%Y-%m-%d %H:%M}", *map(escape, (rated.exchange.question, said, describe(rated.feedback)))
                )
        finally:
            history.close()
    if not count:
        out.print("还没有评价。读者在网页上每个回答下面点“答得对”或“有问题”，就会记在这里。")
        return
    out.print(rows)
    out.print(f"共 {count} 条评价。")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="评测集的文件夹", show_default=False)],
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """把评价导出为评测集：python -m eval run --set 文件夹。"""
    from rag.chat_history import FILE_NAME, ChatHistory
    from rag.feedback import write_feedback

    settings = load_settings(config, library=library)
    path = settings.library / FILE_NAME
    if not path.is_file():
        err.print("还没有评价，没有可以导出的。")
        raise typer.Exit(1)
    history = ChatHistory(path)
    try:
        rated = history.rated()
        if not rated:
            err.print("还没有评价，没有可以导出的。")
            raise typer.Exit(1)
        with opened(settings) as collection:
            count = write_feedback(folder, rated, collection.articles())
    finally:
        history.close()
    out.print(f"已导出 {count} 题到 {escape(str(folder))}；评测：python -m eval run --set {escape(str(folder))}")
