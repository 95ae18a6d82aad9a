"""Are the bounds of a rate exact?"""

import pytest

from proof.binomial import bounds, tail, upper_bound


def test_none_of_n_is_the_rule_of_three():
    assert upper_bound(0, 1_000) == pytest.approx(1 - 0.05 ** (1 / 1_000), rel=1e-6)


@pytest.mark.parametrize(
    ("k", "n", "lower", "upper"),  # R's binom.test(k, n)$conf.int
    [
        (0, 10, 0.0, 0.3084971),
        (5, 10, 0.1870860, 0.8129140),
        (10, 10, 0.6915029, 1.0),
        (3, 100, 0.006229972, 0.08517605),
    ],
)
def test_both_bounds(k: int, n: int, lower: float, upper: float):
    assert bounds(k, n) == pytest.approx((lower, upper), abs=1e-6)


def test_the_tail_is_half_at_the_middle():
    assert tail(5, 9, 0.5) == pytest.approx(0.5)
    assert (tail(0, 5, 0.1), tail(6, 5, 0.1), tail(2, 5, 0.0), tail(2, 5, 1.0)) == (1.0, 0.0, 0.0, 1.0)
