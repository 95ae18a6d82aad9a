"""Turns the pairs of one hero, block by block, into the cells of a canary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gates.checks.instruments import ask_instruments
from gates.checks.question import Constants
from gates.errors import EvidenceError
from gates.pairs import Arm, Pairs, as_measured, join
from gates.policy import Policy
from gates.rule.dispersion import DispersionTracker
from gates.rule.letter import UNITS, LetterTracker, letter_rules
from gates.rule.questions import ask, ask_calibration, asked_checks
from gates.rule.trackers import StreamTracker, Thresholds, Tracker
from gates.rule.witness import CalibrationTracker, WitnessTracker
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Kind, Verdict

SEVERAL = 50  # answers that never take exactly the same time


class Evaluator:
    """One hero's questions. Feed it steps, blocks of pairs and window ends; ask it for verdicts and cells."""

    def __init__(self, *, hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str]) -> None:
        self.hero, self.policy, self.missing = hero, policy, missing
        streams, witnesses = {**ask(policy, constants), **ask_instruments(policy, constants)}, ask_calibration(policy)
        thresholds, steps = Thresholds.of(policy), len(policy.ladder.steps)
        trackers: dict[str, StreamTracker | WitnessTracker] = {
            c: StreamTracker(q, thresholds, steps) for c, q in streams.items()
        }
        for q in witnesses:
            if q.kind is Kind.GATE:
                trackers[q.check] = CalibrationTracker(q, policy, constants)
            else:
                trackers[q.check] = WitnessTracker(q, constants, thresholds, steps)
        self._questions = {c: t.question for c, t in trackers.items()}
        self._reads = {a.head.check: a.check.decides for a in asked_checks(policy, constants)}
        self._reads |= {q.check: "confidence" for q in witnesses}
        followed: dict[str, Tracker] = {**trackers}
        if "aa_dispersion" in policy.asked_instruments:
            followed["aa_dispersion"] = DispersionTracker(policy, constants)
        if policy.mode == "letter":
            rules = letter_rules(policy, constants)
            for gate in policy.asked_gates:
                followed[gate] = LetterTracker(gate, rules[gate], policy.letter.red_windows)
        self._trackers = {check: tracker for check, tracker in followed.items() if check not in missing}
        self._percent = self._step_windows = self._windows = 0
        self._step_blocks: list[Pairs] = []
        self._blocks: list[Pairs] = []
        self._window: list[Pairs] = []

    def begin_step(self, percent: int) -> None:
        """Move on to the next step of the ladder."""
        self._percent, self._step_windows, self._step_blocks = percent, 0, []
        for tracker in self._trackers.values():
            tracker.begin_step(last=percent == self.policy.ladder.steps[-1])

    def observe(self, pairs: Pairs) -> tuple[str, ...]:
        """Look at some pairs; returns what ends the climb now. Raises EvidenceError on what is not a number."""
        self._refuse_nan(pairs)
        self._window.append(pairs)
        self._step_blocks.append(pairs)
        self._blocks.append(pairs)
        measured = as_measured(pairs)
        for tracker in self._trackers.values():
            tracker.observe(pairs, measured)
        return self.ends

    def end_window(self) -> tuple[str, ...]:
        """Close the window; returns what ends the climb now."""
        if not self._window:
            raise EvidenceError("a window is closed without a new pair: the same window must not be looked at twice")
        window, self._window = join(self._window), []
        self._windows += 1
        self._step_windows += 1
        for tracker in self._trackers.values():
            tracker.end_window(window)
        return self.ends

    @property
    def red(self) -> tuple[str, ...]:
        """Checks shown broken so far."""
        return tuple(check for check, tracker in self._trackers.items() if tracker.red)

    @property
    def ends(self) -> tuple[str, ...]:
        """The RED checks that end a climb. A guard or a slice that can only hold lets it show what else is wrong."""
        return tuple(check for check in self.red if ends_climb(self.policy, check))

    @property
    def busy(self) -> tuple[str, ...]:
        """Checks that only the clock as measured shows broken: the machine was too busy to decide them."""
        return tuple(check for check, tracker in self._trackers.items() if tracker.busy)

    def moved(self) -> dict[str, list[list[str]]]:
        """What the questions that move were fixed at, for each window that was begun: decimal strings."""
        begun = self._windows + self.open_window
        told = {check: tracker.told for check, tracker in self._trackers.items() if isinstance(tracker, StreamTracker)}
        return {c: [[decimal(v, 12) for v in values] for values in rows[:begun]] for c, rows in told.items() if rows}

    @property
    def undecided(self) -> tuple[str, ...]:
        """What must still be shown GREEN before the step may advance (at the last step: the guards as well)."""
        needed = list(self.policy.asked_gates)
        if self._percent == self.policy.ladder.steps[-1]:
            needed += [c for c in (*self.policy.asked_guards, "aa_shadow") if self.required(c) == "green"]
        return tuple(c for c in needed if c in self.missing or (c in self._trackers and not self._trackers[c].green))

    @property
    def step_windows(self) -> int:
        """Windows closed in this step."""
        return self._step_windows

    @property
    def open_window(self) -> int:
        """1 while a window is begun and not closed (RED ends a canary at once), else 0."""
        return 1 if self._window else 0

    @property
    def windows(self) -> int:
        """Windows closed over the canary."""
        return self._windows

    def totals(self) -> tuple[dict[str, float], dict[str, float]]:
        """What was judged of hero and baseline: sums that the written evidence must give again (evidence.parity)."""
        if not self._blocks:
            return {}, {}
        pairs = join(self._blocks)
        return _totals(pairs.hero), _totals(pairs.baseline)

    def cell(self, check: str, ended: str = "") -> Cell:
        """The cell of a check as things stand: of the current step for a gate, of the canary otherwise."""
        tracker, kind = self._trackers.get(check), self._kind(check)
        verdict, numbers = Verdict.INCONCLUSIVE, {"note": self.missing.get(check, "nothing was measured")}
        measured = self._step_blocks if kind is Kind.GATE else self._blocks
        if tracker is not None and measured:
            verdict = Verdict.RED if tracker.red else Verdict.GREEN if tracker.green else Verdict.INCONCLUSIVE
            numbers = tracker.numbers(join(measured), join(self._blocks))
        n = int(numbers.pop("n", "0"))
        return Cell(
            hero=self.hero,
            step=self._percent if kind is Kind.GATE else 0,
            check=check,
            kind=kind,
            verdict=verdict,
            required=self.required(check),
            on_red=self.policy.on_red(check),
            unit=self._unit(check),
            n=n,
            windows=self.open_window + (self._step_windows if kind is Kind.GATE else self._windows),
            ended=ended,
            **numbers,
        )

    def headline(self, percent: int, window: int) -> str:
        """Where the canary stands, in one line of progress."""
        pairs = join(self._blocks)
        lost = 100 * float((pairs.baseline.recall - pairs.hero.recall).mean())
        gained = float((pairs.hero.ndcg - pairs.baseline.ndcg).mean())
        line = (
            f"{percent:3} %  window {window:2}  {len(pairs):6,} pairs  recall lost {lost:+.2f} pt  nDCG {gained:+.4f}"
        )
        if self.red:
            return f"{line}  RED: {', '.join(self.red)}"
        return f"{line}  open: {', '.join(self.undecided) or 'nothing'}"

    def required(self, check: str) -> str:
        """Must a check be shown to hold ("green"), or not be shown broken ("not_red")?"""
        question = self._questions.get(check)
        if check in self.busy:
            return "green"
        return question.required if question else "not_red"

    def _kind(self, check: str) -> Kind:
        question = self._questions.get(check)
        return question.kind if question else Kind.INSTRUMENT

    def _unit(self, check: str) -> str:
        if self.policy.mode == "letter" and check in UNITS:
            return UNITS[check]
        question = self._questions.get(check)
        return question.unit if question else "times the dispersion of chance"

    def _refuse_nan(self, pairs: Pairs) -> None:
        if not len(pairs):
            raise EvidenceError("0 pairs, but a look needs at least one; the replay gave an empty block")
        for check, column in self._reads.items():
            if check in self._trackers:
                for arm in (pairs.hero, pairs.baseline):
                    bad = np.flatnonzero(~np.isfinite(getattr(arm, column)))
                    if len(bad):
                        raise EvidenceError(
                            f"{column} of {len(bad)} of {len(pairs)} answers is not a number, but {check} needs it; "
                            f"name the check under left_out in the policy, or give the column"
                        )
        if "p95_latency" in self._trackers:
            for name, arm in (("hero", pairs.hero), ("baseline", pairs.baseline)):
                _refuse_clock(name, arm.latency_ms)


