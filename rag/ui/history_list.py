"""The list of a reader's conversations, and the dialogs over it, as HTML. Titles are whatever a reader or an article says: text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from rag.chat_records import LONGEST_COMMENT, LONGEST_TITLE, REASONS, ConversationRow
from rag.records import SHANGHAI
from rag.ui.markup import both, escape

PRUNED = 50
"""Conversations that go at once where the reader makes room."""

_SAID = ("copied", "copy_failed", "amend_go", "cancel")
"""What the page's script says."""


def list_html(
    rows: Sequence[ConversationRow], current: str, now: datetime, *, wanted: str = "", full: bool = False
) -> str:
    """The conversations by day, the open one marked.

    Args:
        rows: the last changed first.
        wanted: what was searched for.
        full: nothing more is kept until the reader deletes something.
    """
    notice = ""
    if full:
        button = f'<button type="button" class="yj-prune">{both("prune", count=str(PRUNED))}</button>'
        notice = f'<div class="yj-full" role="status"><p>{both("history_full")}</p>{button}</div>'
    if not rows:
        return f'{notice}<p class="yj-quiet yj-none">{both("history_none_found" if wanted.strip() else "history_empty")}</p>'
    pieces = []
    for day, group in groupby(rows, lambda row: _day_html(row.changed_at, now)):
        items = "".join(_item(row, current=row.id == current) for row in group)
        pieces.append(f"<h3>{day}</h3><ul>{items}</ul>")
    name = f'<span class="yj-sr" id="yj-history-name">{both("history")}</span>'
    return f'{notice}<nav aria-labelledby="yj-history-name">{name}{"".join(pieces)}</nav>'


def no_history_html() -> str:
    """Where nothing can be kept: no cookie, or no file."""
    return f'<p class="yj-quiet yj-none">{both("history_off")}</p>'


def dialogs_html() -> str:
    """Rename, delete, make room, and what is wrong with an answer; the page's script opens them."""
    reasons = "".join(
        f'<label class="yj-reason"><input type="checkbox" name="reason" value="{name}"><span>{both(f"reason_{name}")}</span></label>'
        for name in REASONS
    )
    said = "".join(f'<span id="yj-words-{key}" hidden>{both(key)}</span>' for key in _SAID)
    kept = both("judge_kept")
    for_good = "<p>" + both("delete_for_good") + "</p>"
    title = (
        f'<label>{both("rename_label")}<input type="text" name="title" maxlength="{LONGEST_TITLE}" required></label>'
    )
    comment = (
        f'<div class="yj-reasons">{reasons}</div><label>{both("judge_label", limit=str(LONGEST_COMMENT))}'
        f'<textarea name="comment" rows="3" maxlength="{LONGEST_COMMENT}"></textarea></label><p class="yj-quiet">{kept}</p>'
    )
    return (
        said
        + _dialog("rename", both("rename"), title, both("save"))
        + _dialog("delete", both("delete_sure"), f'<p class="yj-what"></p>{for_good}', both("delete"), " yj-danger")
        + _dialog("pruning", both("prune_sure", count=str(PRUNED)), for_good, both("delete"), " yj-danger")
        + _dialog("judge", both("judge_title"), comment, both("judge_send"))
    )


def _dialog(name: str, title: str, body: str, go: str, looks: str = "") -> str:
    return (
        f'<dialog id="yj-{name}" aria-labelledby="yj-{name}-title"><form method="dialog"><h2 id="yj-{name}-title">{title}</h2>{body}'
        f'<div class="yj-dialog-row"><button type="button" class="yj-cancel">{both("cancel")}</button>'
        f'<button type="submit" class="yj-go{looks}">{go}</button></div></form></dialog>'
    )


def _item(row: ConversationRow, *, current: bool) -> str:
    here = ' aria-current="true"' if current else ""
    title = escape(row.title)
    tools = "".join(
        f'<button type="button" class="yj-conv-tool yj-conv-{name}"><span class="yj-sr">{both(name)} {title}</span></button>'
        for name in ("rename", "delete")
    )
    return f'<li class="yj-conv-item" id="yj-conv-{row.id}"><button type="button" class="yj-conv"{here}>{title}</button>{tools}</li>'


def _day_html(moment: float, now: datetime) -> str:
    """今天, 昨天, the last seven days, else the month."""
    day, today = datetime.fromtimestamp(moment, SHANGHAI).date(), now.astimezone(SHANGHAI).date()
    if day >= today:
        return both("day_today")
    if day == today - timedelta(days=1):
        return both("day_yesterday")
    if day > today - timedelta(days=7):
        return both("day_week")
    return f"{day:%Y-%m}"
