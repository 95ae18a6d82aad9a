"""Follows one question through a canary: RED at any look, GREEN at window ends.

Rules:
- RED of a process at E >= m / red, m over the processes of all heroes that the policy declares.
- Second trigger: two consecutive windows, each with p < sqrt(two_windows / (m (W - 1))).
- GREEN at e >= 1 / green, latched within its cell; the calibration error has planned looks instead.
- RED wins where both are shown. Instruments have no part in m: they can only hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gates import calibration
from gates.eprocess import Restarting, StartMixture, bet, mean_log
from gates.observations import Pairs
from gates.policy import Policy
from gates.pvalues import Interval
from gates.questions import Constants, Question, red_processes
from gates.verdicts import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What evidence must reach, in logs."""

    red: float
    green: float
    window_p: float  # of each of two consecutive windows

    @classmethod
    def of(cls, policy: Policy) -> Thresholds:
        """The thresholds that keep the policy's error rates over the whole release."""
        m, rates = max(1, red_processes(policy)), policy.error_rates
        return cls(
            red=math.log(m / rates.red),
            green=math.log(1 / rates.green),
            window_p=math.sqrt(rates.two_windows / (m * max(1, policy.ladder.total_windows - 1))),
        )


class Tracker(Protocol):
    """One question, followed through the canary."""

    check: str
    kind: Kind
    red: str  # "" or the trigger that showed it broken

    def begin_step(self, *, last: bool) -> None:
        """A step of the ladder begins."""

    def observe(self, pairs: Pairs) -> None:
        """Some pairs of the step, in order."""

    def end_window(self, window: Pairs) -> None:
        """A window is complete."""

    @property
    def green(self) -> bool:
        """Shown to hold, in the current cell."""

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        """What the cell reports."""


class StreamTracker:
    """A question whose both sides are betting processes."""

    def __init__(self, question: Question, thresholds: Thresholds, steps: int) -> None:
        self.question, self.check, self.kind = question, question.check, question.kind
        instrument = question.kind is Kind.INSTRUMENT
        self._need_red = thresholds.green if instrument else thresholds.red
        self._need_green, self._window_p = thresholds.green, thresholds.window_p
        self._red = [[StartMixture(steps) for _ in process] for process in question.red]
        self._green = [Restarting() for _ in question.green]
        self._at_last = [Restarting() for _ in question.green_at_last]
        self._suspect = [False] * len(question.window_p)  # was the previous window of this process low?
        self._shown = self._last_step = False
        self._blocks = 0
        self.red = ""

    def begin_step(self, *, last: bool) -> None:
        self._last_step = last
        for mixture in (m for process in self._red for m in process):
            mixture.begin_step()
        if self.kind is Kind.GATE:
            self._shown = False
            for process in self._green:
                process.restart()

    def observe(self, pairs: Pairs) -> None:
        for streams, mixtures in zip(self.question.red, self._red, strict=True):
            for stream, mixture in zip(streams, mixtures, strict=True):
                mixture.add(stream(pairs))
        for stream, process in zip(self.question.green, self._green, strict=True):
            process.add(stream(pairs))
        for stream, process in zip(self.question.green_at_last, self._at_last, strict=True):
            process.add(stream(pairs))
        if self.question.blocked is not None:
            self._blocks += self.question.blocked(pairs)
        if not self.red and self._log_red >= self._need_red:
            self.red = "e-process"

    def end_window(self, window: Pairs) -> None:
        for i, p_value in enumerate(self.question.window_p):
            low = p_value(window) < self._window_p
            if low and self._suspect[i] and not self.red:
                self.red = "two consecutive windows"
            self._suspect[i] = low
        # not latched: what is GREEN now is what the numbers of the cell say now
        self._shown = bool(self.question.green) and self._log_green >= self._need_green

    @property
    def green(self) -> bool:
        return self._shown and not self._blocks

    @property
    def _log_red(self) -> float:
        return max(mean_log([m.log_e for m in process]) for process in self._red)

    @property
    def _log_green(self) -> float:
        needed = self._green + (self._at_last if self._last_step else [])
        return min(process.log_e for process in needed)

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        question = self.question
        whole = self.kind is not Kind.GATE or (self._last_step and question.limit_at_last is not None)
        pairs = canary if whole else step
        limit = question.limit_at_last if whole and question.limit_at_last is not None else question.limit
        n = len(pairs.repeated) if self.kind is Kind.INSTRUMENT else len(pairs)
        return {
            **_interval_numbers(question.measure(pairs), limit, two_sided=question.two_sided),
            "n": str(n),
            "e_red": evidence_text(self._log_red),
            "e_red_needed": evidence_text(self._need_red),
            "e_green": evidence_text(self._log_green) if question.green else "",
            "e_green_needed": evidence_text(self._need_green) if question.green else "",
            "note": self._note(pairs),
        }

    def _note(self, pairs: Pairs) -> str:
        if self.red:
            return f"trigger: {self.red}"
        if self._blocks:
            return f"{self._blocks} hero-only errors: one already blocks promotion"
        if self.question.detectable is not None:
            size = decimal(self.question.detectable(pairs, self._need_red), 3)
            return f"not shown broken; {size} would have been found (90 %)"
        if self.check == "sla_recall_at_50_delta" and not np.isfinite(pairs.hero.latency_ms).all():
            return "not every answer has a latency: those without count as in time"
        if self.check == "confidence_shift":
            apart = float(np.abs(pairs.hero.confidence - pairs.baseline.confidence).mean())
            vacuous = "vacuous: same scores, " if apart == 0 else ""
            return f"{vacuous}mean |shift| {decimal(apart, 3)}"
        return ""


