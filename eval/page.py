"""The HTML pages of the evaluation: self-contained, every text escaped, no external asset, no request.

A strict Content-Security-Policy allows the page's own style and script and nothing else: texts of articles are hostile.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, TypeAlias

from eval.scoring import EVIDENCE_DEPTHS, MEANS, METRICS

Formatter: TypeAlias = Callable[[str, Mapping[str, Any]], tuple[str, str]]

SHOWN_CASES = 2000
"""More cases than this make a page that browsers scroll badly; failed ones are shown first."""

_CHARTED = ("passed", "hit@1", "evidence@10", "citation_precision", "citation_recall")
_STYLE = """
:root{color-scheme:light dark;--line:#d8dce3;--soft:#f4f6f9;--bar:#2f6fb3;--good:#1f7a4a;--bad:#b3372f;--mark:#fff0a8}
@media(prefers-color-scheme:dark){:root{--line:#3a4150;--soft:#20252f;--bar:#5b9be0;--good:#5fc08c;--bad:#ef8078;
--mark:#5c5010}}
*{box-sizing:border-box}
body{font:15px/1.6 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:1100px;padding:16px}
h1{font-size:1.4rem;margin:.2em 0}h2{font-size:1.1rem;margin:1.6em 0 .5em}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:4px 10px;border-bottom:1px solid var(--line)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.note{opacity:.75;font-size:.9em}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(310px,1fr));gap:16px}
.charts h3{font-size:.95rem;margin:0}svg{width:100%;height:auto;display:block}svg text{font-size:12px;fill:currentColor}
.filters{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0;position:sticky;top:0;padding:8px 0;background:Canvas}
.filters input{flex:1;min-width:160px}.filters input,.filters select{font:inherit;padding:4px 8px;max-width:100%}
details{border:1px solid var(--line);border-radius:8px;margin:6px 0;padding:0 12px}
details[open]{padding-bottom:12px}summary{cursor:pointer;padding:8px 0;overflow-wrap:anywhere}
.tag{display:inline-block;border-radius:4px;padding:0 6px;margin-right:6px;font-size:.85em;background:var(--soft)}
.ok{color:var(--good)}.no{color:var(--bad)}
dl{display:grid;grid-template-columns:6em 1fr;gap:4px 12px;margin:4px
0}dt{opacity:.7}svg.thin{width:200px}.two{display:grid;grid-template-columns:1fr 1fr;gap:16px}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:600px){.two{grid-template-columns:1fr}.wide{display:none}th,td{padding:4px 6px}dl{grid-template-columns:1fr}dt{margin-top:6px}} blockquote{margin:4px 0;padding:4px
10px;background:var(--soft);border-left:3px solid var(--line)} mark{background:var(--mark);color:inherit;print-color-adjust:exact} @media
print{.filters{display:none}details{break-inside:avoid}}
"""
_SCRIPT = """
const cases=[...document.querySelectorAll('details[data-type]')];
const box=id=>document.getElementById(id);
function show(){
  const words=box('words').value.trim().toLowerCase().split(/\\s+/).filter(Boolean);
  let shown=0;
  for(const item of cases){
    const text=item.textContent.toLowerCase();
    const fits=(!box('type').value||item.dataset.type===box('type').value)
      &&(!box('result').value||item.dataset.result===box('result').value)
      &&words.every(word=>text.includes(word));
    item.hidden=!fits; shown+=fits;
  }
  box('shown').textContent=`显示 ${shown} / ${cases.length} 题`;
}
for(const id of ['words','type','result'])box(id).addEventListener('input',show);
show();
"""
RESULTS = {"passed": "通过", "failed": "未通过", "unjudged": "不判定", "error": "出错"}


def render_page(
    summary: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    type_label: Callable[[str], str],
    format_value: Formatter,
    describe_judge: Callable[[Mapping[str, Any]], str],
) -> str:
    """The whole page.

    Args:
        summary: the content of summary.json.
        rows: the rows of cases.jsonl.
        type_label: Chinese name of a question type.
        format_value: a metric's name and estimate as value and interval.
        describe_judge: what an LLM judge said, in one line.
    """
    order = {"error": 0, "failed": 1, "unjudged": 2, "passed": 3}
    ranked = sorted(rows, key=lambda row: order[_result(row)])
    kept = {row["id"] for row in ranked[:SHOWN_CASES]}
    cut = f"<p class='note'>只列出 {SHOWN_CASES} 题，未通过的在内。</p>" if len(rows) > SHOWN_CASES else ""
    types = {kind: type_label(kind) for kind in summary["by_type"]}
    body = f"""{_description(summary)}
