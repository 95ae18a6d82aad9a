"""Is what is said of a simulated hero true of it: equal, so much worse, so badly calibrated, so much alike?"""

import numpy as np
import pytest

from gates.pairs import Arm
from gates.planning.power import CELLS, cells_of
from proof.simulate import changes
from proof.simulate.busy import wait
from proof.simulate.model import draw_model, true_share
from proof.simulate.population import Population, swapped


@pytest.fixture(scope="module")
def equal() -> Population:
    return draw_model(50_000, np.random.default_rng(1))


@pytest.mark.parametrize("column", ["recall", "ndcg", "confidence", "latency_ms", "correct"])
def test_equal_arms_are_equal_to_the_last_digit(equal: Population, column: str):
    hero, baseline = getattr(equal.hero, column), getattr(equal.baseline, column)
    assert not np.array_equal(hero, baseline)
    assert np.array_equal(np.sort(hero), np.sort(baseline))


@pytest.mark.parametrize("keep", [0.0, 0.75])
@pytest.mark.parametrize("points", [0.005, 0.05])
def test_a_loss_is_as_large_as_it_is_said_to_be(equal: Population, points: float, keep: float):
    worse = changes.lose(equal, np.random.default_rng(2), points=points, keep=keep)
    for column in ("recall", "ndcg"):
        lost = getattr(equal.hero, column).mean() - getattr(worse.hero, column).mean()
        assert lost == pytest.approx(points, rel=0.05)
    assert worse.baseline is equal.baseline


@pytest.mark.parametrize("wiggles", [False, True])
@pytest.mark.parametrize("error", [0.0, 0.0175, 0.05])
def test_the_true_calibration_error_is_known(equal: Population, error: float, wiggles: bool):
    confidence = equal.hero.confidence
    assert np.abs(confidence - true_share(confidence, error, wiggles=wiggles)).mean() == pytest.approx(error, abs=1e-6)


def test_a_shock_comes_between_the_baseline_s_answers_too(equal: Population):
    for points in (-0.01, 0.01):
        moved = changes.shock(equal, np.random.default_rng(3), points=points)
        for arm, before in ((moved.hero, equal.hero), (moved.repeat, equal.repeat)):
            shift = (arm.recall - moved.baseline.recall).mean() - (before.recall - equal.baseline.recall).mean()
            assert shift == pytest.approx(points, rel=0.2)


def test_autocorrelated_losses_are_the_same_losses_in_runs(equal: Population):
    ordered = changes.autocorrelate(equal, np.random.default_rng(4), rho=0.8)
    lost = equal.baseline.recall - equal.hero.recall
    in_runs = ordered.baseline.recall - ordered.hero.recall
    assert np.array_equal(np.sort(lost), np.sort(in_runs))
    assert np.corrcoef(in_runs[1:], in_runs[:-1])[0, 1] > 0.3 > np.corrcoef(lost[1:], lost[:-1])[0, 1] + 0.2


def test_swapping_exchanges_what_was_found_and_keeps_the_clocks(equal: Population):
    which = np.random.default_rng(5).random(len(equal)) < 0.5
    other = swapped(equal, which)
    assert np.array_equal(other.hero.recall[which], equal.baseline.recall[which])
    assert np.array_equal(other.hero.recall[~which], equal.hero.recall[~which])
    assert np.array_equal(other.hero.latency_ms, equal.hero.latency_ms)
    again = swapped(other, which)
    assert all(np.array_equal(getattr(again.hero, c), getattr(equal.hero, c)) for c in Arm.__slots__)


def test_atoms_keep_the_mean(equal: Population):
    lost = equal.baseline.ndcg - equal.hero.ndcg + 0.003
    atoms = cells_of(np.clip(lost, -1, 1))
    assert len(atoms.value) <= CELLS
    assert atoms.mean() == pytest.approx(np.clip(lost, -1, 1).mean(), abs=1e-5)


@pytest.mark.parametrize(("rescues", "mean"), [(0.001, 0.0), (0.002, 0.001), (-0.001, 0.0)])
def test_a_skewed_hero_is_as_much_better_as_is_said(equal: Population, rescues: float, mean: float):
    slip = 0.02 if rescues > 0 else -0.02
    skewed = changes.skew(equal, np.random.default_rng(4), slip=slip, slips=0.05, rescues=rescues)
    gained = skewed.hero.ndcg - skewed.baseline.ndcg
    assert gained.mean() == pytest.approx(mean, abs=1e-6 + 2e-5)
    assert set(np.round(gained, 6).tolist()) == {-slip, 0.0, 1.0 if rescues > 0 else -1.0}
    assert np.array_equal(skewed.hero.found, skewed.baseline.found)


def test_churn_of_whole_answers_is_fair(equal: Population):
    churned = changes.churn_whole(equal, np.random.default_rng(5), share=0.1)
    gained = churned.hero.found - churned.baseline.found
    assert float((gained != 0).mean()) == pytest.approx(0.1, abs=0.01)
    assert gained.mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("share", [0.08, -0.1])
def test_so_many_more_first_hits_are_right(equal: Population, share: float):
    more = changes.more_right(equal, np.random.default_rng(6), share=share, intent=2)
    on = equal.intent == 2
    assert (more.hero.correct - equal.hero.correct)[on].mean() == pytest.approx(share, abs=0.02)
    assert np.array_equal(more.hero.correct[~on], equal.hero.correct[~on])


def test_waiting_is_on_the_clock_and_told(equal: Population):
    busy = wait(equal.hero, 0.5, 150.0, np.random.default_rng(7))
    assert busy.latency_ms - busy.wait_ms == pytest.approx(equal.hero.latency_ms)
    assert busy.wait_ms.mean() == pytest.approx(2.0, rel=0.05)
    assert np.array_equal(busy.recall, np.where(busy.latency_ms > 150, 0.0, busy.found))


def test_what_is_traded_between_intents_is_as_much_as_is_said(equal: Population):
    traded = changes.trade(equal, np.random.default_rng(8), by_intent={2: -8.0, 0: 1.4})
    gained = traded.hero.ndcg - traded.baseline.ndcg
    found = {intent: 100 * float(gained[equal.intent == intent].mean()) for intent in (0, 1, 2)}
    assert found == pytest.approx({0: 1.4, 1: 0.0, 2: -8.0}, abs=0.6)
