"""Why a passage was found, for people: each leg's score and place, the words that matched, what was folded into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.collection import Collection
from rag.filters import Filters
from rag.records import Hit
from rag.retrieval import Scope, choose_scope, fold, gather
from rag.words import index_words, query_words


@dataclass(frozen=True, slots=True)
class Explained:
    """A hit with its reasons.

    Attributes:
        ranks: place in each leg, 1 for the best; a leg that did not find it is missing.
        words: words of the question that stand in its text or title, each with its rarity (see `KeywordIndex.idf`), rarest first.
    """

    hit: Hit
    ranks: Mapping[str, int]
    words: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON form: the hit's, with ranks and words."""
        return {
            **self.hit.to_dict(),
            "ranks": dict(self.ranks),
            "words": {w: round(v, 3) for w, v in self.words.items()},
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a question was searched for, and why each hit was found.

    `passed` of `chunks` passages were let through by the filters.
    """

    scope: Scope
    passed: int
    chunks: int
    hits: tuple[Explained, ...]


def explain(
    collection: Collection, question: str, k: int, *, dense_weight: float, filters: Filters | None = None
) -> Explanation:
    """Search as `retrieve` does, and say why."""
    scope = choose_scope(collection, question, filters)
    found = gather(collection, question, k, dense_weight=dense_weight, filters=scope.filters, period=scope.period)
    ranks = {
        leg: {id_: rank for rank, id_ in enumerate(sorted(scores, key=lambda i, s=scores: -s[i]), 1)}  # type: ignore[misc]
        for leg, scores in found.legs.items()
        if leg != "period"
    }
    idf = collection.index().idf(query_words(question))
    hits = []
    for hit in fold(collection, found, k):
        own = {*index_words(hit.chunk.text), *index_words(hit.article.title)}
        words = {word: idf[word] for word in sorted(idf, key=lambda word: -idf[word]) if word in own}
        places = {leg: place[hit.chunk.id] for leg, place in ranks.items() if hit.chunk.id in place}
        hits.append(Explained(hit, places, words))
    chunks = collection.counts()[1]
    passed = len(collection.matching(scope.filters)) if scope.filters else chunks
    return Explanation(scope, passed, chunks, tuple(hits))
