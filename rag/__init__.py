"""Youju (有据): questions about Chinese articles, answered with the exact source sentence.

from rag import open_library

with open_library("my-library") as library:
    library.add(["articles/"])
    print(library.ask("武昌区2020年金融产业增加值是多少？").text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rag.errors import YoujuError
from rag.filters import Filters
from rag.records import Answer, Article, Chunk, Citation, Event, Hit, Retrieved, Statement, Token, Turn
from rag.version import VERSION as __version__

if TYPE_CHECKING:
    from rag.library import Library, open_library
    from rag.settings import Settings, load_settings

__all__ = [
    "Answer",
    "Article",
    "Chunk",
    "Citation",
    "Event",
    "Filters",
    "Hit",
    "Library",
    "Retrieved",
    "Settings",
    "Statement",
    "Token",
    "Turn",
    "YoujuError",
    "__version__",
    "load_settings",
    "open_library",
]

_LAZY = {
    "Library": "rag.library",
    "open_library": "rag.library",
    "Settings": "rag.settings",
    "load_settings": "rag.settings",
}


def __getattr__(name: str) -> Any:
    """Load the heavier parts of the door when they are first asked for."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
