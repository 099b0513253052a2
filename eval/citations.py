"""Whether an answer's citations point at the right places: article level and quote level.

Precision and recall of citations follow ALCE (Gao et al. 2023, Enabling Large Language Models to Generate Text with
Citations), with human gold spans where ALCE asks an entailment model. Two rules decide whether a citation is right at
quote level:

1. *It overlaps gold*: the cited span and a gold span of the same article share at least half of the shorter one
   (`MIN_OVERLAP`), counted in characters. A citation of one sentence out of a gold paragraph is right, and so is a
   paragraph that holds the gold sentence; two sentences that touch at their ends are not.
2. *It carries the fact elsewhere*: news repeats itself, and a gold quote names one place of several. A citation
   outside gold is right when its quote states a key fact that the statement it stands behind states too, and no
   forbidden value. Facts of a single character (normalised) are too weak a sign and do not count for this rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from eval.metrics import contains_fact, normalize

MIN_OVERLAP = 0.5
_MIN_FACT_CHARS = 2


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` of the clean text of an article; `article` is its key in the evaluation set."""

    article: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Cited:
    """One citation behind one statement of an answer.

    `articles` are the keys it stands for at article level: its own, and those of near-duplicates shown as one hit with it.
    """

    span: Span
    quote: str
    statement: str
    articles: frozenset[str]


@dataclass(frozen=True, slots=True)
class CitationScores:
    """Shares from 0 to 1; None where there is nothing to divide by (no citation, or no gold)."""

    article_precision: float | None
    article_recall: float | None
    quote_precision: float | None
    quote_recall: float | None


def locate(text: str, quote: str) -> list[tuple[int, int]]:
    """Every place of `quote` in `text`, white space apart, as (start, end) in `text`; a table's cell may stand in several."""
    squeezed, offsets = _squeeze(text)
    wanted = "".join(quote.split())
    places = []
    at = squeezed.find(wanted) if wanted else -1
    while at >= 0:
        places.append((offsets[at], offsets[at + len(wanted) - 1] + 1))
        at = squeezed.find(wanted, at + len(wanted))
    return places


def overlaps(first: Span, second: Span) -> bool:
    """Rule 1: same article, and the shared characters are at least `MIN_OVERLAP` of the shorter span."""
    if first.article != second.article:
        return False
    shared = min(first.end, second.end) - max(first.start, second.start)
    shorter = min(first.end - first.start, second.end - second.start)
    return shared > 0 and shared >= MIN_OVERLAP * shorter


def score_citations(
    cited: Sequence[Cited],
    gold: Sequence[Sequence[Span]],
    gold_articles: frozenset[str],
    key_facts: Sequence[Sequence[str]],
    forbidden: Sequence[str],
    quotes: Sequence[str],
) -> CitationScores:
    """Precision and recall of one answer's citations.

    Args:
        cited: every citation, once for each statement that it stands behind.
        gold: for each gold quote the places where it stands; one of them is enough.
        gold_articles: keys of the gold articles; may be more than `gold` names (sets without quotes).
        key_facts: for each fact its accepted wordings.
        forbidden: values that a right answer does not contain.
        quotes: texts of the gold quotes, as many as `gold`.

    Returns:
        article_precision: citations of a gold article / citations. article_recall: gold articles cited / gold articles.
        quote_precision: right citations / citations. quote_recall: gold quotes that are overlapped, or one of whose
        key facts a right citation elsewhere carries / gold quotes.
    """
    facts = [[a for a in alternatives if len(normalize(a)) >= _MIN_FACT_CHARS] for alternatives in key_facts]
    carried = [_carried(c, facts, forbidden) for c in cited]
    right = [
        bool(found) or any(overlaps(c.span, place) for places in gold for place in places)
        for c, found in zip(cited, carried, strict=True)
    ]
    elsewhere = set[int]().union(*carried)
    in_gold = [bool(c.articles & gold_articles) for c in cited]
    reached = frozenset[str]().union(*(c.articles for c in cited)) & gold_articles
    hit = [
        any(overlaps(c.span, place) for c in cited for place in places)
        or any(contains_fact(quote, facts[i]) for i in elsewhere)
        for places, quote in zip(gold, quotes, strict=True)
    ]
    return CitationScores(
        article_precision=sum(in_gold) / len(cited) if cited and gold_articles else None,
        article_recall=len(reached) / len(gold_articles) if gold_articles else None,
        quote_precision=sum(right) / len(cited) if cited and gold else None,
        quote_recall=sum(hit) / len(gold) if gold else None,
    )


def _carried(cited: Cited, facts: Sequence[Sequence[str]], forbidden: Sequence[str]) -> set[int]:
    """Rule 2: which key facts both the quote and its statement state; none if the quote holds a forbidden value."""
    if contains_fact(cited.quote, forbidden):
        return set()
    return {
        i
        for i, wordings in enumerate(facts)
        if contains_fact(cited.quote, wordings) and contains_fact(cited.statement, wordings)
    }


@lru_cache(maxsize=256)
def _squeeze(text: str) -> tuple[str, tuple[int, ...]]:
    """Text without white space, and where each of its characters stands in `text`."""
    offsets = tuple(i for i, char in enumerate(text) if not char.isspace())
    return "".join(text[i] for i in offsets), offsets
