"""Records to HTML. Pure, and the only place of the page that writes markup.

Every text that comes from outside (articles, questions, LLM, library names, error messages) goes through `escape`. The
pieces returned here are shown by Gradio's chat with its Markdown off and its sanitizer on: a second net, not the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from rag.comparison_tables import Table, beside, table_of
from rag.errors import YoujuError
from rag.records import Answer, Article, Citation, Hit, Statement, Support
from rag.ui.backend import UiStatus
from rag.ui.texts import EN, ZH

LONGEST_QUESTION: Final = 2_000
"""Characters of a question that are accepted, and of one that are shown."""

_LONGEST_DRAFT = 20_000
_LONGEST_STATEMENT = 4_000
_LONGEST_QUOTE = 2_000
_LONGEST_LABEL = 200
_CONTEXT = 400
"""Characters of the article shown on each side of a quote, in whole paragraphs where they fit."""
NEAREST: Final = 3
"""Passages shown with a refusal."""
_EXCERPT = 120

_SIGNIFICANT: Final = {ord(char): f"&#{ord(char)};" for char in "&<>\"'`$*_[]{}()\\~|#"}
"""Everything that means something to HTML, Markdown, LaTeX, Handlebars or JavaScript templates: Gradio knows them all."""
_INVISIBLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the direction of the text around: they can make a quote read as another."""
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_SENTENCE_END: Final = re.compile(r"(?<=[。！？])(?![”’」』）])|\n+")


def escape(text: str, limit: int | None = None) -> str:
    """Text as inert HTML: nothing in it is markup to any of Gradio's renderers. Line breaks become spaces.

    Args:
        limit: characters of `text` that are kept; a longer one ends in “…”.
    """
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}…"
    return _inert(text).replace("\n", " ")


def both(key: str, **values: str) -> str:
    """One of our own texts in both languages; the style sheet shows the one of the browser.

    Args:
        values: what fills the text's braces, already HTML.
    """
    chinese, english = (_fill(texts[key], values) for texts in (ZH, EN))
    return f'<span class="yj-zh">{chinese}</span><span class="yj-en">{english}</span>'


def question_html(question: str) -> str:
    """The reader's question, its line breaks kept."""
    return f'<div class="yj-q">{_lines(question[:LONGEST_QUESTION])}</div>'


def progress_html(key: str, **values: str) -> str:
    """What is going on before the first word of a draft."""
    return f'<div class="yj-a yj-busy">{_meta(both(key, **values), busy=True)}</div>'


def draft_html(draft: str, state: str = "checking") -> str:
    """The LLM's words so far, told apart from an answer: muted, and under a line that says what they are.

    Args:
        state: name of that line: "checking" while it streams, "stopped" when the reader broke it off, "broken" when the program did.
    """
    shown = draft[-_LONGEST_DRAFT:]
    rows = "".join(f'<p class="yj-s">{escape(part)}</p>' for part in _SENTENCE_END.split(shown) if part.strip())
    busy = state == "checking"
    return f'<div class="yj-a yj-draft{" yj-busy" if busy else ""}">{rows}{_meta(both(state), busy=busy)}</div>'


def answer_html(answer: Answer, uid: str, scope_notice: str = "") -> str:
    """A finished answer, with the sources it rests on in a block that the page's script shows beside it.

    Args:
        uid: distinguishes the ids of this answer from those of every other one on the page.
        scope_notice: what is to be known of which articles were searched.
    """
    if answer.is_reply:
        return f'<div class="yj-a yj-final yj-reply" id="yj-{uid}"><p class="yj-s">{_lines(answer.reason)}</p></div>'
    cards = _Cards(uid)
    if answer.refused:
        body = _refusal(answer, cards)
    else:
        table = table_of(answer)
        told = beside(table, answer) if table else answer.shown
        body = "".join(_statement(statement, cards) for statement in told)
        body += (_comparison(table, cards) if table else "") + _struck(answer.struck)
    notices = [notice for notice in (scope_notice, answer.provenance.notice) if notice]
    notice_row = "".join(f'<p class="yj-notice">{escape(notice, _LONGEST_STATEMENT)}</p>' for notice in notices)
    sources = f'<div class="yj-sources" id="yj-{uid}-sources"><p class="yj-sources-of">'
    sources += both("sources_of", question=escape(answer.question, 60)) + "</p>"
    sources += cards.html() or f'<p class="yj-quiet">{both("sources_none")}</p>'
    return (
        f'<div class="yj-a yj-final" id="yj-{uid}">{notice_row}{body}{_meta(_provenance(answer))}{sources}</div></div>'
    )


