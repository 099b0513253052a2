"""Is what was found good enough to answer from? If not, the answer is a refusal, and no LLM is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.anchors import Anchor, find_anchors
from rag.relevance import Candidate
from rag.words import search_form

REFUSAL = "资料中没有相关信息。"

LOWEST = 0.03
"""Score of the best sentence below which nothing relevant counts as found. `python -m eval calibrate` shows what it costs."""

_OTHER_TIME = 0.3
_OTHER_NAME = 0.2
_LOOKED_AT = 3
_NEARLY = 0.5
"""Share of the best score from which on a sentence still counts where the best ones speak of another time."""


def refusal_reason(question: str, candidates: Sequence[Candidate]) -> str:
    """Why the candidates (best first) cannot answer the question, in Chinese; an empty string when they can."""
    if not candidates:
        return REFUSAL
    articles = {c.sentence.article.id: c.sentence.article for c in candidates}.values()
    known = search_form("\n".join(f"{a.title}\n{a.source}\n{a.text}" for a in articles))
    strangers = [a.text for a in find_anchors(question) if _distinctive(a) and not _occurs(a.core, known)]
    if strangers:
        return f"资料中没有相关信息：没有提到{'、'.join(dict.fromkeys(strangers))}。"
    if candidates[0].score < LOWEST:
        return REFUSAL
    best = candidates[:_LOOKED_AT]
    near = [c for c in candidates if c.score >= _NEARLY * candidates[0].score]
    if max(c.features["period"] for c in (*best, *near)) <= _OTHER_TIME:
        return "资料中没有相关信息：资料说的是别的时间。"
    if max(c.features["names"] for c in best) <= _OTHER_NAME:
        return "资料中没有相关信息：资料说的是别的地方或机构。"
    return ""


def _distinctive(anchor: Anchor) -> bool:
    """Places and organisations that are certainly names: with an ending that tells their kind, or long ones."""
    return anchor.kind in ("place", "org") and (anchor.rank in set("区市县省") or len(anchor.core) >= 3)


def _occurs(name: str, text: str) -> bool:
    """Whether a name occurs; of three characters or more, also with one of them misspelt."""
    if name in text:
        return True
    if len(name) < 3:
        return False
    variants = (re.escape(name[:i]) + r"\w" + re.escape(name[i + 1 :]) for i in range(len(name)))
    return re.search("|".join(variants), text) is not None
