"""What a run says, for people: summary.json, summary.md and one self-contained report.html."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.judge import VERDICTS, summarize_verdicts
from eval.page import render_page
from eval.run import CASES, CONFIG, read_rows
from eval.scoring import LATENCIES, METRICS, summarize
from rag.errors import ReadError

SUMMARY = "summary.json"
TYPE_LABELS = {
    "fact": "事实",
    "number": "数字",
    "date": "日期",
    "multi": "多篇",
    "list": "列举",
    "table": "表格",
    "conflict": "说法不一",
    "relative_date": "相对日期",
    "unanswerable": "不可回答",
    "follow_up": "追问",
    "hostile": "恶意文本",
    "traditional": "繁体",
    "refers_seed": "种子文章",
    "not_standalone": "不能独立成问",
    "question": "问题",
}
_COUNTED = {"prompt_tokens": 0, "completion_tokens": 0, "cost": 5}
"""Metrics that are no shares, with the digits they are shown with."""
_SECONDS = {metric.name for metric in LATENCIES}
_BY_TYPE = ("passed", "char_f1", "hit@1", "evidence@10", "citation_precision", "citation_recall")


def write_report(out: Path) -> dict[str, Any]:
    """Score the rows in `out` and write summary.json, summary.md and report.html beside them; returns the summary.

    Raises:
        ReadError: `out` holds no run.
    """
    rows = read_rows(out / CASES)
    try:
        run = json.loads((out / CONFIG).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ReadError(f"读不了 {out / CONFIG}：{error}", "请检查评测结果文件夹", reason="unreadable") from None
    summary: dict[str, Any] = {**run, "made": _made(rows), **summarize(rows, prices=run.get("prices"))}
    if (out / VERDICTS).is_file():
        summary["judge"] = summarize_verdicts(rows, read_rows(out / VERDICTS))
    (out / SUMMARY).write_text(json.dumps(summary, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    (out / "summary.md").write_text(markdown(summary), encoding="utf-8")
    (out / "report.html").write_text(
        render_page(summary, rows, type_label, format_value, describe_judge), encoding="utf-8"
    )
    return summary


def markdown(summary: Mapping[str, Any]) -> str:
    """The summary as Markdown: counts, every metric with interval and n, and the main ones by type."""
    counts = summary["counts"]
    lines = [
        f"## 评测：{summary['config']['set']}",
        "",
        describe(summary),
        "",
        "| 指标 | 值 | 95% 区间 | n |",
        "|---|---|---|---|",
    ]
    for metric in METRICS:
        estimate = summary["metrics"][metric.name]
        value, interval = format_value(metric.name, estimate)
        lines.append(f"| {metric.label} | {value} | {interval} | {estimate['n']} |")
    if judge := summary.get("judge"):
        lines += ["", describe_judge(judge)]
    labels = {metric.name: metric.label for metric in METRICS}
    lines += [
        "",
        "| 类型 | 题数 | 出错 | " + " | ".join(labels[name] for name in _BY_TYPE) + " |",
        "|" + "---|" * (3 + len(_BY_TYPE)),
    ]
    for kind, part in summary["by_type"].items():
        cells = [format_value(name, part["metrics"][name])[0] for name in _BY_TYPE]
        own = part["counts"]
        lines.append(f"| {_cell(type_label(kind))} | {own['cases']} | {own['errors']} | {' | '.join(cells)} |")
    if counts["errors"]:
        lines += ["", f"{counts['errors']} 题运行出错，未计入任何指标；重新运行同一命令会再问一次。"]
    return "\n".join(lines) + "\n"


def describe(summary: Mapping[str, Any]) -> str:
    """One line: how many cases, and what answered them."""
    counts, made = summary["counts"], summary["made"]
    parts = [
        f"{counts['cases']} 题（可回答 {counts['answerable']}，拒答 {counts['refused']}，出错 {counts['errors']}）",
        f"向量模型 {made['embedder'] or '–'}",
        f"大模型 {made['llm'] or '无（原文摘录）'}",
        f"版本 {summary['config']['version']}",
    ]
    left = summary["config"]["cases"] - counts["cases"]
    if left > 0:
        parts.append(f"还有 {left} 题没有做，重新运行同一命令会接着做")
    if counts["fallbacks"]:
        parts.append(f"其中 {counts['fallbacks']} 题大模型未能回答，改为原文摘录")
    return "；".join(parts) + "。"


def describe_judge(judge: Mapping[str, Any]) -> str:
    """One line: what an LLM judge said, and how far to believe it."""
    right, interval = format_value("right", judge["right"])
    agreement, _ = format_value("agreement", judge["agreement"])
    kappa = "–" if judge["kappa"] is None else f"{judge['kappa']:.2f}"
    return (
        f"裁判 {judge['judge']}（{judge['prompt']}）判为答对 {right}（{interval}，n={judge['right']['n']}，未判明 {judge['undecided']}）；"
        f"与要点判定一致 {agreement}（n={judge['agreement']['n']}，κ={kappa}）。"
    )


def type_label(kind: str) -> str:
    """The Chinese name of a question type; types of other sets keep their own."""
    return TYPE_LABELS.get(kind, kind)


def format_value(name: str, estimate: Mapping[str, Any]) -> tuple[str, str]:
    """Value and interval as people read them: seconds for latencies, counts of tokens, percent for the rest; a dash for not eligible."""
    if estimate["value"] is None:
        return "–", "–"
    value, low, high = (estimate[key] for key in ("value", "low", "high"))
    if name in _COUNTED:
        digits = _COUNTED[name]
        return f"{value:.{digits}f}", f"{low:.{digits}f} – {high:.{digits}f}"
    if name in _SECONDS:
        return f"{value:.3f}", f"{low:.3f} – {high:.3f}"
    return f"{100 * value:.1f}%", f"{100 * low:.1f} – {100 * high:.1f}"


def _made(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What made the answers, as their provenance says; the LLM is the one of any answer that used one."""
    made = [row["answer"]["provenance"] for row in rows if row["answer"]]
    if not made:
        return {"embedder": "", "llm": "", "prompts": "", "version": ""}
    last = made[-1]
    llm = next((p["llm"] for p in made if p["llm"]), "")
    prompts = ",".join(dict.fromkeys(part for p in made for part in p["prompts"].split(",") if part))
    return {"embedder": last["embedder"], "llm": llm, "prompts": prompts, "version": last["version"]}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
