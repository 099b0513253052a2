"""What the command line prints with: one console for results, one for messages, tables that never cut a name off."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

_WIDTH_OF_A_PIPE = 160

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def table(*columns: str, title: str = "") -> Table:
    """A table whose cells go on in a second line where they are too long."""
    made = Table(title=title or None, title_justify="left")
    for column in columns:
        made.add_column(column, overflow="fold", justify="right" if column in ("篇数", "大小") else "left")
    return made
