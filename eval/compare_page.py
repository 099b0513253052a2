"""The comparison of two runs as a page: differences with their intervals, and the cases side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from eval.compare import LABELS, LEVEL, Comparison, Marks
from eval.page import evidence, filters, gold_rows, page_shell
from eval.report import type_label
from eval.statistics import Difference

_RESULTS = {"worse": "变坏", "better": "变好", "failed": "都未通过", "passed": "都通过"}
_COLOURS = {"worse": "no", "better": "ok"}


def render(found: Comparison, names: tuple[str, str], runs: tuple[Sequence[Marks], Sequence[Marks]]) -> str:
    """The whole page; answers and evidence stand beside each other where both runs hold them."""
    rows = [{row["id"]: row for row in run} for run in runs]
    both = [i for i in rows[0] if i in rows[1] and not {i} & {*found.only_first, *found.only_second}]
    order = {result: place for place, result in enumerate(_RESULTS)}
    results = {i: _result(found, rows[1][i]) for i in both}
    cases = "".join(
        _case(rows[0][i], rows[1][i], results[i], names) for i in sorted(both, key=lambda i: order[results[i]])
    )
    types = {kind: type_label(kind) for kind in found.by_type}
    alone = [
        f"<p class='note'>只在 {escape(name)} 里有（或在另一次里出错）的 {len(ids)} 题没有比较。</p>"
        for name, ids in zip(names, (found.only_first, found.only_second), strict=True)
        if ids
    ]
    body = (
        f"<p class='note'>两次都答了的 {len(both)} 题；变好 {len(found.better)} 题，变坏 {len(found.worse)} 题。"
        f"差为后减前，横线为 95% 区间；★ 为显著（p &lt; {LEVEL}）。</p>{''.join(alone)}"
        f"<h2>指标</h2>{_table(found)}<h2>逐题</h2>{filters(types, _RESULTS)}<div id='cases'>{cases}</div>"
    )
    return page_shell(f"{names[0]} → {names[1]}", body)


def _table(found: Comparison) -> str:
    widest = max((max(abs(d.low), abs(d.high)) for d in found.metrics.values()), default=0.0) or 1.0
    lines = []
    for name, d in found.metrics.items():
        star = "★" if d.p < LEVEL else ""
        colour = ("ok" if d.value > 0 else "no") if star else ""
        lines.append(
            f"<tr><td>{escape(LABELS[name])}</td><td class='n'>{100 * d.first:.1f}</td><td class='n'>{100 * d.second:.1f}</td>"
            f"<td class='n {colour}'>{100 * d.value:+.1f}{star}</td><td class='wide'>{_interval(d, widest)}</td>"
            f"<td class='n'>{d.p:.3f}</td><td class='n wide'>{d.n}</td></tr>"
        )
    head = (
        "<tr><th>指标（%）</th><th class='n'>前</th><th class='n'>后</th><th class='n'>差</th><th class='wide'>区间</th>"
        "<th class='n'>p</th><th class='n wide'>n</th></tr>"
    )
    return f"<div class='scroll'><table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table></div>"


def _interval(d: Difference, widest: float) -> str:
    """The difference as a dot on its interval, with zero in the middle of 200 units."""
    low, value, high = (100 + 95 * share / widest for share in (d.low, d.value, d.high))
    return (
        f"<svg viewBox='0 0 200 16' class='thin' role='img' aria-label='{100 * d.low:+.1f} 到 {100 * d.high:+.1f}'>"
        "<line x1='100' x2='100' y1='0' y2='16' stroke='var(--line)'/>"
        f"<line x1='{low:.1f}' x2='{high:.1f}' y1='8' y2='8' stroke='var(--bar)' stroke-width='2'/>"
        f"<circle cx='{value:.1f}' cy='8' r='3.5' fill='var(--bar)'/></svg>"
    )


def _result(found: Comparison, row: Marks) -> str:
    if row["id"] in found.worse:
        return "worse"
    if row["id"] in found.better:
        return "better"
    return "passed" if row["metrics"]["passed"] == 1.0 else "failed"


def _case(before: Marks, after: Marks, result: str, names: tuple[str, str]) -> str:
    tags = (
        f"<span class='tag {_COLOURS.get(result, '')}'>{_RESULTS[result]}</span>"
        f"<span class='tag'>{escape(type_label(after['type']))}</span>"
    )
    head = f"{tags}{escape(after.get('question', ''))} <span class='note'>{escape(after['id'])}</span>"
    sides = "".join(
        f"<div><p class='note'>{escape(name)}</p>{_answer(row)}</div>"
        for name, row in zip(names, (before, after), strict=True)
    )
    gold = f"<dl>{gold_rows(after)}</dl>" if "key_facts" in after else ""
    data = f"data-type='{escape(str(after['type']), quote=True)}' data-result='{result}'"
    return f"<details {data}><summary>{head}</summary><div class='two'>{sides}</div>{gold}</details>"


def _answer(row: Mapping[str, Any]) -> str:
    answer = row.get("answer")
    if not answer:
        return "<p class='note'>（基线不含答案）</p>"
    return f"<p>{escape(answer['text'])}</p>{''.join(evidence(answer))}"
