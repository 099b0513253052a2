"""What a sample of cases says about a metric: a value with its bootstrap interval, and how many cases it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
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