def ends_climb(policy: Policy, check: str) -> bool:
    """Does a RED of this check end a climb at once?"""
    goes_on = check in (*policy.asked_guards, *policy.asked_slices)
    return policy.on_red(check) == "rollback" or not goes_on


def _totals(arm: Arm) -> dict[str, float]:
    position = np.arange(1.0, len(arm) + 1)
    named = {"ndcg_at_10": arm.ndcg, "sla_recall_at_50": arm.recall, "confidence": arm.confidence}
    return {
        "pairs": float(len(arm)),
        **{name: float(values.sum()) for name, values in named.items()},
        **{f"ordered {name}": float(values @ position) for name, values in named.items()},
    }


def _refuse_clock(arm: str, latency_ms: np.ndarray) -> None:
    """A clock that stands still or runs backwards finds every hero fast."""
    if float(latency_ms.min()) < 0:
        raise EvidenceError(f"latency_ms of the {arm} is {latency_ms.min():.3f}: the clock ran backwards; mend it")
    if len(latency_ms) >= SEVERAL and float(np.ptp(latency_ms)) == 0:
        raise EvidenceError(
            f"latency_ms of the {arm} is {latency_ms[0]:.3f} for each of {len(latency_ms)} answers: "
            "the clock stands still; mend it, or name p95_latency and within_sla under left_out"
        )
