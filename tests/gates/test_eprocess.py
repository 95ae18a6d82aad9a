"""Does evidence obey its theorem: fair under the null, growing under what it bets on?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gates.statistics.eprocess import (
    RATIOS_ABOVE,
    RATIOS_BELOW,
    StartMixture,
    bet,
    bet_rate,
    log_evidence,
    mean_log,
)

BOUNDED = st.floats(-1.0, 1.0, allow_nan=False)
STREAM = arrays(np.float64, st.integers(1, 200), elements=BOUNDED)


@given(STREAM)
def test_evidence_is_a_number_and_of_two_blocks_that_of_one(x: np.ndarray) -> None:
    assert np.isfinite(bet(x)).all()
    assert math.isfinite(log_evidence(bet(x)))
    half = len(x) // 2
    np.testing.assert_allclose(bet(x[:half]) + bet(x[half:]), bet(x), atol=1e-9)


@given(st.lists(st.tuples(BOUNDED, st.floats(0.01, 1.0)), min_size=2, max_size=6))
def test_one_bet_is_fair_where_the_mean_is_zero(outcomes: list[tuple[float, float]]) -> None:
    # E[1 + stake x] over any distribution with mean 0 is exactly 1: no stake gains from the null
    values = np.array([v for v, _ in outcomes])
    chances = np.array([p for _, p in outcomes])
    chances /= chances.sum()
    x = np.clip(values - (values * chances).sum(), -1.1, None)
    expected = sum(p * np.exp(bet(np.array([v]))) for v, p in zip(x, chances, strict=True))
    assert (expected <= 1 + 1e-9 + np.maximum(0, (x * chances).sum())).all()


@given(STREAM, st.integers(0, 199), st.floats(0.001, 0.5))
def test_a_larger_loss_is_more_evidence(x: np.ndarray, at: int, more: float) -> None:
    worse = x.copy()
    worse[at % len(x)] += more
    assert (bet(worse) > bet(x)).all()


@pytest.mark.parametrize(("drift", "allowed"), [(0.0, True), (0.1, False)], ids=["null", "loss"])
def test_one_null_stream_in_twenty_at_most_ever_reaches_twenty(drift: float, allowed: bool) -> None:
    # Ville's bound is for any number of looks: the highest evidence of 20 looks counts, not the last
    rng = np.random.default_rng(2)
    reached = 0
    for stream in rng.choice([-1.0, 0.0, 1.0], (1_000, 20, 50), p=[0.15 - drift / 2, 0.7, 0.15 + drift / 2]):
        wealth = np.cumsum([bet(block) for block in stream], axis=0)
        reached += max(map(log_evidence, wealth)) >= math.log(20)
    assert (reached / 1_000 <= 0.05) == allowed


@pytest.mark.parametrize("ratios", [RATIOS_ABOVE, RATIOS_BELOW], ids=["above", "below"])
@pytest.mark.parametrize("rate", [0.01, 0.001])
def test_a_rate_bet_is_fair_at_the_rate_itself(rate: float, ratios: np.ndarray) -> None:
    hit, miss = np.exp(bet_rate(np.array([1.0]), rate, ratios)), np.exp(bet_rate(np.array([0.0]), rate, ratios))
    np.testing.assert_allclose(rate * hit + (1 - rate) * miss, 1.0)


@pytest.mark.parametrize(
    ("ratios", "null_rate", "gain"),
    [
        (RATIOS_ABOVE, 0.005, False),
        (RATIOS_ABOVE, 0.02, True),
        (RATIOS_BELOW, 0.02, False),
        (RATIOS_BELOW, 0.005, True),
    ],
)
def test_a_rate_bet_pays_on_its_own_side_only(ratios: np.ndarray, null_rate: float, gain: bool) -> None:
    hits = np.zeros(10_000)
    hits[: int(null_rate * len(hits))] = 1
    assert (log_evidence(bet_rate(hits, 0.01, ratios)) > math.log(100)) == gain


@pytest.mark.parametrize(("calls", "green"), [(400, False), (560, True)])
def test_zero_exceedances_are_green_after_about_550_calls(calls: int, green: bool) -> None:
    assert (log_evidence(bet_rate(np.zeros(calls), 0.01, RATIOS_BELOW)) >= math.log(100)) == green


def test_an_alternative_of_zero_is_refuted_by_the_first_hit() -> None:
    assert bet_rate(np.array([1.0]), 0.01, RATIOS_BELOW)[0] == -math.inf
    assert math.isfinite(log_evidence(bet_rate(np.array([1.0, 0.0]), 0.01, RATIOS_BELOW)))


def test_a_mixture_starts_with_evidence_one_and_is_half_the_first_and_a_share_of_each_later_start() -> None:
    first, second = bet(np.full(50, 0.1)), bet(np.full(70, 0.2))
    mixture = StartMixture(3)
    assert mixture.log_e == pytest.approx(0.0, abs=1e-12)
    mixture.begin_step()
    assert mixture.log_e == StartMixture(1).log_e == pytest.approx(0.0, abs=1e-12)
    mixture.add(first)
    mixture.begin_step()
    mixture.add(second)
    evidence = [math.exp(log_evidence(first + second)), math.exp(log_evidence(second)), 1.0]
    assert math.exp(mixture.log_e) == pytest.approx(0.5 * evidence[0] + 0.25 * evidence[1] + 0.25 * evidence[2])


def test_a_loss_that_appears_late_is_seen_by_the_mixture_only() -> None:
    gained, lost = bet(np.full(7_200, -0.05)), bet(np.full(600, 0.1))
    mixture = StartMixture(4)
    for block in (gained, lost):
        mixture.begin_step()
        mixture.add(block)
    assert log_evidence(gained + lost) < 0 < math.log(6000) < mixture.log_e


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=4))
def test_the_mean_of_evidences_lies_between_them(logs: list[float]) -> None:
    assert min(logs) - 1e-9 <= mean_log(logs) <= max(logs) + 1e-9
    assert mean_log([logs[0]] * 3) == pytest.approx(logs[0])
