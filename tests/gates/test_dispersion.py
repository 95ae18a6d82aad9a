"""Are shocks that windows share told apart from the noise of pairs, and is a quiet baseline left alone?"""

import math
from dataclasses import replace

import numpy as np
import pytest

from gates.checks.aa_dispersion import AaDispersion
from gates.checks.question import DispersionQuestion, Head
from gates.policy import Policy
from gates.rule.dispersion import DispersionTracker, chi_squared_tail
from tests.gates.builders import constants, equal_pairs
from tests.rollout.jobs.weeks import slips_and_rescues

#: chi-squared 95 % points, from tables
TABLE = {1: 3.841, 2: 5.991, 3: 7.815, 4: 9.488, 10: 18.307, 21: 32.671, 24: 36.415}


@pytest.mark.parametrize(("degrees", "point"), TABLE.items())
def test_the_tail_is_that_of_tables(degrees: int, point: float) -> None:
    assert chi_squared_tail(point, degrees) == pytest.approx(0.05, abs=2e-5)


QUESTION = DispersionQuestion(
    head=Head(check=AaDispersion.key, kind=AaDispersion.kind, required="not_red", unit=AaDispersion.unit)
)


def test_the_tail_at_its_ends() -> None:
    assert chi_squared_tail(0.0, 3) == chi_squared_tail(5.0, 0) == 1.0
    assert chi_squared_tail(0.0, 4) == 1.0
    assert 0 <= chi_squared_tail(4_000.0, 24) < 1e-300
    assert math.isfinite(chi_squared_tail(4_000.0, 23))


def climbed(policy: Policy, windows: int, shock: float, seed: int = 1) -> DispersionTracker:
    """A tracker after some windows whose second answers lose, or gain, as a shock has it."""
    draw = np.random.default_rng(seed)
    tracker = DispersionTracker(QUESTION, policy, constants())
    for _ in range(windows):
        found = equal_pairs(3_200)
        chance = np.clip(0.1 + draw.normal(0, shock), 0, 0.2)
        d = draw.choice([-0.2, 0.2, 0.0], len(found.repeated), p=[chance, 0.2 - chance, 0.8])
        tracker.end_window(replace(found, repeat=replace(found.repeat, recall=found.repeat.recall + d)))
    return tracker


def test_a_baseline_that_repeats_itself_is_quiet(policy: Policy) -> None:
    tracker = DispersionTracker(QUESTION, policy, constants())
    for _ in range(24):
        tracker.end_window(equal_pairs(800))
    assert (tracker.red, tracker.numbers(equal_pairs(8), equal_pairs(8))["note"]) == (
        "", "vacuous: the baseline repeats itself exactly",
    )  # fmt: skip


def test_noise_of_pairs_is_no_alarm(policy: Policy) -> None:
    assert sum(bool(climbed(policy, 24, 0.0, seed).red) for seed in range(60)) <= 2  # 1 % at most, each


def test_rare_whole_answers_among_many_slips_are_no_alarm(policy: Policy) -> None:
    """A coin says which of two answers came first, so a difference has either sign equally often, however skewed."""
    alarms = 0
    for seed in range(40):
        draw, tracker = np.random.default_rng(seed), DispersionTracker(QUESTION, policy, constants())
        for _ in range(24):
            found = equal_pairs(3_200)
            n = len(found.repeated)
            d = slips_and_rescues(draw, n, slip=0.02, share=0.05, rescue=0.001) * draw.choice([-1, 1], n)
            tracker.end_window(replace(found, repeat=replace(found.repeat, recall=found.repeat.recall + d)))
        alarms += bool(tracker.red)
    assert alarms <= 2  # 1 % at most, each


def test_shared_shocks_are_an_alarm(policy: Policy) -> None:
    tracker = climbed(policy, 24, 0.05)
    assert tracker.red.startswith("look ")
    numbers = tracker.numbers(equal_pairs(8), equal_pairs(8))
    assert float(numbers["observed"]) > 2
    assert "most on recall" in numbers["note"]


def test_it_looks_at_every_fourth_window_only(policy: Policy) -> None:
    assert climbed(policy, 3, 0.1).red == ""
    assert climbed(policy, 4, 0.1).red == "look 1"
