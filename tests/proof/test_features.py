"""Do the sums of a block stand for what the gate computes from the whole window?"""

import numpy as np
import pytest

from gates.pairs import Pairs, join
from gates.policy import Policy
from gates.statistics import calibration
from proof.simulate import changes
from proof.simulate.features import Plan, features_of, plan_canary
from proof.simulate.model import draw_model, draw_preflight
from proof.simulate.population import blocks_of
from proof.simulate.processes import green_calibration

WINDOW = 8  # blocks


@pytest.fixture(scope="module")
def drawn(policy: Policy) -> tuple[Plan, list[list[Pairs]]]:
    """Windows of equal and of worse heroes."""
    rng = np.random.default_rng(3)
    constants = draw_preflight(800, rng).constants(policy, 3)
    equal = draw_model(4_000, rng)
    worse = [
        changes.lose(equal, rng, points=0.03),
        changes.slow_down(equal, rng, factor=1.3),
        changes.redraw_correct(equal, rng, error=0.1),
    ]
    blocks = [block for population in (equal, *worse) for block in blocks_of(population, policy)]
    return plan_canary(policy, constants), [blocks[i : i + WINDOW] for i in range(0, len(blocks), WINDOW)]


def test_calibration_looks_are_the_gate_s(drawn: tuple[Plan, list[list[Pairs]]]):
    plan, windows = drawn
    key, edges = (plan.constants.seed, 2, 4), np.array(plan.constants.bin_edges)
    rng = np.random.default_rng((*key, 0))
    noise = rng.standard_normal((calibration.DRAWS, plan.bins))
    said = []
    for blocks in windows:
        found, pairs = features_of(blocks, plan), join(blocks)
        bins = calibration.fill_bins(pairs.hero.confidence, pairs.hero.correct, edges)
        gaps, counts = found.gaps.sum(axis=0), found.counts.sum(axis=0)
        for limit, allowed in ((0.06, 0.005), (0.09, 0.005), (0.12, 0.3)):
            p = calibration.p_error_at_least(bins, limit, noise)
            said.append(green_calibration(gaps, counts, limit, allowed, key))
            assert said[-1] == (p <= allowed)
    assert set(said) == {True, False}
