"""Mode `letter`: the four gates by point thresholds, as the original contract wrote them.

A window is red when its own estimate breaks the limit on time net of waiting; so many red windows in a row roll back,
and so many that only the clock as measured makes red hold: the machine was busy. A step's gate is GREEN
when the estimate over the step keeps the limit. No error rate is controlled: reports print the computed one beside it.
"""

from gates.checks.check import Point
from gates.checks.machine import NOT_EVIDENCED
from gates.checks.question import Head
from gates.pairs import Pairs, as_measured, join
from gates.rule.trackers import Tracker
from gates.statistics.decimals import decimal


class LetterTracker(Tracker):
    """One gate by the letter, which looks at whole windows only."""

    green = False

    def __init__(self, head: Head, point: Point, red_windows: int) -> None:
        self.head, self._point, self._needed = head, point, red_windows
        self._in_a_row = self._busy_in_a_row = 0
        self._step: list[Pairs] = []
        self._clock_red = False

    def begin_step(self, *, last: bool) -> None:
        self._step, self.green = [], False  # red windows are counted on: a breach may straddle two steps

    def end_window(self, window: Pairs) -> None:
        estimate, limit = self._read(window)
        self._in_a_row = self._in_a_row + 1 if estimate > limit else 0
        if self._in_a_row >= self._needed and not self.red:
            self.red = f"{self._in_a_row} red windows in a row"
        measured, limit = self._read(as_measured(window))
        self._busy_in_a_row = self._busy_in_a_row + 1 if measured > limit else 0
        self._clock_red |= self._busy_in_a_row >= self._needed
        self._step.append(window)
        estimate, limit = self._read(as_measured(join(self._step)))
        self.green = estimate <= limit and not self.busy

    @property
    def busy(self) -> bool:
        return self._clock_red and not self.red

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        estimate, limit = self._read(as_measured(step))
        note = NOT_EVIDENCED if self.busy else "by the letter: a point, no interval decides"
        return {
            "observed": decimal(estimate),
            "limit": decimal(limit),
            "headroom": decimal((limit - estimate) / limit, 3) if limit else "",
            "n": str(len(step)),
            "note": f"trigger: {self.red}" if self.red else note,
        }

    def _read(self, pairs: Pairs) -> tuple[float, float]:
        return self._point.estimate(pairs), self._point.limit
