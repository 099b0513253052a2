"""Article -> chunks: runs of whole sentences with exact offsets, as long as the embedder can read and no longer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from rag.headings import heading_starts
from rag.records import Article, Chunk
from rag.sentences import Span, middle_cut, split_clauses, split_sentences, trim

__all__ = ["CountTokens", "chunk_article", "split_sentences"]

CountTokens: TypeAlias = Callable[[Sequence[str]], list[int]]
"""Length of each text in the embedder's own tokens."""

_SECTION_FILL = 0.5
_PARAGRAPH_FILL = 0.6
_SMALL_TAIL = 0.25
_CERTAINLY_LONG = 40
"""No token covers this many characters of running text: what is longer is cut before it is counted."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut: a sentence, or a piece of one that is too long. `closes` says that a paragraph ends with it."""

    span: Span
    tokens: int
    heading: bool
    closes: bool


def chunk_article(article: Article, *, max_tokens: int, count_tokens: CountTokens) -> list[Chunk]:
    """Cut an article into chunks of at most `max_tokens` tokens.

    Every character but white space is in exactly one chunk, in order, and `article.text[start:end] == text`. Chunks end where
    a section or paragraph ends if that leaves them at least half full, otherwise at a sentence end. A heading stays with what
    follows it. A sentence that is too long alone is cut at its clauses, then between characters, not inside a number.

    Args:
        article: its text, and the headings that its reader marked.
        max_tokens: limit of a chunk; only a single character of more tokens than that can exceed it.
        count_tokens: called once for all sentences and once for all chunks; again only for what is too long.

    Returns:
        Chunks with id -1 and the nearest heading above; the same for the same input. Empty for an article without text.

    Raises:
        ValueError: max_tokens is not positive.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be positive, got {max_tokens}")
    text = article.text
    headings = heading_starts(article)
    units = _units(text, headings, max_tokens, count_tokens)
    titles = [unit.span for unit in units if unit.heading]
    starts = [span.start for span in titles]
    chunks = []
    for first, last in _fitting_runs(text, units, max_tokens, count_tokens):
        start, end = units[first].span.start, units[last - 1].span.end
        lead = first
        while lead + 1 < last and units[lead].heading and units[lead + 1].heading:
            lead += 1
        above = bisect_right(starts, units[lead].span.start) - 1
        heading = text[titles[above].start : titles[above].end] if above >= 0 else ""
        chunks.append(Chunk(id=-1, article_id=article.id, start=start, end=end, text=text[start:end], heading=heading))
    return chunks


def _units(text: str, headings: frozenset[int], max_tokens: int, count_tokens: CountTokens) -> list[_Unit]:
    sentences = split_sentences(text)
    longest = max_tokens * _CERTAINLY_LONG
    short = [s for s in sentences if s.end - s.start <= longest]
    tokens = dict(zip(short, count_tokens([text[s.start : s.end] for s in short]), strict=True)) if short else {}
    too_long = [s for s in sentences if tokens.get(s, max_tokens + 1) > max_tokens]
    pieces = _cut_long(text, too_long, max_tokens, count_tokens)
    units = []
    for number, sentence in enumerate(sentences):
        last = number + 1 == len(sentences) or "\n" in text[sentence.end : sentences[number + 1].start]
        heading = sentence.start in headings and last and sentence not in pieces
        parts = pieces.get(sentence) or [(sentence, tokens[sentence])]
        for span, size in parts:
            units.append(_Unit(span, size, heading, last and span is parts[-1][0]))
    return units


def _cut_long(
    text: str, sentences: Sequence[Span], max_tokens: int, count_tokens: CountTokens
) -> dict[Span, list[tuple[Span, int]]]:
    """Each sentence that is too long, as pieces that are not: clauses first, then halves. One call of the counter a round."""
    pieces = {sentence: [(clause, -1) for clause in split_clauses(text, sentence)] for sentence in sentences}
    longest = max_tokens * _CERTAINLY_LONG
    open_sentences = list(sentences)
    while open_sentences:
        uncounted = [
            span for s in open_sentences for span, size in pieces[s] if size < 0 and span.end - span.start <= longest
        ]
        sizes = dict(zip(uncounted, count_tokens([text[a:b] for a, b in uncounted]), strict=True)) if uncounted else {}
        again = []
        for sentence in open_sentences:
            parts: list[tuple[Span, int]] = []
            for span, size in pieces[sentence]:
                size = sizes.get(span, max_tokens + 1) if size < 0 else size
                cut = middle_cut(text, span) if size > max_tokens else None
                if cut is None:
                    parts.append((span, size))
                else:
                    halves = trim(text, span.start, cut), trim(text, cut, span.end)
                    parts += [(half, -1) for half in halves if half is not None]
            pieces[sentence] = parts
            if any(size < 0 for _, size in parts):
                again.append(sentence)
        open_sentences = again
    return pieces


def _fitting_runs(
    text: str, units: Sequence[_Unit], max_tokens: int, count_tokens: CountTokens
) -> list[tuple[int, int]]:
    """Runs of units, packed by the sum of their tokens and then verified: a run may be longer than the sum of its parts."""
    runs = _pack(units, max_tokens)
    unsure = [run for run in runs if run[1] - run[0] > 1]
    split: dict[tuple[int, int], list[tuple[int, int]]] = {}
    while unsure:
        counts = count_tokens([text[units[a].span.start : units[b - 1].span.end] for a, b in unsure])
        too_long = [run for run, count in zip(unsure, counts, strict=True) if count > max_tokens]
        unsure = []
        for first, last in too_long:
            cut = _cut_between(units, first, last, max_tokens)
            split[first, last] = [(first, cut), (cut, last)]
            unsure += [part for part in split[first, last] if part[1] - part[0] > 1]
    verified: list[tuple[int, int]] = []
    waiting = runs[::-1]
    while waiting:
        run = waiting.pop()
        if run in split:
            waiting += reversed(split[run])
        else:
            verified.append(run)
    return verified


def _pack(units: Sequence[_Unit], max_tokens: int) -> list[tuple[int, int]]:
    """Greedy runs [first, last): as full as they get, ending where the text itself has a seam."""
    sums = [0, *accumulate(unit.tokens for unit in units)]
    runs: list[tuple[int, int]] = []
    first = 0
    while first < len(units):
        last = max(first + 1, bisect_right(sums, sums[first] + max_tokens) - 1)
        if last < len(units):
            last = _seam(units, sums, first, last, max_tokens)
        runs.append((first, last))
        first = last
    if len(runs) > 1 and sums[-1] - sums[runs[-1][0]] < _SMALL_TAIL * max_tokens:
        first = runs[-2][0]
        cut = len(units)
        if sums[-1] - sums[first] > max_tokens:
            cut = _cut_between(units, first, len(units), max_tokens)
        runs[-2:] = [(first, cut), (cut, len(units))] if cut < len(units) else [(first, cut)]
    return runs


def _seam(units: Sequence[_Unit], sums: Sequence[int], first: int, last: int, max_tokens: int) -> int:
    """Where to end a run that could go up to `last`: before a heading, at a paragraph end, at least not after a heading."""

    def filled(cut: int) -> float:
        return (sums[cut] - sums[first]) / max_tokens

    inner = [cut for cut in range(last, first, -1) if not units[cut - 1].heading]
    sections = (cut for cut in inner if units[cut].heading and filled(cut) >= _SECTION_FILL)
    paragraphs = (cut for cut in inner if units[cut - 1].closes and filled(cut) >= _PARAGRAPH_FILL)
    return next(sections, next(paragraphs, next(iter(inner), last)))


def _cut_between(units: Sequence[_Unit], first: int, last: int, max_tokens: int) -> int:
    """Where to cut a run in two of nearly equal length, both within the limit; rather at a paragraph end, not after a heading."""
    sums = [0, *accumulate(unit.tokens for unit in units[first:last])]

    def cost(cut: int) -> tuple[bool, float, int]:
        left, right = sums[cut - first], sums[-1] - sums[cut - first]
        uneven = abs(left - right) / max(1, left + right)
        awkward = (0.0 if units[cut - 1].closes else 0.2) + (0.6 if units[cut - 1].heading else 0.0)
        return max(left, right) > max_tokens, uneven + awkward, cut

    return min(range(first + 1, last), key=cost)
