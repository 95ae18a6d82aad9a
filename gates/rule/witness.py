"""Follows the calibration error through a canary: the sign witness shows it broken, planned looks that it holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gates.checks.forms import blameless
from gates.checks.question import CalibrationQuestion, Constants, detectable_mean
from gates.names import told
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.trackers import E_PROCESS, Thresholds, Tracker
from gates.statistics import calibration
from gates.statistics.decimals import decimal, evidence_text, interval_numbers
from gates.statistics.eprocess import StartMixture, bet

Array = NDArray[np.float64]
PURPOSES = ("look", "report")  # of null simulations: each draws its own numbers


class WitnessTracker(Tracker):
    """A calibration question that can only be shown broken: the error over the release."""

    def __init__(self, question: CalibrationQuestion, constants: Constants, thresholds: Thresholds, steps: int) -> None:
        self.question, self.head = question, question.head
        self._edges, self._signs = np.array(constants.bin_edges), np.array(constants.signs)
        self._seed, self._thresholds = constants.seed, thresholds
        self._mixture = StartMixture(steps)
        self._gaps = np.zeros(len(self._edges) + 1)  # summed confidence - correct, by bin
        self._seen: list[Array] = []  # the witness stream so far
        self._step = self._windows = 0

    def begin_step(self, *, last: bool) -> None:
        self._step += 1
        self._windows = 0
        self._mixture.begin_step()

    def observe(self, pairs: Pairs, measured: Pairs) -> None:
        confidence, correct = pairs.hero.confidence, pairs.hero.correct
        x = blameless(pairs, calibration.witness(confidence, correct, self._edges, self._signs, self.question.limit))
        self._mixture.add(bet(x))
        self._seen.append(x)
        self._gaps += calibration.summed_gaps(confidence, correct, self._edges)
        if not self.red and self._mixture.log_e >= self._thresholds.red:
            self.red = E_PROCESS

    def end_window(self, window: Pairs) -> None:
        self._windows += 1
        self._signs = np.where(self._gaps >= 0, 1.0, -1.0)

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        confidence, correct = canary.hero.confidence, canary.hero.correct
        return {
            **self._interval(confidence, correct, self.question.limit),
            "n": str(len(confidence)),
            "e_red": evidence_text(self._mixture.log_e),
            "e_red_needed": evidence_text(self._thresholds.red),
            "note": self._note(),
        }

    def _interval(self, confidence: Array, correct: Array, limit: float) -> dict[str, str]:
        bins = calibration.fill_bins(confidence, correct, self._edges)
        return interval_numbers(calibration.error_interval(bins, self._noise("report")), limit)

    def _note(self) -> str:
        if self.red:
            return f"trigger: {self.red}"
        x = np.concatenate(self._seen)
        size = self.question.limit + detectable_mean(x, self._thresholds.red)
        return f"not shown broken; {told(self.head.check, size)} would have been found (90 %)"

    def _noise(self, purpose: str) -> Array:
        """Random draws that anyone with the constants can draw again."""
        draws = np.random.default_rng((self._seed, self._step, self._windows, PURPOSES.index(purpose)))
        return draws.standard_normal((calibration.DRAWS, len(self._edges) + 1))


class CalibrationTracker(WitnessTracker):
    """The calibration gate: it must be shown to hold as well, by null simulation at planned looks."""

    green = False

    def __init__(self, question: CalibrationQuestion, policy: Policy, constants: Constants) -> None:
        super().__init__(question, constants, Thresholds.of(policy), len(policy.ladder.steps))
        self._limits, self._rate = question.green_below, policy.error_rates.green
        self._every = policy.ladder.calibration_looks_every
        self._confidence: list[Array] = []
        self._correct: list[Array] = []
        self._looks = 0
        self._p = 1.0

    def begin_step(self, *, last: bool) -> None:
        super().begin_step(last=last)
        self._looks, self._p = 0, 1.0
        self.green = False  # latched within a step: its looks are planned

    def observe(self, pairs: Pairs, measured: Pairs) -> None:
        super().observe(pairs, measured)
        self._confidence.append(pairs.hero.confidence)
        self._correct.append(pairs.hero.correct)

    def end_window(self, window: Pairs) -> None:
        super().end_window(window)
        if self._windows % self._every == 0 and not self.green:
            self._looks += 1
            so_far = calibration.fill_bins(np.concatenate(self._confidence), np.concatenate(self._correct), self._edges)
            self._p = calibration.p_error_at_least(so_far, self._limits[self._step - 1], self._noise("look"))
            self.green = self._p <= self._allowed

    @property
    def _allowed(self) -> float:
        looks = max(1, self._looks)
        return self._rate / (looks * (looks + 1))

    def _interval(self, confidence: Array, correct: Array, limit: float) -> dict[str, str]:
        return super()._interval(confidence, correct, self._limits[self._step - 1])

    def _note(self) -> str:
        if self.red:
            return f"trigger: {self.red}; RED limit {decimal(self.question.limit)}"
        if not self._looks:
            return "no planned look yet"
        return f"p {decimal(self._p, 2)} of {decimal(self._allowed, 2)} needed at look {self._looks}"
