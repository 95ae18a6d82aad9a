"""Is a baseline that is slowed beside a hero told, and is a busy machine no such thing?"""

import math

import numpy as np
import pytest

from gates.checks.check import HoldLimits
from gates.checks.machine import SLOWED, SlowedBaseline, waiting_share
from gates.checks.question import EVERY, Head
from gates.pairs import Arm
from gates.policy import Policy
from gates.statistics.eprocess import log_evidence
from tests.gates.builders import arm, changed, constants, pairs, questions_of

N = 8_000
Q95 = constants().q95_ms


def slower(share: float, **columns: object) -> Arm:
    """A baseline of which so many answers take longer than its p95 alone."""
    latency = np.where(np.arange(N) % 1_000 < 1_000 * share, Q95 + 10, Q95 / 2)
    return arm(N, **{"latency_ms": latency, **columns})


def evidence(baseline: Arm) -> float:
    head = Head(check=SlowedBaseline.key, kind=SlowedBaseline.kind, required="not_red", unit="")
    ((stream,),) = SlowedBaseline().form(HoldLimits(on_red="hold"), constants(), EVERY).ask(head).red
    return log_evidence(stream(pairs(arm(N), baseline)))


@pytest.mark.parametrize(
    ("baseline", "shown"),
    [
        *((slower(share), False) for share in (0.0, 0.05, SLOWED)),
        *((slower(share), True) for share in (0.12, 0.5)),
        (slower(0.5, wait_ms=Q95), False),  # what a busy machine took does not count
        (slower(0.5, latency_ms=np.nan), False),
    ],
)
def test_a_baseline_is_shown_to_be_slowed_where_it_is(baseline: Arm, shown: bool) -> None:
    assert (evidence(baseline) >= math.log(100)) == shown


def test_it_is_asked_where_the_policy_asks_it_and_can_only_hold(policy: Policy) -> None:
    head = questions_of(policy)["machine"].head
    assert (head.required, policy.on_red(head.check)) == ("not_red", "hold")
    assert "machine" not in questions_of(changed(policy, left_out={"machine": "recorded"}))


@pytest.mark.parametrize(
    ("columns", "share"),
    [
        ({"latency_ms": 20.0, "wait_ms": 5.0}, 0.25),
        ({"latency_ms": 20.0}, 0.0),
        ({"latency_ms": np.nan}, 0.0),
        ({"latency_ms": 0.0}, 0.0),
        ({"latency_ms": 20.0, "wait_ms": 20.0}, 1.0),
    ],
    ids=["some", "none", "no latency", "no time", "unknown"],
)
def test_how_much_of_the_clock_was_waiting(columns: dict[str, float], share: float) -> None:
    assert waiting_share(arm(100, **columns)) == share
