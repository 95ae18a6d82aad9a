"""Do windows of the baseline against itself differ more than their pairs explain? Then shocks are measured.

Each window's differences between the baseline's two answers are summed and divided by the root of their sum of squares:
about standard normal whatever the size of the differences, since a coin decided which answer came first. The squares
over K windows are chi-squared with K degrees of freedom; too large a sum says that windows share shocks, which the
betting processes do not survive. Looked at after windows 4, 8, 12, ...: the k-th look spends alpha / (k (k + 1)).
"""

import math

import numpy as np

from gates.checks.forms import net_ms
from gates.checks.question import Constants, DispersionQuestion, flag
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.trackers import Tracker
from gates.statistics import Array
from gates.statistics.decimals import decimal

EVERY = 4  # windows between two looks


class DispersionTracker(Tracker):
    """The A/A dispersion alarm, on recall, on nDCG and on slow answers, window by window. It can only hold."""

    def __init__(self, question: DispersionQuestion, policy: Policy, constants: Constants) -> None:
        self.head = question.head
        self._rate, self._q95_ms = policy.error_rates.green, constants.q95_ms
        self._squares = np.zeros(3)
        self._counted = np.zeros(3, dtype=int)  # windows in which anything differed
        self._windows = self._pairs = 0

    def end_window(self, window: Pairs) -> None:
        self._windows += 1
        self._pairs += len(window.repeated)
        for i, d in enumerate(self._differences(window)):
            size = float((d**2).sum())
            if size > 0:
                self._squares[i] += float(d.sum()) ** 2 / size
                self._counted[i] += 1
        looks, rest = divmod(self._windows, EVERY)
        if not rest and not self.red and self._p_value < self._rate / (looks * (looks + 1)):
            self.red = f"look {looks}"

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        worst = int(np.argmax(self._squares / np.maximum(self._counted, 1)))
        if not self._counted.any():
            note = "vacuous: the baseline repeats itself exactly"
        else:
            what = ("recall", "nDCG", "slow answers")[worst]
            note = f"most on {what}, over {self._counted[worst]} windows; p {decimal(self._p_value, 2)}"
        return {
            "observed": decimal(self._squares[worst] / max(1, self._counted[worst]), 4),
            "limit": "1",  # what chance alone gives
            "n": str(self._pairs),
            "note": f"trigger: {self.red}; {note}" if self.red else note,
        }

    @property
    def _p_value(self) -> float:
        """Of the most dispersed of the three, times three."""
        tails = [chi_squared_tail(float(s), int(k)) for s, k in zip(self._squares, self._counted, strict=True)]
        return min(1.0, 3 * min(tails))

    def _differences(self, p: Pairs) -> tuple[Array, Array, Array]:
        first = p.baseline.rows(p.repeated)
        slow, slow_again = flag(net_ms(first) > self._q95_ms), flag(net_ms(p.repeat) > self._q95_ms)
        return first.recall - p.repeat.recall, first.ndcg - p.repeat.ndcg, slow - slow_again


def chi_squared_tail(x: float, degrees: int) -> float:
    """P(chi-squared with `degrees` degrees of freedom >= x), by its recursion over degrees; 1 for none."""
    if degrees == 0:
        return 1.0
    even = degrees % 2 == 0
    tail = math.exp(-x / 2) if even else math.erfc(math.sqrt(x / 2))
    for k in range(2 if even else 1, degrees, 2):
        tail += math.exp(k / 2 * math.log(x / 2) - x / 2 - math.lgamma(k / 2 + 1)) if x > 0 else 0.0
    return min(1.0, tail)
