"""A conversation to take along: as Markdown, as one HTML file, as a Word document (`export_docx`), or on the clipboard.

What is exported is what is shown: marks, support, what was struck, notes, refusals with the nearest passages. It is composed once, as
blocks; each format writes blocks, and makes every text inert in its own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from rag.chat_records import SavedExchange
from rag.comparison_tables import beside, table_of
from rag.records import SHANGHAI, Answer, Article, Citation, Statement
from rag.ui.markup import escape, safe_url, visible
from rag.ui.render import NEAREST
from rag.ui.texts import EN, ZH

Texts = Mapping[str, str]

_LONGEST_NAME = 40
_BLANK = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text; with an address it is a link."""

    text: str
    style: Literal["", "strong", "mark", "strike", "quiet"] = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph."""

    kind: Literal["title", "question", "text", "label", "item", "quote", "notice"]
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first row is its head."""

    rows: tuple[tuple[tuple[Run, ...], ...], ...] = field(default=())


def texts_of(language: str) -> Texts:
    """The words of a language as browsers name them: Chinese for zh-…, else English."""
    return ZH if language.lower().startswith("zh") else EN


def file_name(title: str, suffix: str, at: datetime) -> str:
    """A name for the file that no system takes for anything else: letters, digits and Han characters of the title, and the day."""
    words = "-".join(re.findall(r"\w+", visible(title)))[:_LONGEST_NAME].strip("-_")
    return f"youju-{at.astimezone(SHANGHAI):%Y%m%d}{f'-{words}' if words else ''}.{suffix}"


def one_line(text: str) -> str:
    """A text without line breaks and invisible characters."""
    return re.sub(r"\s+", " ", visible(text))


def conversation_blocks(
    title: str, exchanges: Sequence[SavedExchange], texts: Texts, at: datetime
) -> list[Block | Grid]:
    """A whole conversation."""
    made = _fill(texts["export_made"], time=f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
    blocks: list[Block | Grid] = [Block("title", (Run(title),)), Block("notice", (Run(made, "quiet"),))]
    for exchange in exchanges:
        blocks.append(Block("question", (Run(exchange.question),)))
        blocks += exchange_blocks(exchange, texts)
    return blocks


def exchange_blocks(exchange: SavedExchange, texts: Texts) -> list[Block | Grid]:
    """What is shown for one question, without the question."""
    answer = exchange.answer
    if answer is None:
        return list(_without_answer(exchange, texts))
    if answer.is_reply:
        return [Block("text", (Run(answer.reason),))]
    blocks: list[Block | Grid] = []
    if answer.standalone_question and answer.standalone_question != answer.question:
        searched = _fill(texts["searched_as"], question=answer.standalone_question)
        blocks.append(Block("notice", (Run(searched, "quiet"),)))
    if answer.scope:
        blocks.append(Block("notice", (Run(_fill(texts["scope"], scope=answer.scope), "quiet"),)))
    blocks += [Block("notice", (Run(text),)) for text in (exchange.notice, answer.provenance.notice) if text]
    blocks += _refusal(answer, texts) if answer.refused else _told(answer, texts)
    made_by = answer.provenance.llm or texts["extractive"]
    blocks.append(
        Block("notice", (Run(f"{made_by} · {answer.provenance.prompts} · {answer.provenance.library}", "quiet"),))
    )
    return blocks


def to_markdown(blocks: Sequence[Block | Grid]) -> str:
    """Blocks as Markdown (CommonMark with tables) in which no text is markup."""
    pieces = []
    for block in blocks:
        if isinstance(block, Grid):
            rows = ["| " + " | ".join(_md_runs(cell) for cell in row) + " |" for row in block.rows]
            rows.insert(1, "|" + " --- |" * len(block.rows[0]))
            pieces.append("\n".join(rows))
            continue
        before = {"title": "# ", "question": "## ", "item": "- ", "quote": "  > "}.get(block.kind, "")
        text = _md_runs(block.runs)
        pieces.append(f"**{text}**" if block.kind == "label" else before + (text if before else _md_start(text)))
    return "\n\n".join(pieces) + "\n"


def to_html(blocks: Sequence[Block | Grid]) -> str:
    """Blocks as HTML in which no text is markup, without a head: for the clipboard."""
    return "".join(_html_block(block) for block in blocks)


def to_html_page(title: str, blocks: Sequence[Block | Grid], texts: Texts) -> str:
    """Blocks as a page of its own that loads nothing and runs nothing."""
    language = "zh-CN" if texts is ZH else "en"
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main>{to_html(blocks)}</main></body></html>\n"
    )


