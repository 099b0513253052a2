"""Estimates and their bootstrap intervals."""

import numpy as np
import pytest

from eval.statistics import Estimate, mean_estimate, quantile_estimate, ratio_estimate


def test_not_eligible_is_left_out_of_the_mean():
    estimate = mean_estimate([1.0, None, 0.0, None])
    assert (estimate.value, estimate.n) == (0.5, 2)


def test_nothing_eligible_has_no_value():
    assert mean_estimate([None, None]) == Estimate(None, None, None, 0)
    assert quantile_estimate([], 0.5) == Estimate(None, None, None, 0)
    assert ratio_estimate([0.0], [0.0]) == Estimate(None, None, None, 0)


def test_a_constant_has_no_width():
    assert mean_estimate([1.0] * 20) == Estimate(1.0, 1.0, 1.0, 20)
    assert quantile_estimate([2.0] * 5, 0.95) == Estimate(2.0, 2.0, 2.0, 5)


def test_interval_of_a_share_agrees_with_the_normal_approximation():
    values = [1.0] * 300 + [0.0] * 100
    estimate = mean_estimate(values, resamples=4000)
    half = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert estimate.value == 0.75
    assert estimate.low == pytest.approx(0.75 - half, abs=0.005)
    assert estimate.high == pytest.approx(0.75 + half, abs=0.005)


def test_the_seed_decides_the_interval():
    values = [i**0.5 for i in range(200)]
    assert mean_estimate(values, seed=3) == mean_estimate(values, seed=3)
    assert mean_estimate(values, seed=3) != mean_estimate(values, seed=4)


def test_ratio_of_sums():
    # F1 from counts: TP 3, predicted 4, actual 5 -> 2 * 3 / 9
    estimate = ratio_estimate([2.0, 2.0, 2.0, 0.0, 0.0, 0.0], [2.0, 2.0, 2.0, 1.0, 1.0, 1.0])
    assert estimate.value == pytest.approx(6 / 9)
    assert estimate.n == 6
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0.0 <= estimate.low <= 6 / 9 <= estimate.high <= 1.0


def test_resamples_without_a_denominator_are_left_out():
    estimate = ratio_estimate([1.0, 0.0, 0.0], [1.0, 0.0, 0.0])
    assert estimate == Estimate(1.0, 1.0, 1.0, 1)


def test_quantiles_are_interpolated():
    assert quantile_estimate([1.0, 2.0, 3.0, 4.0], 0.5).value == 2.5
    assert quantile_estimate([float(x) for x in range(101)], 0.95).value == pytest.approx(95.0)


def test_quantile_interval_covers_the_truth():
    generator = np.random.default_rng(1)
    estimate = quantile_estimate(list(generator.exponential(1.0, size=2000)), 0.5)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < np.log(2) < estimate.high


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 numerators for 1 denominators"):
        ratio_estimate([1.0, 2.0], [1.0])
