"""`python -m eval load`: many people at one server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from eval.console import SeedOption, err_console, out_console


def load(
    library: Annotated[Path, typer.Option("--library", help="知识库文件夹", exists=True, show_default=False)],
    users: Annotated[int, typer.Option("--users", min=1, max=1000, help="多少人")] = 50,
    minutes: Annotated[float, typer.Option("--minutes", min=0.05, help="多少分钟")] = 5.0,
    think: Annotated[float, typer.Option("--think", min=0.0, help="每人两次提问之间平均想多少秒")] = 15.0,
    name: Annotated[str, typer.Option("--set", help="取哪个评测集的问题")] = "shipped",
    seed: SeedOption = 0,
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
) -> None:
    """很多人同时提问（抽取式）：另起一个服务进程，本机回环上问，看出错、用时与内存。"""
    from rich.table import Table

    from eval import load as crowd
    from eval.libraries import progress_bar
    from eval.sets import load_set

    questions = [case.question for case in load_set(name).cases]
    with progress_bar(err_console) as bar:
        task = bar.add_task("启动服务", total=minutes * 60)

        def show(elapsed: float, answers: int, errors: int) -> None:
            bar.update(task, description=f"{answers} 个回答，{errors} 个错误", completed=elapsed)

        result = crowd.measure(
            library, questions, users=users, seconds=minutes * 60, think=think, seed=seed, on_second=show
        )
    memory = [mb for _, mb in result["memory"]]
    table = Table("", "", title=f"{users} 人，{minutes:g} 分钟，平均想 {think:g} 秒，{len(questions)} 个问题")
    for label, value in (
        ("回答", result["answers"]),
        ("错误", f"{result['errors']} {'、'.join(result['error_kinds'])}".strip()),
        ("每秒回答", result["per_second"]),
        ("每个回答的处理器时间（秒）", result["processor_per_answer"]),
        ("整个回答 p50 / p95 / 最长（秒）", f"{result['p50']} / {result['p95']} / {result['longest']}"),
        ("内存 开始 / 最大 / 结束（MB）", f"{memory[0]:.0f} / {max(memory):.0f} / {memory[-1]:.0f}"),
        ("机器负载 开始 / 结束", f"{result['load_before']} / {result['load_after']}"),
    ):
        table.add_row(label, str(value))
    out_console.print(table)
    out.mkdir(parents=True, exist_ok=True)
    (out / "load.svg").write_text(crowd.plot(result), encoding="utf-8")
    target = out / "load.json"
    target.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    out_console.print(f"结果：{target}，内存曲线：{out / 'load.svg'}")
    if result["errors"]:
        raise typer.Exit(1)
