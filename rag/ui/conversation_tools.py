"""What a reader does with answers that are there: copy one, take the conversation along, say whether it is right."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from rag.chat_history import Diary
from rag.chat_records import LONGEST_COMMENT, Feedback, SavedExchange
from rag.errors import YoujuError
from rag.ui import render
from rag.ui.export import (
    Texts,
    conversation_blocks,
    exchange_blocks,
    file_name,
    texts_of,
    to_html,
    to_html_page,
    to_markdown,
    to_plain,
)
from rag.ui.history import HistorySide
from rag.ui.session import Session
from rag.ui.wires import sent, sent_list, wire

_TYPES = {
    "md": "text/markdown;charset=utf-8",
    "html": "text/html;charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


class ConversationTools:
    """Wires for the page's script, and a parcel in which it gets what it puts on the clipboard or into a file.

    Nothing is written on the server: a file travels in the reply, and the browser saves it.
    """

    def __init__(self, side: HistorySide, words: Any) -> None:
        self._side = side
        self._copy, self._export, self._judge = (wire(name) for name in ("copy", "export", "judge"))
        self._parcel = gr.Textbox(label=words("export"), visible="hidden", elem_id="yj-parcel")

    def connect(self, session: Any, chat: Any, remark: Any, at_once: dict[str, Any]) -> None:
        """Say what happens."""
        unchanged = gr.skip()

        def copy(session: Session, request: gr.Request, event: gr.EventData) -> tuple[Any, Any]:
            records = _records(session, self._side.diary(request))[1]
            found = next((e for e in records if e.id == sent(event, "id")), None)
            if found is None or found.answer is None:
                return "", render.notice_html("conversation_gone")
            blocks = exchange_blocks(found, texts_of(sent(event, "language")))
            return json.dumps({"text": to_plain(blocks), "html": to_html(blocks), "id": found.id}), unchanged

        def export(session: Session, request: gr.Request, event: gr.EventData) -> tuple[Any, Any]:
            kind = sent(event, "kind")
            title, records = _records(session, self._side.diary(request))
            if kind not in _TYPES or not records:
                return "", render.notice_html("export_nothing")
            name, content = _file(kind, title, records, texts_of(sent(event, "language")))
            return json.dumps({"name": name, "type": _TYPES[kind], "data": base64.b64encode(content).decode()}), ""

        def judge(session: Session, request: gr.Request, event: gr.EventData) -> tuple[Any, Any]:
            found, diary = session.find(sent(event, "id")), self._side.diary(request)
            if found is None or diary is None:
                return unchanged, unchanged
            verdict = sent(event, "verdict")
            said = None
            if verdict == "up":
                said = Feedback("up")
            elif verdict == "down":
                said = Feedback("down", sent_list(event, "reasons"), sent(event, "comment", LONGEST_COMMENT))
            try:
                if diary.rate(found.uid, said):
                    found.feedback = said
            except YoujuError as error:
                return unchanged, render.plain_notice_html(str(error))
            return session.messages(), unchanged

        for source, make in ((self._copy, copy), (self._export, export)):
            source.click(make, [session], [self._parcel, remark], **at_once).then(
                None, [self._parcel], js="(parcel) => window.youju.received(parcel)", **at_once
            )
        self._judge.click(judge, [session], [chat, remark], **at_once)


def _records(session: Session, diary: Diary | None) -> tuple[str, list[SavedExchange]]:
    """The title, and the finished exchanges with their answers, from the history where they are kept there."""
    saved = diary.open(session.conversation) if diary and session.conversation else None
    kept = {exchange.id: exchange for exchange in saved.exchanges} if saved else {}
    records = [kept.get(e.uid, e.record()) for e in session.exchanges if not e.running]
    return (saved.title if saved else records[0].question if records else ""), records


def _file(kind: str, title: str, records: list[SavedExchange], texts: Texts) -> tuple[str, bytes]:
    now = datetime.now(UTC)
    blocks = conversation_blocks(title, records, texts, now)
    name = file_name(title, kind, now)
    if kind == "md":
        return name, to_markdown(blocks).encode()
    if kind == "html":
        return name, to_html_page(title, blocks, texts).encode()
    from rag.ui.export_docx import to_docx

    return name, to_docx(title, blocks)
