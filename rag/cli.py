"""The command line `youju`: thin, in Chinese, with exit code 0 for success, 1 for failure, 2 for wrong usage."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from rag.cli_ask import ask, search
from rag.cli_feedback import app as feedback_app
from rag.cli_models import app as models_app
from rag.cli_serve import chat, serve_mcp, serve_quietly
from rag.cli_users import app as users_app
from rag.console import (
    ConfigOption,
    EmbedderOption,
    JsonOption,
    LibraryOption,
    LlmOption,
    err,
    opened,
    out,
    print_report,
    progress,
    table,
)
from rag.errors import YoujuError
from rag.settings import Settings, describe_settings, load_settings

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="youju",
    help="有据：中文文章问答，每句话都指到原文的那一句。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(models_app, name="models")
app.add_typer(users_app, name="user")
app.add_typer(feedback_app, name="feedback")
app.command()(search)
app.command()(ask)
app.command()(chat)
app.command("serve")(serve_quietly)
app.command("mcp")(serve_mcp)

_INTERRUPTED = 130
"""What typer makes of Ctrl-C."""


@app.command()
def add(
    paths: Annotated[list[str], typer.Argument(help="文件、文件夹或网址（网址需 --fetch）", show_default=False)],
    library: LibraryOption = None,
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="表格的列名对应，如 text=正文,title=标题", show_default=False)
    ] = None,
    fetch: Annotated[
        bool | None, typer.Option("--fetch", help="允许从网址取文章（默认不联网）", show_default=False)
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="把逐个文件的结果与图表写成网页", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="没有新内容时不作声")] = False,
) -> None:
    """把文章加入知识库：文件、文件夹、压缩包或网址，已有的不重做。"""
    settings = load_settings(config, library=library, embedder=embedder, columns=columns, fetch=fetch)
    with opened(settings) as collection, progress("加入文章") as tell:
        report = collection.add(paths, tell, rows=report_file is not None)
        if report_file is not None:
            from rag.add_report import write_report

            write_report(report_file, report, library=str(settings.library), articles=collection.outline())
    if not (quiet and not report.added and not report.updated and not report.failed):
        print_report(report, settings)
    if report_file is not None:
        out.print(f"逐个文件的结果：{escape(str(report_file))}")
    if report.failed:
        raise typer.Exit(1)


@app.command("list")
def list_articles(
    library: LibraryOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """列出知识库里的文章。"""
    with opened(load_settings(config, library=library)) as collection:
        if as_json:
            for article in collection.articles():
                row = {"id": article.id, "title": article.title, "source": article.source, "date": article.date,
                       "path": article.path, "url": article.url, "characters": len(article.text)}  # fmt: skip
                print(json.dumps(row, ensure_ascii=False))
            return
        rows = table("编号", "日期", "来源", "标题")
        for article in collection.articles():
            rows.add_row(article.id, article.date or "—", escape(article.source), escape(article.title))
        articles, chunks = collection.counts()
        out.print(rows)
        out.print(f"共 {articles} 篇文章，{chunks} 个片段。")


@app.command()
def remove(
    ids: Annotated[list[str] | None, typer.Argument(help="文章编号（见 youju list）", show_default=False)] = None,
    vanished: Annotated[bool, typer.Option("--vanished", help="移除原文件已不存在的文章")] = False,
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """从知识库移除文章；原文件不动。"""
    wanted = list(ids or [])
    if not wanted and not vanished:
        raise typer.BadParameter("请给出文章编号，或用 --vanished")
    with opened(load_settings(config, library=library)) as collection:
        if vanished:
            wanted += collection.vanished()
        count = collection.remove(wanted)
    out.print(f"移除了 {count} 篇文章。")
    if count < len(set(ids or [])):
        err.print("有些编号不在知识库里，请用 youju list 查看。")
        raise typer.Exit(1)


@app.command()
def check(library: LibraryOption = None, config: ConfigOption = None) -> None:
    """检查知识库是否完好，索引有错的顺手重建。"""
    with opened(load_settings(config, library=library)) as collection, progress("检查") as tell:
        report = collection.check(lambda done, total: tell("compare", done, total, 0))
    out.print(f"{report.articles} 篇文章，{report.chunks} 个片段。")
    if report.waiting:
        out.print(f"[yellow]![/yellow] 有 {report.waiting} 篇已读入、还没有写完，再运行一次 youju add 即可接着做。")
    for path in report.vanished[:20]:
        out.print(f"[yellow]![/yellow] 原文件已不在：{escape(path)}（可用 youju remove --vanished 移除）")
    if len(report.vanished) > 20:
        out.print(f"[yellow]![/yellow] ……另有 {len(report.vanished) - 20} 个原文件已不在")
    for repair in report.repaired:
        out.print(f"[yellow]![/yellow] {escape(repair)}")
    for problem in report.problems[:50]:
        err.print(f"[red]✗[/red] {escape(problem)}")
    if len(report.problems) > 50:
        err.print(f"……另有 {len(report.problems) - 50} 个问题")
    if report.problems:
        raise typer.Exit(1)
    out.print("[green]✓[/green] 完好：每个片段都是正文的一段，每个向量都在，两个索引与文章一致。")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="备份文件", show_default=False)],
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """把整个知识库备份成一个文件，使用中也可以。"""
    with opened(load_settings(config, library=library)) as collection:
        collection.backup(file)
        articles, chunks = collection.counts()
    size = file.stat().st_size / 1e6
    out.print(f"已备份 {articles} 篇文章、{chunks} 个片段到 {escape(str(file))}（{size:.1f} MB）。")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="备份文件", show_default=False)],
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """把备份恢复成一个新的知识库。"""
    from rag.checking import restore as run

    settings = load_settings(config, library=library)
    run(file, settings.library)
    with opened(settings) as collection:
        articles, chunks = collection.counts()
    out.print(f"已恢复 {articles} 篇文章、{chunks} 个片段到 {escape(str(settings.library))}。")


@app.command()
def rebuild(
    library: LibraryOption = None,
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """用现在设置的向量模型重建整个知识库（不需要原文件）。"""
    from rag.rebuild import rebuild as run

    settings = load_settings(config, library=library, embedder=embedder)
    with progress("重建") as tell:
        report = run(settings, tell)
    out.print(f"重建完成：{report.articles} 篇文章，{report.chunks} 个片段，向量模型 {settings.embedder}。")


@app.command()
def move(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            help="索引：Milvus 的地址，如 http://host:19530；folder 为搬回知识库文件夹。文章：postgresql://用户@主机/库名；sqlite 为搬回",
            show_default=False,
        ),
    ],
    library: LibraryOption = None,
    config: ConfigOption = None,
) -> None:
    """把检索用的索引搬到 Milvus，或把文章搬到 PostgreSQL（一台服务器或集群），或搬回来；之后的用法不变。"""
    from rag.search_index import index_place

    if to == "sqlite" or to.startswith("postgres"):
        _move_articles(to, load_settings(config, library=library))
        return
    place = index_place(to)
    with opened(load_settings(config, library=library)) as collection:
        with progress("搬移") as tell:
            collection.move_index(place, lambda done, total: tell("index", done, total, 0))
        articles, chunks = collection.counts()
    where = place or "知识库文件夹"
    out.print(f"索引已在 {escape(where)}：{articles} 篇文章，{chunks} 个片段。以后照常使用，不用再写地址。")


def _move_articles(to: str, settings: Settings) -> None:
    from rag.postgres import articles_place

    place = "" if to == "sqlite" else articles_place(to)
    with opened(settings) as collection:
        left = collection.store.name
        with progress("搬移") as tell:
            joined = collection.move_articles(place, lambda done, total: tell("copy", done, total, 0))
        articles, chunks = collection.counts()
    where = place or "知识库文件夹"
    if joined:
        out.print(f"已加入 {escape(where)} 的知识库：{articles} 篇文章，{chunks} 个片段。以后照常使用，不用再写地址。")
        return
    out.print(f"文章已在 {escape(where)}：{articles} 篇，{chunks} 个片段。以后照常使用，不用再写地址。")
    if not place:
        out.print(f"{escape(left)} 里的仍在，别的机器还可以用；不再需要时请删除那个数据库。")


@app.command("settings")
def show_settings(
    config: ConfigOption = None,
    library: LibraryOption = None,
    llm: LlmOption = None,
    embedder: EmbedderOption = None,
) -> None:
    """显示生效的设置，以及每一项从哪里来。"""
    rows = table("设置", "值", "来自", "含义")
    for row in describe_settings(config, library=library, llm=llm, embedder=embedder):
        rows.add_row(row.name, escape(row.value), escape(row.origin), row.description)
    out.print(rows)


def main() -> None:
    """Entry point: errors meant for people are printed as such, everything else is a bug and shows its traceback."""
    for stream in (sys.stdout, sys.stderr):  # a Windows console or LC_ALL=C must not break Chinese output
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except YoujuError as error:
        err.print(f"[red]✗[/red] {escape(error.message)}")
        if error.hint:
            err.print(f"  → {escape(error.hint)}")
        sys.exit(1)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            err.print("\n已停下；已完成的部分都已保存。")
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
