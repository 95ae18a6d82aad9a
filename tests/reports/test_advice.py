"""Is a longer run advised only where it can decide, and never for less than it may take?"""

from dataclasses import replace

import pytest

from gates.policy import Policy
from gates.release import Outcome
from gates.verdicts import Cell, Decision
from reports.advice import next_steps, to_decide
from tests.reports import handmade


def held(policy: Policy, windows: tuple[int, ...]) -> tuple[Outcome, Cell]:
    """A hero held after steps of so many windows, and the open cell."""
    _, story = handmade.release(policy, Decision.HOLD)
    steps = [{"percent": p, "windows": n} for p, n in zip(policy.ladder.steps, windows, strict=False)]
    assert story.focus is not None
    return replace(story.outcome, ladder={**story.outcome.ladder, "steps": steps}), story.focus


def test_a_longer_run_is_advised_where_windows_are_left(policy: Policy) -> None:
    outcome, focus = held(policy, (4, 8))
    words, windows = to_decide(outcome, focus)
    assert words == "about 2,200 more pairs, 7 s; 11,700 unused queries are left"
    assert windows == focus.windows + 3
    assert any(f"--max-windows={windows}" in line for line in next_steps(outcome, focus, windows))


@pytest.mark.parametrize(
    ("used", "said"), [((8, 16), "none of the policy's 24 windows is left"), ((8, 14), "2 of the")]
)
def test_it_is_not_where_the_heros_windows_are_used_up(policy: Policy, used: tuple[int, ...], said: str) -> None:
    assert policy.ladder.total_windows == 24
    outcome, focus = held(policy, used)
    words, windows = to_decide(outcome, focus)
    assert said in words
    assert windows == 0
    assert not any("--max-windows" in line for line in next_steps(outcome, focus, windows))


def test_where_the_cell_counts_more_pairs_than_its_step_it_is_the_most_that_may_be_needed(policy: Policy) -> None:
    outcome, focus = held(policy, (4, 8))
    words, _ = to_decide(outcome, replace(focus, windows=4))
    assert words.startswith("at most about 2,200 more pairs")
