"""Records to HTML. Pure; with `sources` and `how` the only place of the page that writes markup.

Every text that comes from outside (articles, questions, LLM, library names, error messages) goes through `escape`. The
pieces returned here are shown by Gradio's chat with its Markdown off and its sanitizer on: a second net, not the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rag.comparison_tables import Table, beside, table_of
from rag.conflicts import disputed
from rag.errors import YoujuError
from rag.records import Answer, Citation, Statement, Support
from rag.ui.backend import UiStatus
from rag.ui.how import how_html
from rag.ui.markup import both, escape, lines, said
from rag.ui.sources import Cards, where

LONGEST_QUESTION: Final = 2_000
"""Characters of a question that are accepted, and of one that are shown."""

_LONGEST_DRAFT = 20_000
_LONGEST_STATEMENT = 4_000
NEAREST: Final = 3
"""Passages shown with a refusal."""
_EXCERPT = 120

_SCRIPT_WORDS: Final[dict[str, dict[str, str]]] = {
    "opening": {},
    "article_lost": {},
    "article_failed": {},
    "article_changed": {},
    "place_of": {"at": "{at}", "all": "{all}"},
    "original": {},
    "no_date": {},
    "read_article": {},
    "searching": {},
    "answered": {},
    "chat_label": {},
    "question_label": {},
    "answer_label": {},
    "title": {},
    "remove_choice": {"name": "{name}"},
    "clear_choices": {},
    "choices": {},
    "scroll_down": {},
}
"""Their keys, and what stands for a blank that the script fills itself."""
_SENTENCE_END: Final = re.compile(r"(?<=[。！？])(?![”’」』）])|\n+")


def question_html(question: str) -> str:
    """The reader's question, its line breaks kept."""
    return f'<div class="yj-q">{lines(question[:LONGEST_QUESTION])}</div>'


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
        return f'<div class="yj-a yj-final yj-reply" id="yj-{uid}"><p class="yj-s">{lines(answer.reason)}</p></div>'
    cards = Cards(uid, answer.hits)
    if answer.refused:
        body = _refusal(answer, cards)
    else:
        table = table_of(answer)
        told = beside(table, answer) if table else answer.shown
        at_odds = disputed(answer.shown)
        body = "".join(_statement(statement, cards, at_odds) for statement in told)
        body += (_comparison(table, cards) if table else "") + _struck(answer.struck)
    notices = [notice for notice in (scope_notice, answer.provenance.notice) if notice]
    notice_row = "".join(f'<p class="yj-notice">{escape(notice, _LONGEST_STATEMENT)}</p>' for notice in notices)
    sources = f'<div class="yj-sources" id="yj-{uid}-sources"><p class="yj-sources-of">'
    sources += both("sources_of", question=escape(answer.question, 60)) + "</p>"
    sources += cards.html() or f'<p class="yj-quiet">{both("sources_none")}</p>'
    return f'<div class="yj-a yj-final" id="yj-{uid}">{notice_row}{body}{how_html(answer)}{sources}</div></div>'


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


def shell_html() -> str:
    """What is seen until Gradio has drawn the page."""
    return f'<div id="yj-shell" role="status"><p>{both("drawing")}</p></div>'


def welcome_html() -> str:
    """What an empty conversation says."""
    return f'<div class="yj-welcome"><h2>{both("welcome")}</h2><p>{both("welcome_more")}</p></div>'


