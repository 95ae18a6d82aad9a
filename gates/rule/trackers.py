"""Follows one question through a canary: RED at any look, GREEN at window ends.

Rules:
- RED of a process at E >= m / red, m over the processes of all heroes that the policy declares.
- GREEN at e >= 1 / green, as things stand at a window end; the calibration error has planned looks
  (gates.rule.witness).
- RED wins where both are shown. Instruments have no part in m: they can only hold.
- RED is judged on time net of waiting for a processor. Where only the clock as measured shows it, nothing is decided:
  the machine was busy.
- A question that moves is fixed anew at each window's end, from what came before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from gates.checks.machine import BUSY, NOT_EVIDENCED, waiting_share
from gates.checks.question import BrokenBy, Head, Moving, Question
from gates.names import told
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.questions import red_processes
from gates.statistics.decimals import evidence_text, interval_numbers
from gates.statistics.eprocess import BETS, StartMixture, log_evidence, mean_log
from gates.verdicts import Kind

E_PROCESS = "e-process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What evidence must reach, in logs."""

    red: float
    green: float

    @classmethod
    def of(cls, policy: Policy) -> Thresholds:
        """The thresholds that keep the policy's error rates over the whole release."""
        m, rates = max(1, red_processes(policy)), policy.error_rates
        return cls(red=math.log(m / rates.red), green=math.log(1 / rates.green))


class Tracker:
    """One question, followed through the canary: open as long as nothing is shown."""

    head: Head
    red = ""  # or the trigger that showed it broken

    @property
    def busy(self) -> bool:
        """Does only the clock as measured show it broken?"""
        return False

    def begin_step(self, *, last: bool) -> None:
        """A step of the ladder begins."""

    def observe(self, pairs: Pairs, measured: Pairs) -> None:
        """Some pairs of the step, in order; `measured`: the same ones, as if nobody had waited."""

    def end_window(self, window: Pairs) -> None:
        """A window is complete."""

    @property
    def green(self) -> bool:
        """Shown to hold, in the current cell."""
        return False

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        """What the cell reports."""
        raise NotImplementedError


class StreamTracker(Tracker):
    """A question whose both sides are betting processes."""

    def __init__(self, asked: Question | Moving, thresholds: Thresholds, steps: int) -> None:
        self._moving = asked if isinstance(asked, Moving) else None
        self._known = self._moving.before if self._moving else np.zeros(0)
        self.question: Question = asked.at(self._known) if isinstance(asked, Moving) else asked
        question, self.head = self.question, self.question.head
        instrument = self.head.kind is Kind.INSTRUMENT
        self._need_red = thresholds.green if instrument else thresholds.red
        self._need_green = thresholds.green
        self._red = [[StartMixture(steps) for _ in process] for process in question.red]
        self._raw = [[StartMixture(steps) for _ in process] for process in question.red]
        self._green, self._at_last = (np.zeros((len(s), BETS)) for s in (question.green, question.green_at_last))
        self._shown = self._last_step = self._clock_red = False
        self._broken_by: BrokenBy | None = None
        self._blocks = 0
        self.told = [self._moving.told(self._known)] if self._moving else []  # what it was fixed at, by window

    def begin_step(self, *, last: bool) -> None:
        self._last_step = last
        for mixture in (m for process in (*self._red, *self._raw) for m in process):
            mixture.begin_step()
        if self.head.kind is Kind.GATE:
            self._shown = False
            self._green[:] = 0.0

    def observe(self, pairs: Pairs, measured: Pairs) -> None:
        waited = measured is not pairs and (self.question.clock or bool(pairs.hero.cut.any()))
        for streams, mixtures, raw in zip(self.question.red, self._red, self._raw, strict=True):
            for stream, mixture, clock in zip(streams, mixtures, raw, strict=True):
                gains = stream(pairs)
                mixture.add(gains)
                clock.add(stream(measured) if waited else gains)
        for green, wealth in ((self.question.green, self._green), (self.question.green_at_last, self._at_last)):
            for i, stream in enumerate(green):
                wealth[i] += stream(pairs)
        if self.question.blocked is not None:
            self._blocks += self.question.blocked(pairs)
        if not self.red and self._evidence(self._red) >= self._need_red:
            self.red = E_PROCESS
            self._broken_by = self.question.broken_by.get(int(np.argmax(self._each(self._red))))
            if self._broken_by is not None:
                self.head = replace(self.head, unit=self._broken_by.unit)
        self._clock_red |= self._evidence(self._raw) >= self._need_red

    def end_window(self, window: Pairs) -> None:
        # not latched: what is GREEN now is what the numbers of the cell say now
        self._shown = bool(self.question.green) and self._log_green >= self._need_green
        if self._moving is not None:
            self._known = self._moving.learn(self._known, window)
            self.question = self._moving.at(self._known)
            self.told.append(self._moving.told(self._known))

    @property
    def green(self) -> bool:
        return self._shown and not self._blocks and not self.busy

    @property
    def busy(self) -> bool:
        return self._clock_red and not self.red

    def _evidence(self, processes: list[list[StartMixture]]) -> float:
        shown = self._each(processes)
        return min(shown) if self.question.all_red else max(shown)

    def _each(self, processes: list[list[StartMixture]]) -> list[float]:
        return [mean_log([m.log_e for m in process]) for process in processes]

    @property
    def _log_green(self) -> float:
        return min(map(log_evidence, [*self._green, *(self._at_last if self._last_step else ())]))

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        question = self.question
        whole = self.head.kind is not Kind.GATE or (self._last_step and question.limit_at_last is not None)
        pairs = canary if whole else step
        limit = question.limit_at_last if whole and question.limit_at_last is not None else question.limit
        tells = self._broken_by or BrokenBy(self.head.unit, limit, question.measure)
        return {
            **interval_numbers(tells.measure(pairs), tells.limit, two_sided=question.two_sided),
            "n": str(question.count(pairs)),
            "e_red": evidence_text(self._evidence(self._red)),
            "e_red_needed": evidence_text(self._need_red),
            "e_green": evidence_text(self._log_green) if question.green else "",
            "e_green_needed": evidence_text(self._need_green) if question.green else "",
            "note": self._note(pairs),
        }

    def _note(self, pairs: Pairs) -> str:
        if self.red:
            return f"trigger: {self.red}"
        if self.busy:
            return f"{NOT_EVIDENCED} (only the clock with its waiting shows it broken)"
        if self._blocks:
            return f"{self._blocks} {self.question.block_words}: one already blocks promotion"
        if self._hindered(pairs):
            return f"{NOT_EVIDENCED} ({100 * most_waiting(pairs):.0f} % of the clock was waiting)"
        if self.question.detectable is not None and self.question.count(pairs):
            size = told(self.head.check, self.question.detectable(pairs, self._need_red))
            return f"not shown broken; {size} would have been found (90 %)"
        return self.question.remark(pairs) if self.question.remark is not None else ""

    def _hindered(self, pairs: Pairs) -> bool:
        """Must it be shown to hold, is it not, and did an arm wait so much that this may be why?"""
        reads = self.question.clock or bool(pairs.baseline.cut.any())
        return reads and bool(self.question.green) and not self.green and most_waiting(pairs) > BUSY


def most_waiting(pairs: Pairs) -> float:
    """The larger share of its clock that an arm waited."""
    return max(waiting_share(pairs.hero), waiting_share(pairs.baseline))