<h2>汇总</h2>
{_summary_table(summary, format_value)}{_judge(summary, describe_judge)}
<h2>按类型</h2>
{_charts(summary, type_label)}
<h2>逐题</h2>
{filters(types, RESULTS)}{cut}
<div id="cases">{"".join(_case(row, type_label) for row in rows if row["id"] in kept)}</div>"""
    return page_shell(f"评测报告：{summary['config']['set']}", body)


def page_shell(title: str, body: str) -> str:
    """A whole document around a body that is already HTML; its `details` with data-type and data-result can be filtered."""
    policy = f"default-src 'none'; style-src '{_hash(_STYLE)}'; script-src '{_hash(_SCRIPT)}'"
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1>
{body}
<script>{_SCRIPT}</script></body></html>
"""


def filters(types: Mapping[str, str], results: Mapping[str, str]) -> str:
    """Search box and the two selections, with what people read for each value."""
    options = [
        "".join(f"<option value='{escape(key, quote=True)}'>{escape(label)}</option>" for key, label in choice.items())
        for choice in (types, results)
    ]
    return (
        "<div class='filters'><input id='words' type='search' placeholder='查找文字' aria-label='查找文字'>"
        f"<select id='type' aria-label='类型'><option value=''>全部类型</option>{options[0]}</select>"
        f"<select id='result' aria-label='结果'><option value=''>全部结果</option>{options[1]}</select>"
        "<span id='shown' class='note' aria-live='polite'></span></div>"
    )


def _description(summary: Mapping[str, Any]) -> str:
    counts, made, machine = summary["counts"], summary["made"], summary["machine"]
    facts = [
        f"{counts['cases']} 题",
        f"可回答 {counts['answerable']}",
        f"拒答 {counts['refused']}",
        f"出错 {counts['errors']}",
        f"向量模型 {made['embedder'] or '–'}",
        f"大模型 {made['llm'] or '无（原文摘录）'}",
        f"提示词 {made['prompts'] or '–'}",
        f"版本 {made['version'] or '–'}",
        *_resources(summary.get("resources")),
        f"Python {machine['python']}，{machine['system']}，{machine['cpus']} 核",
    ]
    return f"<p class='note'>{escape(' · '.join(facts))}</p>"


def _resources(resources: Mapping[str, float] | None) -> list[str]:
    if not resources:
        return []
    return [f"内存峰值 {resources['peak_mb']:.0f} MB", f"知识库 {resources['library_mb']:.1f} MB"]


def _summary_table(summary: Mapping[str, Any], format_value: Formatter) -> str:
    lines = []
    for metric in METRICS:
        estimate = summary["metrics"][metric.name]
        value, interval = format_value(metric.name, estimate)
        lines.append(
            f"<tr><td>{escape(metric.label)}</td><td class='n'>{value}</td><td class='n'>{interval}</td>"
            f"<td class='n'>{estimate['n']}</td><td class='note wide'>{escape(metric.meaning)}</td></tr>"
        )
    head = "<tr><th>指标</th><th class='n'>值</th><th class='n'>95% 区间</th><th class='n'>n</th><th class='wide'>含义</th></tr>"
    return (
        f"<div class='scroll'><table><thead>{head}</thead><tbody>{''.join(lines)}</tbody></table></div>"
        "<p class='note'>区间为自助法（按题重抽样）95% 百分位区间；“–”表示不适用，不计为 0。</p>"
    )


def _judge(summary: Mapping[str, Any], describe_judge: Callable[[Mapping[str, Any]], str]) -> str:
    if not summary.get("judge"):
        return ""
    disagree = "、".join(summary["judge"]["disagree"])
    return (
        f"<p>{escape(describe_judge(summary['judge']))}</p><p class='note'>判定不一的题：{escape(disagree) or '无'}</p>"
    )


def _charts(summary: Mapping[str, Any], type_label: Callable[[str], str]) -> str:
    labels = {metric.name: metric.label for metric in MEANS}
    charts = []
    for name in _CHARTED:
        bars = [
            (type_label(kind), part["metrics"][name])
            for kind, part in summary["by_type"].items()
            if part["metrics"][name]["value"] is not None
        ]
        if bars:
            charts.append(f"<div><h3>{escape(labels[name])}</h3>{_bars(labels[name], bars)}</div>")
    charts += _depth_chart(summary["metrics"])
    charts += _risk_chart(summary.get("risk_coverage", []))
    charts += _latency_chart(summary.get("latencies", []))
    return f"<div class='charts'>{''.join(charts)}</div>" if charts else "<p class='note'>没有可画的指标。</p>"


