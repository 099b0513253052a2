"""The rows under questions and answers: what a reader can do with them. Buttons only; the page's script tells the server of a click.

Gradio's sanitizer leaves ids and classes and strips what else we would need (data-…, aria-pressed), so a button says what it does in its class and for
which exchange in the id of its row.
"""

from __future__ import annotations

from rag.ui.markup import both, escape
from rag.ui.render import LONGEST_QUESTION


def question_actions_html(uid: str, *, running: bool) -> str:
    """Under a question: change it. While it is being answered only the room for that is there, so that nothing jumps."""
    waits = " yj-waits" if running else ""
    return f'<div class="yj-acts yj-acts-q{waits}" id="yj-acts-q-{uid}">{_button("edit", "edit_question")}</div>'


def answer_actions_html(
    uid: str,
    *,
    answered: bool,
    saved: bool,
    verdict: str = "",
    last: bool = False,
    rewritten: str = "",
    inferred: str = "",
    unsaved: str = "",
) -> str:
    """Under a finished answer.

    Args:
        answered: whether it is an answer or a refusal, which can be copied and judged; else it was broken off.
        saved: whether it is in the history, where judgements go.
        verdict: "up", "down" or empty.
        last: whether it is the newest one, which alone can be asked anew.
        rewritten: what the question was understood as, where that is something else.
        inferred: which articles were searched because the question says yesterday or last week.
        unsaved: why it is not kept.
    """
    buttons = []
    if answered:
        buttons.append(_button("copy", "copy"))
    if last:
        buttons.append(_button("retry", "retry"))
    if answered and saved:
        buttons.append(_button("up", "thumb_up", pressed=verdict == "up"))
        buttons.append(_button("down", "thumb_down", pressed=verdict == "down"))
    rows = f'<div class="yj-acts-row">{"".join(buttons)}<span class="yj-done" role="status"></span></div>'
    if last and inferred:
        chip = f'<button type="button" class="yj-chip yj-act yj-act-widen">{both("inferred_scope", scope=escape(inferred, 120))}'
        rows = f'<p class="yj-understood">{chip}{cross("widen")}</button></p>' + rows
    if last and rewritten:
        rows = (
            f'<p class="yj-understood"><span>{both("understood_as")}</span>'
            f'<span class="yj-understood-text">{escape(rewritten, LONGEST_QUESTION)}</span>{_button("amend", "amend")}</p>'
        ) + rows
    if unsaved:
        rows += f'<p class="yj-unsaved" role="status">{escape(unsaved, 300)}</p>'
    return f'<div class="yj-acts" id="yj-acts-{uid}">{rows}</div>'


def editing_html() -> str:
    """Over the question box, while an earlier question is in it."""
    cancel = f'<button type="button" class="yj-act yj-act-unedit">{both("cancel")}</button>'
    return f'<p class="yj-remark yj-advice" role="status">{both("edit_replaces")}{cancel}</p>'


def export_menu_html() -> str:
    """The formats in which a conversation can be taken along."""
    formats = "".join(
        f'<button type="button" class="yj-export-as" value="{kind}">{both(key)}</button>'
        for kind, key in (("md", "export_md"), ("html", "export_html"), ("docx", "export_docx"))
    )
    return f'<details class="yj-menu" id="yj-export"><summary>{both("export")}</summary><div>{formats}</div></details>'


def _button(name: str, key: str, *, pressed: bool = False) -> str:
    state = " yj-pressed" if pressed else ""
    told = f'<span class="yj-sr">{both("pressed")}</span>' if pressed else ""
    return f'<button type="button" class="yj-act yj-act-{name}{state}">{both(key)}{told}</button>'


def cross(key: str) -> str:
    """The sign that takes a chip away, with words for who cannot see it."""
    return f'<span class="yj-cross" aria-hidden="true">×</span><span class="yj-sr">{both(key)}</span>'
