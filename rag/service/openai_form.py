"""An answer as a message of OpenAI's chat completions: its text in the pieces in which it streams, and its citations as annotations.

A draft is not checked, so nothing of it is sent here: the pieces are the statements of the finished answer, and together they are
`Answer.text` with its marks, behind what the user must be told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from rag.records import Answer, Citation, Statement, iso


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the message with its citations, whose places are counted in characters from the beginning of the message."""

    text: str
    annotations: tuple[dict[str, Any], ...] = ()


def pieces_of(answer: Answer, notices: Sequence[str], base: str) -> list[Piece]:
    """The message, piece by piece.

    Args:
        notices: what the user must be told before the answer; empty ones are left out.
        base: where this server is, e.g. "http://127.0.0.1:7860/": an article without a link of its own is linked there.
    """
    pieces = [Piece(f"（{notice}）\n\n") for notice in dict.fromkeys(notices) if notice]
    if not answer.shown or answer.refused:
        return [*pieces, Piece(answer.text)]
    at = sum(len(piece.text) for piece in pieces)
    for statement in answer.shown:
        pieces.append(Piece(statement.marked, tuple(_annotations(statement, at, base))))
        at += len(statement.marked)
    return pieces


def _annotations(statement: Statement, at: int, base: str) -> list[dict[str, Any]]:
    """One for each mark [n] behind the statement that begins at `at`."""
    made = []
    place = at + len(statement.text)
    for number in dict.fromkeys(citation.number for citation in statement.citations):
        mark = f"[{number}]"
        for citation in (c for c in statement.citations if c.number == number):
            made.append(
                _annotation(citation, statement, (place, place + len(mark)), (at, at + len(statement.text)), base)
            )
        place += len(mark)
    return made


def _annotation(
    citation: Citation, statement: Statement, mark: tuple[int, int], span: tuple[int, int], base: str
) -> dict[str, Any]:
    article = citation.article
    own = f"{base}api/articles/{quote(article.id, safe='')}"
    return {
        "type": "url_citation",
        "url_citation": {
            "start_index": mark[0],
            "end_index": mark[1],
            "title": article.title,
            "url": article.url if article.url.startswith(("http://", "https://")) else own,
        },
        "youju": {
            "number": citation.number,
            "article_id": article.id,
            "start": citation.start,
            "end": citation.end,
            "quote": citation.quote,
            "title": article.title,
            "source": article.source,
            "published_at": iso(article.published_at),
            "article_url": own,
            "statement_start": span[0],
            "statement_end": span[1],
            "support": statement.support,
            "note": statement.note,
        },
    }


def about(answer: Answer) -> dict[str, Any]:
    """What else is to be known of an answer: our own field `youju` of a completion."""
    return {
        "refused": answer.refused,
        "notice": answer.provenance.notice,
        "standalone_question": answer.standalone_question,
        "scope": answer.scope,
        "timings": {stage: round(seconds, 4) for stage, seconds in answer.timings.items()},
        "provenance": answer.provenance.to_dict(),
    }
