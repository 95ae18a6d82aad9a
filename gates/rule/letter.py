"""Mode `letter`: the four gates by point thresholds, as the original contract wrote them.

A window is red when its own estimate breaks the limit on time net of waiting; so many red windows in a row roll back,
and so many that only the clock as measured makes red hold: the machine was busy. A step's gate is GREEN
when the estimate over the step keeps the limit. No error rate is controlled: reports print the computed one beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gates.checks.forms import Loss
from gates.checks.machine import NOT_EVIDENCED
from gates.checks.question import Constants
from gates.pairs import Pairs, as_measured, join
from gates.policy import Policy
from gates.statistics import calibration
from gates.statistics.decimals import decimal
from gates.verdicts import Kind

Rule = Callable[[Pairs], tuple[float, float]]  # pairs -> (estimate, limit); red above the limit; net of waiting


def letter_rules(policy: Policy, constants: Constants) -> dict[str, Rule]:
    """Each gate's estimate and limit."""
    letter, gates, edges = policy.letter, policy.gates, np.array(constants.bin_edges)

    def p99(p: Pairs) -> tuple[float, float]:
        # the contract says p99 < limit, so the limit itself is red
        limit = math.nextafter(gates.calibrator_p99.limit_ms, 0)
        took = p.hero.calibrator_ms - p.hero.wait_ms
        return float(np.quantile(took, 1 - gates.calibrator_p99.share)), limit

    def aece(p: Pairs) -> tuple[float, float]:
        error = calibration.calibration_error(calibration.fill_bins(p.hero.confidence, p.hero.correct, edges))
        tau = max(letter.tau_floor, letter.c_hat * math.sqrt((len(edges) + 1) / len(p)))
        return error - tau, letter.aece_minus_tau

    def shift(p: Pairs) -> tuple[float, float]:
        moved = float(np.median(p.hero.confidence)) - float(np.median(p.baseline.confidence))
        return abs(moved), gates.confidence_shift.limit

    recall = Loss(column="recall", sla_ms=gates.sla_recall_at_50_delta.sla_ms)

    def lost(p: Pairs) -> tuple[float, float]:
        return float(recall.red(p).mean()), letter.recall_lost

    return {"calibrator_p99": p99, "aece_tau": aece, "confidence_shift": shift, "sla_recall_at_50_delta": lost}


UNITS = {
    "calibrator_p99": "ms",
    "aece_tau": "AECE - tau",
    "confidence_shift": "confidence",
    "sla_recall_at_50_delta": "recall lost",
}


class LetterTracker:
    """One gate by the letter."""

    kind = Kind.GATE

    def __init__(self, check: str, rule: Rule, red_windows: int) -> None:
        self.check, self._rule, self._needed = check, rule, red_windows
        self._in_a_row = self._busy_in_a_row = 0
        self._step: list[Pairs] = []
        self.green = self._clock_red = False
        self.red = ""

    def begin_step(self, *, last: bool) -> None:
        self._step, self.green = [], False  # red windows are counted on: a breach may straddle two steps

    def observe(self, pairs: Pairs, measured: Pairs) -> None:
        """The letter looks at whole windows only."""

    def end_window(self, window: Pairs) -> None:
        estimate, limit = self._rule(window)
        self._in_a_row = self._in_a_row + 1 if estimate > limit else 0
        if self._in_a_row >= self._needed and not self.red:
            self.red = f"{self._in_a_row} red windows in a row"
        measured, limit = self._rule(as_measured(window))
        self._busy_in_a_row = self._busy_in_a_row + 1 if measured > limit else 0
        self._clock_red |= self._busy_in_a_row >= self._needed
        self._step.append(window)
        estimate, limit = self._rule(as_measured(join(self._step)))
        self.green = estimate <= limit and not self.busy

    @property
    def busy(self) -> bool:
        return self._clock_red and not self.red

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        estimate, limit = self._rule(as_measured(step))
        note = NOT_EVIDENCED if self.busy else "by the letter: a point, no interval decides"
        return {
            "observed": decimal(estimate),
            "limit": decimal(limit),
            "headroom": decimal((limit - estimate) / limit, 3) if limit else "",
            "n": str(len(step)),
            "note": f"trigger: {self.red}" if self.red else note,
        }
