"""Is a calibration error shown when it is there, excluded when it is not, and seldom by luck?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gates.statistics import calibration
from gates.statistics.calibration import (
    Bins,
    bin_of,
    calibration_error,
    equal_mass_edges,
    error_interval,
    fill_bins,
    p_error_at_least,
    p_error_at_most,
    witness,
    witness_signs,
)
from gates.statistics.eprocess import bet, log_evidence

EDGES = np.linspace(0.1, 0.9, 9)
NOISE = np.random.default_rng(1).standard_normal((20_000, 10))


def drawn(n: int, error: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidence and correctness where every confidence is `error` too high."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.1, 0.9, n)
    return confidence, (rng.random(n) < confidence - error).astype(np.float64)


def filled(n: int, error: float, seed: int = 2) -> Bins:
    return fill_bins(*drawn(n, error, seed), EDGES)


def test_the_error_is_the_weighted_mean_gap() -> None:
    confidence, correct = np.array([0.2, 0.2, 0.8, 0.8]), np.array([0.0, 1.0, 1.0, 1.0])
    found = fill_bins(confidence, correct, np.array([0.5]))
    np.testing.assert_allclose(found.gap, [-0.3, -0.2])
    np.testing.assert_allclose(found.weight, [0.5, 0.5])
    assert calibration_error(found) == pytest.approx(0.25)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=100), st.integers(2, 20))
def test_bins_are_strictly_rising_and_hold_everything(confidence: list[float], bins: int) -> None:
    values = np.array(confidence)
    edges = equal_mass_edges(values, bins)
    assert (np.diff(edges) > 0).all()
    assert len(edges) < bins
    assert ((bin_of(values, edges) >= 0) & (bin_of(values, edges) <= len(edges))).all()


def test_bins_of_equal_mass_hold_equally_many() -> None:
    confidence, _ = drawn(1_000, 0, 3)
    counts = np.bincount(bin_of(confidence, equal_mass_edges(confidence, 10)))
    assert counts.tolist() == [100] * 10


def test_empty_bins_weigh_nothing_and_a_bin_whose_outcomes_agree_is_not_without_noise() -> None:
    found = fill_bins(np.full(50, 0.9), np.ones(50), EDGES)
    assert found.weight.tolist() == [1.0]
    assert found.error[0] == pytest.approx(np.sqrt(0.1 * 0.9 * 0.1 / 50))


@pytest.mark.parametrize(("error", "shown"), [(0.0, True), (0.01, True), (0.06, False), (0.1, False)])
def test_green_excludes_an_error_that_is_not_there(error: float, shown: bool) -> None:
    assert (p_error_at_least(filled(12_800, error), 0.05, NOISE) <= 0.005) == shown


@pytest.mark.parametrize(("error", "shown"), [(0.0, False), (0.025, False), (0.06, True)])
def test_red_shows_an_error_that_is_there(error: float, shown: bool) -> None:
    assert (p_error_at_most(filled(12_800, error), 0.025, NOISE) <= 0.001) == shown


def test_green_is_as_rare_as_promised_at_its_limit() -> None:
    # 300 heroes whose error is exactly the limit: at most .05 pass, with 3.5 standard errors to spare
    passed = [p_error_at_least(filled(3_200, 0.06, seed), 0.06, NOISE[:2_000]) <= 0.05 for seed in range(300)]
    assert np.mean(passed) <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 300)


def test_a_larger_limit_is_easier_to_exclude() -> None:
    bins = filled(3_200, 0.01)
    p = [p_error_at_least(bins, limit, NOISE) for limit in (0.02, 0.03, 0.05, 0.08)]
    assert p == sorted(p, reverse=True)
    assert p[0] > p[-1]


def test_an_interval_holds_what_was_observed() -> None:
    value, lower, upper = error_interval(filled(3_200, 0.03), NOISE[:2_000])
    assert value == calibration_error(filled(3_200, 0.03))
    assert lower <= value <= upper
    assert lower <= 0.03 <= upper


@pytest.mark.parametrize(("error", "sign"), [(0.1, 1.0), (-0.1, -1.0)])
def test_signs_tell_the_direction(error: float, sign: float) -> None:
    assert witness_signs(*drawn(8_000, error, 4), EDGES)[1:-1].tolist() == [sign] * 8


@pytest.mark.parametrize(("error", "shown"), [(0.025, False), (0.0, False), (0.08, True), (-0.08, True)])
def test_the_witness_pays_beyond_its_limit_only(error: float, shown: bool) -> None:
    signs = witness_signs(*drawn(3_200, error, 5), EDGES)
    x = witness(*drawn(6_400, error, 6), EDGES, signs, 0.025)
    assert (log_evidence(bet(x)) >= np.log(6000)) == shown


def test_a_witness_whose_signs_saw_the_same_pairs_would_be_cheating() -> None:
    # why signs come from earlier windows only: chosen afterwards they make evidence out of noise
    confidence, correct = drawn(100, 0.0, 7)
    honest = witness(confidence, correct, EDGES, np.ones(10), 0.0)
    cheating = witness(confidence, correct, EDGES, witness_signs(confidence, correct, EDGES), 0.0)
    assert cheating.sum() > honest.sum()
    assert cheating.sum() >= 0


def test_draws_resolve_the_smallest_level_that_is_asked() -> None:
    # the fourth look of a cell spends .01/20
    assert 1 / (calibration.DRAWS + 1) < 0.01 / 20 / 5
