"""What `youju add` did, file by file, as one self-contained page: tables, plots, a list that can be searched.

A strict Content-Security-Policy allows the page's own style and script and nothing else; all texts are escaped or travel as data.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from rag.durable import write_whole
from rag.errors import LibraryError
from rag.ingest import AddReport
from rag.reasons import describe_reason
from rag.version import VERSION

_SOURCES = 20
_MONTHS = 60
_OUTCOMES = {
    "added": "新加入", "updated": "已更新", "unchanged": "没有变化", "duplicate": "重复", "moved": "移动了位置",
    "skipped": "跳过", "failed": "失败",
}  # fmt: skip
_STAGES = {"read": "读取", "compare": "比较", "embed": "向量化与写入", "index": "索引"}
_LENGTHS = (100, 300, 1000, 3000, 10_000)

_STYLE = """
:root{color-scheme:light dark;--line:#d8dce3;--soft:#f4f6f9;--bar:#2f6fb3;--bad:#b3372f}
@media(prefers-color-scheme:dark){:root{--line:#3a4150;--soft:#20252f;--bar:#5b9be0;--bad:#ef8078}}
*{box-sizing:border-box}
body{font:15px/1.6 system-ui,"Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:0 auto;max-width:1200px;padding:16px}
h1{font-size:1.4rem;margin:.2em 0}h2{font-size:1.1rem;margin:1.6em 0 .5em}
.note{opacity:.75;font-size:.9em}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:8px 24px;align-items:start}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:3px 8px;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
svg{width:100%;height:auto;display:block}svg text{font-size:12px;fill:currentColor}svg rect{fill:var(--bar)}
.filters{display:flex;flex-wrap:wrap;gap:8px;position:sticky;top:0;padding:8px 0;background:Canvas}
.filters input{flex:1;min-width:150px}.filters input,.filters select,button{font:inherit;padding:4px 8px;max-width:100%}
#rows td{overflow-wrap:anywhere}.failed{color:var(--bad)}
#rows .path,#rows .more{font-size:.85em;opacity:.8}
#more[hidden]{display:none}
@media(max-width:600px){.wide{display:none}body{padding:10px}.grid{grid-template-columns:1fr}}
@media print{.filters,#more{display:none}}
"""
_SCRIPT = """
const data=JSON.parse(document.getElementById('data').textContent);
const box=id=>document.getElementById(id);
const STEP=200;
let found=[],shown=0;
const names=data.outcomes;
for(const row of data.rows)row.words=row.join(' ').toLowerCase();
function cell(line,text,className){const td=document.createElement('td');td.textContent=text;if(className)td.className=className;line.append(td);return td;}
function part(td,text,className){if(!text)return;const div=document.createElement('div');div.textContent=text;div.className=className;td.append(div);}
function more(){
  const body=box('rows');
  for(const row of found.slice(shown,shown+STEP)){
    const [outcome,path,title,source,date,characters,chunks,message,twin]=row;
    const line=document.createElement('tr');
    cell(line,names[outcome],outcome==='failed'?'failed':'');
    const what=cell(line,title||'');
    part(what,path,'path');part(what,message,'more');part(what,twin?'同：'+twin:'','more');
    cell(line,source,'wide');cell(line,date,'wide');cell(line,characters||'','n');cell(line,chunks||'','n wide');
    body.append(line);
  }
  shown=Math.min(found.length,shown+STEP);
  box('more').hidden=shown>=found.length;
  box('count').textContent=`显示 ${shown} / ${found.length} 条`;
}
function filter(){
  const words=box('words').value.trim().toLowerCase().split(/\\s+/).filter(Boolean);
  const outcome=box('outcome').value;
  found=data.rows.filter(row=>(!outcome||row[0]===outcome)&&words.every(word=>row.words.includes(word)));
  shown=0;box('rows').replaceChildren();more();
}
box('words').addEventListener('input',filter);box('outcome').addEventListener('input',filter);
box('more').addEventListener('click',more);
filter();
"""


def write_report(path: Path, report: AddReport, *, library: str, articles: Iterable[tuple[str, str, int]]) -> None:
    """Write the page. See `render_report`.

    Raises:
        LibraryError: the file cannot be written.
    """
    try:
        write_whole(path, render_report(report, library=library, articles=articles).encode())
    except OSError as error:
        raise LibraryError(f"报告写不出：{path}（{error.strerror}）；文章都已加入", "请换一个 --report 文件") from None


def render_report(report: AddReport, *, library: str, articles: Iterable[tuple[str, str, int]]) -> str:
    """The whole page.

    Args:
        report: with its rows.
        library: the library's folder.
        articles: month ("2021-07" or empty), source and number of characters of every article in the library, for the plots.
    """
    months: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    lengths: Counter[int] = Counter()
    total = 0
    for month, source, characters in articles:
        months[month] += 1
        sources[source or "（没有来源）"] += 1
        lengths[sum(characters >= limit for limit in _LENGTHS)] += 1
        total += 1
    policy = f"default-src 'none'; style-src '{_hash(_STYLE)}'; script-src '{_hash(_SCRIPT)}'"
    return f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>youju add 的结果</title><style>{_STYLE}</style></head><body>
<h1>加入文章的结果</h1>
<p class="note">知识库 {escape(library)} · 现有 {total} 篇 · 有据 {VERSION}</p>
<div class="grid"><div><h2>这一次</h2>{_outcomes(report)}</div><div><h2>用时</h2>{_times(report)}</div></div>
<h2>知识库里的文章</h2>
<div class="grid"><div><h3>按月份</h3>{_bars(_by_month(months))}</div><div><h3>按来源</h3>{_bars(_top(sources))}</div>
<div><h3>按正文字数</h3>{_bars([(_length_label(i), lengths[i]) for i in range(len(_LENGTHS) + 1)])}</div>
<div><h3>没有加入的原因</h3>{_bars([(describe_reason(r), n) for r, n in report.reasons.items()]) or "<p class='note'>没有</p>"}</div></div>
<h2>逐个文件</h2>
<div class="filters"><input id="words" type="search" placeholder="按标题、文件名、来源、原因查找" aria-label="查找">
<select id="outcome" aria-label="结果"><option value="">全部结果</option>{_options()}</select></div>
<p class="note" id="count"></p>
<table><thead><tr><th>结果</th><th>标题与文件</th><th class="wide">来源</th><th class="wide">日期</th><th class="n">字数</th>
<th class="n wide">片段</th></tr></thead><tbody id="rows"></tbody></table>
<p><button id="more" type="button">再显示 200 条</button></p>
<script type="application/json" id="data">{_data(report)}</script>
<script>{_SCRIPT}</script></body></html>
"""


def _outcomes(report: AddReport) -> str:
    counts = [
        ("新加入", report.added), ("已更新", report.updated), ("没有变化", report.unchanged), ("移动了位置", report.moved),
        ("重复（与另一篇相同）", report.duplicates), ("其中转载、近似", report.near_duplicates),
        *((f"跳过或失败：{describe_reason(reason)}", count) for reason, count in report.reasons.items()),
        ("原文件已不在（文章仍保留）", len(report.vanished)),
        *((f"附注：{note}", count) for note, count in report.notes.items()),
    ]  # fmt: skip
    return _table([(label, str(count)) for label, count in counts if count or label == "新加入"])


def _times(report: AddReport) -> str:
    rows = [(_STAGES.get(name, name), f"{seconds:.1f} 秒") for name, seconds in report.stages.items()]
    rows.append(("合计", f"{report.seconds:.1f} 秒"))
    rows.append(("写入的片段", str(report.chunks)))
    rows.append(("其中新算向量的", str(report.embedded)))
    if report.embedded and report.stages.get("embed"):
        rows.append(("每秒片段", f"{report.embedded / report.stages['embed']:.1f}"))
    return _table(rows)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    return (
        "<table>"
        + "".join(f"<tr><td>{escape(a)}</td><td class='n'>{escape(b)}</td></tr>" for a, b in rows)
        + "</table>"
    )


def _by_month(months: Mapping[str, int]) -> list[tuple[str, int]]:
    dated = sorted(month for month in months if month)
    older = sum(months[month] for month in dated[:-_MONTHS])
    bars = [("更早", older)] if older else []
    bars += [(month, months[month]) for month in dated[-_MONTHS:]]
    return bars + ([("没有日期", months[""])] if months.get("") else [])


def _top(counts: Counter[str]) -> list[tuple[str, int]]:
    bars = counts.most_common(_SOURCES)
    rest = sum(counts.values()) - sum(count for _, count in bars)
    return bars + ([(f"其余 {len(counts) - len(bars)} 个", rest)] if rest else [])


def _length_label(index: int) -> str:
    if index == 0:
        return f"不到 {_LENGTHS[0]}"
    return f"{_LENGTHS[index - 1]} 以上" if index == len(_LENGTHS) else f"{_LENGTHS[index - 1]}–{_LENGTHS[index]}"


def _bars(bars: Sequence[tuple[str, int]]) -> str:
    """A horizontal bar chart with labels; empty for no bars."""
    if not bars:
        return ""
    highest = max(count for _, count in bars) or 1
    parts = []
    for row, (label, count) in enumerate(bars):
        y = row * 22
        width = round(200 * count / highest, 1)
        name = label if len(label.encode("gb18030")) <= 18 else f"{label[:8]}…"
        parts.append(
            f"<text x='112' y='{y + 15}' text-anchor='end'>{escape(name)}<title>{escape(label)}</title></text>"
            f"<rect x='120' y='{y + 4}' width='{width}' height='14' rx='2'></rect><text x='{126 + width}' y='{y + 15}'>{count}</text>"
        )
    return f"<svg viewBox='0 0 380 {len(bars) * 22}' role='img' aria-label='条形图'>{''.join(parts)}</svg>"


def _options() -> str:
    return "".join(f"<option value='{name}'>{label}</option>" for name, label in _OUTCOMES.items())


def _data(report: AddReport) -> str:
    rows = []
    for row in report.rows:
        place = f"{row.path}#{row.member}" if row.member else row.path
        reason = describe_reason(row.reason) if row.reason else ""
        message = row.message if row.outcome == "failed" else "；".join(filter(None, (reason, row.message)))
        if row.outcome == "skipped":
            message = reason
        rows.append(
            [row.outcome, place, row.title, row.source, row.date, row.characters, row.chunks, message, row.twin]
        )
    text = json.dumps({"outcomes": _OUTCOMES, "rows": rows}, ensure_ascii=False, separators=(",", ":"))
    # Data within a script element: nothing in it may look like markup to the HTML parser.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
