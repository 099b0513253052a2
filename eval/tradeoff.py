"""What a faster passage encoder costs: speed against R@1 of the hybrid, several models side by side, with a plot."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import time
from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

from rich.console import Console

from embeddings.embedder import Matrix
from embeddings.zh_small import FOLDER, ZhSmall
from eval.datasets import EvalSet
from eval.libraries import prepared_library, progress_bar
from eval.retrieval import compare_retrieval
from rag import Settings
from rag.errors import ModelError
from rag.ingest import passage_text

_TIMED = 150
_ROUNDS = 3


class Student(ZhSmall):
    """A passage encoder that `eval.distil` trained; questions are embedded by zh-small, to whose vectors it was trained.

    Args:
        folder: what `eval.distil` wrote.
        questions: zh-small.

    Raises:
        ModelError: the folder has no graph.
    """

    files: Mapping[str, tuple[int, str]] = MappingProxyType({})

    def __init__(self, folder: Path, questions: ZhSmall, threads: int = 0) -> None:
        if not (folder / "model.onnx").is_file():
            raise ModelError(f"没有 model.onnx：{folder}", "请先 pip install onnx，再用 python -m eval distil 生成")
        super().__init__(threads, folder)
        self.name = folder.name
        self.fingerprint = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:16]
        self._questions = questions

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Embedder.encode_queries`."""
        return self._questions.encode_queries(texts)


def compare_models(
    folders: Sequence[Path], sets: Sequence[EvalSet], settings: Settings, cache: Path, console: Console
) -> dict[str, Any]:
    """Each model's speed on one core, and the hybrid with it on each set; zh-small comes first.

    Args:
        folders: model folders that `eval.distil` wrote.
        cache: where the sets' libraries are kept.

    Returns:
        sets (names) and rows: name, layers, texts_per_second, and for each set hit@1 and ndcg@10 (value, low, high, n).
    """
    questions = ZhSmall(settings.threads)
    models = [questions, *(Student(folder, questions, settings.threads) for folder in folders)]
    rows: list[dict[str, Any]] = [
        {"name": model.name, "layers": _layers(folder)}
        for model, folder in zip(models, [FOLDER, *folders], strict=True)
    ]
    texts: list[str] = []
    for chosen in sets:
        for model, row in zip(models, rows, strict=True):
            with (
                prepared_library(chosen, settings, cache, console, embedder=model) as library,
                progress_bar(console) as bar,
            ):
                task = bar.add_task(f"{chosen.name} {model.name}", total=len(chosen.cases))
                result = compare_retrieval(
                    library, chosen, (settings.dense_weight,),
                    lambda step, done, total: bar.update(task, completed=done, total=total),  # noqa: B023 - used at once
                )  # fmt: skip
                texts = texts or [passage_text(a.title, a.text[:160]) for a in islice(library.articles(), _TIMED)]
            (scores,) = result["rows"]
            row[chosen.name] = {name: scores["metrics"][name] for name in ("hit@1", "ndcg@10")}
    alone = [ZhSmall(1), *(Student(folder, questions, 1) for folder in folders)]
    for row, speed in zip(rows, _speeds(alone, texts), strict=True):
        row["texts_per_second"] = speed
    return {"sets": [chosen.name for chosen in sets], "rows": rows}


def _layers(folder: Path) -> int:
    return int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"])


def _speeds(models: Sequence[ZhSmall], texts: Sequence[str]) -> list[float]:
    """Texts a second on one core: the median of three rounds in turns."""
    rounds: list[list[float]] = [[] for _ in models]
    for number in range(_ROUNDS + 1):  # the first one only warms up
        for model, seconds in zip(models, rounds, strict=True):
            started = time.perf_counter()
            model.encode_passages(texts)
            if number:
                seconds.append(time.perf_counter() - started)
    return [round(len(texts) / median(seconds), 1) for seconds in rounds]


