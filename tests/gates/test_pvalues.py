"""Are p-values valid under their null and small against it, and do intervals cover?"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.statistics import pvalues
from gates.statistics.pvalues import Interval


@pytest.mark.parametrize(
    ("k", "n", "rate", "p"),
    [(0, 800, 0.01, 1.0), (1, 1, 0.5, 0.5), (8, 10, 0.5, 56 / 1024), (800, 800, 0.5, 0.5**800)],
)
def test_a_rates_p_value_is_the_exact_tail(k: int, n: int, rate: float, p: float) -> None:
    assert pvalues.p_rate_above(k, n, rate) == pytest.approx(p, rel=1e-9)


@given(st.integers(1, 300), st.floats(0.001, 0.5))
def test_a_rates_p_value_is_valid_at_the_rate(n: int, rate: float) -> None:
    # under the null P(p <= a) <= a for every a that p can take
    chance = np.array([math.comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(n + 1)])
    p = np.array([pvalues.p_rate_above(k, n, rate) for k in range(n + 1)])
    assert all(chance[p <= a].sum() <= a + 1e-9 for a in p)


@given(st.integers(0, 100), st.integers(1, 100))
def test_more_hits_are_a_smaller_p_value(k: int, n: int) -> None:
    k = min(k, n - 1)
    assert pvalues.p_rate_above(k + 1, n, 0.1) <= pvalues.p_rate_above(k, n, 0.1)


@pytest.mark.parametrize(
    ("interval", "truth"),
    [
        (lambda x: pvalues.mean_interval(x < 0.3), 0.3),
        (lambda x: pvalues.rate_interval(int((x < 0.3).sum()), len(x)), 0.3),
        (lambda x: pvalues.ratio_interval((x < 0.3).astype(float), np.ones(len(x))), 0.3),
        (lambda x: pvalues.quantile_interval(x, 0.95), 0.95),
    ],
    ids=["mean", "rate", "ratio", "quantile"],
)
def test_intervals_cover_in_95_of_100(interval: Callable[[np.ndarray], Interval], truth: float) -> None:
    found = [interval(row) for row in np.random.default_rng(7).random((1_000, 400))]
    covered = np.mean([lower <= truth <= upper for _, lower, upper in found])
    assert covered == pytest.approx(0.95, abs=0.025)


def test_a_difference_of_quantiles_is_paired_and_repeatable() -> None:
    baseline = np.random.default_rng(9).normal(0, 1, 800)
    same = pvalues.quantile_difference_interval(baseline, baseline, 0.5, seed=1)
    assert same == pytest.approx((0, 0, 0))
    shifted = pvalues.quantile_difference_interval(baseline + 0.5, baseline, 0.5, seed=1)
    assert shifted == pytest.approx((0.5, 0.5, 0.5))
    noisy = np.random.default_rng(10).normal(0, 1, 800)
    one, again, other = (pvalues.quantile_difference_interval(noisy, baseline, 0.5, seed=s) for s in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize(
    "nothing",
    [
        pvalues.rate_interval(0, 0),
        pvalues.mean_interval(np.array([])),
        pvalues.ratio_interval(np.zeros(3), np.zeros(3)),
        pvalues.quantile_interval(np.array([]), 0.5),
        pvalues.quantile_difference_interval(np.array([]), np.array([]), 0.5, seed=1),
    ],
)
def test_an_interval_of_nothing_is_not_a_number(nothing: Interval) -> None:
    assert all(math.isnan(value) for value in nothing)


@pytest.mark.parametrize(("k", "end"), [(0, 0.0), (50, 1.0)])
def test_a_rate_of_none_or_all_ends_exactly_there(k: int, end: float) -> None:
    value, lower, upper = pvalues.rate_interval(k, 50)
    assert value == end
    assert end in (lower, upper)
    assert 0 <= lower < upper <= 1
