"""The forms of a check: how a few kinds of question become streams, whatever the column they are asked of.

A busy machine cannot decide (docs/decision-rule.md): what can show a check broken is judged on time net of waiting for
a processor, what shows that it holds on time as measured. Where an arm's answer was cut short while it waited, its
quality counts against nobody: RED streams keep no loss of such a hero, GREEN streams no gain over such a baseline.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.checks.question import ALL, Asked, Constants, Head, Question, bet_against_loss, detectable_mean, flag
from gates.pairs import Arm, Pairs
from gates.statistics import Array, pvalues
from gates.statistics.eprocess import RATIOS_ABOVE, RATIOS_BELOW, bet, bet_rate
from gates.statistics.pvalues import Interval

CLOCKS = ("latency_ms", "calibrator_ms")  # columns of which what was waited for a processor is a part
FEW = 0.01  # an incumbent's own rate of failures from which on no hero can be compared with it


class Alone(NamedTuple):
    """What an arm's answers say by themselves of an absolute limit: log growth of bets, and the number that is told."""

    broken: Array
    shown: Array | None  # where it must be shown to hold as well
    told: Interval
    limit: float
    unit: str


class Form:
    """One way to ask."""

    __slots__ = ()

    def ask(self, head: Head) -> Asked:
        """The question of this form under this head."""
        raise NotImplementedError

    def spoil(self, arm: Arm) -> Arm:
        """The same answers, as bad as this question can find them: the self-test must find them RED."""
        return arm

    def alone(self, arm: Arm, constants: Constants) -> Alone | None:
        """What the preflight asks of the incumbent; None where the limit is relative to it."""
        return None


def net_ms(arm: Arm) -> Array:
    """Latency without what the arm waited for a processor."""
    return arm.latency_ms - arm.wait_ms


def on_intent(p: Pairs, intent: int) -> NDArray[np.bool_]:
    """The pairs that are about one intent, or about any."""
    return np.ones(len(p), dtype=np.bool_) if intent == ALL else p.intent == intent


def blameless(p: Pairs, x: Array) -> Array:
    """A RED stream without the losses of a hero whose answer was cut short while it waited."""
    return np.where(p.hero.cut > 0, np.minimum(x, 0.0), x)


