"""Which articles tell the same story: every pair found by exact overlap, what MinHash finds of them, and what a reader says of them."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.cleaning import file_digest
from rag.near_duplicates import band_keys, shingles, signature
from rag.reading import read_articles

LABELS = Path(__file__).parent / "data" / "near_duplicate_labels.jsonl"
LOWEST = 0.5
"""Pairs less alike are not looked at."""
_COMMON = 60
"""A shingle in more articles than this is a phrase of the trade; pairs are found by the rarer ones."""
_SHARED = 5
_SHORT = 40
THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files, by the first 16 hex digits of their SHA-256, in order.

    Attributes:
        similarity: Jaccard similarity of shingles, exact.
        candidate: whether the MinHash bands bring them together.
        same: what the labels say; None where they do not.
    """

    first: str
    second: str
    similarity: float
    candidate: bool
    same: bool | None


def load_labels(path: Path = LABELS) -> dict[tuple[str, str], bool]:
    """The labels: a pair of file keys (in order) and whether a reader would call it one story."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(row["first"], row["second"]): row["same"] for row in rows}


def find_pairs(
    folders: Sequence[Path],
    labels: Mapping[tuple[str, str], bool],
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Pair]:
    """Every pair of different articles that is at least `LOWEST` alike, the most alike first.

    Candidates for the exact overlap share five shingles that at most sixty articles have; nothing of the MinHash decides here.
    """
    files = sorted(path for folder in folders for path in folder.rglob("*.md"))
    texts: dict[str, str] = {}
    bodies: set[str] = set()
    for done, path in enumerate(files):
        for reading in read_articles(path):
            if reading.article is not None and reading.article.body_digest not in bodies:
                bodies.add(reading.article.body_digest)
                texts[file_digest(path.read_bytes())] = reading.article.text
        if on_progress:
            on_progress(done + 1, len(files))
    return pairs_of(texts, labels)


def pairs_of(texts: Mapping[str, str], labels: Mapping[tuple[str, str], bool]) -> list[Pair]:
    """As `find_pairs`, for texts by key."""
    sets = {key: found for key, text in texts.items() if len(found := shingles(text)) >= _SHORT}
    where: dict[str, list[str]] = defaultdict(list)
    for key in sorted(sets):
        for shingle in sets[key]:
            where[shingle].append(key)
    shared: Counter[tuple[str, str]] = Counter()
    for keys in where.values():
        if 1 < len(keys) <= _COMMON:
            shared.update(itertools.combinations(keys, 2))
    bands: dict[str, frozenset[int]] = {}
    pairs = []
    for (first, second), count in shared.items():
        if count < _SHARED:
            continue
        one, two = sets[first], sets[second]
        common = len(one & two)
        similarity = common / (len(one) + len(two) - common)
        if similarity < LOWEST:
            continue
        for key in (first, second):
            if key not in bands:
                bands[key] = frozenset(band_keys(signature(texts[key])))
        candidate = bool(bands[first] & bands[second])
        pairs.append(Pair(first, second, similarity, candidate, labels.get((first, second))))
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def summary(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """For each threshold: pairs at or above it, the share MinHash finds, precision and recall over the labelled ones."""
    pairs = list(pairs)
    same = sum(pair.same is True for pair in pairs)
    rows = []
    for threshold in THRESHOLDS:
        above = [pair for pair in pairs if pair.similarity >= threshold]
        judged = [pair for pair in above if pair.same is not None]
        right = sum(pair.same is True for pair in judged)
        rows.append(
            {
                "threshold": threshold,
                "pairs": len(above),
                "candidates": sum(pair.candidate for pair in above),
                "judged": len(judged),
                "precision": right / len(judged) if judged else None,
                "recall": right / same if same else None,
                "found": sum(pair.same is True and pair.candidate for pair in judged) / same if same else None,
            }
        )
    return rows


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table."""
    lines = [
        "| 相似度不低于 | 对数 | MinHash 找到 | 判过 | 准确率 | 召回率 | 召回率（经 MinHash） |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        shares = ("–" if row[name] is None else f"{row[name]:.1%}" for name in ("precision", "recall", "found"))
        lines.append(
            f"| {row['threshold']} | {row['pairs']} | {row['candidates']} | {row['judged']} | {' | '.join(shares)} |"
        )
    return "\n".join(lines) + "\n"


def details(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """The pairs as rows, for the file of results."""
    return [asdict(pair) for pair in pairs]
