"""`youju models`: list, fetch, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from rag.console import err, out, table
from rag.settings import load_settings

app = typer.Typer(help="模型：查看、下载、体检。", no_args_is_help=True, rich_markup_mode=None)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="配置文件 youju.toml", show_default=False)]


@app.command("list")
def list_models(config: ConfigOption = None) -> None:
    """列出可用的模型，以及哪些已在本机。"""
    from embeddings import CATALOGUE
    from rag.model_files import list_models as rows

    models = table("名称", "用途", "大小", "许可", "本机", "说明")
    for entry in CATALOGUE:
        here = "内置" if entry.name == "zh-small" else ""
        models.add_row(entry.name, "向量", f"{entry.megabytes} MB", entry.licence, here, f"{entry.dim} 维")
    for row in rows(load_settings(config)):
        kind = {"llm": "大模型", "embedder": "向量", "reranker": "重排"}[row.kind]
        models.add_row(
            escape(row.name),
            kind,
            f"{row.size / 1e6:.0f} MB",
            row.licence,
            "✓" if row.fetched else "",
            escape(row.note),
        )
    out.print(models)


@app.command()
def fetch(
    name: Annotated[str | None, typer.Argument(help="模型名称；不写则取默认大模型", show_default=False)] = None,
    source: Annotated[Path | None, typer.Option("--from", help="本地的文件或文件夹", show_default=False)] = None,
    config: ConfigOption = None,
) -> None:
    """下载模型；中断后再运行会接着下，只接受校验值相符的文件。"""
    from rag.model_files import default_llm
    from rag.model_files import fetch as run

    settings = load_settings(config)
    wanted = name or default_llm(settings)
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TextColumn("剩余"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task(wanted, total=None)
        path = run(
            wanted, settings, source=source, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    out.print(f"[green]✓[/green] {escape(wanted)} 已在本机：{escape(str(path))}")


@app.command()
def doctor(
    config: ConfigOption = None,
    library: Annotated[Path | None, typer.Option("--library", help="知识库文件夹", show_default=False)] = None,
    llm: Annotated[str | None, typer.Option("--llm", help="大模型", show_default=False)] = None,
) -> None:
    """体检：有什么、缺什么、会用哪个模型、怎么补。"""
    from rag.doctor import examine

    signs = {"ok": "[green]✓[/green]", "warn": "[yellow]![/yellow]", "bad": "[red]✗[/red]"}
    findings = examine(load_settings(config, library=library, llm=llm))
    for finding in findings:
        out.print(f"{signs[finding.level]} {escape(finding.topic)}：{escape(finding.message)}")
        if finding.mend:
            out.print(f"    → {escape(finding.mend)}")
    if any(finding.level == "bad" for finding in findings):
        raise typer.Exit(1)
