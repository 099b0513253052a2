"""Who may change the library through the page. The one seam: every handler that changes something asks here first."""

from __future__ import annotations

from typing import Any

from rag.service.readers import reader_of


def may_edit(request: Any) -> bool:
    """Whether the sender of a request may add, remove, repair, fetch or switch: an editor, or anybody while nobody has to log in.

    Args:
        request: Gradio's or Starlette's; both pass on the state in which the guard has left the reader.
    """
    return request is not None and reader_of(request).may_edit
