"""An answer as JSON and back, equal to what it was: what a saved conversation is shown from again.

The articles are kept apart, each once, however many answers cite it; and whole, so that a quote stays in its place whatever
becomes of the library.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.records import Answer, Article, Chunk, Citation, Hit, Provenance, Statement


@dataclass(frozen=True, slots=True)
class PackedAnswer:
    """An answer without its articles, as JSON, and the articles (as `Article.to_json` writes them) by their keys."""

    text: str
    articles: Mapping[str, str]


def pack_answer(answer: Answer) -> PackedAnswer:
    """The answer in a form that `unpack_answer` makes an equal one of."""
    articles: dict[str, str] = {}

    def key(article: Article) -> str:
        line = article.to_json()
        name = hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        articles[name] = line
        return name

    fields = {
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "statements": [
            {
                "text": s.text,
                "support": s.support,
                "note": s.note,
                "citations": [[c.number, key(c.article), c.start, c.end, c.quote] for c in s.citations],
            }
            for s in answer.statements
        ],
        "hits": [
            {
                "article": key(h.article),
                "chunk": [h.chunk.id, h.chunk.article_id, h.chunk.start, h.chunk.end, h.chunk.text, h.chunk.heading],
                "score": h.score,
                "rank": h.rank,
                "why": dict(h.why),
                "also": [key(a) for a in h.also],
            }
            for h in answer.hits
        ],
        "refused": answer.refused,
        "reason": answer.reason,
        "timings": dict(answer.timings),
        "provenance": answer.provenance.to_dict(),
        "scope": answer.scope,
    }
    return PackedAnswer(json.dumps(fields, ensure_ascii=False, separators=(",", ":")), articles)


def unpack_answer(text: str, articles: Mapping[str, str]) -> Answer:
    """The answer that was packed.

    Raises:
        KeyError, ValueError: it is not one, or an article of it is missing.
    """
    fields: dict[str, Any] = json.loads(text)
    known: dict[str, Article] = {}

    def article(key: str) -> Article:
        if key not in known:
            known[key] = Article.from_json(articles[key])
        return known[key]

    statements = tuple(
        Statement(
            s["text"],
            tuple(
                Citation(number, article(key), start, end, quote) for number, key, start, end, quote in s["citations"]
            ),
            s["support"],
            s["note"],
        )
        for s in fields["statements"]
    )
    hits = tuple(
        Hit(
            Chunk(*h["chunk"]),
            article(h["article"]),
            h["score"],
            h["rank"],
            h["why"],
            tuple(article(key) for key in h["also"]),
        )
        for h in fields["hits"]
    )
    return Answer(
        question=fields["question"],
        standalone_question=fields["standalone_question"],
        statements=statements,
        hits=hits,
        refused=fields["refused"],
        reason=fields["reason"],
        timings=fields["timings"],
        provenance=Provenance(**fields["provenance"]),
        scope=fields["scope"],
    )
