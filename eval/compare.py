"""Two runs side by side: what changed, whether it is more than chance, and which cases changed which way.

A run is known by its rows; a baseline is a run's metrics alone (`eval/data/baseline.jsonl`), so that it can be kept in a
repository without anybody's text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from eval.report import format_value, type_label
from eval.run import CASES, read_rows
from eval.scoring import MEANS, declined
from eval.statistics import Difference, holm, paired_difference
from rag.errors import ReadError, SettingsError

BASELINE = Path(__file__).parent / "data" / "baseline.jsonl"
LEVEL = 0.05
GATED = (
    "passed", "key_facts", "ndcg@10", "evidence_mrr@10", "citation_precision", "citation_recall", "numbers", "supported", "refusal",
)  # fmt: skip
"""Metrics whose significant loss closes the gate."""
LABELS = {m.name: m.label for m in MEANS} | {"refusal": "拒答正确"}
_BY_TYPE = ("passed", "key_facts", "hit@1", "citation_precision", "citation_recall")

Marks: TypeAlias = Mapping[str, Any]
"""One case: id, type, metrics (null if it raised)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Differences from the first run to the second.

    Attributes:
        metrics: for each metric that is eligible somewhere; all cases.
        by_type: the same by type of question.
        better: ids of cases that failed in the first run and passed in the second.
        worse: the other way round.
        only_first: ids that the second run lacks, or that raised in it.
        only_second: the other way round.
    """

    metrics: dict[str, Difference]
    by_type: dict[str, dict[str, Difference]]
    better: tuple[str, ...]
    worse: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def losses(self) -> dict[str, float]:
        """Gated metrics that are lower by more than chance, with their p-values adjusted for the number of metrics."""
        p_values = {name: self.metrics[name].p for name in GATED if name in self.metrics}
        return {name: p for name, p in holm(p_values).items() if p < LEVEL and self.metrics[name].value < 0}

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "metrics": {name: d.to_dict() for name, d in self.metrics.items()},
            "by_type": {k: {name: d.to_dict() for name, d in found.items()} for k, found in self.by_type.items()},
            "better": self.better, "worse": self.worse, "only_first": self.only_first, "only_second": self.only_second,
            "losses": self.losses(),
        }  # fmt: skip


def read_marks(place: Path) -> Sequence[Marks]:
    """The cases of a run's folder, or of a file of rows or marks.

    Raises:
        ReadError: there is none.
    """
    path = place / CASES if place.is_dir() else place
    marks = read_rows(path)
    if not marks or not all({"id", "type", "metrics"} <= row.keys() for row in marks):
        raise ReadError(f"不是评测结果：{path}", "请给出 python -m eval run 的结果文件夹", reason="malformed")
    return marks


def marks_of(row: Marks) -> dict[str, Any]:
    """What a baseline keeps of a row."""
    metrics = row["metrics"]
    return {"id": row["id"], "type": row["type"], "metrics": metrics and {**metrics, "refusal": _refusal(row)}}


def compare(first: Sequence[Marks], second: Sequence[Marks], *, seed: int = 0) -> Comparison:
    """Compare the cases that both runs answered.

    Raises:
        SettingsError: the runs have no case in common.
    """
    one, two = ({row["id"]: marks_of(row) for row in rows if row["metrics"] is not None} for rows in (first, second))
    both = [case_id for case_id in one if case_id in two]
    if not both:
        raise SettingsError("两次评测没有相同的题", "请用同一个评测集各跑一次")
    types = sorted({one[case_id]["type"] for case_id in both})

    def differences(ids: Sequence[str], names: Sequence[str]) -> dict[str, Difference]:
        found = {}
        for name in names:
            values = ([rows[case_id]["metrics"].get(name) for case_id in ids] for rows in (one, two))
            difference = paired_difference(*values, seed=seed)
            if difference is not None:
                found[name] = difference
        return found

    def passed(rows: Mapping[str, Any], case_id: str) -> bool:
        return bool(rows[case_id]["metrics"]["passed"] == 1.0)

    return Comparison(
        metrics=differences(both, list(LABELS)),
        by_type={k: differences([i for i in both if one[i]["type"] == k], _BY_TYPE) for k in types},
        better=tuple(i for i in both if passed(two, i) and not passed(one, i)),
        worse=tuple(i for i in both if passed(one, i) and not passed(two, i)),
        only_first=tuple(row["id"] for row in first if row["id"] not in two),
        only_second=tuple(row["id"] for row in second if row["id"] not in one),
    )


def markdown(found: Comparison, names: tuple[str, str], cases: tuple[Sequence[Marks], Sequence[Marks]]) -> str:
    """Tables of the differences, and the cases that changed side by side (answers where the rows hold them)."""
    losses = found.losses()
    lines = [
        f"## {names[0]} → {names[1]}",
        "",
        f"两次都答了的 {max((d.n for d in found.metrics.values()), default=0)} 题；变好 {len(found.better)} 题，变坏 {len(found.worse)} 题。",
        "",
        "| 指标 | 前 | 后 | 差 | 95% 区间 | p | n | |",
        "|---|---:|---:|---:|---|---:|---:|---|",
    ]
    for name, d in found.metrics.items():
        mark = "**显著变坏**" if name in losses else "显著变好" if d.p < LEVEL and d.value > 0 else ""
        lines.append(
            f"| {LABELS[name]} | {_percent(d.first)} | {_percent(d.second)} | {_points(d.value)} | {_points(d.low)} – {_points(d.high)} "
            f"| {d.p:.3f} | {d.n} | {mark} |"
        )
    lines += [
        "",
        "| 类型 | n | " + " | ".join(LABELS[name] for name in _BY_TYPE) + " |",
        "|---|---:|" + "---:|" * len(_BY_TYPE),
    ]
    for kind, part in found.by_type.items():
        cells = [f"{_percent(part[n].first)} → {_percent(part[n].second)}" if n in part else "–" for n in _BY_TYPE]
        count = max((d.n for d in part.values()), default=0)
        lines.append(f"| {type_label(kind)} | {count} | {' | '.join(cells)} |")
    rows = [{row["id"]: row for row in run} for run in cases]
    for title, ids in (("变坏的题", found.worse), ("变好的题", found.better)):
        if ids:
            lines += ["", f"### {title}", "", "| 题 | 问题 | 前 | 后 |", "|---|---|---|---|"]
            lines += [
                f"| {i} | {_cell(rows[1][i].get('question', ''))} | {_cell(_text(rows[0][i]))} | {_cell(_text(rows[1][i]))} |"
                for i in ids
            ]
    for name, ids in zip(names, (found.only_first, found.only_second), strict=True):
        if ids:
            lines += ["", f"只在 {name} 里有（或在另一次里出错）的 {len(ids)} 题没有比较。"]
    return "\n".join(lines) + "\n"


def write_baseline(rows: Sequence[Marks], path: Path) -> None:
    """Keep the metrics of a run for `gate`."""
    lines = [json.dumps(marks_of(row), ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")


def _refusal(row: Marks) -> float | None:
    """1 where the case was refused if and only if it should be; taken from marks where the row is one already."""
    if "refusal" in row["metrics"]:
        return row["metrics"]["refusal"]  # type: ignore[no-any-return]
    return float(declined(row["answer"]) != bool(row["answerable"]))


def _text(row: Marks) -> str:
    answer = row.get("answer")
    return str(answer["text"]) if answer else ""


def _percent(value: float) -> str:
    return format_value("", {"value": value, "low": value, "high": value})[0]


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _cell(text: str) -> str:
    short = text if len(text) <= 160 else f"{text[:160]}…"
    return short.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
