"""Measures exactly as two published benchmarks define them, so that figures can be set beside those of papers.

*CMRC2018* (Cui et al. 2019, A Span-Extraction Dataset for Chinese Machine Reading Comprehension; the formulas of its
`cmrc2018_evaluate.py`, v5): exact match and an F1 over the longest common run of segments. Its Latin tokens come from NLTK;
here a number with its points, a word or a sign is a token.

*ALCE* (Gao et al. 2023, Enabling Large Language Models to Generate Text with Citations): citation recall and precision by
entailment. Where ALCE asks a model of 11 billion weights, `entails` is a plain rule: every number of the statement stands in
the premise, and most of its character pairs do. It knows no negation, but neither does it know how Youju checks its own answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

from eval.metrics import figures, normalize

_SIGNS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_LATIN_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|\w+|[^\w\s]")
_HAN = re.compile(r"[一-龥]")
MIN_COVERED = 0.7
"""Share of a statement's character pairs that its premise must hold."""

Entails = Callable[[str, str], bool]


def cmrc_exact_match(answer: str, references: Sequence[str]) -> float | None:
    """1 if the answer equals a reference, both lower case and without the benchmark's list of signs; None without references."""
    if not references:
        return None
    given = _without_signs(answer)
    return float(any(given == _without_signs(reference) for reference in references))


def cmrc_f1(answer: str, references: Sequence[str]) -> float | None:
    """Best over the references of 2pr / (p + r), where p and r are the longest common run of segments over either's length."""
    if not references:
        return None
    given = _segments(answer)
    return max(_run_f1(given, _segments(reference)) for reference in references)


def alce_citations(
    statements: Sequence[tuple[str, Sequence[str]]], entails: Entails | None = None
) -> tuple[float | None, float | None]:
    """Citation recall and precision of one answer.

    Recall: the share of statements that their quotes, joined, entail. Precision: of all citations, the share that stand
    behind an entailed statement and are not idle, that is, entail it alone or are missed when taken away.

    Args:
        statements: text and quotes of each.
        entails: premise and hypothesis to whether the first implies the second; without it, the rule of this module.

    Returns:
        Recall (None without statements) and precision (None without citations).
    """
    entails = entails or covers
    entailed = needed = citations = 0
    for text, quotes in statements:
        citations += len(quotes)
        if not quotes or not entails("\n".join(quotes), text):
            continue
        entailed += 1
        if len(quotes) == 1:
            needed += 1
            continue
        for i, quote in enumerate(quotes):
            rest = [*quotes[:i], *quotes[i + 1 :]]
            needed += entails(quote, text) or not entails("\n".join(rest), text)
    return (
        entailed / len(statements) if statements else None,
        needed / citations if citations else None,
    )


def covers(premise: str, statement: str) -> bool:
    """Whether every number and at least `MIN_COVERED` of the character pairs of the statement stand in the premise."""
    if not figures(statement) <= figures(premise):
        return False
    wanted = _pairs(normalize(statement))
    return bool(wanted) and len(wanted & _pairs(normalize(premise))) >= MIN_COVERED * len(wanted)


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset([text] if text else [])


def _without_signs(text: str) -> str:
    return "".join(char for char in text.lower().strip() if char not in _SIGNS)


@lru_cache(maxsize=1024)
def _segments(text: str) -> tuple[str, ...]:
    """One segment a Chinese character, and tokens of everything else, without the benchmark's signs."""
    found: list[str] = []
    other = ""
    for char in _without_signs(text):
        if _HAN.match(char):
            found += [*_LATIN_TOKEN.findall(other), char]
            other = ""
        else:
            other += char
    return (*found, *_LATIN_TOKEN.findall(other))


def _run_f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    matcher = SequenceMatcher(None, given, wanted, autojunk=False)
    shared = matcher.find_longest_match().size
    if shared == 0:
        return 0.0
    precision, recall = shared / len(given), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)