class CalibrationTracker:
    """The calibration gate: the sign witness shows it broken, null simulation at planned looks shows that it holds."""

    check = "aece_tau"
    kind = Kind.GATE

    def __init__(self, policy: Policy, constants: Constants, thresholds: Thresholds) -> None:
        self._gate, self._rates = policy.gates.aece_tau, policy.error_rates
        self._steps, self._every = len(policy.ladder.steps), policy.ladder.calibration_looks_every
        self._edges, self._signs = np.array(constants.bin_edges), np.array(constants.signs)
        self._seed, self._thresholds = constants.seed, thresholds
        self._mixture = StartMixture(self._steps)
        self._confidence: list[np.ndarray] = []
        self._correct: list[np.ndarray] = []
        self._step = self._windows = self._looks = 0
        self._latched = self._suspect = False
        self._p = 1.0
        self.red = ""

    def begin_step(self, *, last: bool) -> None:
        self._step += 1
        self._windows = self._looks = 0
        self._latched, self._p = False, 1.0
        self._mixture.begin_step()

    def observe(self, pairs: Pairs) -> None:
        self._confidence.append(pairs.hero.confidence)
        self._correct.append(pairs.hero.correct)
        x = calibration.witness(
            pairs.hero.confidence, pairs.hero.correct, self._edges, self._signs, self._gate.red_above
        )
        self._mixture.add(bet(x))
        if not self.red and self._mixture.log_e >= self._thresholds.red:
            self.red = "e-process"

    def end_window(self, window: Pairs) -> None:
        self._windows += 1
        bins = calibration.fill_bins(window.hero.confidence, window.hero.correct, self._edges)
        low = calibration.p_error_at_most(bins, self._gate.red_above, self._noise("window")) < self._thresholds.window_p
        if low and self._suspect and not self.red:
            self.red = "two consecutive windows"
        self._suspect = low
        confidence, correct = np.concatenate(self._confidence), np.concatenate(self._correct)
        self._signs = calibration.witness_signs(confidence, correct, self._edges)
        if self._windows % self._every == 0 and not self._latched:
            self._looks += 1
            so_far = calibration.fill_bins(confidence, correct, self._edges)
            self._p = calibration.p_error_at_least(so_far, self._limit, self._noise("look"))
            self._latched = self._p <= self._rates.green / (self._looks * (self._looks + 1))

    @property
    def green(self) -> bool:
        return self._latched

    @property
    def _limit(self) -> float:
        return self._gate.green_below[self._step - 1]

    def _noise(self, purpose: str) -> np.ndarray:
        """Standard normal draws that anyone with the constants can draw again."""
        key = (self._seed, self._step, self._windows, ("window", "look", "report").index(purpose))
        return np.random.default_rng(key).standard_normal((calibration.DRAWS, len(self._edges) + 1))

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        bins = calibration.fill_bins(canary.hero.confidence, canary.hero.correct, self._edges)
        looks = max(1, self._looks)
        allowed = self._rates.green / (looks * (looks + 1))
        note = f"p {decimal(self._p, 2)} of {decimal(allowed, 2)} needed at look {self._looks}"
        if not self._looks:
            note = "no planned look yet"
        if self.red:
            note = f"trigger: {self.red}; RED limit {decimal(self._gate.red_above)}"
        return {
            **_interval_numbers(calibration.error_interval(bins, self._noise("report")), self._limit),
            "n": str(len(canary)),
            "e_red": evidence_text(self._mixture.log_e),
            "e_red_needed": evidence_text(self._thresholds.red),
            "note": note,
        }


def decimal(value: float, digits: int = 6) -> str:
    """A number as the shortest decimal string of that many significant digits; "" for NaN."""
    if not math.isfinite(value):
        return ""
    return np.format_float_positional(value + 0.0, precision=digits, fractional=False, trim="-")


def evidence_text(log_e: float) -> str:
    """Evidence from its log as a decimal string that never overflows."""
    if log_e == -math.inf:
        return "0"
    if log_e < math.log(1e6):
        return decimal(math.exp(log_e), 4)
    exponent = math.floor(log_e / math.log(10))
    return f"{math.exp(log_e - exponent * math.log(10)):.2f}e{exponent}"


def _interval_numbers(interval: Interval, limit: float, *, two_sided: bool = False) -> dict[str, str]:
    worst = max(-interval.lower, interval.upper) if two_sided else interval.upper
    return {
        "observed": decimal(interval.value),
        "limit": decimal(limit),
        "headroom": decimal((limit - worst) / limit, 3),
        "ci_lower": decimal(interval.lower),
        "ci_upper": decimal(interval.upper),
    }