def to_plain(blocks: Sequence[Block | Grid]) -> str:
    """Blocks as plain text, for the clipboard."""
    lines = []
    for block in blocks:
        if isinstance(block, Grid):
            lines += ["\t".join("".join(one_line(run.text) for run in cell) for cell in row) for row in block.rows]
            continue
        text = "".join(_plain_run(run) for run in block.runs)
        lines.append({"item": f"· {text}", "quote": f"    {text}"}.get(block.kind, text))
    return "\n".join(lines) + "\n"


# -- composing -----------------------------------------------------------------------------------------------------


def _without_answer(exchange: SavedExchange, texts: Texts) -> Iterator[Block]:
    if exchange.draft.strip():
        yield Block("text", (Run(exchange.draft, "quiet"),))
    if exchange.state == "failed":
        yield Block("text", (Run(texts["error_title"], "strong"),))
        told = exchange.error or (texts["error_unknown"], texts["error_unknown_hint"])
        yield from (Block("text", (Run(line),)) for line in told if line)
    elif exchange.state == "stopped":
        yield Block("notice", (Run(texts["stopped" if exchange.draft.strip() else "stopped_empty"], "quiet"),))
    elif exchange.draft.strip():
        yield Block("notice", (Run(texts["broken"], "quiet"),))
    else:
        yield Block("notice", (Run(texts["error_no_answer"], "quiet"),))


def _told(answer: Answer, texts: Texts) -> Iterator[Block | Grid]:
    table = table_of(answer)
    for statement in beside(table, answer) if table else answer.shown:
        marks = "".join(f"[{number}]" for number in dict.fromkeys(c.number for c in statement.citations))
        yield Block("text", (Run(statement.text.strip()), Run(marks, "mark"), *_support(statement, texts)))
    if table:
        head = ((), (Run(table.measure, "strong"),), (Run(texts["sources"], "strong"),))
        rows = [
            (
                (Run(row.label, "strong"),),
                (Run(row.figure), Run(f"[{row.citation.number}]", "mark")),
                (Run(row.citation.quote),),
            )
            if row.citation
            else ((Run(row.label, "strong"),), (Run(texts["compared_missing"], "quiet"),), ())
            for row in table.rows
        ]
        yield Grid((head, *rows))
        if table.note:
            yield Block("notice", (Run(table.note),))
    if answer.struck:
        yield Block("label", (Run(_fill(texts["struck"], count=str(len(answer.struck)))),))
        for statement in answer.struck:
            yield Block("item", (Run(statement.text.strip(), "strike"), *_support(statement, texts)))
    # A mark may stand for several sentences of one number; every one of them is listed.
    cited = {(c.number, c.article.id, c.start, c.end): c for s in answer.statements for c in s.citations}
    if cited:
        yield Block("label", (Run(texts["sources"]),))
    for citation in sorted(cited.values(), key=lambda c: (c.number, c.start)):
        yield from _source(citation, texts)


def _support(statement: Statement, texts: Texts) -> tuple[Run, ...]:
    note = f"：{statement.note}" if statement.note else ""
    return (Run(f"〔{texts[statement.support]}{note}〕", "quiet"),)


def _source(citation: Citation, texts: Texts) -> Iterator[Block]:
    yield Block("item", (Run(f"[{citation.number}]", "mark"), Run(" "), *_about(citation.article, texts)))
    yield Block("quote", (Run(f"“{citation.quote}”"),))


def _about(article: Article, texts: Texts) -> tuple[Run, ...]:
    where = " · ".join(part for part in (article.source, article.date or texts["no_date"]) if part)
    url = article.url.strip() if safe_url(article.url) else ""
    return (Run(article.title, "strong"), Run(f" · {where}"), *((Run(" · "), Run(url, "", url)) if url else ()))


