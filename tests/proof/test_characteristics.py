"""Are the promised error rates kept? Some hundred heroes on models; `make characteristics` simulates tens of thousands.

The bounds are asked so that an honest rule passes practically always: a promise counts as broken where the rate is
shown to be beyond it (Clopper-Pearson, 99.9 %). Each promise has a twin: a rule that is broken must break it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from gates.policy import Policy
from gates.verdicts import Decision
from proof.simulate import changes
from proof.simulate.canaries import Ends
from proof.simulate.cells import MODEL, Experiment
from proof.simulate.releases import run_share
from proof.simulate.summary import bounds
from tests.gates.builders import changed

Count = Callable[[Ends], tuple[int, int]]
Rule = Callable[[Policy], Policy]
SURE = 0.998  # of two-sided bounds: 99.9 % on each side
BLOCKS = 1_024

EQUAL = Experiment(key="test-equal", group="", world=MODEL, what="", heroes=900)
LOSS = replace(EQUAL, key="test-loss", heroes=300, change=partial(changes.lose, points=0.01))
ERROR = replace(EQUAL, key="test-error", heroes=600, model={"error": 0.0175})


def releases_rolled_back(ends: Ends) -> tuple[int, int]:
    rolled = (ends.decision == Decision.ROLLBACK).reshape(-1, 3).any(axis=1)
    return int(rolled.sum()), len(rolled)


def promoted(ends: Ends) -> tuple[int, int]:
    return int((ends.decision == Decision.PROMOTE).sum()), len(ends)


def loosened(policy: Policy, **rates: float) -> Policy:
    """Error rates that no policy file may have, so nothing checks them here."""
    return policy.model_copy(update={"error_rates": policy.error_rates.model_copy(update=rates)})


def eager(policy: Policy) -> Policy:
    """A rule that needs no evidence to roll back."""
    return loosened(policy, red=0.9)


def credulous(policy: Policy) -> Policy:
    """A rule that never rolls back and lets five points pass."""
    recall = policy.gates.sla_recall_at_50_delta.model_dump()
    wide = changed(
        policy,
        gates={"sla_recall_at_50_delta": {**recall, "margin": 0.05, "final_margin": 0.05}},
        guards={"ndcg_at_10": {"on_red": "rollback", "margin": 0.05}},
    )
    return loosened(wide, red=1e-30)


def strict(policy: Policy) -> Policy:
    """The letter's own limit of the calibration error."""
    return changed(policy, gates={"aece_tau": {**policy.gates.aece_tau.model_dump(), "green_below": [0.025] * 4}})


@pytest.mark.slow(every=2)
@pytest.mark.parametrize(
    ("cell", "count", "least", "most", "breaks"),
    [
        pytest.param(EQUAL, releases_rolled_back, 0, 0.01, eager, id="equal heroes are not rolled back"),
        pytest.param(LOSS, promoted, 0, 0.01, credulous, id="a loss of a point is not promoted"),
        pytest.param(ERROR, promoted, 0.95, 1, strict, id="a calibration error of .0175 is promoted"),
    ],
)
@pytest.mark.parametrize("is_honest", [True, False])
def test_a_promise_is_kept_and_a_broken_rule_would_break_it(
    policy: Policy, cell: Experiment, count: Count, least: float, most: float, breaks: Rule, is_honest: bool
):
    rule = policy if is_honest else breaks(policy)
    cell = cell if is_honest else replace(cell, heroes=cell.heroes // 3)  # a broken rule shows at once
    low, high = bounds(*count(run_share(cell, 0, rule, None, BLOCKS)), SURE)
    assert (low <= most and high >= least) is is_honest
