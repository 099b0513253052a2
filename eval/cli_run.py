"""`python -m eval run`: every question of a set, on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eval.console import CacheOption, ConfigOption, EmbedderOption, LimitOption, SeedOption, err_console, out_console

CASE_ERRORS = 3
"""Exit code where some cases raised."""


def run(
    name: Annotated[str, typer.Option("--set", help="shipped、seed、评测集文件夹、JSON 或表格")] = "shipped",
    articles: Annotated[
        Path | None, typer.Option("--articles", help="--set seed 或表格的文章", show_default=False)
    ] = None,
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    llm: Annotated[str, typer.Option("--llm", help="none、api、模型名称、GGUF 文件或模型文件夹")] = "none",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    out: Annotated[Path | None, typer.Option("--out", help="结果文件夹", show_default="results/集名-大模型")] = None,
    prices: Annotated[
        tuple[float, float] | None,
        typer.Option("--prices", help="大模型每百万词元的价格：提示词、回答", show_default=False),
    ] = None,
    drafts: Annotated[
        Path | None,
        typer.Option("--drafts", help="存放大模型草稿的文件：提示词相同就不再问它（用时不计）", show_default=False),
    ] = None,
    cache: CacheOption = None,
) -> None:
    """把评测集的每一题问一遍，写出逐题结果与汇总；中断后再运行会接着做。"""
    from eval.drafts import KeptDrafts
    from eval.libraries import default_cache, library_texts, prepared_library, progress_bar
    from eval.report import describe, markdown, write_report
    from eval.run import describe_run, note_resources, run_cases
    from eval.sets import load_set
    from eval.tokens import TokenMeter
    from rag import load_settings

    settings = load_settings(config, embedder=embedder, llm=llm)
    chosen = load_set(name, articles=articles).sample(limit, seed)
    place = out or Path("results") / f"{chosen.name}-{Path(llm).stem}"
    with (
        prepared_library(chosen, settings, cache or default_cache(), err_console) as library,
        progress_bar(err_console) as bar,
    ):
        task = bar.add_task(f"提问 {chosen.name}", total=len(chosen.cases))
        chat, _ = library.chat_model()
        kept = None
        if chat and drafts:
            chat, kept = KeptDrafts.before(chat, drafts)
            library.use_chat_model(chat)
        rows = run_cases(
            library,
            chosen,
            library_texts(library, chosen),
            place,
            describe_run(chosen, settings, limit=limit, seed=seed),
            lambda done, total: bar.update(task, completed=done, total=total),
            TokenMeter.on(chat) if chat else None,
            kept,
        )
        note_resources(place, library.path, prices)
    summary = write_report(place)
    out_console.print(markdown(summary), markup=False)
    err_console.print(f"{describe(summary)}\n结果在 {place}（report.html、summary.md、cases.jsonl）", markup=False)
    if any(row["error"] is not None for row in rows):
        raise typer.Exit(CASE_ERRORS)
