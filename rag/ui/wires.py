"""From a click in markup of ours to a handler on the server: a component that nobody sees, and what the page's script hands it."""

from __future__ import annotations

from typing import Any

import gradio as gr


def wire(name: str) -> Any:
    """A hidden component whose `click` is what `window.youju.send(name, data)` of the page's script triggers."""
    return gr.HTML(
        elem_id=f"yj-wire-{name}",
        visible="hidden",
        js_on_load=f"window.youju.wires.{name} = (data) => trigger('click', data);",
        apply_default_css=False,
    )


def sent(event: gr.EventData, name: str, limit: int = 200) -> str:
    """A text that came with the event; empty where there is none. It is the browser's word.

    Args:
        limit: characters that are looked at.
    """
    value = getattr(event, "_data", None)
    found = value.get(name) if isinstance(value, dict) else None
    return found[:limit] if isinstance(found, str) else ""


def sent_list(event: gr.EventData, name: str) -> tuple[str, ...]:
    """Short texts that came with the event."""
    value = getattr(event, "_data", None)
    found = value.get(name) if isinstance(value, dict) else None
    return tuple(item for item in found[:20] if isinstance(item, str)) if isinstance(found, list) else ()
