"""Do the sums of a block stand for what the gate computes from the whole window?"""

import numpy as np
import pytest

from gates import calibration
from gates.catalogue import ask
from gates.observations import Pairs, join
from gates.policy import Policy
from gates.preflight import fix_constants
from gates.trackers import Thresholds
from proof import changes, triggers
from proof.features import Plan, features_of, plan_canary
from proof.model import draw_model
from proof.population import blocks_of

WINDOW = 8  # blocks


@pytest.fixture(scope="module")
def drawn(policy: Policy) -> tuple[Plan, list[list[Pairs]]]:
    """Windows of equal and of worse heroes."""
    rng = np.random.default_rng(3)
    constants = fix_constants(policy, draw_model(800, rng).baseline, 3, {})
    equal = draw_model(4_000, rng)
    worse = [
        changes.lose(equal, 0.03, rng, keep=0.75),
        changes.slow_down(equal, 1.3),
        changes.redraw_correct(equal, 0.1, rng),
    ]
    blocks = [block for population in (equal, *worse) for block in blocks_of(population, policy)]
    return plan_canary(policy, constants), [blocks[i : i + WINDOW] for i in range(0, len(blocks), WINDOW)]


def test_every_window_test_is_known(policy: Policy, drawn: tuple[Plan, list[list[Pairs]]]):
    """A question whose second trigger the features do not know would go unseen."""
    plan, _ = drawn
    wanted = {q.check: len(q.window_p) for q in ask(policy, plan.constants) if q.window_p}
    known = [test.check for test in plan.windows]
    assert {check: known.count(check) for check in known} == wanted


@pytest.mark.parametrize("level", [0.0009, 0.05, 0.4])
def test_low_windows_are_the_gate_s(drawn: tuple[Plan, list[list[Pairs]]], level: float):
    plan, windows = drawn
    sums = np.array([features_of(blocks, plan).sums.sum(axis=0) for blocks in windows])
    seen: dict[str, int] = {}
    for t, test in enumerate(plan.windows):
        (question,) = [q for q in plan.streams if q.check == test.check]
        p_value = question.window_p[seen.get(test.check, 0)]
        seen[test.check] = seen.get(test.check, 0) + 1
        n = sum(len(block) for block in windows[0])
        expected = [p_value(join(blocks)) < level for blocks in windows]
        assert triggers.low_windows(test, sums[:, t], n, level).tolist() == expected, test.check


def test_calibration_looks_are_the_gate_s(policy: Policy, drawn: tuple[Plan, list[list[Pairs]]]):
    plan, windows = drawn
    key, edges = (plan.constants.seed, 2, 4), np.array(plan.constants.bin_edges)
    rng = np.random.default_rng((*key, 1))
    noise = rng.standard_normal((calibration.DRAWS, plan.bins))
    said = []
    for blocks in windows:
        found, pairs = features_of(blocks, plan), join(blocks)
        bins = calibration.fill_bins(pairs.hero.confidence, pairs.hero.correct, edges)
        gaps, counts = found.gaps.sum(axis=0)[0], found.counts.sum(axis=0)
        for limit, allowed in ((0.06, 0.005), (0.09, 0.005), (0.12, 0.3)):
            p = calibration.p_error_at_least(bins, limit, noise)
            said.append(triggers.green_calibration(gaps, counts, limit, allowed, key))
            assert said[-1] == (p <= allowed)
        level = Thresholds.of(policy).window_p
        expected = calibration.is_shown_above(bins, 0.025, level, np.random.default_rng((*key, 0)))
        assert triggers.low_calibration(gaps[None], counts[None], 0.025, level, key).tolist() == [expected]
    assert set(said) == {True, False}
