"""Follows the calibration error through a canary: the sign witness shows it broken, planned looks that it holds."""

import numpy as np

from gates.checks.forms import blameless
from gates.checks.question import CalibrationQuestion, Constants, detectable_mean
from gates.names import told
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.trackers import E_PROCESS, Thresholds, Tracker
from gates.statistics import Array, calibration
from gates.statistics.decimals import decimal, evidence_text, interval_numbers
from gates.statistics.eprocess import StartMixture, bet

PURPOSES = ("look", "report")  # of null simulations: each draws its own numbers


class CalibrationTracker(Tracker):
    """A calibration question: the error over the release, which can only be shown broken, or the gate, which must be
    shown to hold as well, by null simulation at planned looks."""

    green = False  # latched within a step: its looks are planned

    def __init__(self, question: CalibrationQuestion, policy: Policy, constants: Constants) -> None:
        self.question, self.head = question, question.head
        self._edges, self._signs = np.array(constants.bin_edges), np.array(constants.signs)
        self._seed, self._need_red = constants.seed, Thresholds.of(policy).red
        self._rate, self._every = policy.error_rates.green, policy.ladder.calibration_looks_every
        self._mixture = StartMixture(len(policy.ladder.steps))
        self._gaps = np.zeros(len(self._edges) + 1)  # summed confidence - correct, by bin
        self._seen: list[Array] = []  # the witness stream so far
        self._answers: list[tuple[Array, Array]] = []  # confidence and correct so far
        self._step = self._windows = self._looks = 0
        self._p = 1.0

    def begin_step(self, *, last: bool) -> None:
        self._step += 1
        self._windows = self._looks = 0
        self._p, self.green = 1.0, False
        self._mixture.begin_step()

    def observe(self, pairs: Pairs, measured: Pairs) -> None:
        confidence, correct = pairs.hero.confidence, pairs.hero.correct
        x = blameless(pairs, calibration.witness(confidence, correct, self._edges, self._signs, self.question.limit))
        self._mixture.add(bet(x))
        self._seen.append(x)
        self._answers.append((confidence, correct))
        self._gaps += calibration.summed_gaps(confidence, correct, self._edges)
        if not self.red and self._mixture.log_e >= self._need_red:
            self.red = E_PROCESS

    def end_window(self, window: Pairs) -> None:
        self._windows += 1
        self._signs = np.where(self._gaps >= 0, 1.0, -1.0)
        if self.question.green_below and self._windows % self._every == 0 and not self.green:
            self._looks += 1
            confidence, correct = map(np.concatenate, zip(*self._answers, strict=True))
            so_far = calibration.fill_bins(confidence, correct, self._edges)
            self._p = calibration.p_error_at_least(so_far, self._limit, self._noise("look"))
            self.green = self._p <= self._allowed

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        bins = calibration.fill_bins(canary.hero.confidence, canary.hero.correct, self._edges)
        return {
            **interval_numbers(calibration.error_interval(bins, self._noise("report")), self._limit),
            "n": str(len(canary)),
            "e_red": evidence_text(self._mixture.log_e),
            "e_red_needed": evidence_text(self._need_red),
            "note": self._note(),
        }

    @property
    def _limit(self) -> float:
        """That the step must be shown to keep, where it must be."""
        return self.question.green_below[self._step - 1] if self.question.green_below else self.question.limit

    @property
    def _allowed(self) -> float:
        looks = max(1, self._looks)
        return self._rate / (looks * (looks + 1))

    def _note(self) -> str:
        if self.red:
            trigger = f"trigger: {self.red}"
            return f"{trigger}; RED limit {decimal(self.question.limit)}" if self.question.green_below else trigger
        if not self.question.green_below:
            size = self.question.limit + detectable_mean(np.concatenate(self._seen), self._need_red)
            return f"not shown broken; {told(self.head.check, size)} would have been found (90 %)"
        if not self._looks:
            return "no planned look yet"
        return f"p {decimal(self._p, 2)} of {decimal(self._allowed, 2)} needed at look {self._looks}"

    def _noise(self, purpose: str) -> Array:
        """Random draws that anyone with the constants can draw again."""
        draws = np.random.default_rng((self._seed, self._step, self._windows, PURPOSES.index(purpose)))
        return draws.standard_normal((calibration.DRAWS, len(self._edges) + 1))