def _depth_chart(metrics: Mapping[str, Any]) -> list[str]:
    """How much of the gold stands within the first passages."""
    bars = [(f"前 {k} 段", metrics[f"evidence@{k}"]) for k in EVIDENCE_DEPTHS if f"evidence@{k}" in metrics]
    bars = [(label, estimate) for label, estimate in bars if estimate["value"] is not None]
    title = "出处原文在前几个片段里"
    return [f"<div><h3>{title}</h3>{_bars(title, bars)}</div>"] if bars else []


def _latency_chart(bins: Sequence[Sequence[float]]) -> list[str]:
    """How long answers took."""
    if not bins:
        return []
    left, top, width, height = 30, 8, 280, 120
    highest = max(count for *_, count in bins) or 1
    step = width / len(bins)
    columns = "".join(
        f"<rect x='{left + i * step + 1:.1f}' y='{top + height * (1 - count / highest):.1f}' width='{step - 2:.1f}' "
        f"height='{height * count / highest:.1f}' fill='var(--bar)'><title>{start:.2f}–{end:.2f} 秒：{count:.0f} 题</title></rect>"
        for i, (start, end, count) in enumerate(bins)
    )
    marks = "".join(
        f"<text x='{left + share * width:.0f}' y='{top + height + 16}' text-anchor='middle'>{share * bins[-1][1]:.2f}</text>"
        for share in (0, 0.5, 1)
    )
    title = "用时（秒；最慢的 1% 在末一格）"
    svg = f"<svg viewBox='0 0 330 150' role='img' aria-label='{title}'>{columns}{marks}</svg>"
    return [f"<div><h3>{title}</h3>{svg}</div>"]


