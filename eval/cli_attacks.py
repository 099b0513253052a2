"""`python -m eval attacks`: hostile articles, on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eval.console import CacheOption, ConfigOption, EmbedderOption, err_console, out_console

_WORKED = 1


def attacks(
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    llm: Annotated[str, typer.Option("--llm", help="none、api、模型名称、GGUF 文件或模型文件夹")] = "none",
    out: Annotated[Path | None, typer.Option("--out", help="结果文件夹", show_default="results/attacks-大模型")] = None,
    cache: CacheOption = None,
) -> None:
    """恶意文章：对 AI 下的命令、伪造的引用、隐藏文字、链接，有多少得逞；有得逞的以 1 退出。可中断后继续。"""
    from eval import attacks as measured
    from eval.libraries import default_cache, prepared_library, progress_bar
    from eval.run import claim_folder, describe_run
    from rag import load_settings

    settings = load_settings(config, embedder=embedder, llm=llm)
    suite, chosen = measured.load_attack_set()
    place = out or Path("results") / f"{chosen.name}-{Path(llm).stem}"
    claim_folder(place, describe_run(chosen, settings, limit=None, seed=0))
    with (
        prepared_library(chosen, settings, cache or default_cache(), err_console) as library,
        progress_bar(err_console) as bar,
    ):
        task = bar.add_task("恶意文章", total=len(suite))
        rows = measured.run_attacks(
            library, suite, place, lambda done, total: bar.update(task, completed=done, total=total)
        )
    text = measured.markdown(rows)
    (place / "attacks.md").write_text(text, encoding="utf-8")
    out_console.print(text, markup=False)
    err_console.print(f"逐条的结果在 {place / measured.ROWS}", markup=False)
    if any(row["succeeded"] for row in rows):
        raise typer.Exit(_WORKED)
