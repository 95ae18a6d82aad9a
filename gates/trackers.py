"""Follows one question through a canary: RED at any look, GREEN at window ends.

Rules:
- RED of a process at E >= m / red, m over the processes of all heroes that the policy declares.
- Second trigger: two consecutive windows, each with p < sqrt(two_windows / (m (W - 1))), among the policy's W windows
  only: in what --max-windows adds, the e-processes alone stay armed.
- GREEN at e >= 1 / green, as things stand at a window end; the calibration error has planned looks (gates.witness).
- RED wins where both are shown. Instruments have no part in m: they can only hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gates.decimals import decimal, evidence_text, interval_numbers
from gates.eprocess import Restarting, StartMixture, mean_log
from gates.observations import Pairs
from gates.policy import Policy
from gates.questions import Question, red_processes
from gates.verdicts import Kind

E_PROCESS, TWO_WINDOWS = "e-process", "two consecutive windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What evidence must reach, in logs."""

    red: float
    green: float
    window_p: float  # of each of two consecutive windows (this one is no log)
    windows: int  # among which the second trigger is armed

    @classmethod
    def of(cls, policy: Policy) -> Thresholds:
        """The thresholds that keep the policy's error rates over the whole release."""
        m, rates = max(1, red_processes(policy)), policy.error_rates
        return cls(
            red=math.log(m / rates.red),
            green=math.log(1 / rates.green),
            window_p=math.sqrt(rates.two_windows / (m * max(1, policy.ladder.total_windows - 1))),
            windows=policy.ladder.total_windows,
        )


class TwoWindows:
    """The second trigger of one process."""

    def __init__(self, windows: int) -> None:
        self._left = windows  # among which it is armed
        self._suspect = False  # was the previous window low?

    def end_window(self, low: bool) -> bool:
        """Is this the second low window in a row?"""
        self._left -= 1
        suspect, self._suspect = self._suspect, low
        return suspect and self._suspect and self._left >= 0


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
        self._two_windows = [TwoWindows(thresholds.windows) for _ in question.window_p]
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
            self.red = E_PROCESS

    def end_window(self, window: Pairs) -> None:
        for p_value, trigger in zip(self.question.window_p, self._two_windows, strict=True):
            if trigger.end_window(p_value(window) < self._window_p) and not self.red:
                self.red = TWO_WINDOWS
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
        return {
            **interval_numbers(question.measure(pairs), limit, two_sided=question.two_sided),
            "n": str(question.count(pairs)),
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
        if self.question.detectable is not None and self.question.count(pairs):
            size = decimal(self.question.detectable(pairs, self._need_red), 3)
            return f"not shown broken; {size} would have been found (90 %)"
        if self.check == "sla_recall_at_50_delta" and not np.isfinite(pairs.hero.latency_ms).all():
            return "not every answer has a latency: those without count as in time"
        if self.check == "confidence_shift":
            apart = float(np.abs(pairs.hero.confidence - pairs.baseline.confidence).mean())
            vacuous = "vacuous: same scores, " if apart == 0 else ""
            return f"{vacuous}mean |shift| {decimal(apart, 3)}"
        return ""
