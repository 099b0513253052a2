"""`python -m eval bench`: the speed benches on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from eval.console import SeedOption, err_console, out_console

app = typer.Typer(help="测速：与通常的 LangChain 做法在同一次运行里对照。", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def bench() -> None:
    """测速：与通常的 LangChain 做法在同一次运行里对照。"""


@app.command("ingest")
def bench_ingest(
    articles: Annotated[Path, typer.Option("--articles", help="Markdown 文章所在的文件夹")] = Path(
        "eval/data/articles"
    ),
    limit: Annotated[int, typer.Option("--limit", min=1, help="抽多少篇")] = 120,
    seed: SeedOption = 0,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="各跑几遍（交替进行）")] = 3,
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
) -> None:
    """建库有多快：同样的文件、同一个向量模型，每秒多少片段、字、篇，用多少内存。"""
    from eval.bench import bench_ingest as run_bench

    with err_console.status("测速…") as status:

        def show(system: str, number: int, figures: object) -> None:
            status.update(f"第 {number + 1}/{rounds} 遍：{system} 完成")

        result = run_bench(articles, limit=limit, seed=seed, rounds=rounds, on_round=show)
    labels = {
        "chunks_per_second": "片段/秒", "characters_per_second": "字/秒", "articles_per_second": "篇/秒",
        "chunks": "片段", "seconds": "秒", "peak_mb": "内存峰值 MB",
    }  # fmt: skip
    _show_bench(result, f"建库 {result['files']} 个文件", "中位数之比", labels, out)


BenchLibrary = Annotated[Path, typer.Option("--library", help="知识库文件夹", exists=True, show_default=False)]
BenchSet = Annotated[str, typer.Option("--set", help="取哪个评测集的问题")]
RoundsOption = Annotated[int, typer.Option("--rounds", min=1, help="各跑几遍（交替进行）")]
ResultsOption = Annotated[Path, typer.Option("--out", help="结果文件夹")]
QuestionsOption = Annotated[int, typer.Option("--limit", min=1, help="问多少题")]


@app.command("retrieval")
def bench_retrieval(
    library: BenchLibrary, name: BenchSet = "shipped", limit: QuestionsOption = 200, seed: SeedOption = 0,
    rounds: RoundsOption = 3, out: ResultsOption = Path("results"),
) -> None:  # fmt: skip
    """检索有多快：同样的片段与向量，一次检索要多少毫秒，打开要多久，用多少内存。"""
    labels = {
        "p50_ms": "中位数（毫秒）",
        "p95_ms": "95% 分位（毫秒）",
        "open_seconds": "打开（秒）",
        "peak_mb": "内存峰值 MB",
    }
    _bench_questions("retrieval", library, name, limit, seed, rounds, out, "none", labels)


@app.command("load")
def bench_load(
    library: BenchLibrary, name: BenchSet = "shipped", limit: QuestionsOption = 50, seed: SeedOption = 0,
    rounds: RoundsOption = 3, out: ResultsOption = Path("results"),
) -> None:  # fmt: skip
    """几个人同时检索时有多快：1、2、4、8 人，每秒多少题，最慢的二十分之一要多久。"""
    from eval.bench import USERS

    labels = {f"per_second_{users}": f"{users} 人：题/秒" for users in USERS}
    labels |= {f"p95_ms_{users}": f"{users} 人：95% 分位（毫秒）" for users in USERS}
    _bench_questions("load", library, name, limit, seed, rounds, out, "none", labels)


@app.command("answer")
def bench_answer(
    library: BenchLibrary,
    llm: Annotated[str, typer.Option("--llm", help="模型名称、GGUF 文件或模型文件夹", show_default=False)],
    name: BenchSet = "shipped", limit: QuestionsOption = 10, seed: SeedOption = 0,
    rounds: RoundsOption = 1, out: ResultsOption = Path("results"),
) -> None:  # fmt: skip
    """回答有多快：同一个大模型，多久出第一个字，多久答完。"""
    labels = {
        "first_token_p50": "首字（秒）",
        "answer_p50": "答完（秒）",
        "answer_p95": "答完 95% 分位（秒）",
        "peak_mb": "内存峰值 MB",
    }
    _bench_questions("answer", library, name, limit, seed, rounds, out, llm, labels)


def _bench_questions(
    task: Literal["retrieval", "answer", "load"], library: Path, name: str, limit: int, seed: int, rounds: int, out: Path, llm: str,
    labels: dict[str, str],
) -> None:  # fmt: skip
    from eval.bench import bench_questions
    from eval.sets import load_set

    questions = [case.question for case in load_set(name).sample(limit, seed).cases]
    with err_console.status("测速…") as status:

        def show(system: str, number: int, figures: object) -> None:
            status.update(f"第 {number + 1}/{rounds} 遍：{system} 完成")

        result = bench_questions(task, library, questions, llm=llm, rounds=rounds, on_round=show)
    title = f"{result['questions']} 题，{result['chunks']} 个片段"
    _show_bench(result, title, "有据好几倍（内存为之比）", labels, out)


def _show_bench(result: dict[str, Any], title: str, ratio: str, labels: dict[str, str], out: Path) -> None:
    from rich.table import Table

    from eval.bench import SYSTEMS

    table = Table("", *SYSTEMS, ratio, title=title)
    for name, label in labels.items():
        cells = [" ".join(f"{row[system][name]:g}" for row in result["rounds"]) for system in SYSTEMS]
        table.add_row(label, *cells, f"{result['ratios'][name]:g}" if name in result["ratios"] else "")
    out_console.print(table)
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"bench-{result['bench']}.json"
    target.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    out_console.print(f"结果：{target}")


@app.command("scale")
def bench_scale(
    library: BenchLibrary,
    sizes: Annotated[
        list[int] | None,
        typer.Option("--chunks", min=100, help="多少个片段，可重复", show_default="一万、十万、一百万"),
    ] = None,
    work: Annotated[Path, typer.Option("--work", help="放造出来的知识库，一百万片段约 3 GB")] = Path("results/scale"),
    keep: Annotated[bool, typer.Option("--keep", help="留着造出来的知识库，下次再用")] = False,
    out: ResultsOption = Path("results"),
) -> None:
    """知识库大起来以后：各一万、十万、一百万片段时检索、打开、增删一篇要多久，用多少内存。"""
    from eval import scale
    from eval.libraries import progress_bar

    with progress_bar(err_console) as bar:
        task = bar.add_task("造文章", total=1)

        def show(what: str, /, done: int, total: int) -> None:
            bar.update(task, description=f"{what} {total:,}", completed=done, total=total)

        result = scale.measure(library, work, sizes or scale.SIZES, keep=keep, on_step=show)
    out_console.print(scale.markdown(result), markup=False)
    out.mkdir(parents=True, exist_ok=True)
    (out / "bench-scale.svg").write_text(scale.plot(result), encoding="utf-8")
    target = out / "bench-scale.json"
    target.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    out_console.print(f"结果：{target}")
