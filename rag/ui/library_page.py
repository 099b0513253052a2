"""The library page within the Gradio page: which event does what. Import it late: it brings Gradio (seconds).

It is a second half of the same page rather than a page of its own (`Blocks.route`): Gradio opens those by loading anew, with a new
session, which would end an answer that is being written and lose the conversation. Here both stay as they are, each half has its
address (`#library…`, so the browser's back button works), and what the library page shows is only asked for when it is opened.

All of it is HTML of ours (real tables, forms and links, which keyboards and screen readers know), kept by one event: the page's
script (`static/library.js`) says what was clicked, `Desk.act` answers with the parts that change.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import gradio as gr

from rag.article_list import ListQuery, Order
from rag.errors import YoujuError
from rag.filters import Filters, parse_day
from rag.reading.lines import storable
from rag.ui import library_html, library_work_html
from rag.ui.library_charts import statistics_html
from rag.ui.library_html import ListState, token
from rag.ui.shelf import Found, Shelf

log = logging.getLogger("youju.ui")

_EVERY: Final = 1.0
"""Seconds between two looks at what is being done."""
_LONGEST: Final = 200
_ID = re.compile(r"[0-9a-f]{16}")
_CHANGES: Final = frozenset(
    {"cancel", "forget", "remove", "remove-vanished", "check", "finish", "fetch", "use", "jobs"}
)
"""What only editors may do or see."""
_PARTS: Final = ("jobs", "articles", "article", "add", "statistics", "health", "models")


@dataclass(slots=True)
class Desk:
    """What one open page shows of the library. It lives on the server.

    Attributes:
        generation: of the library when the list was last shown; -1 before.
        found: what the last search of the full text found.
        open: the parts that were opened, and are kept up to date.
        ended: the jobs whose end was shown.
    """

    state: ListState = field(default_factory=ListState)
    generation: int = -1
    found: list[Found] | None = None
    open: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    def act(self, shelf: Shelf, said: Mapping[str, Any], request: Any) -> dict[str, str]:
        """Do what was clicked, and say which parts of the page are to be shown anew.

        Args:
            said: what the page's script says; not to be trusted.
        """
        do = str(said.get("do", ""))
        edit = shelf.may_edit(request)
        if do in _CHANGES and not edit:
            return {"add": library_work_html.readers_only_html()}
        try:
            if do in _CHANGES:
                self._change(shelf, do, said)
                return self._jobs(shelf) | (self._models(shelf) if do in ("fetch", "use") else {})
            if do == "open":
                return self._opened(shelf, str(said.get("part", "")), said, edit=edit)
            if do == "part":
                return self._article(shelf, said)
            self._choose(shelf, do, said)
            return self._list(shelf, edit=edit)
        except YoujuError as error:
            return {"jobs": library_work_html.jobs_html(shelf.jobs.all() if edit else [], error)}

    def look(self, shelf: Shelf, request: Any) -> tuple[dict[str, str], bool]:
        """What has changed since the last look, and whether something is still being done."""
        if not shelf.may_edit(request):
            return {}, False
        shown = self._jobs(shelf)
        ended = {job.id for job in shelf.jobs.all() if not job.active}
        if "articles" in self.open and self.generation not in (-1, shelf.generation()):
            shown |= self._list(shelf, edit=True)
            if "statistics" in self.open:
                shown["statistics"] = statistics_html(shelf.statistics())
        if "health" in self.open:
            shown |= self._models(shelf)
            if ended - self.ended:
                shown["health"] = library_work_html.health_html(shelf.examine())
        self.ended |= ended
        return shown, shelf.busy

    # -- what was clicked ----------------------------------------------------------------------------------------

    def _change(self, shelf: Shelf, do: str, said: Mapping[str, Any]) -> None:
        job = shelf.jobs.get(str(said.get("job", "")))
        if do == "cancel" and job:
            job.cancel()
        elif do == "forget" and job:
            shelf.jobs.forget(job.id)
        elif do == "remove":
            ids = said.get("ids")
            shelf.remove([str(id_) for id_ in ids if _ID.fullmatch(str(id_))] if isinstance(ids, list) else [])
        elif do == "remove-vanished":
            shelf.remove_vanished()
        elif do == "check":
            shelf.check()
        elif do == "finish":
            shelf.finish_waiting()
        elif do == "fetch":
            shelf.fetch(str(said.get("name", "")))
        elif do == "use":
            shelf.use(str(said.get("llm", "")))

    def _choose(self, shelf: Shelf, do: str, said: Mapping[str, Any]) -> None:
        state = self.state
        if do == "list":
            facets, months = shelf.facets(), shelf.months()
            words = storable(str(said.get("words", ""))[:_LONGEST]).strip()
            self.state = ListState(
                words, bool(said.get("full")) and bool(words), _named(facets.sources, said.get("source")),
                _named(facets.categories, said.get("category")), _named(months, said.get("month")),
                state.order, state.descending,
            )  # fmt: skip
            self.found = None
        elif do == "clear":
            self.state, self.found = ListState(), None
        elif do == "sort" and said.get("order") in ("date", "title", "source"):
            order = cast("Order", said["order"])
            descending = not state.descending if order == state.order else order == "date"
            state.order, state.descending, state.page = order, descending, 1
        elif do == "page":
            state.page = _number(said.get("page"))

    def _opened(self, shelf: Shelf, part: str, said: Mapping[str, Any], *, edit: bool) -> dict[str, str]:
        shown: dict[str, str] = self._jobs(shelf) if edit else {}
        if part == "articles":
            shown |= self._list(shelf, edit=edit)
        elif part == "article":
            shown |= self._article(shelf, said)
        elif part == "statistics":
            shown["statistics"] = statistics_html(shelf.statistics())
        elif part == "add":
            shown["add"] = library_work_html.add_html() if edit else library_work_html.readers_only_html()
        elif part == "health" and edit:
            shown["health"] = library_work_html.health_html(shelf.examine())
            shown |= self._models(shelf)
        elif part == "health":
            shown["health"] = library_work_html.readers_only_html()
        self.open.add(part)
        return shown

    # -- what is shown -------------------------------------------------------------------------------------------

    def _list(self, shelf: Shelf, *, edit: bool) -> dict[str, str]:
        state, facets = self.state, shelf.facets()
        months = sorted(shelf.months().items(), reverse=True)
        generation = shelf.generation()
        filters = _filters(state)
        if state.full:
            if self.found is None or self.generation != generation:
                self.found = shelf.search(state.words, filters)
            html = library_html.found_html(state, facets, months, self.found, edit=edit)
        else:
            page = shelf.page(ListQuery(state.words, filters, state.order, state.descending, state.page))
            state.page = page.page
            html = library_html.list_html(state, facets, months, page, edit=edit)
        self.generation = generation
        return {"articles": html}

    @staticmethod
    def _article(shelf: Shelf, said: Mapping[str, Any]) -> dict[str, str]:
        id_ = str(said.get("id", ""))
        view = shelf.article(id_) if _ID.fullmatch(id_) else None
        return {"article": library_html.article_html(view, _number(said.get("part_number")))}

    @staticmethod
    def _jobs(shelf: Shelf) -> dict[str, str]:
        return {"jobs": library_work_html.jobs_html(shelf.jobs.all())}

    @staticmethod
    def _models(shelf: Shelf) -> dict[str, str]:
        fetching = frozenset(job.about for job in shelf.jobs.all() if job.kind == "fetch" and job.active)
        return {"models": library_work_html.models_html(shelf.models(), shelf.hub, shelf.model_status(), fetching)}


def library_header() -> None:
    """The way between chat and library, in the page's header. Call it where the header is built."""
    gr.HTML(library_html.nav_html(), elem_id="yj-nav", apply_default_css=False)


