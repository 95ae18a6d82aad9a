"""How far does a hero get? From window to window and step to step, wherever the pairs come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gates.policy import Policy
from gates.rule.budget import Next, next_move
from gates.rule.climbed import ClimbedStep
from gates.rule.evaluator import Evaluator
from gates.verdicts import Cell, Kind, Verdict

Red = tuple[str, ...]  # checks that are shown broken

#: RED of one of these ends a climb before it begins, the first one first. Other checks of before the climb hold as
#: well, but let it show what else is wrong.
ENDS_BEFORE = ("preflight", "known_answers", "stop_rule")


class Climb:
    """One evaluator's way up the ladder. `ended` says how it ended before the top; "" while it goes on."""

    def __init__(self, evaluator: Evaluator, windows: int) -> None:
        self.evaluator = evaluator
        self.ended = ""
        self.waiting = False
        self.steps: list[ClimbedStep] = []  # that were begun
        self._windows = windows  # this run may use in all

    def begin(self, before: Mapping[str, Cell]) -> None:
        """Look at the cells of before the climb, by check."""
        for check in ENDS_BEFORE:
            cell = before.get(check)
            if cell is not None and cell.verdict is Verdict.RED and not self.ended:
                self.ended = f"held before {self.evaluator.policy.ladder.steps[0]} %: {cell.note}"

    def reached(self, percent: int) -> bool:
        """Is this the last step that was begun?"""
        return bool(self.steps) and self.steps[-1].percent == percent

    def step(self, percent: int, window: Callable[[], Red], fresh: Callable[[], int]) -> None:
        """Climb one step. `window` shows the evaluator one window and closes it; `fresh` counts pairs not asked yet."""
        evaluator = self.evaluator
        evaluator.begin_step(percent)
        while not self.ended:
            move = next_move(evaluator, windows=self._windows, fresh=fresh())
            if move.next is Next.ADVANCE:
                break
            if move.holds:
                self.waiting = move.next is Next.WAITING
                self.hold(percent, move.why)
                break
            red = window()
            if red:
                self._end(percent, red)
        if evaluator.step_windows or evaluator.open_window:
            windows = evaluator.step_windows + evaluator.open_window
            self.steps.append(ClimbedStep(percent=percent, windows=windows))

    def hold(self, percent: int, why: str) -> None:
        """End the climb without a verdict against the hero."""
        self.ended = f"held at {percent} %: {why}"

    def _end(self, percent: int, red: Red) -> None:
        rolls_back = [check for check in red if self.evaluator.policy.on_red(check) == "rollback"]
        if rolls_back:
            self.ended = f"rolled back at {percent} % by {', '.join(rolls_back)}"
        else:
            self.hold(percent, f"{', '.join(red)} shown broken")


def not_reached(hero: str, policy: Policy, step: int, check: str) -> Cell:
    """The cell of a gate at a step that the climb never came to."""
    return Cell(
        hero=hero,
        step=step,
        check=check,
        kind=Kind.GATE,
        verdict=Verdict.NOT_REACHED,
        required="green",
        on_red=policy.on_red(check),
    )
