"""The side with the reader's conversations: search, open, rename, delete."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from rag.chat_history import ChatHistory, Diary
from rag.errors import YoujuError
from rag.service.browser_id import reader_key
from rag.ui import render
from rag.ui.history_list import PRUNED, list_html, no_history_html
from rag.ui.markup import both
from rag.ui.session import Session
from rag.ui.wires import sent, wire

log = logging.getLogger("youju.ui")

_LONGEST_SEARCH = 100


class HistorySide:
    """Made before the page; `build` puts its components where it is called, `connect` says what they do.

    Attributes:
        list: the component that shows what `list_html` returns.
    """

    list: Any

    def __init__(self, history: ChatHistory | None) -> None:
        self._history = history

    def diary(self, request: gr.Request) -> Diary | None:
        """The conversations of who asks; None where nothing can be kept for them."""
        reader = reader_key(request) if self._history else ""
        return self._history.of(reader) if self._history and reader else None

    def list_html(self, session: Session, request: gr.Request, wanted: str = "") -> str:
        """What the list shows now."""
        diary = self.diary(request)
        if diary is None:
            return no_history_html()
        try:
            rows = diary.conversations(wanted[:_LONGEST_SEARCH])
            return list_html(rows, session.conversation, datetime.now(UTC), wanted=wanted, full=diary.full())
        except Exception:
            log.exception("the conversations cannot be listed")
            return f'<p class="yj-quiet yj-none">{both("history_unreadable")}</p>'

    def toggle_html(self) -> str:
        """The button that shows and hides the side."""
        return (
            '<button type="button" id="yj-history-toggle" aria-controls="yj-history" aria-expanded="false">'
            f'<span class="yj-bars" aria-hidden="true"></span><span class="yj-sr">{both("history")}</span></button>'
        )

    def build(self, words: Any) -> None:
        """The components."""
        with gr.Column(elem_id="yj-history"):
            self._search = gr.Textbox(
                label=words("history_search"),
                placeholder=words("history_search"),
                show_label=False,
                container=False,
                max_length=_LONGEST_SEARCH,
                elem_id="yj-history-search",
            )
            self.list = gr.HTML(elem_id="yj-history-list", apply_default_css=False)
        self._open, self._rename, self._delete, self._prune = (wire(n) for n in ("open", "rename", "delete", "prune"))

    def connect(
        self,
        page: Any,
        session: Any,
        view: Callable[..., tuple[Any, ...]],
        outputs: Sequence[Any],
        asked: Sequence[Any],
        at_once: dict[str, Any],
    ) -> None:
        """Say what happens.

        Args:
            view: what `outputs` show of a session: chat, box, remark, two buttons, list.
            asked: the events that answer, which end when another conversation is opened.
        """
        unchanged = gr.skip()
        nothing = tuple(unchanged for _ in outputs)

        def listed(session: Session, wanted: str, request: gr.Request) -> str:
            return self.list_html(session, request, wanted)

        def open_one(session: Session, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
            diary = self.diary(request)
            saved = diary.open(sent(event, "id")) if diary else None
            if saved is None:
                return (
                    *nothing[:2],
                    render.notice_html("conversation_gone"),
                    *nothing[3:5],
                    self.list_html(session, request),
                )
            session.show(saved)
            return view(session, request, running=False)

        def rename(session: Session, wanted: str, request: gr.Request, event: gr.EventData) -> str:
            if diary := self.diary(request):
                diary.rename(sent(event, "id"), sent(event, "title"))
            return self.list_html(session, request, wanted)

        def delete(session: Session, request: gr.Request, event: gr.EventData) -> tuple[Any, ...]:
            diary, conversation = self.diary(request), sent(event, "id")
            try:
                gone = diary is not None and diary.delete(conversation)
            except YoujuError as error:
                return (*nothing[:2], render.plain_notice_html(str(error)), *nothing[3:])
            if gone and conversation == session.conversation:
                session.clear()
                return view(session, request, running=False)
            return (*nothing[:5], self.list_html(session, request))

        def prune(session: Session, request: gr.Request) -> tuple[Any, ...]:
            diary = self.diary(request)
            if diary is not None:
                diary.delete_oldest(PRUNED)
                if session.conversation and diary.open(session.conversation) is None:
                    session.clear()
                    return view(session, request, running=False)
            return (*nothing[:5], self.list_html(session, request))

        listing = [session, self._search]
        self._search.change(listed, listing, self.list, trigger_mode="always_last", **at_once)
        self._open.click(open_one, [session], outputs, cancels=asked, **at_once).then(
            None, js="() => window.youju.opened()", **at_once
        )
        self._rename.click(rename, listing, self.list, **at_once)
        self._delete.click(delete, [session], outputs, **at_once)
        self._prune.click(prune, [session], outputs, **at_once)
        page.load(listed, listing, self.list, **at_once)
