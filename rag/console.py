"""What every command shares: one console for results, one for messages, tables that never cut a name off, the usual options."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from rag.errors import YoujuError
from rag.reasons import describe_reason
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.chat_history import ChatHistory
    from rag.ingest import AddReport
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


_STAGES = {"read": "读取", "compare": "比较", "embed": "写入", "index": "索引", "copy": "文章"}
_UNITS = {"read": "个文件", "index": "个片段", "copy": "行"}


@contextmanager
def progress(label: str) -> Iterator[Callable[[str, float, int, int], None]]:
    """A progress bar on stderr with counts and the time left; nothing where stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(), TextColumn("剩余"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: float, total: int, chunks: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(f"{label}：{_STAGES.get(stage, stage)}", total=None, counts="")
            unit = f"篇 · {chunks} 片段" if stage == "embed" else _UNITS.get(stage, "篇")
            bar.update(tasks[stage], completed=done, total=total or None, counts=f"{int(done)}/{total} {unit}")

        yield tell


def print_report(report: AddReport, settings: Settings) -> None:
    """What became of the files: counts with an example of each problem on stdout, the first twenty failures on stderr."""
    counts = table("结果", "篇数", "例", title=f"知识库 {escape(str(settings.library))}")
    for label, count in (
        ("新加入", report.added), ("已更新", report.updated), ("没有变化", report.unchanged), ("移动了位置", report.moved),
        ("重复（与另一篇相同）", report.duplicates), ("其中转载、近似（与另一篇几乎相同）", report.near_duplicates),
    ):  # fmt: skip
        if count or label == "新加入":
            counts.add_row(label, str(count), "")
    for label, problems in (("跳过", report.skipped), ("失败", report.failed)):
        by_reason: dict[str, list[str]] = {}
        for problem in problems:
            by_reason.setdefault(problem.reason, []).append(problem.path)
        for reason, paths in sorted(by_reason.items(), key=lambda item: -len(item[1])):
            example = paths[0].rsplit("/", 1)[-1]
            counts.add_row(f"{label}：{describe_reason(reason)}", str(len(paths)), escape(example[:40]))
    if report.vanished:
        counts.add_row(
            "原文件已不在（文章仍保留）", str(len(report.vanished)), escape(report.vanished[0].rsplit("/", 1)[-1][:40])
        )
    out.print(counts)
    for note, count in report.notes.items():
        out.print(f"[dim]{escape(note)}：{count} 篇[/dim]")
    speed = f"，其中读取 {report.stages.get('read', 0):.1f} 秒" if report.stages.get("read", 0) > 1 else ""
    out.print(f"写入 {report.chunks} 个片段，用时 {report.seconds:.1f} 秒{speed}。")
    if report.vanished:
        out.print("原文件不在了的文章可用 youju remove --vanished 移除。")
    for problem in report.failed[:20]:
        err.print(f"[red]✗[/red] {escape(problem.message)}")
    if len(report.failed) > 20:
        err.print(f"……另有 {len(report.failed) - 20} 个失败，加 --report 结果.html 可看全部")
