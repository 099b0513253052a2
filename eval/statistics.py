"""What a sample of cases says about a metric: a value with its bootstrap interval, and how many cases it rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
FLIPS = 10_000
_EXACT = 13
"""Up to so many differences that are not zero, every flip of signs is tried instead of a sample."""
LEVEL = 0.95
_BATCH = 100  # resamples drawn at once: keeps the index matrix of 10,000 cases at 8 MB


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric over the `n` cases that are eligible for it, with a 95% interval; all None when `n` is 0."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    def to_dict(self) -> dict[str, float | int | None]:
        """JSON form, rounded to six decimals."""
        return {
            "value": _rounded(self.value),
            "low": _rounded(self.low),
            "high": _rounded(self.high),
            "n": self.n,
        }


def mean_estimate(values: Sequence[float | None], *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Mean of the eligible values (None is not eligible and is left out, it is not a zero)."""
    eligible = [value for value in values if value is not None]
    return ratio_estimate(eligible, [1.0] * len(eligible), seed=seed, resamples=resamples)


def ratio_estimate(
    numerators: Sequence[float], denominators: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Ratio of two sums over cases, sum(numerators) / sum(denominators), resampled case by case.

    The interval is the percentile bootstrap: cases are drawn with replacement `resamples` times and the 2.5% and 97.5%
    quantiles of the statistic are reported (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13).
    Resamples in which the denominator is 0 have no value and are left out.

    Args:
        numerators: one number a case.
        denominators: one number a case, as long as `numerators`; cases with 0 count only through others.
        seed: the same seed gives the same interval.
    """
    top = np.asarray(numerators, dtype=np.float64)
    bottom = np.asarray(denominators, dtype=np.float64)
    if top.shape != bottom.shape:
        raise ValueError(f"{len(top)} numerators for {len(bottom)} denominators")
    total = float(bottom.sum())
    n = int(np.count_nonzero(bottom))
    if total == 0.0:
        return Estimate(None, None, None, 0)
    drawn: list[float] = []
    for index in _indices(len(top), seed, resamples):
        sums = bottom[index].sum(axis=1)
        valid = sums > 0
        drawn.extend((top[index].sum(axis=1)[valid] / sums[valid]).tolist())
    low, high = _interval(np.asarray(drawn))
    return Estimate(float(top.sum()) / total, low, high, n)


def quantile_estimate(
    values: Sequence[float | None], q: float, *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """The `q` quantile (0 to 1) of the eligible values, linearly interpolated, with its bootstrap interval."""
    eligible = np.asarray([value for value in values if value is not None], dtype=np.float64)
    if eligible.size == 0:
        return Estimate(None, None, None, 0)
    drawn = np.concatenate(
        [np.quantile(eligible[index], q, axis=1) for index in _indices(eligible.size, seed, resamples)]
    )
    low, high = _interval(drawn)
    return Estimate(float(np.quantile(eligible, q)), low, high, int(eligible.size))


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed of a metric from one run to another over the `n` cases that are eligible in both.

    `value` is the mean of second - first, `low` and `high` its 95% interval, `p` the two-sided p-value.
    """

    first: float
    second: float
    value: float
    low: float
    high: float
    p: float
    n: int

    def to_dict(self) -> dict[str, float | int]:
        """JSON form, rounded to six decimals."""
        return {name: value if name == "n" else round(value, 6) for name, value in asdict(self).items()}


def paired_difference(
    first: Sequence[float | None], second: Sequence[float | None], *, seed: int = 0, resamples: int = RESAMPLES
) -> Difference | None:
    """Compare two runs case by case; None when no case is eligible in both.

    The interval is the percentile bootstrap over cases; the p-value that of the paired randomisation test: under the null
    hypothesis the sign of each difference is a coin's (Fisher; Smucker, Allan & Carterette 2007, A Comparison of Statistical
    Significance Tests for Information Retrieval Evaluation). With few differences every flip is tried, else 10,000 are drawn, and
    p = (1 + flips at least as extreme) / (1 + flips).

    Args:
        first: one value a case, None where not eligible.
        second: the same cases in the same order.
        seed: the same seed gives the same interval and p-value.
    """
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not pairs:
        return None
    values = np.asarray(pairs, dtype=np.float64)
    change = values[:, 1] - values[:, 0]
    drawn = np.concatenate([change[index].mean(axis=1) for index in _indices(len(change), seed, resamples)])
    low, high = _interval(drawn)
    means = values.mean(axis=0)
    return Difference(
        float(means[0]), float(means[1]), float(change.mean()), low, high, _flip_test(change, seed), len(change)
    )


def _flip_test(change: NDArray[np.float64], seed: int) -> float:
    moved = change[change != 0]
    if moved.size == 0:
        return 1.0
    seen = abs(float(moved.sum())) - 1e-9
    if moved.size <= _EXACT:
        signs = 1 - 2 * ((np.arange(1 << moved.size)[:, None] >> np.arange(moved.size)) & 1)
        return float(np.mean(np.abs(signs @ moved) >= seen))
    generator = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, FLIPS, _BATCH):
        signs = generator.integers(0, 2, size=(min(_BATCH, FLIPS - start), moved.size)) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ moved) >= seen))
    return (1 + extreme) / (1 + FLIPS)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted for their number: Holm's step-down (1979), which keeps the chance of any false alarm at the level."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for i, name in enumerate(sorted(p_values, key=lambda name: (p_values[name], name))):
        highest = max(highest, min(1.0, (len(p_values) - i) * p_values[name]))
        adjusted[name] = highest
    return adjusted


def statistic_estimate(
    n: int, statistic: Callable[[NDArray[np.int64]], float], *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Any statistic of `n` cases, given as a function of the indices of the cases drawn, with its bootstrap interval."""
    if n == 0:
        return Estimate(None, None, None, 0)
    drawn = [statistic(row) for index in _indices(n, seed, resamples) for row in index]
    low, high = _interval(np.asarray(drawn))
    return Estimate(statistic(np.arange(n)), low, high, n)


def _indices(n: int, seed: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    sizes = [min(_BATCH, resamples - start) for start in range(0, resamples, _BATCH)]
    for size in sizes:
        yield generator.integers(0, n, size=(size, n), dtype=np.int64)


def _interval(drawn: NDArray[np.float64]) -> tuple[float, float]:
    tail = (1.0 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(low), float(high)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
