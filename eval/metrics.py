"""The measures of retrieval and of answer text: pure functions, each with its formula and source.

Retrieval is judged on a ranking of *articles*: each position is the set of articles that one hit stands for (the
article itself and the near-duplicates folded into it), and an article counts at its first position only. A function
returns None where the measure does not apply (nothing is gold, nothing to compare with); None is "not eligible",
never a zero.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Protocol, TypeAlias, cast

from rag.number_forms import normalize_numbers
from rag.numerals import chinese_integer

Ranking: TypeAlias = Sequence[frozenset[str]]
"""Articles by rank, best first; each position holds the article keys that one hit stands for."""


def collapse(hits: Sequence[Collection[str]]) -> list[frozenset[str]]:
    """Ranking of articles from a ranking of passages: an article stands where its best passage stands.

    This is the MaxP rule (Dai & Callan 2019, Deeper Text Understanding for IR with Contextual Neural Language
    Modeling). A later passage of articles that are all seen already takes no position.
    """
    seen: set[str] = set()
    ranking = []
    for articles in hits:
        new = frozenset(articles) - seen
        if new:
            ranking.append(new)
            seen |= new
    return ranking


def hit_at(ranking: Ranking, gold: Collection[str], k: int) -> float | None:
    """1 if any gold article is among the first `k`, else 0: success@k; with one gold article it equals recall@k."""
    if not gold:
        return None
    return float(any(articles & set(gold) for articles in ranking[:k]))


def recall_at(ranking: Ranking, gold: Collection[str], k: int) -> float | None:
    """|gold in the first k| / |gold| (Manning, Raghavan & Schütze 2008, Introduction to IR, ch. 8)."""
    if not gold:
        return None
    found = set[str]().union(*ranking[:k]) & set(gold)
    return len(found) / len(set(gold))


def all_at(ranking: Ranking, gold: Collection[str], k: int) -> float | None:
    """1 if every gold article is among the first `k`, else 0: what a question over several articles needs."""
    recall = recall_at(ranking, gold, k)
    return None if recall is None else float(recall == 1.0)


def mrr_at(ranking: Ranking, gold: Collection[str], k: int) -> float | None:
    """1 / rank of the first gold article within `k`, else 0; its mean is MRR@k (Voorhees 1999, TREC-8 QA Track)."""
    if not gold:
        return None
    wanted = set(gold)
    return next((1 / rank for rank, articles in enumerate(ranking[:k], 1) if articles & wanted), 0.0)


def average_precision_at(ranking: Ranking, gold: Collection[str], k: int) -> float | None:
    """Sum of precision at the rank of each gold article within `k` / |gold|; its mean is MAP@k (Voorhees & Harman 2005; trec_eval's map_cut).

    Gold articles folded into one hit are one article here, as for nDCG.
    """
    if not gold:
        return None
    wanted = set(gold)
    gains = [articles & wanted for articles in ranking]
    folded = sum(len(found) - 1 for found in gains if found)
    found = 0
    total = 0.0
    for rank, articles in enumerate(gains[:k], 1):
        if articles:
            found += 1
            total += found / rank
    return total / (len(wanted) - folded)


def ndcg_at(ranking: Ranking, gold: Collection[str], k: int) -> float | None:
    """DCG@k / ideal DCG@k with gain 1 a gold article and discount log2(rank + 1) (Järvelin & Kekäläinen 2002).

    Gold articles folded into one hit are one article here: the user sees them in one place.
    """
    if not gold:
        return None
    wanted = set(gold)
    gains = [articles & wanted for articles in ranking]
    folded = sum(len(found) - 1 for found in gains if found)
    dcg = sum(1 / math.log2(rank + 1) for rank, found in enumerate(gains[:k], 1) if found)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(wanted) - folded, k) + 1))
    return dcg / ideal


_FIGURE = re.compile(r"\d+(?:[.,，]\d+)*|[零〇一二三四五六七八九十百千万亿两]{2,}")
_FIGURE_MARKS = re.compile(r"\[\d+\]")


def figures(text: str) -> frozenset[str]:
    """The numbers of a text as they are written: Arabic ones without thousands separators, Chinese ones of two signs or more.

    Deliberately blind to units and meaning, and independent of `rag.quantities`: this checks the checker.
    """
    plain = unicodedata.normalize("NFKC", _FIGURE_MARKS.sub("", text))
    return frozenset(found.replace(",", "") if found[0].isdigit() else found for found in _FIGURE.findall(plain))


_BETWEEN_WORDS = re.compile(r"(?<=[0-9a-z%‰])(?!\.\d)[^\w%‰]+(?=[0-9a-z])")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DAY = re.compile(r"(\d{1,2}|[一二三四五六七八九十]{1,3})月(?:(\d{1,2}|[一二三四五六七八九十]{1,3})[日号])?")
_KEPT = frozenset("%‰|")


@lru_cache(maxsize=4096)
def normalize(text: str) -> str:
    """The form in which texts are compared: what people write in several ways becomes one.

    NFKC (full width to half), lower case, traditional to simplified script, numbers and dates in one notation
    (`rag.number_forms.normalize_numbers`; 十一月二十日 as 11月20日), then white space and punctuation removed. Decimal points
    and percent signs stay; other marks between digits or Latin letters become "|", so that 3:2 is not 32.
    """
    return _bare(normalize_numbers(_DAY.sub(_day_in_digits, _plain(text))))


def exact_match(answer: str, references: Sequence[str]) -> float | None:
    """1 if the normalised answer equals a normalised reference (SQuAD's exact match, Rajpurkar et al. 2016)."""
    if not references:
        return None
    given = normalize(answer)
    return float(any(given == normalize(reference) for reference in references))


def char_f1(answer: str, references: Sequence[str]) -> float | None:
    """Best F1 of shared characters over the references: 2PR / (P + R), with multiset overlap.

    SQuAD's F1 (Rajpurkar et al. 2016) with characters for words, as LongBench does for Chinese (Bai et al. 2023). It
    is not the official CMRC2018 score, which takes the longest common substring.
    """
    if not references:
        return None
    given = Counter(normalize(answer))
    return max(_f1(given, Counter(normalize(reference))) for reference in references)


def rouge_l(answer: str, references: Sequence[str]) -> float | None:
    """Best ROUGE-L F1 on characters: P = LCS/|answer|, R = LCS/|reference|, F = 2PR / (P + R) (Lin 2004, beta 1)."""
    if not references:
        return None
    given = normalize(answer)
    return max(_rouge_l(given, normalize(reference)) for reference in references)


def lcs_length(first: str, second: str) -> int:
    """Length of the longest common subsequence, in characters.

    Bit-parallel dynamic programming (Hyyrö 2004, Bit-parallel LCS-length computation revisited): a row of the table
    is one integer, so two texts of 1,000 characters take under a millisecond.
    """
    positions: dict[str, int] = {}
    for i, char in enumerate(first):
        positions[char] = positions.get(char, 0) | (1 << i)
    full = (1 << len(first)) - 1
    row = full
    for char in second:
        matched = row & positions.get(char, 0)
        row = ((row + matched) | (row - matched)) & full
    return len(first) - row.bit_count()


def contains_fact(text: str, alternatives: Sequence[str]) -> bool:
    """Whether `text` states a key fact: one of its alternatives occurs in it, both normalised.

    A number matches as a whole number only: "3%" is not in "6.3%" nor "12" in "2012"; likewise Latin words. Texts are also
    compared with their numbers as written, because a table's cell says "63.92" where a sentence says "63.92万平方米".
    """
    if any(_occurs(normalize(text), normalize(alternative)) for alternative in alternatives):
        return True
    return any(_occurs(_literal(text), _literal(alternative)) for alternative in alternatives)


def key_fact_recall(text: str, key_facts: Sequence[Sequence[str]]) -> float | None:
    """Share of the key facts that `text` states (nugget recall, Voorhees 2003; Min et al. 2023 for atomic facts)."""
    if not key_facts:
        return None
    return sum(contains_fact(text, alternatives) for alternatives in key_facts) / len(key_facts)


def is_correct(
    text: str, key_facts: Sequence[Sequence[str]], forbidden: Sequence[str], *, refused: bool
) -> float | None:
    """1 if the answer is no refusal, states every key fact and no forbidden value, else 0; None without key facts."""
    recall = key_fact_recall(text, key_facts)
    if recall is None:
        return None
    return float(not refused and recall == 1.0 and not contains_fact(text, forbidden))


def _occurs(text: str, fact: str) -> bool:
    if not fact:
        return False
    start = text.find(fact)
    while start >= 0:
        end = start + len(fact)
        if not (_splits(text, start) or _splits(text, end)):
            return True
        start = text.find(fact, start + 1)
    return False


def _splits(text: str, at: int) -> bool:
    """Whether a cut before position `at` goes through a number or a Latin word."""
    if at <= 0 or at >= len(text):
        return False
    before, after = text[at - 1], text[at]
    if after == "." or before == ".":  # normalize keeps a point only between digits
        return True
    digits = before.isdigit() and after.isdigit()
    letters = before.isascii() and before.isalpha() and after.isascii() and after.isalpha()
    return digits or letters


@lru_cache(maxsize=4096)
def _literal(text: str) -> str:
    """`normalize` with numbers as they are written."""
    return _bare(_plain(text))


def _plain(text: str) -> str:
    return _THOUSANDS.sub("", _simplified(unicodedata.normalize("NFKC", text).lower()))


def _bare(folded: str) -> str:
    """Without white space and punctuation, as `normalize` says."""
    separated = _BETWEEN_WORDS.sub("|", folded)
    return "".join(c for i, c in enumerate(separated) if _is_kept(separated, i, c))


def _day_in_digits(match: re.Match[str]) -> str:
    """十一月二十日 and 11月20号 as 11月20日, 十一月 as 11月; what is no number stays."""
    parts = [int(part) if part.isdigit() else chinese_integer(part) for part in match.groups() if part]
    return match[0] if None in parts else "".join(f"{part}{unit}" for part, unit in zip(parts, "月日", strict=False))


def _is_kept(text: str, i: int, char: str) -> bool:
    if char.isalnum() or char in _KEPT:
        return True
    return char == "." and 0 < i < len(text) - 1 and text[i - 1].isdigit() and text[i + 1].isdigit()


def _f1(given: Counter[str], wanted: Counter[str]) -> float:
    shared = (given & wanted).total()
    if shared == 0:
        return 0.0
    return 2 * shared / (given.total() + wanted.total())


def _rouge_l(given: str, wanted: str) -> float:
    if not given or not wanted:
        return 0.0
    return 2 * lcs_length(given, wanted) / (len(given) + len(wanted))


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


@lru_cache(maxsize=1)
def _converter() -> _Converter:
    import opencc

    return cast(_Converter, opencc.OpenCC("t2s"))


def _simplified(text: str) -> str:
    return _converter().convert(text)
