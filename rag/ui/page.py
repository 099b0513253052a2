"""The Gradio page: which component sits where, and which event calls what. Import it late: it brings Gradio (seconds)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr

from rag.chat_history import ChatHistory
from rag.filters import Filters
from rag.service.browser_id import reader_key
from rag.service.readers import reader_of
from rag.ui import render
from rag.ui.actions import editing_html, export_menu_html
from rag.ui.backend import Backend
from rag.ui.conversation_tools import ConversationTools
from rag.ui.filter_chips import filter_chips, filter_fields, problem_html
from rag.ui.history import HistorySide
from rag.ui.history_list import dialogs_html
from rag.ui.library_page import library_header, library_section
from rag.ui.session import Session
from rag.ui.shelf import Shelf
from rag.ui.texts import EN, ZH, traditional
from rag.ui.wires import sent, wire

log = logging.getLogger("youju.ui")

STATIC: Final = Path(__file__).parent / "static"
FONTS: Final = ("PingFang SC", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "system-ui", "sans-serif")

_STATUS_EVERY = 3.0
_SUGGESTIONS_EVERY = 5.0
_ANSWERS_AT_ONCE = 24
"""Over all readers. Gradio has 40 threads for them, for clicks and for the status line; clicks must find one free."""
_WAITING = 256


def build_page(
    backend: Backend,
    samples: Sequence[str] = (),
    shelf: Shelf | None = None,
    *,
    history: ChatHistory | None = None,
    suggest: Callable[[], Sequence[str]] | None = None,
) -> Any:
    """The page as `gradio.Blocks`, its queue set up.

    Args:
        shelf: the library of the page's second half; without it there is only the chat.
        samples: questions offered as buttons while the conversation is empty.
        history: where conversations are kept; without it they end with the page.
        suggest: gives such questions where there are no `samples`; empty while none are known yet.
    """
    words = translations()
    free = threading.BoundedSemaphore(_ANSWERS_AT_ONCE)
    unchanged = gr.skip()
    side = HistorySide(history)

    def view(session: Session, request: gr.Request, *, running: bool, question: Any = unchanged) -> tuple[Any, ...]:
        return (
            session.messages(), question, "", gr.update(visible=not running), gr.update(visible=running),
            side.list_html(session, request),
        )  # fmt: skip

    def answer(
        session: Session,
        request: gr.Request,
        question: str,
        filters: Filters | None,
        *,
        problem: str = "",
        alone: bool = False,
        box_after: Any = unchanged,
    ) -> Iterator[tuple[Any, ...]]:
        problem = problem or session.problem(question)
        if not problem and not free.acquire(blocking=False):
            problem = render.notice_html("too_many")
        if problem:
            yield unchanged, unchanged, problem, unchanged, unchanged, unchanged
            return
        try:
            session.client = reader_key(request) or session.client  # many tabs of one reader are one client
            steps = session.ask(backend, question, filters, diary=side.diary(request), alone=alone)
            next(steps)
            yield view(session, request, running=True, question=box_after)
            for _ in steps:
                yield session.messages(), unchanged, unchanged, unchanged, unchanged, unchanged
            yield view(session, request, running=False)
        finally:
            free.release()

    def ask(
        question: str, session: Session, extractive: bool, after: str, before: str, sources: list[str],
        categories: list[str], inferred: bool, request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        filters, problem = problem_html(after, before, sources, categories, inferred)
        session.mode = "extractive" if extractive else "auto"
        yield from answer(session, request, question, filters, problem=problem, box_after="")

    def ask_sample(session: Session, request: gr.Request, sample: gr.SelectData) -> Iterator[tuple[Any, ...]]:
        yield from answer(session, request, str(sample.value["text"]), None)

    def ask_again(session: Session, extractive: bool, request: gr.Request, event: gr.EventData) -> Iterator[Any]:
        """The newest question anew, in the place of its answer; with `wide`, over all articles."""
        last = session.find(sent(event, "id"))
        if last is None or last is not session.exchanges[-1]:
            return
        session.mode = "extractive" if extractive else "auto"
        session.replacing = last.uid
        yield from answer(session, request, last.question, Filters() if sent(event, "wide") else last.filters)

    def ask_amended(session: Session, extractive: bool, request: gr.Request, event: gr.EventData) -> Iterator[Any]:
        """What the newest question was understood as, changed by the reader: taken as it stands."""
        last = session.find(sent(event, "id"))
        if last is None:
            return
        session.mode = "extractive" if extractive else "auto"
        question = sent(event, "question", render.LONGEST_QUESTION + 1)
        yield from answer(session, request, question, last.filters, alone=True)

    def stop(session: Session, request: gr.Request) -> tuple[Any, ...]:
        session.stop()
        return view(session, request, running=False)

    def edit(session: Session, event: gr.EventData) -> tuple[Any, Any]:
        found = session.find(sent(event, "id"))
        if found is None or session.running:
            return unchanged, unchanged
        session.replacing = found.uid
        return found.question, editing_html()

    def leave_as_it_was(session: Session) -> tuple[str, str]:
        session.replacing = ""
        return "", ""

    def clear(session: Session, request: gr.Request) -> tuple[Any, ...]:
        session.clear()
        return view(session, request, running=False)

    def status() -> str:
        try:
            return render.status_html(backend.status())
        except Exception:
            log.exception("the status line failed")
            return render.status_html(None)

    def account(request: gr.Request) -> str:
        return render.account_html(reader_of(request).name)

    def suggestions() -> tuple[Any, Any]:
        found = suggest() if suggest else ()
        if not found:
            return unchanged, unchanged
        return gr.update(examples=[{"text": question} for question in found]), gr.update(active=False)

    with gr.Blocks(title=ZH["title"], analytics_enabled=False, fill_height=True, fill_width=True) as page:
        session = gr.State(Session())
        with gr.Row(elem_id="yj-header"):
            gr.HTML(side.toggle_html(), elem_id="yj-history-frame", apply_default_css=False)
            gr.HTML(render.header_html(), elem_id="yj-brand", apply_default_css=False)
            if shelf is not None:
                library_header()
            status_line = gr.HTML(elem_id="yj-status", apply_default_css=False)
            gr.HTML(export_menu_html(), elem_id="yj-export-frame", apply_default_css=False)
            new = gr.Button(words("new"), elem_id="yj-new", size="sm", scale=0)
            account_line = gr.HTML(elem_id="yj-account", apply_default_css=False)
        with gr.Row(elem_id="yj-main"):
            side.build(words)
            with gr.Column(elem_id="yj-talk"):
                chat = gr.Chatbot(
                    label=words("chat_label"),
                    show_label=False,
                    container=False,
                    elem_id="yj-chat",
                    height=None,
                    layout="panel",
                    buttons=[],
                    feedback_options=None,
                    render_markdown=False,
                    sanitize_html=True,
                    latex_delimiters=[],
                    allow_tags=False,
                    allow_file_downloads=False,
                    autoscroll=False,  # the page's script follows an answer, and keeps its beginning in view
                    placeholder=render.welcome_html(),
                    examples=[{"text": sample} for sample in samples],
                )
                with gr.Column(elem_id="yj-composer", scale=0):
                    gr.HTML(render.trouble_html() + render.words_html(), apply_default_css=False)
                    remark = gr.HTML(elem_id="yj-remark", apply_default_css=False)
                    chips = filter_chips()
                    with gr.Row(elem_id="yj-question-row"):
                        box = gr.Textbox(
                            label=words("question_label"),
                            show_label=False,
                            container=False,
                            placeholder=words("placeholder"),
                            lines=1,
                            max_lines=6,
                            autofocus=True,
                            elem_id="yj-question",
                            scale=1,
                        )
                        send = gr.Button(words("ask"), elem_id="yj-ask", variant="primary", scale=0)
                        halt = gr.Button(words("stop"), elem_id="yj-stop", variant="stop", scale=0, visible=False)
                    with gr.Row(elem_id="yj-choices"):
                        fields = filter_fields(words, chips)
                        extractive = gr.Checkbox(
                            False, label=words("mode_extractive"), container=False, elem_id="yj-mode", scale=0
                        )
            with gr.Column(elem_id="yj-side"):
                gr.HTML(render.panel_html(), elem_id="yj-panel-frame", apply_default_css=False)
        gr.HTML(dialogs_html(), elem_id="yj-dialogs", apply_default_css=False)
        again, amended, edited, unedited = (wire(name) for name in ("again", "amend", "edit", "unedit"))
        tools = ConversationTools(side, words)

        if shelf is not None:
            library_section(shelf)

        outputs = [chat, box, remark, send, halt, side.list]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        at_once: dict[str, Any] = quiet | {"queue": False}
        # "multiple": the browser must not drop a question that is sent while the last answer's event is still being closed.
        asking: dict[str, Any] = quiet | {"concurrency_limit": None, "trigger_mode": "multiple"}
        asked = [
            gr.on([send.click, box.submit], ask, [box, session, extractive, *fields.values], outputs, **asking),
            chat.example_select(ask_sample, [session], outputs, concurrency_limit=None, **quiet),
            again.click(ask_again, [session, extractive], outputs, **asking),
            amended.click(ask_amended, [session, extractive], outputs, **asking),
        ]
        for answered in asked:
            answered.then(None, js="() => window.youju.answered()", **at_once)
        edited.click(edit, [session], [box, remark], **at_once)
        unedited.click(leave_as_it_was, [session], [box, remark], **at_once)
        halt.click(stop, [session], outputs, cancels=asked, **at_once)
        new.click(clear, [session], outputs, cancels=asked, **at_once)
        new.click(None, js="() => window.youju.cleared()", **at_once)
        fields.connect(page, backend, at_once)
        side.connect(page, session, view, outputs, asked, at_once)
        tools.connect(session, chat, remark, at_once)
        gr.Timer(_STATUS_EVERY).tick(status, None, status_line, **at_once)
        page.load(status, None, status_line, **at_once)
        page.load(account, None, account_line, **at_once)
        if suggest and not samples:
            waiting = gr.Timer(_SUGGESTIONS_EVERY)
            waiting.tick(suggestions, None, [chat, waiting], **at_once)
            page.load(suggestions, None, [chat, waiting], **at_once)
    return page.queue(max_size=_WAITING, default_concurrency_limit=None, api_open=False)


def mount_options() -> dict[str, Any]:
    """What `gradio.mount_gradio_app` needs to show the page as ours: nothing from outside, nothing that we do not use."""
    theme = gr.themes.Base(font=list(FONTS), font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill="#f5f7f7", body_background_fill_dark="#12171a"
    )
    return {
        "theme": theme,
        "css_paths": [
            STATIC / name
            for name in ("youju.css", "answer.css", "panel.css", "history.css", "library.css", "guard.css")
        ],
        "i18n": translations(),
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": False,
        "pwa": False,
        "ssr_mode": False,
        "show_error": False,
        "max_file_size": 1,
        "app_kwargs": {"docs_url": None, "redoc_url": None, "openapi_url": None},
    }


def translations() -> Any:
    """Looks a text of ours up by its key, in the browser's language; for what Gradio itself writes (labels, buttons)."""
    return gr.I18n(**{"zh-CN": ZH, "zh-TW": dict(traditional()), "en": EN})
