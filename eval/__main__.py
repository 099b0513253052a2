"""`python -m eval`: thin, in Chinese. Exit codes: 0 success, 1 failure, 2 wrong usage, 3 some cases raised."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from eval.cli_attacks import attacks
from eval.cli_bench import app as bench_app
from eval.cli_conversations import conversations
from eval.cli_load import load
from eval.cli_retrieval import distil, retrieval, tradeoff, train_reader, variants
from eval.cli_run import run
from eval.console import CacheOption, ConfigOption, EmbedderOption, LimitOption, SeedOption, err_console, out_console
from rag.errors import SettingsError, YoujuError

app = typer.Typer(
    name="python -m eval",
    help="离线评测：检索、回答、引用、拒答与用时。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(bench_app, name="bench")
app.command()(run)
app.command()(attacks)
app.command()(retrieval)
app.command()(conversations)
app.command()(load)
app.command()(variants)
app.command()(distil)
app.command()(tradeoff)
app.command("train-reader")(train_reader)


@app.command()
def check(
    name: Annotated[str, typer.Option("--set", help="shipped 或评测集文件夹")] = "shipped",
) -> None:
    """检查评测集：题号、要点，以及每条出处原文是否真在文章里。"""
    from eval.datasets import check_set, read_texts
    from eval.sets import load_set

    chosen = load_set(name)
    texts = read_texts(chosen)
    problems = check_set(chosen, texts)
    for problem in problems:
        err_console.print(problem, markup=False)
    out_console.print(f"{chosen.name}：{len(texts)} 篇文章，{len(chosen.cases)} 题，{len(problems)} 个问题")
    if problems:
        raise typer.Exit(1)


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="run 的结果文件夹", show_default=False)]) -> None:
    """由逐题结果重新写出汇总与报告页。"""
    from eval.report import describe, write_report

    summary = write_report(folder)
    out_console.print(f"{describe(summary)}\n已写出 {folder / 'report.html'}", markup=False)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="前一次的结果文件夹", show_default=False)],
    second: Annotated[Path, typer.Argument(help="后一次的结果文件夹", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="另存为 compare.html、.md 与 .json", show_default=False)
    ] = None,
) -> None:
    """比较两次评测：每个指标的差与显著性，各类型，以及变好、变坏的题。"""
    from eval.compare import compare as run
    from eval.compare import markdown, read_marks
    from eval.compare_page import render

    rows = (read_marks(first), read_marks(second))
    found = run(*rows)
    table = markdown(found, (first.name, second.name), rows)
    out_console.print(table, markup=False)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "compare.md").write_text(table, encoding="utf-8")
        (out / "compare.html").write_text(render(found, (first.name, second.name), rows), encoding="utf-8")
        content = json.dumps(found.to_dict(), ensure_ascii=False, indent=2)
        (out / "compare.json").write_text(content + "\n", encoding="utf-8")


@app.command()
def gate(
    folder: Annotated[Path, typer.Argument(help="run 的结果文件夹", show_default=False)],
    baseline: Annotated[Path | None, typer.Option("--baseline", help="基线文件", show_default="随项目的基线")] = None,
    update: Annotated[bool, typer.Option("--update", help="把这次的结果写成新的基线")] = False,
) -> None:
    """把关：与基线相比有显著变坏的指标就以 1 退出。"""
    from eval.compare import BASELINE, markdown, read_marks, write_baseline
    from eval.compare import compare as run

    place = baseline or BASELINE
    rows = read_marks(folder)
    if update:
        write_baseline(rows, place)
        out_console.print(f"{len(rows)} 题写成基线 {place}", markup=False)
        return
    before = read_marks(place)
    found = run(before, rows)
    out_console.print(markdown(found, ("基线", folder.name), (before, rows)), markup=False)
    losses = found.losses()
    if found.only_first:
        err_console.print(
            f"基线里的 {len(found.only_first)} 题这次没有结果，例如 {found.only_first[0]}", style="red", markup=False
        )
    if losses:
        err_console.print("显著变坏：" + "、".join(losses), style="red", markup=False)
    if losses or found.only_first:
        raise typer.Exit(1)
    err_console.print("没有显著变坏的指标", markup=False)


@app.command()
def calibrate(
    names: Annotated[
        list[str] | None, typer.Option("--set", help="shipped 或评测集文件夹，可重复", show_default="shipped")
    ] = None,
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    cache: CacheOption = None,
) -> None:
    """重新测定句子评分的权重与拒答门槛；给几个评测集时，各用其余的学、在它上面测。"""
    from eval.calibrate import calibrate as run
    from eval.calibrate import describe, judge
    from eval.libraries import default_cache, prepared_library, progress_bar
    from eval.sets import load_set
    from rag import load_settings

    settings = load_settings(config, embedder=embedder, llm="none")
    sets = {}
    for chosen in (load_set(name).sample(limit, seed) for name in names or ["shipped"]):
        with (
            prepared_library(chosen, settings, cache or default_cache(), err_console) as library,
            progress_bar(err_console) as bar,
        ):
            task = bar.add_task(f"{chosen.name} 评判句子", total=len(chosen.cases))
            sets[chosen.name] = judge(chosen, library, lambda done, total: bar.update(task, completed=done))  # noqa: B023 - used at once
    out_console.print(describe(run(sets)), markup=False)


@app.command()
def cleaning(
    folders: Annotated[list[Path], typer.Argument(help="收集来的文章所在的文件夹", exists=True)],
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
) -> None:
    """读入有多干净：手工标注的文章里剩下多少杂质、丢了多少正文，各种杂质各有多少。"""
    from eval import cleaning as measured
    from eval import phenomena
    from eval.libraries import progress_bar

    with progress_bar(err_console) as bar:
        task = bar.add_task("读入", total=1)
        counts, files = phenomena.count(folders, lambda done, total: bar.update(task, completed=done, total=total))
    cleanness = measured.measure_labelled(folders)
    table = f"{measured.markdown(cleanness)}\n{phenomena.markdown(counts, files)}"
    out.mkdir(parents=True, exist_ok=True)
    (out / "cleaning.md").write_text(table, encoding="utf-8")
    details = {
        "labelled": cleanness.to_dict(),
        "phenomena": {name: c.to_dict() for name, c in counts.items()},
        "files": files,
    }
    (out / "cleaning.json").write_text(json.dumps(details, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    out_console.print(table, markup=False)
    err_console.print(f"逐行的出入在 {out / 'cleaning.json'}", markup=False)


@app.command("near-duplicates")
def near_duplicates(
    folders: Annotated[list[Path], typer.Argument(help="收集来的文章所在的文件夹", exists=True)],
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
) -> None:
    """近似文章：从多相似起算同一篇报道，MinHash 又找得到多少。"""
    from eval import near_duplicates as measured
    from eval.libraries import progress_bar

    with progress_bar(err_console) as bar:
        task = bar.add_task("读入", total=1)
        pairs = measured.find_pairs(
            folders, measured.load_labels(), lambda done, total: bar.update(task, completed=done, total=total)
        )
    rows = measured.summary(pairs)
    out.mkdir(parents=True, exist_ok=True)
    target = out / "near-duplicates.json"
    content = {"summary": rows, "pairs": measured.details(pairs)}
    target.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    out_console.print(measured.markdown(rows), markup=False)
    err_console.print(f"逐对的结果在 {target}", markup=False)


@app.command()
def judge(
    place: Annotated[Path, typer.Argument(help="评测结果文件夹", exists=True)],
    llm: Annotated[str, typer.Option("--llm", help="裁判：api、模型名称、GGUF 文件或模型文件夹", show_default=False)],
    config: ConfigOption = None,
) -> None:
    """请一个大模型判定每个回答的对错，并报告它与要点判定有多一致；可中断后继续。"""
    from eval.judge import judge_rows
    from eval.libraries import progress_bar
    from eval.report import describe_judge, write_report
    from eval.run import CASES, read_rows
    from rag import load_settings
    from rag.chat_models import load_chat_model

    rows = read_rows(place / CASES)
    settings = load_settings(config, llm=llm)
    chat = load_chat_model(settings)
    if chat is None:
        raise SettingsError("没有可用的裁判模型", "请用 --llm 指明大模型，例如 --llm api")
    with progress_bar(err_console) as bar:
        task = bar.add_task("判定", total=len(rows))
        try:
            judge_rows(
                rows, chat, place, timeout=settings.llm_timeout, max_tokens=settings.llm_max_tokens,
                on_verdict=lambda done, total: bar.update(task, completed=done, total=total),
            )  # fmt: skip
        finally:
            chat.close()
    out_console.print(describe_judge(write_report(place)["judge"]), markup=False)


@app.command()
def robustness(
    name: Annotated[str, typer.Option("--set", help="shipped、评测集文件夹或 JSON")] = "shipped",
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    llm: Annotated[str, typer.Option("--llm", help="none、api、模型名称、GGUF 文件或模型文件夹")] = "none",
    limit: LimitOption = None,
    seed: SeedOption = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="结果文件夹", show_default="results/稳健-集名-大模型")
    ] = None,
    cache: CacheOption = None,
) -> None:
    """噪声越来越多、或来源与常识不符时，还能答对多少；可中断后继续。"""
    from eval import robustness as measured
    from eval.libraries import default_cache, prepared_library, progress_bar
    from eval.run import claim_folder, describe_run
    from eval.sets import load_set
    from rag import load_settings

    settings = load_settings(config, embedder=embedder, llm=llm)
    chosen = load_set(name).sample(limit, seed)
    place = out or Path("results") / f"robustness-{chosen.name}-{Path(llm).stem}"
    claim_folder(place, describe_run(chosen, settings, limit=limit, seed=seed))
    with (
        prepared_library(chosen, settings, cache or default_cache(), err_console) as library,
        progress_bar(err_console) as bar,
    ):
        task = bar.add_task(f"稳健性 {chosen.name}", total=len(chosen.cases))
        rows = measured.run_robustness(
            library, chosen, place, seed=seed, on_row=lambda done, total: bar.update(task, completed=done, total=total)
        )
    text = measured.markdown(chosen.name, measured.summarize(rows))
    (place / "robustness.md").write_text(text, encoding="utf-8")
    out_console.print(text, markup=False)
    err_console.print(f"逐题的结果在 {place / measured.ROWS}", markup=False)


@app.command("make-set")
def make_set(
    library: Annotated[Path, typer.Option("--library", help="知识库文件夹", exists=True, show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="评测集文件夹")] = Path("my-set"),
    limit: Annotated[int, typer.Option("--limit", min=1, help="起草多少题")] = 50,
    seed: SeedOption = 0,
    llm: Annotated[str, typer.Option("--llm", help="none 按规则起草；也可用大模型")] = "none",
    accept_all: Annotated[bool, typer.Option("--accept-all", help="不开网页，全部收下")] = False,
    port: Annotated[int, typer.Option("--port", help="出题网页的端口")] = 7861,
) -> None:
    """从自己的文章起草评测题，在网页上逐条收下或放弃。"""
    from eval import make_set as making
    from eval.libraries import progress_bar
    from rag import load_settings, open_library

    settings = load_settings(None, library=library, llm=llm)
    with open_library(library, settings=settings) as collection:
        articles = list(collection.articles())
        chat, notice = collection.chat_model() if llm != "none" else (None, "")
        if chat is not None:
            with progress_bar(err_console) as bar:
                task = bar.add_task("起草", total=limit)
                drafts = list(
                    making.draft_by_llm(
                        chat, articles, limit, seed, lambda done, total: bar.update(task, completed=done)
                    )
                )
        elif llm != "none":
            raise YoujuError(f"大模型用不了：{notice}", "运行 youju models doctor，或去掉 --llm 按规则起草")
        else:
            drafts = making.draft_by_rules(articles, limit, seed)
        making.write_corpus(collection, out)
    if not drafts:
        raise YoujuError("没有能起草的题：文章里没有合适的数字或日期", "请多加一些文章，或用 --llm")
    review = making.Review(drafts, articles, out)
    if accept_all:
        while review.current is not None:
            review.accept(review.current.question, review.current.answer)
    else:
        from eval.review_page import serve

        out_console.print(
            f"起草了 {len(review.drafts)} 题，请在 http://127.0.0.1:{port} 逐条收下或放弃，完成后按 Ctrl-C"
        )
        serve(review, port)
    out_console.print(f"收下 {len(review.accepted)} 题，在 {out}；评测：python -m eval run --set {out}", markup=False)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def embedders(context: typer.Context) -> None:
    """比较向量模型。"""
    from eval.embedders import main as compare

    raise typer.Exit(compare(context.args) or 0)


def main() -> None:
    """Run the command line; a `YoujuError` is a message on stderr and exit code 1 (2 for wrong settings)."""
    try:
        app()
    except YoujuError as error:
        err_console.print(f"错误：{error}", style="red", markup=False)
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    except SystemExit as end:
        if end.code == 130:  # what typer makes of Ctrl-C
            err_console.print("已中断；再次运行同一命令会接着做。")
        raise


if __name__ == "__main__":
    main()
