"""How an answer came about: one quiet line below it, and everything behind that line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rag.records import Answer, Hit
from rag.ui.article_view import place_of
from rag.ui.markup import both, escape
from rag.ui.sources import opens, where
from rag.ui.texts import ZH

_LONGEST: Final = 200
_DOT: Final = '<span class="yj-dot" aria-hidden="true"> · </span>'


def how_html(answer: Answer) -> str:
    """The line (who wrote it, how long it took, what was searched), closed; opened it tells the rest."""
    rows = "".join(f"<dt>{both(key)}</dt><dd>{value}</dd>" for key, value in _facts(answer))
    line = f'<span class="yj-how-line">{_line(answer)}</span>'
    summary = f'<summary>{line}<span class="yj-how-word">{both("how")}</span></summary>'
    return f'<details class="yj-how">{summary}<dl>{rows}</dl>{_passages(answer)}</details>'


def _line(answer: Answer) -> str:
    llm = answer.provenance.llm
    parts = [escape(llm, 80) if llm else both("extractive")]
    if "total" in answer.timings:
        parts.append(_seconds(answer.timings["total"]))
    parts.append(both("passages", count=str(len(answer.hits))))
    if answer.scope:
        parts.append(both("scope", scope=escape(answer.scope, 120)))
    standalone = answer.standalone_question
    if standalone and standalone != answer.question:
        parts.append(both("searched_as", question=escape(standalone, _LONGEST)))
    return _DOT.join(f"<span>{part}</span>" for part in parts)


def _facts(answer: Answer) -> list[tuple[str, str]]:
    made = answer.provenance
    articles = len({hit.article.id for hit in answer.hits})
    counts = both("how_found_count", passages=str(len(answer.hits)), articles=str(articles))
    facts = [
        ("how_question", escape(answer.standalone_question or answer.question, _LONGEST)),
        ("how_scope", escape(answer.scope, _LONGEST) if answer.scope else both("how_scope_all")),
        ("how_found", counts),
        ("how_time", _times(answer)),
        ("how_model", both("how_model_llm", model=escape(made.llm, 80)) if made.llm else both("extractive")),
        ("how_prompts", escape(made.prompts, _LONGEST) if made.llm else ""),
        ("how_embedder", escape(made.embedder, 80)),
        ("how_library", escape(made.library, 80)),
        ("how_version", escape(made.version, 40)),
    ]
    return [(key, value) for key, value in facts if value]


def _times(answer: Answer) -> str:
    """Seconds by stage, in the order in which they passed; the total at the end."""
    stages = sorted(answer.timings.items(), key=lambda stage: stage[0] == "total")
    told = []
    for stage, seconds in stages:
        key = f"stage_{stage}"
        told.append(f"{both(key) if key in ZH else escape(stage, 40)} {_seconds(seconds, 2)}")
    return _DOT.join(f"<span>{part}</span>" for part in told)


def _passages(answer: Answer) -> str:
    """The articles of what was found, best first; each opens at its passages."""
    by_article: dict[str, list[Hit]] = {}
    for hit in answer.hits:
        by_article.setdefault(hit.article.id, []).append(hit)
    rows = "".join(_found(hits) for hits in by_article.values())
    return f'<ol class="yj-found">{rows}</ol>' if rows else ""


def _found(hits: Sequence[Hit]) -> str:
    article = hits[0].article
    places = (place_of(hit.article, hit.chunk.start, hit.chunk.end) for hit in hits)
    count = both("how_passages", count=str(len(hits))) if len(hits) > 1 else ""
    return f"<li>{opens(article, escape(article.title, 80), *places, near=True)}{where(article)}{count}</li>"


def _seconds(seconds: float, digits: int = 1) -> str:
    return both("seconds", seconds=f"{seconds:.{digits}f}")
