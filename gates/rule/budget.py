"""What follows at this point of a climb: another window, the next step, or a hold?

Two budgets, told apart: windows in which nothing was decided (`undecided`), and traffic that does not come (`waiting`).
Neither ever ships a hero, and waiting uses up no window: too little traffic is nobody's failure.
"""

from enum import StrEnum
from typing import NamedTuple

from gates.checks.machine import NOT_EVIDENCED
from gates.rule.evaluator import Evaluator


class Next(StrEnum):
    """What the ladder does now."""

    WINDOW = "window"
    ADVANCE = "advance"
    UNDECIDED = "undecided"  # hold: the windows are used up, or evidence is missing
    WAITING = "waiting"  # hold: not enough fresh pairs for a window


class Move(NamedTuple):
    """The next move, and why where it is a hold."""

    next: Next
    why: str = ""

    @property
    def holds(self) -> bool:
        """Does the climb end here?"""
        return self.next in (Next.UNDECIDED, Next.WAITING)


def next_move(evaluator: Evaluator, *, windows: int, fresh: int) -> Move:
    """Decide it from what the evaluator has shown so far, before a window begins.

    `windows` is what this run may use in all, `fresh` how many pairs have not been asked yet.
    """
    ladder, undecided = evaluator.policy.ladder, evaluator.undecided
    if evaluator.step_windows >= ladder.min_windows:
        if evaluator.busy:  # a hero that is slow by itself has had its time to be shown so
            return Move(Next.UNDECIDED, f"{', '.join(evaluator.busy)}: {NOT_EVIDENCED}; run again on a quiet machine")
        if not undecided:
            return Move(Next.ADVANCE)
        if set(undecided) <= set(evaluator.missing):
            return Move(Next.UNDECIDED, "; ".join(f"{check}: {evaluator.missing[check]}" for check in undecided))
        if evaluator.step_windows >= ladder.max_windows:
            used_up = f"budget of {ladder.max_windows} windows used up"
            return Move(Next.UNDECIDED, f"{', '.join(undecided)} undecided: {used_up}")
    if evaluator.windows >= windows:
        return Move(Next.UNDECIDED, f"{', '.join(undecided) or 'nothing'} undecided: all {windows} windows used up")
    if fresh < ladder.window:
        return Move(
            Next.WAITING,
            f"waiting for traffic: {fresh:,} fresh queries are left, a window needs {ladder.window:,}",
        )
    return Move(Next.WINDOW)
