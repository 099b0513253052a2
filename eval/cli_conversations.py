"""`python -m eval conversations`: follow-ups by the rules and with an LLM, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eval.console import ConfigOption, err_console, out_console


def conversations(
    llm: Annotated[str, typer.Option("--llm", help="none 只测规则；或 api、模型名称、GGUF 文件、模型文件夹")] = "none",
    config: ConfigOption = None,
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
) -> None:
    """追问改写成独立问题：各类追问里改对多少，只用规则与加上大模型并列。"""
    from eval import conversations as measured
    from eval.libraries import progress_bar
    from rag import load_settings

    cases = measured.load_conversations()
    with progress_bar(err_console) as bar:
        task = bar.add_task("改写", total=len(cases))
        found = measured.compare(cases, load_settings(config, llm=llm), lambda: bar.advance(task))
    table = measured.markdown(cases, found)
    out.mkdir(parents=True, exist_ok=True)
    target = out / "conversations.json"
    content = json.dumps(measured.details(cases, found), ensure_ascii=False, indent=1)
    target.write_text(content + "\n", encoding="utf-8")
    out_console.print(table, markup=False)
    err_console.print(f"逐题的结果在 {target}", markup=False)
