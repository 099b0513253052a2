"""`python -m eval retrieval` and `variants`: rankings side by side, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eval.console import CacheOption, ConfigOption, EmbedderOption, LimitOption, SeedOption, err_console, out_console

if TYPE_CHECKING:
    from eval.datasets import EvalSet
    from rag import Library, Settings

NamesOption = Annotated[
    list[str] | None, typer.Option("--set", help="shipped 或评测集文件夹，可重复", show_default="shipped")
]


def retrieval(
    names: NamesOption = None,
    weights: Annotated[
        list[float] | None,
        typer.Option(
            "--dense-weight", min=0, max=1, help="向量的权重，可重复；0 为 BM25，1 为纯向量", show_default="多个"
        ),
    ] = None,
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    others: Annotated[
        bool, typer.Option("--others", help="也比通常的做法：BM25 词、LangChain、LangChain 混合")
    ] = False,
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
    cache: CacheOption = None,
) -> None:
    """只比检索：BM25、向量、各权重的混合，以及通常的 LangChain 做法，并列给出。"""
    from eval.libraries import default_cache
    from eval.retrieval import DEFAULT_WEIGHTS, compare_retrieval, markdown
    from eval.sets import load_set
    from eval.stacks import other_ways
    from rag import load_settings

    settings = load_settings(config, embedder=embedder, llm="none")
    home = cache or default_cache()
    for chosen in (load_set(name).sample(limit, seed) for name in names or ["shipped"]):
        with _prepared(chosen, settings, home) as (library, show), ExitStack() as stack:
            ways = stack.enter_context(other_ways(library, chosen, home, show)) if others else {}
            result = compare_retrieval(library, chosen, weights or DEFAULT_WEIGHTS, show, ways)
        _write(out, f"retrieval-{chosen.name}", markdown(result), {**result, "limit": limit, "seed": seed})


def variants(
    names: NamesOption = None,
    reranker: Annotated[
        str | None, typer.Option("--reranker", help="也试这个重排模型：名称或文件夹", show_default=False)
    ] = None,
    forms: Annotated[bool, typer.Option("--forms", help="也试别的向量化内容（各要重新向量化一遍）")] = False,
    config: ConfigOption = None,
    embedder: EmbedderOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
    cache: CacheOption = None,
) -> None:
    """检索的其他做法：融合、反馈、多个问法、MMR、句子、重排、向量化的内容，各与现在的做法逐题配对比较。"""
    from embeddings import EmbeddingError, load_reranker
    from eval.libraries import default_cache
    from eval.sets import load_set
    from eval.variants import compare_variants, markdown
    from rag import load_settings
    from rag.errors import ModelError

    settings = load_settings(config, embedder=embedder, llm="none", reranker="")
    try:
        reader = load_reranker(reranker, threads=settings.threads, models_dir=settings.models) if reranker else None
    except EmbeddingError as error:
        raise ModelError(str(error)) from None
    for chosen in (load_set(name).sample(limit, seed) for name in names or ["shipped"]):
        with _prepared(chosen, settings, cache or default_cache()) as (library, show):
            result = compare_variants(library, chosen, reranker=reader, forms=forms, on_step=show)
        made_with = {"limit": limit, "seed": seed, "reranker": reranker}
        _write(out, f"variants-{chosen.name}", markdown(result), {**result, **made_with})


def distil(
    library: Annotated[
        Path, typer.Option("--library", help="用 zh-small 建的知识库文件夹", exists=True, show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="模型写到这个文件夹（须不存在）", show_default=False)],
    layers: Annotated[str, typer.Option("--layers", help="保留 zh-small 的哪几层（0 到 11）")] = "0,3,7,11",
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, help="训练多久")] = 60,
    threads: Annotated[int, typer.Option("--threads", min=1, help="用几个核")] = 1,
    seed: SeedOption = 0,
) -> None:
    """训练一个更快的段落向量模型：取 zh-small 的几层，学它给段落的向量；问题仍由 zh-small 计算。"""
    import importlib.util

    from eval.distil import distil as train
    from eval.distil import gather_material
    from eval.libraries import progress_bar
    from rag.errors import SettingsError

    numbers = [int(part) for part in layers.split(",") if part.strip().isdigit()]
    if len(numbers) != layers.count(",") + 1 or not set(numbers) <= set(range(12)):
        raise SettingsError(f"看不懂 --layers {layers}", "请写 0 到 11 之间的数，用逗号隔开，如 0,3,7,11")
    if out.exists():
        raise SettingsError(f"文件夹已经存在：{out}", "请换一个 --out")
    if importlib.util.find_spec("onnx") is None:
        raise SettingsError("没有安装 onnx，训练好的模型写不出", "请运行 pip install onnx==1.23.2")
    with progress_bar(err_console) as bar:
        task = bar.add_task("问题的向量")
        material = gather_material(
            library,
            seed,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
        bar.update(task, description="训练", total=minutes, completed=0)

        def show(gone: float, distance: float, divergence: float) -> None:
            bar.update(task, completed=gone, description=f"训练 距离 {distance:.4f} 散度 {divergence:.4f}")

        train(material, numbers, out, minutes=minutes, threads=threads, seed=seed, on_step=show)
    out_console.print(f"写好了 {out}。看看值不值：python -m eval tradeoff --model {out} --set …", markup=False)


def tradeoff(
    models: Annotated[list[Path], typer.Option("--model", help="distil 写的模型文件夹，可重复", show_default=False)],
    names: NamesOption = None,
    config: ConfigOption = None,
    limit: LimitOption = None,
    seed: SeedOption = 0,
    out: Annotated[Path, typer.Option("--out", help="结果文件夹")] = Path("results"),
    cache: CacheOption = None,
) -> None:
    """更快的段落向量模型值不值：一个核每秒多少条，混合检索的 R@1 少了多少，表和图。"""
    from eval.libraries import default_cache
    from eval.sets import load_set
    from eval.tradeoff import compare_models, markdown, plot
    from rag import load_settings

    settings = load_settings(config, embedder="zh-small", llm="none")
    sets = [load_set(name).sample(limit, seed) for name in names or ["shipped"]]
    result = compare_models(models, sets, settings, cache or default_cache(), err_console)
    _write(out, "tradeoff", markdown(result), {**result, "limit": limit, "seed": seed})
    (out / "tradeoff.svg").write_text(plot(result), encoding="utf-8")


def train_reader(
    library: Annotated[Path, typer.Option("--library", help="出挖空题的知识库文件夹", exists=True, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", help="zh-small 的文件夹（或其副本），结果写在里面", exists=True, show_default=False)
    ],
    names: NamesOption = None,
    written: Annotated[
        Path | None, typer.Option("--written", help="手写的题目（JSON Lines），题目所问的文章须在知识库里", exists=True)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="接着 --out 里已有的阅读模型训练")] = False,
    count: Annotated[int, typer.Option("--count", min=0, help="挖空题的题数")] = 10_000,
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, help="训练多久")] = 90,
    threads: Annotated[int, typer.Option("--threads", min=1, help="用几个核")] = 2,
    rank: Annotated[int, typer.Option("--rank", min=1, max=384, help="保留的秩")] = 8,
    seed: SeedOption = 0,
    cache: CacheOption = None,
) -> None:
    """训练阅读模型 zh-reader：用评测集的一半题目（按文章分）与知识库的挖空题。"""
    import random

    from eval.libraries import default_cache, prepared_library, progress_bar
    from eval.reader_examples import asked_examples, gap_examples, training_half, written_examples, written_questions
    from eval.sets import load_set
    from eval.train_reader import train
    from rag import load_settings, open_library

    settings = load_settings(None, embedder="zh-small", llm="none", reader="")
    draw = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    examples = []
    with progress_bar(err_console) as bar:
        task = bar.add_task("题目")

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        for chosen in (training_half(load_set(name)) for name in names or []):
            with prepared_library(chosen, settings, cache or default_cache(), err_console) as own:
                examples += list(asked_examples(chosen, own, show))
        with open_library(library, llm="none", reader="") as pile:
            if written:
                examples += list(written_examples(list(written_questions(written, held_out=False)), pile, show))
            examples += list(gap_examples(pile, draw, count, show))
        bar.update(task, description="训练", total=minutes, completed=0)
        train(
            examples, out, minutes=minutes, threads=threads, rank=rank, seed=seed, resume=resume,
            on_step=lambda gone, loss, exact: bar.update(
                task, completed=gone, description=f"训练 损失 {loss:.3f} 答案全对 {exact:.0%}"
            ),
        )  # fmt: skip
    out_console.print(f"{len(examples)} 题，写好了 {out}。", markup=False)


@contextmanager
def _prepared(
    chosen: EvalSet, settings: Settings, cache: Path
) -> Iterator[tuple[Library, Callable[[str, int, int], None]]]:
    """The set's library, and what moves a progress bar."""
    from eval.libraries import prepared_library, progress_bar

    with prepared_library(chosen, settings, cache, err_console) as library, progress_bar(err_console) as bar:
        task = bar.add_task(chosen.name, total=len(chosen.cases))

        def show(step: str, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, description=f"{chosen.name} {step}")

        yield library, show


def _write(out: Path, name: str, table: str, content: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (out / f"{name}.md").write_text(table, encoding="utf-8")
    out_console.print(table, markup=False)