def library_section(shelf: Shelf) -> None:
    """The library half of the page. Call it within the page's Blocks, after the chat's half."""
    with gr.Column(elem_id="yj-library"):
        gr.HTML(library_html.tabs_html(), elem_id="yjl-tabs", apply_default_css=False)
        parts = {name: gr.HTML(elem_id=f"yjl-{name}", apply_default_css=False) for name in _PARTS}
        channel = gr.HTML(
            library_html.frame_html(), elem_id="yjl-frame", apply_default_css=False,
            js_on_load="window.youjuLibrary.connect((said) => trigger('act', said))",
        )  # fmt: skip
        desk = gr.State(Desk())
        timer = gr.Timer(_EVERY, active=False)

    def show(shown: Mapping[str, str], busy: bool) -> tuple[Any, ...]:
        return (*(shown.get(name, gr.skip()) for name in _PARTS), gr.Timer(active=busy))

    def act(desk: Desk, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        said = event._data if isinstance(event._data, dict) else {}
        shown = desk.act(shelf, said, request)
        return show(shown, shelf.may_edit(request) and shelf.busy)

    def look(desk: Desk, request: gr.Request) -> tuple[Any, ...]:
        return show(*desk.look(shelf, request))

    outputs = [*parts.values(), timer]
    at_once: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    done = channel.act(act, [desk], outputs, trigger_mode="multiple", **at_once)
    looked = timer.tick(look, [desk], outputs, **at_once)
    done.then(None, js="() => window.youjuLibrary.answered()", **at_once)
    looked.then(None, js="() => window.youjuLibrary.shown()", **at_once)


def _named(values: Iterable[str], given: Any) -> str:
    """The value that a form's token stands for; empty for none."""
    return next((value for value in values if value and token(value) == given), "")


def _number(given: Any) -> int:
    """A page number that a browser sent; 1 for what is none."""
    text = str(given)
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def _filters(state: ListState) -> Filters:
    month = state.month
    return Filters(
        after=parse_day(month) if month else None,
        before=parse_day(month, last=True) if month else None,
        sources=(state.source,) if state.source else (),
        categories=(state.category,) if state.category else (),
    )
