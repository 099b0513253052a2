"""The Gradio page: which component sits where, and which event calls what. Import it late: it brings Gradio (seconds)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import gradio as gr

from rag.errors import YoujuError
from rag.filters import Filters, parse_day
from rag.service.readers import reader_of
from rag.ui import render
from rag.ui.backend import Backend
from rag.ui.library_page import library_header, library_section
from rag.ui.session import Session
from rag.ui.shelf import Shelf
from rag.ui.texts import EN, ZH, traditional

log = logging.getLogger("youju.ui")

STATIC: Final = Path(__file__).parent / "static"
FONTS: Final = ("PingFang SC", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "system-ui", "sans-serif")

_STATUS_EVERY = 3.0
_ANSWERS_AT_ONCE = 24
"""Over all readers. Gradio has 40 threads for them, for clicks and for the status line; clicks must find one free."""
_WAITING = 256
_CHOICES = 500
"""Sources and categories offered; the most frequent ones."""


def build_page(backend: Backend, samples: Sequence[str], shelf: Shelf | None = None) -> Any:
    """The page as `gradio.Blocks`, its queue set up.

    Args:
        shelf: the library of the page's second half; without it there is only the chat.
        samples: questions offered as buttons while the conversation is empty.
    """
    words = translations()
    free = threading.BoundedSemaphore(_ANSWERS_AT_ONCE)
    unchanged = gr.skip()

    def view(session: Session, *, running: bool, question: Any = unchanged) -> tuple[Any, ...]:
        return (
            session.messages(), question, "", gr.update(visible=not running), gr.update(visible=running),
            gr.update(visible=bool(session.rewritten)),
        )  # fmt: skip

    def ask(question: str, session: Session, *chosen: Any) -> Iterator[tuple[Any, ...]]:
        problem = session.problem(question)
        filters = None
        try:
            filters = _filters(*chosen)
        except YoujuError as error:
            problem = problem or render.plain_notice_html(str(error))
        if not problem and not free.acquire(blocking=False):
            problem = render.notice_html("too_many")
        if problem:
            yield unchanged, unchanged, problem, unchanged, unchanged, unchanged
            return
        try:
            steps = session.ask(backend, question, filters)
            next(steps)
            yield view(session, running=True, question="")
            for _ in steps:
                yield session.messages(), unchanged, unchanged, unchanged, unchanged, unchanged
            yield view(session, running=False)
        finally:
            free.release()

    def ask_sample(session: Session, sample: gr.SelectData) -> Iterator[tuple[Any, ...]]:
        yield from ask(str(sample.value["text"]), session)

    def choices() -> tuple[Any, Any]:
        try:
            facets = backend.facets()
        except Exception:
            log.exception("sources and categories cannot be listed")
            return unchanged, unchanged
        return gr.update(choices=list(facets.sources)[:_CHOICES]), gr.update(choices=list(facets.categories)[:_CHOICES])

    def stop(session: Session) -> tuple[Any, ...]:
        session.stop()
        return view(session, running=False)

    def edit(session: Session) -> tuple[Any, Any]:
        question = session.edit()
        return (question, render.advice_html("edit_hint")) if question else (unchanged, unchanged)

    def clear(session: Session) -> tuple[Any, ...]:
        session.clear()
        return view(session, running=False)

    def status() -> str:
        try:
            return render.status_html(backend.status())
        except Exception:
            log.exception("the status line failed")
            return render.status_html(None)

    def account(request: gr.Request) -> str:
        return render.account_html(reader_of(request).name)

    with gr.Blocks(title=ZH["title"], analytics_enabled=False, fill_height=True, fill_width=True) as page:
        session = gr.State(Session())
        with gr.Row(elem_id="yj-header"):
            gr.HTML(render.header_html(), elem_id="yj-brand", apply_default_css=False)
            if shelf is not None:
                library_header()
            status_line = gr.HTML(elem_id="yj-status", apply_default_css=False)
            new = gr.Button(words("new"), elem_id="yj-new", size="sm", scale=0)
            account_line = gr.HTML(elem_id="yj-account", apply_default_css=False)
        with gr.Row(elem_id="yj-main"):
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
                    amend = gr.Button(words("edit"), elem_id="yj-edit", size="sm", visible=False)
                    remark = gr.HTML(elem_id="yj-remark", apply_default_css=False)
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
                    with gr.Accordion(words("filters"), open=False, elem_id="yj-filters"):
                        with gr.Row(elem_id="yj-filter-row"):
                            hint = words("day_hint")
                            after = gr.Textbox(label=words("after"), placeholder=hint, max_length=10, min_width=110)
                            before = gr.Textbox(label=words("before"), placeholder=hint, max_length=10, min_width=110)
                            sources = gr.Dropdown(label=words("by_source"), multiselect=True, min_width=180)
                            categories = gr.Dropdown(label=words("by_category"), multiselect=True, min_width=180)
                        inferred = gr.Checkbox(True, label=words("inferred"), container=False)
            with gr.Column(elem_id="yj-side"):
                gr.HTML(render.panel_html(), elem_id="yj-panel-frame", apply_default_css=False)

        if shelf is not None:
            library_section(shelf)

        outputs = [chat, box, remark, send, halt, amend]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        at_once: dict[str, Any] = quiet | {"queue": False}
        wanted = [box, session, after, before, sources, categories, inferred]
        # "multiple": the browser must not drop a question that is sent while the last answer's event is still being closed.
        asked = gr.on(
            [send.click, box.submit], ask, wanted, outputs, concurrency_limit=None, trigger_mode="multiple", **quiet
        )
        sampled = chat.example_select(ask_sample, [session], outputs, concurrency_limit=None, **quiet)
        for answered in (asked, sampled):
            answered.then(None, js="() => window.youju.answered()", **at_once)
        amend.click(edit, [session], [box, remark], **at_once)
        halt.click(stop, [session], outputs, cancels=[asked, sampled], **at_once)
        new.click(clear, [session], outputs, cancels=[asked, sampled], **at_once)
        new.click(None, js="() => window.youju.cleared()", **at_once)
        gr.Timer(_STATUS_EVERY).tick(status, None, status_line, **at_once)
        page.load(status, None, status_line, **at_once)
        page.load(account, None, account_line, **at_once)
        page.load(choices, None, [sources, categories], **at_once)
    return page.queue(max_size=_WAITING, default_concurrency_limit=None, api_open=False)


def _filters(
    after: str = "",
    before: str = "",
    sources: Sequence[str] = (),
    categories: Sequence[str] = (),
    inferred: bool = True,
) -> Filters | None:
    """What the reader chose; None where it is left to the question.

    Raises:
        SettingsError: a day cannot be read.
    """
    filters = Filters(
        after=parse_day(after) if after and after.strip() else None,
        before=parse_day(before, last=True) if before and before.strip() else None,
        sources=tuple(sources or ()),
        categories=tuple(categories or ()),
    )
    return filters if filters or not inferred else None


def mount_options() -> dict[str, Any]:
    """What `gradio.mount_gradio_app` needs to show the page as ours: nothing from outside, nothing that we do not use."""
    theme = gr.themes.Base(font=list(FONTS), font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill="#f5f7f7", body_background_fill_dark="#12171a"
    )
    return {
        "theme": theme,
        "css_paths": [STATIC / name for name in ("youju.css", "answer.css", "panel.css", "library.css", "guard.css")],
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