def unaided(p: Pairs, x: Array) -> Array:
    """A GREEN stream without the gains over a baseline whose answer was cut short while it waited."""
    return np.where(p.baseline.cut > 0, np.minimum(x, 0.0), x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Form):
    """A paired mean difference, baseline minus hero: RED above `tolerated`, GREEN when `margin` is excluded.

    Its column lies in [0, 1], more is better.
    """

    column: str
    tolerated: float = 0.0
    margin: float | None = None  # None: RED is all that it can be
    margin_at_last: float | None = None  # at the last step, over the canary
    sla_ms: float = math.inf  # recall: an answer after it counts 0
    intent: int = ALL

    def ask(self, head: Head) -> Question:
        margin, last = self.margin, self.margin_at_last
        return Question(
            head=head,
            limit=self.tolerated if margin is None else margin,
            red=((lambda p: bet(self.red(p)),),),
            green=() if margin is None else (lambda p: self._green(p, margin),),
            green_at_last=() if last is None else (lambda p: self._green(p, last),),
            limit_at_last=last,
            measure=lambda p: pvalues.mean_interval(self.told(p)),
            detectable=self._detectable if margin is None else None,
            count=lambda p: int(on_intent(p, self.intent).sum()),
            clock=self.timed,
            remark=self._remark if self.timed and margin is not None else None,
        )

    @property
    def timed(self) -> bool:
        """Does an answer count only where it came in time?"""
        return math.isfinite(self.sla_ms)

    def told(self, p: Pairs) -> Array:
        """What is lost, on time as measured."""
        return (p.baseline.column(self.column) - p.hero.column(self.column))[on_intent(p, self.intent)]

    def red(self, p: Pairs) -> Array:
        """Null: no more than `tolerated` is lost."""
        x = self._lost(p, p.baseline.latency_ms, net_ms(p.hero)) - self.tolerated
        return blameless(p, x)[on_intent(p, self.intent)]

    def spoil(self, arm: Arm) -> Arm:
        nothing = np.zeros(len(arm))
        return arm.put(found=nothing, **{self.column: nothing}) if self.timed else arm.put(**{self.column: nothing})

    def _green(self, p: Pairs, margin: float) -> Array:
        lost = self._lost(p, net_ms(p.baseline), p.hero.latency_ms)
        spared = np.where((p.baseline.cut > 0) & (lost < margin), margin, lost)  # margin: a bet on nothing
        return bet_against_loss(spared[on_intent(p, self.intent)], margin)

    def _lost(self, p: Pairs, baseline_ms: Array, hero_ms: Array) -> Array:
        if not self.timed:
            return p.baseline.column(self.column) - p.hero.column(self.column)
        baseline = np.where(baseline_ms > self.sla_ms, 0.0, p.baseline.found)
        return baseline - np.where(hero_ms > self.sla_ms, 0.0, p.hero.found)

    def _detectable(self, p: Pairs, log_needed: float) -> float:
        return self.tolerated + detectable_mean(self.red(p), log_needed)

    def _remark(self, p: Pairs) -> str:
        known = np.isfinite(p.hero.latency_ms).all()
        return "" if known else "not every answer has a latency: those without count as in time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Form):
    """The share of the hero's answers whose value lies above a limit: at most `share`."""

    column: str
    above: float
    share: float
    ratios: bool = False  # bet with likelihood ratios: for shares near 0
    quantile: bool = False  # tell the (1 - share)-quantile instead of the share
    shown: bool = True  # must it be shown to hold?

    def ask(self, head: Head) -> Question:
        return Question(
            head=head,
            limit=self.above if self.quantile else self.share,
            red=((lambda p: self._bet(self.hits(p.hero, net=True), 1.0),),),
            green=(lambda p: self._bet(self.hits(p.hero), -1.0),) if self.shown else (),
            measure=lambda p: self._told(p.hero),
            detectable=None if self.shown else self._detectable,
            clock=self.column in (*CLOCKS, "spend_ms"),
        )

    def hits(self, arm: Arm, *, net: bool = False) -> Array:
        """1 where the value is above the limit; what was waited for is no part of it where `net`."""
        value = arm.column(self.column)
        return flag((value - arm.wait_ms if net and self.column in (*CLOCKS, "spend_ms") else value) > self.above)

    def spoil(self, arm: Arm) -> Arm:
        values = arm.column(self.column)
        beyond = max(0.0, self.above - float(values.min(initial=0.0))) + 10 * abs(self.above) + 1
        return arm.put(**{self.column: values + beyond})

    def alone(self, arm: Arm, constants: Constants) -> Alone | None:
        return Alone(
            broken=self._bet(self.hits(arm, net=True), 1.0),
            shown=self._bet(self.hits(arm), -1.0) if self.shown and not self.ratios else None,
            told=pvalues.rate_interval(int(self.hits(arm).sum()), len(arm)), limit=self.share, unit="share late",
        )  # fmt: skip

    def _bet(self, hits: Array, sign: float) -> Array:
        if self.ratios:
            return bet_rate(hits, self.share, RATIOS_ABOVE if sign > 0 else RATIOS_BELOW)
        return bet(sign * (hits - self.share))

    def _told(self, arm: Arm) -> Interval:
        if self.quantile:
            return pvalues.quantile_interval(arm.column(self.column), 1 - self.share)
        return pvalues.rate_interval(int(self.hits(arm).sum()), len(arm))

    def _detectable(self, p: Pairs, log_needed: float) -> float:
        return self.share + detectable_mean(self.hits(p.hero, net=True) - self.share, log_needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Form):
    """Events that befall the hero alone: more often than the baseline alone is RED, and one already blocks GREEN.

    An event is a value other than 0.
    """

    column: str
    rate: float  # that must be excluded
    words: str = "hero-only events"

    def ask(self, head: Head) -> Question:
        return Question(
            head=head,
            limit=self.rate,
            red=((lambda p: bet(self.events(p.hero) - self.events(p.baseline)),),),
            green=(lambda p: bet_rate(self.only(p), self.rate, RATIOS_BELOW),),
            blocked=lambda p: int(self.only(p).sum()),
            block_words=self.words,
            measure=lambda p: pvalues.rate_interval(int(self.only(p).sum()), len(p)),
        )

    def only(self, p: Pairs) -> Array:
        """1 where it befell the hero and not the baseline."""
        return np.asarray(self.events(p.hero) * (1 - self.events(p.baseline)))

    def events(self, arm: Arm) -> Array:
        """1 where it befell an arm."""
        return flag(arm.column(self.column) != 0)

    def spoil(self, arm: Arm) -> Arm:
        return arm.put(**{self.column: np.ones(len(arm))})

    def alone(self, arm: Arm, constants: Constants) -> Alone:
        events = self.events(arm)
        return Alone(
            broken=bet_rate(events, max(self.rate, FEW), RATIOS_ABOVE), shown=None,
            told=pvalues.rate_interval(int(events.sum()), len(arm)), limit=self.rate, unit="share of errors",
        )  # fmt: skip