def _refusal(answer: Answer, texts: Texts) -> Iterator[Block]:
    yield Block("text", (Run(f"〔{texts['refused']}〕", "quiet"), Run(answer.reason)))
    if answer.hits:
        yield Block("label", (Run(texts["nearest"]),))
    for hit in answer.hits[:NEAREST]:
        yield Block("item", _about(hit.article, texts))
        yield Block("quote", (Run(hit.chunk.text.strip()),))


# -- writing -------------------------------------------------------------------------------------------------------

_MD_SIGNIFICANT = re.compile(r"([\\`*_\[\]<>|~$#&])")
_MD_FIRST = re.compile(r"^(\s*)([-+=]|\d+[.)])")


def _md(text: str) -> str:
    return _MD_SIGNIFICANT.sub(r"\\\1", one_line(text))


def _md_start(text: str) -> str:
    """A paragraph whose beginning is no list and no rule."""
    return _MD_FIRST.sub(lambda m: m[1] + m[2][:-1] + "\\" + m[2][-1], text)


def _md_runs(runs: Sequence[Run]) -> str:
    return "".join(_md_run(run) for run in runs)


def _md_run(run: Run) -> str:
    if run.url:
        return f"<{visible(run.url)}>"
    if run.style == "mark":
        return visible(run.text)
    text = _md(run.text)
    around = {"strong": "**", "strike": "~~"}.get(run.style, "") if text.strip() else ""
    return f"{around}{text.strip()}{around}" if around else text


def _html_block(block: Block | Grid) -> str:
    if isinstance(block, Grid):
        rows = "".join(f"<tr>{''.join(f'<td>{_html_runs(cell)}</td>' for cell in row)}</tr>" for row in block.rows)
        return f"<table>{rows}</table>"
    inner = _html_runs(block.runs)
    match block.kind:
        case "title":
            return f"<h1>{inner}</h1>"
        case "question":
            return f"<h2>{inner}</h2>"
        case "label":
            return f"<h3>{inner}</h3>"
        case "quote":
            return f"<blockquote>{inner}</blockquote>"
        case "item":
            return f'<p class="item">{inner}</p>'
        case "notice":
            return f'<p class="notice">{inner}</p>'
    return f"<p>{inner}</p>"


def _html_runs(runs: Sequence[Run]) -> str:
    return "".join(_html_run(run) for run in runs)


def _html_run(run: Run) -> str:
    text = escape(run.text)
    if run.url:
        return f'<a href="{safe_url(run.url)}" rel="noopener noreferrer">{text}</a>'
    tag = {"strong": "strong", "mark": "sup", "strike": "del", "quiet": "small"}.get(run.style)
    return f"<{tag}>{text}</{tag}>" if tag and text else text


def _plain_run(run: Run) -> str:
    return f"~~{one_line(run.text)}~~" if run.style == "strike" else one_line(run.text)


def _fill(template: str, **values: str) -> str:
    return _BLANK.sub(lambda match: values[match[1]], template)


_STYLE: Final = (
    "body{margin:0;background:#f5f7f7;color:#1b2426;font:16px/1.75 'PingFang SC','Noto Sans CJK SC','Microsoft YaHei',sans-serif}"
    "main{max-width:45rem;margin:0 auto;padding:2rem 1.25rem;overflow-wrap:anywhere}h1{font-size:1.5rem}"
    "h2{margin:2.5rem 0 .75rem;padding-top:1rem;border-top:1px solid #dce2e2;font-size:1.2rem}h3{margin:1rem 0 .25rem;font-size:1rem}"
    "p{margin:.4rem 0}small,.notice{color:#566266;font-size:.875rem}sup{color:#0b6355;line-height:0}a{color:#0b6355}"
    "blockquote{margin:.2rem 0 .6rem;padding-left:.75rem;border-left:3px solid #ffe27a}"
    "table{border-collapse:collapse}td{padding:.35rem .6rem;border:1px solid #dce2e2;vertical-align:top}"
    "@media(prefers-color-scheme:dark){body{background:#12171a;color:#e4eaea}small,.notice{color:#9fadb0}sup,a{color:#74d0be}"
    "h2,td{border-color:#2c3639}blockquote{border-color:#d9b13b}}"
)