def markdown(result: dict[str, Any]) -> str:
    """The table: differences from zh-small in points."""
    first = result["rows"][0]
    lines = [
        "| 模型 | 层 | 条/秒（一核） | 倍 | " + " | ".join(f"{name} R@1 / nDCG@10" for name in result["sets"]) + " |"
    ]
    lines.append("|---|---:|---:|---:|" + "---|" * len(result["sets"]))
    for row in result["rows"]:
        cells = []
        for name in result["sets"]:
            values = [100 * row[name][metric]["value"] for metric in ("hit@1", "ndcg@10")]
            base = [100 * first[name][metric]["value"] for metric in ("hit@1", "ndcg@10")]
            own = values if row is first else [value - start for value, start in zip(values, base, strict=True)]
            cells.append(" / ".join(f"{value:.1f}" if row is first else f"{value:+.1f}" for value in own))
        speed = row["texts_per_second"]
        times = speed / first["texts_per_second"]
        lines.append(f"| {row['name']} | {row['layers']} | {speed:.0f} | {times:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_WIDTH, _HEIGHT, _LEFT, _TOP = 460, 260, 60, 20
_COLOURS = ("#1f6feb", "#d9480f", "#2b8a3e", "#862e9c", "#495057")


def plot(result: dict[str, Any]) -> str:
    """R@1 (points from zh-small) against speed (times zh-small's), a line for each set, as SVG."""
    first, rows = result["rows"][0], result["rows"]
    speeds = [row["texts_per_second"] / first["texts_per_second"] for row in rows]
    lost = {
        name: [100 * (row[name]["hit@1"]["value"] - first[name]["hit@1"]["value"]) for row in rows]
        for name in result["sets"]
    }
    low: float = min(-2.0, *(min(values) for values in lost.values())) - 0.5
    high: float = max(1.0, *(max(values) for values in lost.values())) + 0.5
    fastest: float = max(2.0, *speeds) * 1.05

    def x(speed: float) -> float:
        return _LEFT + _WIDTH * (speed - 1) / (fastest - 1)

    def y(points: float) -> float:
        return _TOP + _HEIGHT * (high - points) / (high - low)

    parts = []
    for points in range(math.ceil(low), math.floor(high) + 1):
        stroke = "#adb5bd" if points in (0, -1) else "#e9ecef"
        parts.append(
            f"<line x1='{_LEFT}' x2='{_LEFT + _WIDTH}' y1='{y(points):.1f}' y2='{y(points):.1f}' stroke='{stroke}'/>"
        )
        parts.append(f"<text x='{_LEFT - 8}' y='{y(points) + 4:.1f}' text-anchor='end'>{points:+d}</text>")
    for times in range(1, math.floor(fastest) + 1):
        parts.append(f"<text x='{x(times):.1f}' y='{_TOP + _HEIGHT + 18}' text-anchor='middle'>{times}×</text>")
    for colour, (name, values) in zip(itertools.cycle(_COLOURS), lost.items(), strict=False):
        order = sorted(range(len(rows)), key=speeds.__getitem__)
        line = " ".join(f"{x(speeds[i]):.1f},{y(values[i]):.1f}" for i in order)
        parts.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += [f"<circle cx='{x(speeds[i]):.1f}' cy='{y(values[i]):.1f}' r='3.5' fill='{colour}'/>" for i in order]
        last = order[-1]
        parts.append(
            f"<text x='{x(speeds[last]) + 8:.1f}' y='{y(values[last]) + 4:.1f}' fill='{colour}'>{escape(name)}</text>"
        )
    title = "R@1 of the hybrid, points from zh-small, against speed"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_LEFT + _WIDTH + 170} {_TOP + _HEIGHT + 44}' role='img'"
        f" aria-label='{title}' style='font:12px sans-serif'><rect width='100%' height='100%' fill='#fff'/>{''.join(parts)}"
        f"<text x='{_LEFT}' y='{_TOP + _HEIGHT + 38}'>{title}</text></svg>\n"
    )