def panel_html() -> str:
    """The empty source panel: a list of cards, and behind it one whole article. The page's script fills both."""
    icon = '<span class="yj-arrow" aria-hidden="true"></span>'
    return (
        '<section id="yj-panel" class="yj-panel" aria-labelledby="yj-panel-title">'
        f'<div class="yj-panel-head"><h2 id="yj-panel-title">{both("sources")}</h2>'
        f'<button id="yj-back" type="button" hidden>{icon}{both("back")}</button>'
        f'<button id="yj-panel-close" type="button">{both("close")}</button></div>'
        f'<div id="yj-panel-body" tabindex="0" role="group" aria-labelledby="yj-panel-title">'
        f'<p class="yj-quiet">{both("sources_empty")}</p></div>'
        '<article id="yj-article" tabindex="-1" aria-labelledby="yj-article-title" hidden>'
        '<header><h2 id="yj-article-title" lang="zh"></h2><p id="yj-article-where"></p></header>'
        '<p id="yj-article-state" role="status"></p><blockquote id="yj-article-quote" hidden></blockquote>'
        '<div id="yj-article-text" lang="zh" tabindex="0" role="region" aria-labelledby="yj-article-title"></div>'
        '<nav id="yj-places" aria-labelledby="yj-place" hidden>'
        f'<button id="yj-previous" type="button" aria-keyshortcuts="ArrowLeft">{icon}{both("previous")}</button>'
        '<span id="yj-place"></span>'
        f'<button id="yj-following" type="button" aria-keyshortcuts="ArrowRight">{both("following")}{icon}</button></nav>'
        "</article></section>"
    )


def words_html() -> str:
    """Words that the page's script needs, and the region through which it speaks to screen readers."""
    words = "".join(f'<p class="yj-word-{key}">{both(key, **blanks)}</p>' for key, blanks in _SCRIPT_WORDS.items())
    return f'<p id="yj-live" class="yj-sr" role="status"></p><template id="yj-words">{words}</template>'


def _comparison(table: Table, cards: Cards) -> str:
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


def _mark(citation: Citation, cards: Cards) -> str:
    return (
        f'<a class="yj-cite" href="#{cards.cite(citation)}">'
        f'<span class="yj-sr">{both("source_mark")}</span>[{citation.number}]</a>'
    )


def _statement(statement: Statement, cards: Cards, at_odds: frozenset[int]) -> str:
    marks = "".join(_mark(citation, cards) for citation in statement.citations)
    text = said(statement.text.strip()[:_LONGEST_STATEMENT])
    badges = _badge(statement.support)
    if statement.support != "conflicting" and any(citation.number in at_odds for citation in statement.citations):
        badges += _badge("conflicting")  # its source carries it, and another source tells it differently
    return (
        f'<p class="yj-s yj-s-{statement.support}"><span class="yj-text" lang="zh">{text}</span>'
        f"{marks}{badges}{_note(statement)}</p>"
    )


def _struck(statements: Sequence[Statement]) -> str:
    """What was left out of the answer, behind a closed line that says how many sentences it is."""
    if not statements:
        return ""
    rows = "".join(
        f'<p class="yj-s yj-s-unsupported"><del class="yj-text" lang="zh">{said(statement.text.strip()[:_LONGEST_STATEMENT])}</del>'
        f"{_badge(statement.support)}{_note(statement)}</p>"
        for statement in statements
    )
    return f'<details class="yj-struck"><summary>{both("struck", count=str(len(statements)))}</summary>{rows}</details>'


def _note(statement: Statement) -> str:
    return f'<span class="yj-note">{escape(statement.note, 600)}</span>' if statement.note else ""


def _badge(support: Support) -> str:
    return f'<span class="yj-badge yj-badge-{support}">{both(support)}</span>'


def _refusal(answer: Answer, cards: Cards) -> str:
    reason = f'<p class="yj-refused"><span class="yj-badge yj-badge-refused">{both("refused")}</span>'
    reason += f'<span class="yj-text" lang="zh">{escape(answer.reason, _LONGEST_STATEMENT)}</span></p>'
    rows = "".join(
        f"<li><span class='yj-near-title'>{escape(hit.article.title, 80)}</span>{where(hit.article)}"
        f'<span class="yj-excerpt">{escape(hit.chunk.text.strip(), _EXCERPT)}</span>'
        f'<a class="yj-cite yj-cite-near" href="#{cards.near(hit)}">{both("see_passage")}</a></li>'
        for hit in answer.hits[:NEAREST]
    )
    nearest = f'<div class="yj-nearest"><p class="yj-quiet">{both("nearest")}</p><ul>{rows}</ul></div>' if rows else ""
    return reason + nearest


def _meta(inner: str, *, busy: bool = False) -> str:
    pulse = '<span class="yj-pulse" aria-hidden="true"></span>' if busy else ""
    return f'<p class="yj-meta">{pulse}{inner}</p>'
