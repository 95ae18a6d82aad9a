"""Are shocks that windows share told apart from the noise of pairs, and is a quiet baseline left alone?"""

import math
from collections.abc import Callable
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


Moved = Callable[[np.random.Generator, int], np.ndarray]


def shocked(by: float) -> Moved:
    """Second answers that lose, or gain, as a shock to their window has it."""

    def moved(draw: np.random.Generator, n: int) -> np.ndarray:
        chance = np.clip(0.1 + draw.normal(0, by), 0, 0.2)
        return draw.choice([-0.2, 0.2, 0.0], n, p=[chance, 0.2 - chance, 0.8])

    return moved


def climbed(policy: Policy, windows: int, moved: Moved, seed: int = 1) -> DispersionTracker:
    """A tracker after some windows whose second answers found more or less."""
    draw, tracker = np.random.default_rng(seed), DispersionTracker(QUESTION, policy, constants())
    for _ in range(windows):
        found = equal_pairs(3_200)
        recall = found.repeat.recall + moved(draw, len(found.repeated))
        tracker.end_window(replace(found, repeat=replace(found.repeat, recall=recall)))
    return tracker


def test_a_baseline_that_repeats_itself_is_quiet(policy: Policy) -> None:
    tracker = DispersionTracker(QUESTION, policy, constants())
    for _ in range(24):
        tracker.end_window(equal_pairs(800))
    assert (tracker.red, tracker.numbers(equal_pairs(8), equal_pairs(8))["note"]) == (
        "", "vacuous: the baseline repeats itself exactly",
    )  # fmt: skip


def either_way(draw: np.random.Generator, n: int) -> np.ndarray:
    """Rare whole answers among many slips: a coin says which of two answers came first, so either sign is as likely."""
    return slips_and_rescues(draw, n, slip=0.02, share=0.05, rescue=0.001) * draw.choice([-1, 1], n)


@pytest.mark.parametrize("moved", [shocked(0.0), either_way], ids=["noise of pairs", "rare whole answers"])
def test_what_windows_do_not_share_is_no_alarm(policy: Policy, moved: Moved) -> None:
    assert sum(bool(climbed(policy, 24, moved, seed).red) for seed in range(50)) <= 2  # 1 % at most, each


def test_shared_shocks_are_an_alarm(policy: Policy) -> None:
    tracker = climbed(policy, 24, shocked(0.05))
    assert tracker.red.startswith("look ")
    numbers = tracker.numbers(equal_pairs(8), equal_pairs(8))
    assert float(numbers["observed"]) > 2
    assert "most on recall" in numbers["note"]


def test_it_looks_at_every_fourth_window_only(policy: Policy) -> None:
    assert [climbed(policy, windows, shocked(0.1)).red for windows in (3, 4)] == ["", "look 1"]
