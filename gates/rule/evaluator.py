"""Turns the pairs of one hero, block by block, into the cells of a canary."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gates.checks.against import Tail
from gates.checks.forms import Loss
from gates.checks.question import CalibrationQuestion, Constants, DispersionQuestion
from gates.errors import EvidenceError
from gates.pairs import Arm, Pairs, as_measured, join
from gates.policy import Policy
from gates.rule.dispersion import DispersionTracker
from gates.rule.letter import LetterTracker
from gates.rule.questions import DECIDE, AskedForm, asked_checks
from gates.rule.trackers import StreamTracker, Thresholds, Tracker
from gates.rule.witness import CalibrationTracker
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Kind, Verdict

SEVERAL = 50  # answers that never take exactly the same time


class Evaluator:
    """One hero's questions. Feed it steps, blocks of pairs and window ends; ask it for verdicts and cells."""

    def __init__(self, *, hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str]) -> None:
        self.hero, self.policy, self.missing = hero, policy, missing
        asked = asked_checks(policy, constants, *DECIDE, Kind.INSTRUMENT)
        followed = {a.head.check: self._follow(a, constants) for a in asked if a.head.check not in missing}
        self._trackers = {check: tracker for check, tracker in followed.items() if tracker is not None}
        self._reads = [a for a in asked if a.check.decides and a.head.check not in missing]
        self._percent = self.step_windows = self.windows = 0  # windows closed, in the step and over the canary
        self._step_blocks: list[Pairs] = []
        self._blocks: list[Pairs] = []
        self._window: list[Pairs] = []

    def begin_step(self, percent: int) -> None:
        """Move on to the next step of the ladder."""
        self._percent, self.step_windows, self._step_blocks = percent, 0, []
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

    def refuse(self, arm: Arm) -> None:
        """Raises EvidenceError where a column that a check reads is not there, or is not what can be asked of it."""
        for asked in self._reads:
            _refuse_column(asked, arm)

    def end_window(self) -> tuple[str, ...]:
        """Close the window; returns what ends the climb now."""
        if not self._window:
            raise EvidenceError("a window is closed without a new pair: the same window must not be looked at twice")
        window, self._window = join(self._window), []
        self.windows += 1
        self.step_windows += 1
        for tracker in self._trackers.values():
            tracker.end_window(window)
        return self.ends

    def asks(self, check: str) -> bool:
        """Is it asked of pairs, and not of what was known before the climb?"""
        return check in self._trackers

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
        begun = self.windows + self.open_window
        told = {check: tracker.told for check, tracker in self._trackers.items() if isinstance(tracker, StreamTracker)}
        return {c: [[decimal(v, 12) for v in values] for values in rows[:begun]] for c, rows in told.items() if rows}

    @property
    def undecided(self) -> tuple[str, ...]:
        """What must still be shown GREEN before the step may advance (at the last step: the guards as well)."""
        needed = list(self.policy.asked(Kind.GATE))
        if self._percent == self.policy.ladder.steps[-1]:
            needed += [c for c in self.policy.asked(Kind.GUARD, Kind.INSTRUMENT) if self.required(c) == "green"]
        return tuple(c for c in needed if c in self.missing or (c in self._trackers and not self._trackers[c].green))

    @property
    def open_window(self) -> int:
        """1 while a window is begun and not closed (RED ends a canary at once), else 0."""
        return 1 if self._window else 0

    def totals(self) -> tuple[dict[str, float], dict[str, float]]:
        """What was judged of hero and baseline: sums that the written evidence must give again (evidence.parts)."""
        if not self._blocks:
            return {}, {}
        pairs = join(self._blocks)
        return _totals(pairs.hero), _totals(pairs.baseline)

    def cell(self, check: str, ended: str = "") -> Cell:
        """The cell of a check as things stand: of the current step for a gate, of the canary otherwise."""
        tracker, known = self._trackers.get(check), self.policy.check(check)
        kind = known.check.kind
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
            on_red=known.limits.on_red,
            unit=tracker.head.unit if tracker is not None else known.check.unit,
            n=n,
            windows=self.open_window + (self.step_windows if kind is Kind.GATE else self.windows),
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
        known = self.policy.check(check)
        return "green" if check in self.busy else known.check.required(known.limits)

    def _follow(self, asked: AskedForm, constants: Constants) -> Tracker | None:
        """The tracker of what a check asks, by the kind of its question; of a gate by the letter, by its point."""
        policy = self.policy
        if policy.mode == "letter" and asked.head.kind is Kind.GATE:
            point = asked.check.point(policy.check(asked.head.check).limits, policy.letter, constants)
            if point is not None:
                return LetterTracker(replace(asked.head, unit=point.unit), point, policy.letter.red_windows)
        match asked.form.ask(asked.head):
            case CalibrationQuestion() as question:
                return CalibrationTracker(question, policy, constants)
            case DispersionQuestion() as question:
                return DispersionTracker(question, policy, constants)
            case question:
                return StreamTracker(question, Thresholds.of(policy), len(policy.ladder.steps))

    def _refuse_nan(self, pairs: Pairs) -> None:
        if not len(pairs):
            raise EvidenceError("0 pairs, but a look needs at least one; the replay gave an empty block")
        for asked in self._reads:
            for name, arm in (("hero", pairs.hero), ("baseline", pairs.baseline)):
                _refuse_column(asked, arm)
                if isinstance(asked.form, Tail) and asked.form.clock:
                    _refuse_clock(name, arm.latency_ms)


def ends_climb(policy: Policy, check: str) -> bool:
    """Does a RED of this check end a climb at once?"""
    return policy.on_red(check) == "rollback" or policy.check(check).check.kind not in (Kind.GUARD, Kind.SLICE)


def _totals(arm: Arm) -> dict[str, float]:
    position = np.arange(1.0, len(arm) + 1)
    named = {"ndcg_at_10": arm.ndcg, "sla_recall_at_50": arm.recall, "confidence": arm.confidence}
    return {
        "pairs": float(len(arm)),
        **{name: float(values.sum()) for name, values in named.items()},
        **{f"ordered {name}": float(values @ position) for name, values in named.items()},
    }


def _refuse_column(asked: AskedForm, arm: Arm) -> None:
    """NaN passes every comparison, and what is beyond [0, 1] no bet on a mean survives."""
    check, column = asked.head.check, asked.check.decides
    try:
        values = arm.column(column)
    except KeyError:
        raise EvidenceError(
            f"{column} is not measured, but {check} needs it; let the system answer with it, or leave {check} out"
        ) from None
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise EvidenceError(
            f"{column} of {len(bad)} of {len(arm)} answers is not a number, but {check} needs it; "
            f"name the check under left_out in the policy, or give the column"
        )
    if isinstance(asked.form, Loss) and (values.min() < 0 or values.max() > 1):
        raise EvidenceError(
            f"{column} lies between {values.min():g} and {values.max():g}, but {check} asks for its mean, which should "
            "lie in [0, 1]; scale it, or ask for a quantile"
        )


def _refuse_clock(arm: str, latency_ms: np.ndarray) -> None:
    """A clock that stands still or runs backwards finds every hero fast."""
    if float(latency_ms.min()) < 0:
        raise EvidenceError(f"latency_ms of the {arm} is {latency_ms.min():.3f}: the clock ran backwards; mend it")
    if len(latency_ms) >= SEVERAL and float(np.ptp(latency_ms)) == 0:
        raise EvidenceError(
            f"latency_ms of the {arm} is {latency_ms[0]:.3f} for each of {len(latency_ms)} answers: "
            "the clock stands still; mend it, or name the checks of latency under left_out"
        )
