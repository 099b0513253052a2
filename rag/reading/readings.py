"""What reading gives: one `Reading` for each thing found in a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rag.errors import ReadError
from rag.records import Article

Alive = Callable[[], None]
"""Called now and then by readers that need long for one article, so that they are not taken for hung."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An article, or why there is none.

    Attributes:
        member: empty where the file is one article; otherwise the name of the part: "3", "dir/b.md", "rows.csv#12".
        article: None where `reason` (a key for counting, as in `ReadError`) and `message` (Chinese) say why.
    """

    member: str
    article: Article | None
    reason: str = ""
    message: str = ""

    @classmethod
    def failed(cls, member: str, error: ReadError) -> Reading:
        """The reading that an error is."""
        return cls(member, None, error.reason, str(error))