def error_html(error: Exception | None) -> str:
    """A failure in plain words. Only a `YoujuError` speaks for itself; what else happened stays in the log."""
    if isinstance(error, YoujuError):
        message, hint = escape(error.message, 600), escape(error.hint, 600)
    elif error is None:
        message, hint = both("error_no_answer"), both("error_unknown_hint")
    else:
        message, hint = both("error_unknown"), both("error_unknown_hint")
    hint_row = f'<p class="yj-hint">{hint}</p>' if hint else ""
    return f'<div class="yj-a yj-error"><p class="yj-error-title">{both("error_title")}</p><p>{message}</p>{hint_row}</div>'


def stopped_html(draft: str) -> str:
    """An answer that the reader broke off."""
    if draft.strip():
        return draft_html(draft, "stopped")
    return remark_html("stopped_empty")


def remark_html(key: str) -> str:
    """A line of our own words in the place of an answer."""
    return f'<div class="yj-a">{_meta(both(key))}</div>'


def status_html(status: UiStatus | None) -> str:
    """The top line: the library and the LLM. None when the state cannot be read."""
    if status is None:
        return f'<div class="yj-status">{both("status_unknown")}</div>'
    model, detail = escape(status.model, 80), escape(status.detail, 80)
    key = f"phase_{status.phase}"
    percent = ""
    if status.phase == "downloading" and status.progress is not None:
        key, percent = "phase_downloading_percent", str(round(100 * min(max(status.progress, 0.0), 1.0)))
    elif status.phase == "failed" and detail:
        key = "phase_failed_detail"
    library = both("library_status", library=escape(status.library, 60), articles=f"{status.articles:,}")
    phase = both(key, model=model, percent=percent, detail=detail)
    return (
        f'<div class="yj-status" role="status"><span class="yj-library">{library}</span>'
        f'<span class="yj-model yj-model-{status.phase}">{phase}</span></div>'
    )


def plain_notice_html(text: str) -> str:
    """A remark in words that are not ours to translate, e.g. of an error."""
    return f'<p class="yj-remark" role="alert">{escape(text, 300)}</p>'


def notice_html(key: str, **values: str) -> str:
    """A remark under the question box, e.g. that the question is too long. Read aloud by screen readers."""
    return f'<p class="yj-remark" role="alert">{both(key, **values)}</p>'


def trouble_html() -> str:
    """What the page's script shows when Gradio reports trouble: its own messages are in English, and technical."""
    return "".join(
        f'<p class="yj-remark" role="alert" id="yj-trouble-{key}" hidden>{both(key)}</p>'
        for key in ("offline", "failed", "limited", "stopping")
    )


def account_html(name: str) -> str:
    """Who is logged in, with the way out; empty where nobody has to log in."""
    if not name:
        return ""
    return (
        f'<form class="yj-account" method="post" action="/logout"><span>{escape(name)}</span>'
        f'<button type="submit">{both("logout")}</button></form>'
    )


def header_html() -> str:
    """The name of the house."""
    return (
        f'<div class="yj-brand"><span class="yj-logo" aria-hidden="true">据</span><h1>{both("title")}</h1>'
        f'<span class="yj-tagline">{both("tagline")}</span></div>'
    )


def welcome_html() -> str:
    """What an empty conversation says."""
    return f'<div class="yj-welcome"><h2>{both("welcome")}</h2><p>{both("welcome_more")}</p></div>'


def panel_html() -> str:
    """The empty source panel; the page's script fills it with a copy of an answer's sources."""
    return (
        '<section id="yj-panel" class="yj-panel" tabindex="-1" aria-labelledby="yj-panel-title">'
        f'<div class="yj-panel-head"><h2 id="yj-panel-title">{both("sources")}</h2>'
        f'<button id="yj-panel-close" type="button">{both("close")}</button></div>'
        f'<div id="yj-panel-body"><p class="yj-quiet">{both("sources_empty")}</p></div></section>'
    )


