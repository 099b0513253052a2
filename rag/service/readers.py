"""Who reads: a name and what they may do. Routes and Gradio's handlers ask `reader_of` and `editor_of`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from rag.errors import NotAllowed

Role = Literal["reader", "editor"]
"""A reader asks and reads; an editor may also put articles in and take them out."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever sent a request.

    Attributes:
        name: of the account; empty where nobody has to log in, and for the token of the environment.
        role: see `Role`.
    """

    name: str
    role: Role

    @property
    def may_edit(self) -> bool:
        """Whether articles may be put in and taken out."""
        return self.role == "editor"


NOBODY: Final = Reader("", "reader")
OWNER: Final = Reader("", "editor")
"""Whoever sits at a machine that serves only itself, or knows the token of the environment."""


def reader_of(request: Any) -> Reader:
    """Who sent a request.

    Args:
        request: Starlette's request, or Gradio's (`gr.Request`), which passes `state` on.
    """
    found = getattr(request.state, "reader", None)
    return found if isinstance(found, Reader) else NOBODY


def editor_of(request: Any) -> Reader:
    """The same, for what only an editor may do.

    Raises:
        NotAllowed: the reader may only read.
    """
    reader = reader_of(request)
    if not reader.may_edit:
        raise NotAllowed(
            "这个账户只能提问和阅读，不能增删文章", "请管理员运行 youju user role 名字 editor，或换一个账户登录"
        )
    return reader
