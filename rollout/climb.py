"""How far does a hero get? From window to window and step to step, wherever the pairs come from."""

from collections.abc import Callable, Mapping

from gates.offline import MOST, OFFLINE
from gates.policy import Policy
from gates.rule.budget import Next, next_move
from gates.rule.climbed import ClimbedStep
from gates.rule.evaluator import Evaluator
from gates.verdicts import Cell, Kind, Verdict

Red = tuple[str, ...]  # checks that are shown broken


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
        policy = self.evaluator.policy
        for asked in reversed(policy.known):  # an instrument before a sanity check
            cell = before.get(asked.key)
            if cell is not None and asked.check.ends and cell.verdict is Verdict.RED and not self.ended:
                self.ended = f"held before {policy.ladder.steps[0]} %: {cell.note}"

    def reached(self, percent: int) -> bool:
        """Is this the last step that was begun?"""
        return bool(self.steps) and self.steps[-1].percent == percent

    def step(self, percent: int, window: Callable[[], Red], fresh: Callable[[], int]) -> None:
        """Climb one step. `window` shows the evaluator one window and closes it; `fresh` counts pairs not asked yet."""
        evaluator = self.evaluator
        evaluator.begin_step(percent)
        if evaluator.policy.mode == OFFLINE and not self.ended:
            self._look(percent, window, fresh)
            return
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

    def _look(self, percent: int, window: Callable[[], Red], fresh: Callable[[], int]) -> None:
        """The one look at all that there is."""
        evaluator, n = self.evaluator, fresh()
        red = window()
        if fresh():
            self.hold(percent, f"{n:,} judged queries, but one look is at {MOST:,} at most")
        elif red:
            self._end(percent, red)
        elif evaluator.undecided:
            why = [evaluator.missing.get(check, check) for check in evaluator.undecided]
            self.hold(percent, f"one look at {n:,} judged queries does not show {', '.join(why)}")
        self.steps.append(ClimbedStep(percent=percent, windows=1))

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
