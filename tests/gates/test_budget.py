"""Is waiting for traffic told apart from failing to decide, and does neither ever advance?"""

from gates.policy import Policy
from gates.rule.budget import Next, next_move
from gates.rule.evaluator import Evaluator
from tests.gates.builders import changed, equal_pairs, judged

PLENTY = 10_000


def after(policy: Policy, windows: int, **missing: str) -> Evaluator:
    return judged(policy, (equal_pairs(800, seed=seed) for seed in range(windows)), **missing)


def test_a_step_uses_its_least_windows(policy: Policy) -> None:
    assert next_move(after(policy, 3), windows=24, fresh=PLENTY) == (Next.WINDOW, "")
    assert next_move(after(policy, 4), windows=24, fresh=PLENTY).next is Next.ADVANCE


def test_what_is_undecided_uses_up_the_steps_windows(policy: Policy) -> None:
    unsure = changed(policy, gates={"aece_tau": {"green_below": [0.011] * 4}})
    assert next_move(after(unsure, 7), windows=24, fresh=PLENTY).next is Next.WINDOW
    move = next_move(after(unsure, 8), windows=24, fresh=PLENTY)
    assert (move.next, move.holds) == (Next.UNDECIDED, True)
    assert move.why == "aece_tau undecided: budget of 8 windows used up"


def test_the_windows_in_all_end_a_climb(policy: Policy) -> None:
    move = next_move(after(policy, 3), windows=3, fresh=PLENTY)
    assert move == (Next.UNDECIDED, "aece_tau undecided: all 3 windows used up")


def test_too_little_traffic_waits(policy: Policy) -> None:
    move = next_move(after(policy, 2), windows=24, fresh=799)
    assert move == (Next.WAITING, "waiting for traffic: 799 fresh queries are left, a window needs 800")
    assert move.holds


def test_what_is_shown_needs_no_more_traffic(policy: Policy) -> None:
    assert next_move(after(policy, 4), windows=24, fresh=0).next is Next.ADVANCE


def test_what_cannot_be_asked_holds_as_soon_as_nothing_else_is_open(policy: Policy) -> None:
    move = next_move(after(policy, 4, aece_tau="confidence is missing"), windows=24, fresh=PLENTY)
    assert move == (Next.UNDECIDED, "aece_tau: confidence is missing")
