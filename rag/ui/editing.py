"""Who may change the library through the page. The one seam: every handler that changes something asks here first."""

from __future__ import annotations

from typing import Any


def may_edit(request: Any) -> bool:
    """Whether the sender of a request may add, remove, repair, fetch or switch. Without accounts everyone who sees the page may.

    Args:
        request: Gradio's or Starlette's; both have headers, cookies and scope.
    """
    return request is not None
