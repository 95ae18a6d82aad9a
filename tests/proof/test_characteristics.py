"""Are the promised error rates kept? Some hundred heroes on models; `make characteristics` simulates tens of thousands.

The bounds are asked so that an honest rule passes practically always: a promise counts as broken where the rate is
shown to be beyond it (Clopper-Pearson, 99.9 %). Each promise has a twin: a rule that is broken must break it.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from gates.policy import Policy
from gates.verdicts import Decision
from proof.simulate import changes
from proof.simulate.canaries import Ends
from proof.simulate.cells import MODEL, Experiment
from proof.simulate.population import Population
from proof.simulate.releases import run_share
from proof.simulate.summary import bounds
from tests.gates.builders import changed

SURE = 0.998  # of two-sided bounds: 99.9 % on each side
BLOCKS = 1_024

EQUAL = Experiment(key="test-equal", group="", world=MODEL, what="", heroes=900)
LOSS = replace(EQUAL, key="test-loss", heroes=300, change=partial(changes.lose, points=0.01))
ERROR = replace(EQUAL, key="test-error", heroes=600, model={"error": 0.0175})


def promoted(ends: Ends) -> int:
    return int((ends.decision == Decision.PROMOTE).sum())


def releases_rolled_back(ends: Ends) -> tuple[int, int]:
    rolled = (ends.decision == Decision.ROLLBACK).reshape(-1, 3).any(axis=1)
    return int(rolled.sum()), len(rolled)


def keeps_at_most(k: int, n: int, limit: float) -> bool:
    return bounds(k, n, SURE)[0] <= limit


def keeps_at_least(k: int, n: int, limit: float) -> bool:
    return bounds(k, n, SURE)[1] >= limit


def loosened(policy: Policy, **rates: float) -> Policy:
    """Error rates that no policy file may have, so nothing checks them here."""
    return policy.model_copy(update={"error_rates": policy.error_rates.model_copy(update=rates)})


@pytest.fixture(scope="module")
def eager(policy: Policy) -> Policy:
    """A rule that needs no evidence to roll back."""
    return loosened(policy, red=0.9)


@pytest.fixture(scope="module")
def credulous(policy: Policy) -> Policy:
    """A rule that never rolls back and lets five points pass."""
    recall = policy.gates.sla_recall_at_50_delta.model_dump()
    wide = changed(
        policy,
        gates={"sla_recall_at_50_delta": {**recall, "margin": 0.05, "final_margin": 0.05}},
        guards={"ndcg_at_10": {"on_red": "rollback", "margin": 0.05}},
    )
    return loosened(wide, red=1e-30)


def test_equal_heroes_are_not_rolled_back(policy: Policy):
    assert keeps_at_most(*releases_rolled_back(run_share(EQUAL, 0, policy, None, BLOCKS)), 0.01)


def test_an_eager_rule_would_break_that(eager: Policy):
    assert not keeps_at_most(*releases_rolled_back(run_share(EQUAL, 0, eager, None, BLOCKS)), 0.01)


def test_a_loss_of_a_point_is_not_promoted(policy: Policy):
    assert keeps_at_most(promoted(run_share(LOSS, 0, policy, None, BLOCKS)), LOSS.heroes, 0.01)


def test_a_credulous_rule_would_break_that(credulous: Policy):
    assert not keeps_at_most(promoted(run_share(LOSS, 0, credulous, None, BLOCKS)), LOSS.heroes, 0.01)


def test_an_equal_hero_with_a_calibration_error_of_0175_is_promoted(policy: Policy):
    assert keeps_at_least(promoted(run_share(ERROR, 0, policy, None, BLOCKS)), ERROR.heroes, 0.95)


def test_the_letter_s_own_limit_would_break_that(policy: Policy):
    strict = changed(policy, gates={"aece_tau": {**policy.gates.aece_tau.model_dump(), "green_below": [0.025] * 4}})
    assert not keeps_at_least(promoted(run_share(ERROR, 0, strict, None, BLOCKS)), ERROR.heroes, 0.95)


def test_swapped_arms_would_promote_a_loss(policy: Policy):
    """The simulation sees which arm is the hero's: a loss of the baseline is a gain."""

    def gain(population: Population, rng: np.random.Generator) -> Population:
        worse = changes.lose(replace(population, hero=population.baseline), rng, points=0.01)
        return replace(population, baseline=worse.hero)

    ends = run_share(replace(LOSS, key="test-gain", heroes=60, change=gain), 0, policy, None, BLOCKS)
    assert not np.any(ends.decision == Decision.ROLLBACK)