def _risk_chart(points: Sequence[tuple[float, float]]) -> list[str]:
    """The curve of risk over coverage: how many answers are wrong if only the surest are given."""
    if len(points) < 2:
        return []
    left, top, width, height = 40, 8, 270, 120
    line = " ".join(f"{left + c * width:.1f},{top + (1 - r) * height:.1f}" for c, r in points)
    grid = "".join(
        f"<line x1='{left}' x2='{left + width}' y1='{top + share * height:.0f}' y2='{top + share * height:.0f}' stroke='var(--line)'/>"
        f"<text x='{left - 4}' y='{top + share * height + 4:.0f}' text-anchor='end'>{100 * (1 - share):.0f}%</text>"
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    steps = "".join(
        f"<text x='{left + share * width:.0f}' y='{top + height + 16}' text-anchor='middle'>{100 * share:.0f}%</text>"
        for share in (0, 0.5, 1)
    )
    title = "风险与覆盖：只答最有把握的题时，答错的比例"
    svg = (
        f"<svg viewBox='0 0 330 150' role='img' aria-label='{title}'>{grid}{steps}"
        f"<polyline points='{line}' fill='none' stroke='var(--bar)' stroke-width='2'/></svg>"
    )
    return [f"<div><h3>{title}</h3>{svg}</div>"]


def _bars(title: str, bars: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Horizontal bars from 0 to 100%, each with its interval as a thin line."""
    left, width, step = 92, 150, 24
    parts = []
    for i, (label, estimate) in enumerate(bars):
        y = i * step
        value, low, high = (estimate[key] * width for key in ("value", "low", "high"))
        shown = label if len(label) <= 7 else f"{label[:6]}…"
        parts.append(
            f"<text x='{left - 6}' y='{y + 15}' text-anchor='end'>{escape(shown)}</text>"
            f"<rect x='{left}' y='{y + 4}' width='{value:.1f}' height='14' rx='2' fill='var(--bar)'/>"
            f"<line x1='{left + low:.1f}' x2='{left + high:.1f}' y1='{y + 11}' y2='{y + 11}' stroke='currentColor'/>"
            f"<text x='{left + width + 6}' y='{y + 15}'>{100 * estimate['value']:.0f}% (n={estimate['n']})</text>"
        )
    box = f"viewBox='0 0 345 {len(bars) * step}'"
    return f"<svg {box} role='img' aria-label='{escape(title, quote=True)}'>{''.join(parts)}</svg>"


def _case(row: Mapping[str, Any], type_label: Callable[[str], str]) -> str:
    result = _result(row)
    colour = {"passed": "ok", "failed": "no", "error": "no"}.get(result, "")
    tags = (
        f"<span class='tag {colour}'>{RESULTS[result]}</span><span class='tag'>{escape(type_label(row['type']))}</span>"
    )
    head = f"{tags}{escape(row['question'])} <span class='note'>{escape(row['id'])}</span>"
    body = _error(row) if row["answer"] is None else _answer(row)
    data = f"data-type='{escape(str(row['type']), quote=True)}' data-result='{result}'"
    return f"<details {data}><summary>{head}</summary><dl>{_history(row)}{body}{gold_rows(row)}</dl></details>"


def _answer(row: Mapping[str, Any]) -> str:
    answer = row["answer"]
    scores = {m.name: row["metrics"].get(m.name) for m in MEANS}
    shown = " · ".join(f"{m.label} {scores[m.name]:.2f}" for m in MEANS if scores[m.name] is not None)
    seconds = f"{row['seconds']:.2f} 秒"
    return (
        f"<dt>回答</dt><dd>{escape(answer['text'])}</dd>"
        f"<dt>依据</dt><dd>{''.join(evidence(answer)) or '（无）'}</dd>"
        f"<dt>指标</dt><dd class='note'>{escape(shown)} · 用时 {seconds}</dd>"
    )


def evidence(answer: Mapping[str, Any]) -> list[str]:
    """Each cited quote, marked inside the retrieved passage that it comes from."""
    quotes = []
    seen = set()
    for citation in (c for statement in answer["statements"] for c in statement["citations"]):
        place = (citation["number"], citation["start"], citation["end"])
        if place in seen:
            continue
        seen.add(place)
        before, after = _around(answer["hits"], citation)
        source = "，".join(part for part in (citation["source"], (citation["published_at"] or "")[:10]) if part)
        quotes.append(
            f"<blockquote>[{citation['number']}]《{escape(citation['title'])}》{escape(source)}<br>"
            f"{escape(before)}<mark>{escape(citation['quote'])}</mark>{escape(after)}</blockquote>"
        )
    return quotes


def _around(hits: Sequence[Mapping[str, Any]], citation: Mapping[str, Any]) -> tuple[str, str]:
    """What stands before and after a quote in the first retrieved passage that holds it; nothing where none does."""
    for hit in hits:
        inside = hit["start"] <= citation["start"] and citation["end"] <= hit["end"]
        if hit["article_id"] == citation["article_id"] and inside:
            text, start, end = hit["text"], citation["start"] - hit["start"], citation["end"] - hit["start"]
            return text[:start], text[end:]
    return "", ""


def gold_rows(row: Mapping[str, Any]) -> str:
    """What a right answer is, as rows of a description list."""
    facts = "；".join(" / ".join(fact) for fact in row["key_facts"])
    quotes = "".join(
        f"<blockquote>{escape(g['article'])}{'<br>' + escape(g['quote']) if g['quote'] else ''}</blockquote>"
        for g in row["gold"]
    )
    lines = [("要点", escape(facts)), ("不应出现", escape("、".join(row["forbidden"]))), ("出处", quotes)]
    if not row["answerable"]:
        lines.insert(0, ("应当", "拒答"))
    if row["references"]:
        lines.insert(0, ("参考答案", escape(" / ".join(row["references"]))))
    return "".join(f"<dt>{label}</dt><dd>{content}</dd>" for label, content in lines if content)


def _history(row: Mapping[str, Any]) -> str:
    return "".join(
        f"<dt>此前</dt><dd>{escape(turn['question'])}<br><span class='note'>{escape(turn['answer'])}</span></dd>"
        for turn in row["history"]
    )


def _error(row: Mapping[str, Any]) -> str:
    error = row["error"]
    return f"<dt>出错</dt><dd class='no'>{escape(error['kind'])}：{escape(error['message'])}</dd>"


def _result(row: Mapping[str, Any]) -> str:
    if row["error"] is not None:
        return "error"
    passed = row["metrics"]["passed"]
    if passed is None:
        return "unjudged"
    return "passed" if passed == 1.0 else "failed"


def _hash(content: str) -> str:
    """A Content-Security-Policy source that allows exactly this inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