def safe_url(url: str) -> str:
    """The link as an attribute value when it is plain http or https, otherwise an empty string."""
    url = url.strip()
    if len(url) > 2_000 or re.search(r"[\s\x00-\x1f\x7f\\\"'<>`]", url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return _inert(url) if parts.scheme in ("http", "https") and parts.netloc else ""


class _Cards:
    """The source cards of one answer, in the order in which they are first asked for."""

    def __init__(self, uid: str) -> None:
        self._uid = uid
        self._ids: dict[tuple[int, str, int, int], str] = {}
        self._html: list[str] = []

    def cite(self, citation: Citation) -> str:
        """Id of the marked sentence in the card of a citation."""
        key = (citation.number, citation.article.id, citation.start, citation.end)
        if key not in self._ids:
            target = self._ids[key] = f"yj-{self._uid}-{len(self._ids) + 1}"
            passage = _passage(citation.article, citation.start, citation.end, target)
            self._html.append(_card(citation.article, f'<span class="yj-n">{citation.number}</span>', passage))
        return self._ids[key]

    def near(self, hit: Hit) -> str:
        """Id of the card of a passage that was near, though it answers nothing: no sentence of it is marked as proof."""
        key = (0, hit.article.id, hit.chunk.start, hit.chunk.end)
        if key not in self._ids:
            target = self._ids[key] = f"yj-{self._uid}-{len(self._ids) + 1}"
            passage = _passage(hit.article, hit.chunk.start, hit.chunk.end, target, tag="span")
            self._html.append(_card(hit.article, "", passage))
        return self._ids[key]

    def html(self) -> str:
        return "".join(self._html)


def _comparison(table: Table, cards: _Cards) -> str:
    """A comparison as a real table: what is compared, the figure with its mark, and the sentence that holds it."""
    rows = []
    for row in table.rows:
        if row.citation:
            figure = f"{escape(row.figure, 60)}{_mark(row.citation, cards)}"
            quote = escape(row.citation.quote, _LONGEST_STATEMENT)
        else:
            figure, quote = f'<span class="yj-quiet">{both("compared_missing")}</span>', ""
        rows.append(f'<tr><th scope="row">{escape(row.label, 60)}</th><td>{figure}</td><td>{quote}</td></tr>')
    head = f'<tr><td></td><th scope="col">{escape(table.measure, 60)}</th><th scope="col">{both("sources")}</th></tr>'
    note = f'<p class="yj-note">{escape(table.note, 600)}</p>' if table.note else ""
    return f'<table class="yj-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>{note}'


def _mark(citation: Citation, cards: _Cards) -> str:
    return (
        f'<a class="yj-cite" href="#{cards.cite(citation)}" title="{_tooltip(citation)}">'
        f'<span class="yj-sr">{both("source_mark")}</span>[{citation.number}]</a>'
    )


def _statement(statement: Statement, cards: _Cards) -> str:
    marks = "".join(_mark(citation, cards) for citation in statement.citations)
    text = _lines(statement.text.strip()[:_LONGEST_STATEMENT])
    badge = _badge(statement.support)
    return f'<p class="yj-s yj-s-{statement.support}"><span class="yj-text">{text}</span>{marks}{badge}{_note(statement)}</p>'


def _struck(statements: Sequence[Statement]) -> str:
    """What was left out of the answer, behind a closed line that says how many sentences it is."""
    if not statements:
        return ""
    rows = "".join(
        f'<p class="yj-s yj-s-unsupported"><del class="yj-text">{_lines(statement.text.strip()[:_LONGEST_STATEMENT])}</del>'
        f"{_badge(statement.support)}{_note(statement)}</p>"
        for statement in statements
    )
    return f'<details class="yj-struck"><summary>{both("struck", count=str(len(statements)))}</summary>{rows}</details>'


def _note(statement: Statement) -> str:
    return f'<span class="yj-note">{escape(statement.note, 600)}</span>' if statement.note else ""


def _badge(support: Support) -> str:
    return f'<span class="yj-badge yj-badge-{support}">{both(support)}</span>'


def _tooltip(citation: Citation) -> str:
    article = citation.article
    where = " · ".join(part for part in (article.source[:60], article.date) if part)
    return escape(f"“{citation.quote[:_EXCERPT]}”{f' —— {where}' if where else ''}")


def _refusal(answer: Answer, cards: _Cards) -> str:
    reason = f'<p class="yj-refused"><span class="yj-badge yj-badge-refused">{both("refused")}</span>'
    reason += f'<span class="yj-text">{escape(answer.reason, _LONGEST_STATEMENT)}</span></p>'
    rows = "".join(
        f"<li><span class='yj-near-title'>{escape(hit.article.title, 80)}</span>{_where(hit.article)}"
        f'<span class="yj-excerpt">{escape(hit.chunk.text.strip(), _EXCERPT)}</span>'
        f'<a class="yj-cite yj-cite-near" href="#{cards.near(hit)}">{both("see_passage")}</a></li>'
        for hit in answer.hits[:NEAREST]
    )
    nearest = f'<div class="yj-nearest"><p class="yj-quiet">{both("nearest")}</p><ul>{rows}</ul></div>' if rows else ""
    return reason + nearest


def _card(article: Article, number: str, passage: str) -> str:
    url = safe_url(article.url)
    link = f'<a class="yj-original" href="{url}" target="_blank" rel="noopener noreferrer">{both("original")}</a>'
    return (
        f'<article class="yj-card"><header>{number}<div class="yj-card-head">'
        f"<h3>{escape(article.title, _LONGEST_LABEL)}</h3>{_where(article)}</div></header>"
        f'<div class="yj-passage" tabindex="0">{passage}</div>{link if url else ""}</article>'
    )


def _where(article: Article) -> str:
    date = f"<time>{article.date}</time>" if article.date else "<span>" + both("no_date") + "</span>"
    source = f"<span>{escape(article.source, 60)}</span>" if article.source else ""
    return f'<span class="yj-where">{source}{date}</span>'


def _passage(article: Article, start: int, end: int, target: str, tag: str = "mark") -> str:
    """The paragraphs around `article.text[start:end]`, cut from the article itself, with that span under `target`."""
    text = article.text
    left = max(0, start - _CONTEXT)
    if left:
        line = text.find("\n", left, start)
        left = line + 1 if line >= 0 else left
    right = min(len(text), end + _CONTEXT)
    if right < len(text):
        line = text.rfind("\n", end, right)
        right = line if line >= 0 else right
    before, after = text[left:start].lstrip("\n"), text[end:right].rstrip("\n")
    quote = text[start : min(end, start + _LONGEST_QUOTE)]
    cut = "…" if end - start > _LONGEST_QUOTE else ""
    marked = f'<{tag} class="yj-quote" id="{target}">{_lines(quote)}{cut}</{tag}>'
    inner = f"{'…' if left else ''}{_paragraphs(before)}{marked}{_paragraphs(after)}{'…' if right < len(text) else ''}"
    return f"<p>{inner}</p>"


def _provenance(answer: Answer) -> str:
    llm = answer.provenance.llm
    parts = [escape(llm, 80) if llm else both("extractive")]
    if "total" in answer.timings:
        parts.append(both("seconds", seconds=f"{answer.timings['total']:.1f}"))
    parts.append(both("passages", count=str(len(answer.hits))))
    if answer.scope:
        parts.append(both("scope", scope=escape(answer.scope, 120)))
    standalone = answer.standalone_question
    if standalone and standalone != answer.question:
        parts.append(both("searched_as", question=escape(standalone, _LONGEST_LABEL)))
    return '<span class="yj-dot" aria-hidden="true"> · </span>'.join(f"<span>{part}</span>" for part in parts)


def _meta(inner: str, *, busy: bool = False) -> str:
    pulse = '<span class="yj-pulse" aria-hidden="true"></span>' if busy else ""
    return f'<p class="yj-meta">{pulse}{inner}</p>'


def plain(text: str) -> str:
    """Text without characters that cannot be seen but change what can: for files and the clipboard."""
    return _INVISIBLE.sub("", _SURROGATES.sub("\ufffd", text))


def _inert(text: str) -> str:
    return plain(text).translate(_SIGNIFICANT)


def _lines(text: str) -> str:
    return re.sub(r"\s*\n\s*", "<br>", _inert(text))


def _paragraphs(text: str) -> str:
    return re.sub(r"\s*\n\s*", "</p><p>", _inert(text))


def _fill(template: str, values: dict[str, str]) -> str:
    """`template` with its braces filled in one pass: a brace inside a value is never read."""
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], template)
