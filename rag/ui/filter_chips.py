"""Which articles are searched: the fields in which a reader chooses, and what was chosen as chips above the question."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from rag.errors import YoujuError
from rag.filters import Filters, parse_day
from rag.ui import render
from rag.ui.actions import cross
from rag.ui.backend import Backend
from rag.ui.markup import both, escape
from rag.ui.wires import sent, wire

log = logging.getLogger("youju.ui")

_CHOICES: Final = 500
"""Sources and categories offered; the most frequent ones."""


@dataclass(frozen=True, slots=True)
class FilterFields:
    """The components in the order in which `chosen_filters` takes their values, and the chips that show them."""

    chips: Any
    after: Any
    before: Any
    sources: Any
    categories: Any
    inferred: Any
    wire: Any

    @property
    def values(self) -> list[Any]:
        """What goes with a question."""
        return [self.after, self.before, self.sources, self.categories, self.inferred]

    def connect(self, page: Any, backend: Backend, at_once: dict[str, Any]) -> None:
        """What happens when a field changes, a chip is taken away, or the page opens."""
        for field in self.values:
            field.change(chips_html, self.values, self.chips, trigger_mode="always_last", **at_once)
        self.wire.click(_without, self.values, self.values, **at_once)

        def choices() -> tuple[Any, Any]:
            try:
                facets = backend.facets()
            except Exception:
                log.exception("sources and categories cannot be listed")
                return gr.skip(), gr.skip()
            offered = (list(facets.sources)[:_CHOICES], list(facets.categories)[:_CHOICES])
            return gr.update(choices=offered[0]), gr.update(choices=offered[1])

        page.load(choices, None, [self.sources, self.categories], **at_once)


def filter_chips() -> Any:
    """The row of chips; goes above the question."""
    return gr.HTML(elem_id="yj-chips", apply_default_css=False)


def filter_fields(words: Any, chips: Any) -> FilterFields:
    """The fields, in a part of the page that is closed at first."""
    with gr.Accordion(words("filters"), open=False, elem_id="yj-filters"):
        with gr.Row(elem_id="yj-filter-row"):
            hint = words("day_hint")
            after = gr.Textbox(label=words("after"), placeholder=hint, max_length=10, min_width=110)
            before = gr.Textbox(label=words("before"), placeholder=hint, max_length=10, min_width=110)
            sources = gr.Dropdown(label=words("by_source"), multiselect=True, min_width=180)
            categories = gr.Dropdown(label=words("by_category"), multiselect=True, min_width=180)
        inferred = gr.Checkbox(True, label=words("inferred"), container=False)
    return FilterFields(chips, after, before, sources, categories, inferred, wire("unfilter"))


def chosen_filters(
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


def chips_html(
    after: str = "",
    before: str = "",
    sources: Sequence[str] = (),
    categories: Sequence[str] = (),
    inferred: bool = True,
) -> str:
    """What was chosen, each as a chip that takes it away again."""
    chips = []
    for name, key, day in (("after", "chip_after", after), ("before", "chip_before", before)):
        if day and day.strip():
            chips.append(_chip(name, both(key, day=escape(day.strip(), 10)), wrong=not _is_day(day)))
    for name, values in (("source", sources), ("category", categories)):
        for i, value in enumerate(values or ()):
            chips.append(_chip(f"{name}-{i}", both(f"chip_{name}", name=escape(str(value), 60))))
    if not inferred:
        chips.append(_chip("everything", both("chip_everything")))
    if not chips:
        return ""
    return f'<div class="yj-chips" role="group">{"".join(chips)}</div>'


def _chip(name: str, label: str, *, wrong: bool = False) -> str:
    bad = " yj-chip-wrong" if wrong else ""
    return f'<button type="button" class="yj-chip{bad}" id="yj-chip-{name}">{label}{cross("chip_remove")}</button>'


def _is_day(text: str) -> bool:
    try:
        parse_day(text)
    except YoujuError:
        return False
    return True


def _without(
    after: str, before: str, sources: Sequence[str], categories: Sequence[str], inferred: bool, event: gr.EventData
) -> tuple[Any, ...]:
    """The fields without the chip that was clicked."""
    name, _, place = sent(event, "id").partition("-")
    left = {"source": list(sources or ()), "category": list(categories or ())}
    if name in left and place.isdecimal() and int(place) < len(left[name]):
        del left[name][int(place)]
    return (
        "" if name == "after" else after, "" if name == "before" else before, left["source"], left["category"],
        True if name == "everything" else inferred,
    )  # fmt: skip


def problem_html(*values: Any) -> tuple[Filters | None, str]:
    """The filters that were chosen, and what is wrong with them, as HTML."""
    try:
        return chosen_filters(*values), ""
    except YoujuError as error:
        return None, render.plain_notice_html(str(error))
