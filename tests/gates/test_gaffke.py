"""Are Gaffke's bounds what their definition says, and is nothing told of differences that are none?"""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from gates.statistics.gaffke import lower, tail, tails, upper

Array = NDArray[np.float64]

# ties, zeros and whole answers are what judged queries are made of
difference = st.one_of(st.sampled_from([-1.0, -0.5, 0.0, 0.37, 1.0]), st.floats(-1, 1))
sample = st.lists(difference, min_size=1, max_size=40).map(np.array)
rate = st.floats(1e-6, 0.999)

SHAPES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "mostly equal": lambda rng, n: np.where(rng.random(n) < 0.1, rng.choice([-1.0, 0.5], n), 0.0),
    "slips and rescues": lambda rng, n: rng.choice([-0.02, 0.0, 1.0], n, p=[0.5, 0.45, 0.05]),
    "no two alike": lambda rng, n: rng.uniform(-1, 1, n),
    "losses of all sizes": lambda rng, n: -(10.0 ** rng.uniform(-9, 0, n)),
}


@pytest.mark.parametrize("n", [1, 2, 12, 50])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_tail_is_that_of_drawn_weights(shape: str, n: int) -> None:
    rng = np.random.default_rng(n)
    d = SHAPES[shape](rng, n)
    weights = rng.dirichlet(np.ones(n + 1), 100_000)
    drawn = weights[:, 0] + weights[:, 1:] @ d
    for t in -np.quantile(drawn, [0.1, 0.5, 0.9, 0.99, 0.999]):
        share = float((drawn >= -t).mean())
        assert tail(d, float(t)) == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / len(drawn)))


@pytest.mark.parametrize("equal", [0, 1, 300])
@pytest.mark.parametrize("k", [1, 2, 7, 30, 200])
def test_k_whole_losses_and_nothing_else_are_half_to_the_k(k: int, equal: int) -> None:
    d = np.array([-1.0] * k + [0.0] * equal)
    assert tail(d, 0.0) == pytest.approx(0.5**k, rel=1e-12)
    assert inverted(d, 0.0) == pytest.approx(0.5**k, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 50, 1_000, 10_000])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_of_zeros_and_ones_the_bounds_are_those_of_clopper_and_pearson(n: int, share: float) -> None:
    k = int(n * share)
    d = np.array([1.0] * k + [0.0] * (n - k))
    for alpha in (0.05, 1e-4):
        exact = 1.0 if k == n else float(stats.beta.ppf(1 - alpha, k + 1, n - k))
        assert upper(d, alpha) == pytest.approx(exact, abs=1e-8)
        # the worst value of a difference is -1, so for L the zeros of 0/1 data must be that
        least = 0.0 if k == 0 else float(stats.beta.ppf(alpha, k, n - k + 1))
        assert lower(2 * d - 1, alpha) == pytest.approx(2 * least - 1, abs=1e-8)


@pytest.mark.parametrize("n", [1, 30, 1_000])
def test_the_inversion_agrees_with_the_closed_form(n: int) -> None:
    for k in sorted({0, 1, n // 2, n - 1} - {n}):
        d = np.array([1.0] * k + [0.0] * (n - k))
        for x in (0.001, 0.05, 0.3, 0.6, 0.95):
            exact = float(stats.beta.sf(x, k + 1, n - k))
            assert tail(d, -x) == pytest.approx(exact, rel=1e-9, abs=1e-300)
            assert inverted(d, -x) == pytest.approx(exact, rel=1e-8, abs=1e-300)


def inverted(d: Array, t: float) -> float:
    """The tail without the closed form."""
    values, counts = np.unique(d, return_counts=True)
    return float(tails(values, counts[None, :], t)[0])


@given(st.lists(sample, min_size=1, max_size=5), st.floats(-0.9, 0.9))
def test_many_samples_at_once_are_each_alone(samples: list[Array], t: float) -> None:
    values = np.unique(np.concatenate(samples))
    counts = np.array([[(d == value).sum() for value in values] for d in samples])
    assert tails(values, counts, t) == pytest.approx([tail(d, t) for d in samples], rel=1e-7, abs=1e-12)


@settings(max_examples=settings().max_examples * 2 // 5)
@given(sample, st.integers(0, 39), st.floats(0, 1), rate)
def test_a_larger_difference_never_lowers_a_bound(d: Array, i: int, more: float, alpha: float) -> None:
    larger = d.copy()
    larger[i % len(d)] = min(1.0, larger[i % len(d)] + more)
    assert upper(larger, alpha) >= upper(d, alpha) - 1e-8
    assert lower(larger, alpha) >= lower(d, alpha) - 1e-8


@given(sample, rate, st.floats(-0.99, 0.99))
def test_a_bound_lies_beyond_what_its_tail_says(d: Array, alpha: float, x: float) -> None:
    """So the larger a loss the likelier it is excluded, and the smaller alpha the wider the bounds."""
    p = tail(d, -x)
    assume(abs(p - alpha) > 1e-6)
    assert (upper(d, alpha) < x + 2e-9) == (p < alpha)


@settings(max_examples=settings().max_examples * 2 // 5)
@given(sample, rate)
def test_lower_and_upper_mirror_each_other(d: Array, alpha: float) -> None:
    assert lower(d, alpha) == -upper(-d, alpha)
    assert -1 <= lower(d, alpha) <= d.max()
    assert d.min() <= upper(d, alpha) <= 1


@pytest.mark.parametrize("n", [1, 2, 50, 10_000])
@pytest.mark.parametrize("value", [-1.0, -0.3, 0.0, 1.0])
def test_where_all_differ_alike_the_bounds_are_as_near_as_n_allows(n: int, value: float) -> None:
    d, least = np.full(n, value), 1 - 0.05 ** (1 / n)
    assert upper(d, 0.05) == pytest.approx(value + (1 - value) * least, abs=1e-8)
    assert lower(d, 0.05) == pytest.approx(value - (1 + value) * least, abs=1e-8)


@pytest.mark.parametrize(
    "d",
    [
        [-1e-310, 0.5],
        [1e-310],
        [-1e-14, 1.0, -1.0],
        [*(10.0**-i for i in range(300))],
        [*(-(10.0**-i) for i in range(300))],
        [-1.0] * 999 + [1.0],
        [0.0] * 9_999 + [-1.0],
    ],
    ids=["tiny loss", "tiny gain", "tiny beside whole", "gains of all sizes", "losses of all sizes", "gain", "loss"],
)
@pytest.mark.parametrize("alpha", [1e-9, 0.05, 0.999])
def test_extreme_differences_have_bounds(d: list[float], alpha: float) -> None:
    low, high = lower(np.array(d), alpha), upper(np.array(d), alpha)
    assert -1 <= low <= 1
    assert -1 <= high <= 1
    assert low < high or alpha > 0.5  # the sides cross only where each may err in half of the cases


@pytest.mark.parametrize("kind", ["no two alike", "many ties"])
def test_ten_thousand_queries_have_bounds(kind: str) -> None:
    rng = np.random.default_rng(4)
    d = np.clip(rng.normal(0, 0.2, 10_000), -1, 1)
    d = np.round(d, 1) if kind == "many ties" else d
    half = 1.645 * d.std() / 100  # so many queries are normal: mean -+ 1.645 standard errors
    bounds = lower(d, 0.05), upper(d, 0.05)
    assert bounds == pytest.approx((d.mean() - half, d.mean() + half), abs=0.2 * half)
