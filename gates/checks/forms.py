"""The forms of a check: how a few kinds of question become streams, whatever the column they are asked of.

A busy machine cannot decide (docs/decision-rule.md): what can show a check broken is judged on time net of waiting for
a processor, what shows that it holds on time as measured. Where an arm's answer was cut short while it waited, its
quality counts against nobody: RED streams keep no loss of such a hero, GREEN streams no gain over such a baseline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gates.checks.question import (
    ALL,
    Array,
    Moving,
    Question,
    bet_against_loss,
    detectable_mean,
    flag,
    order_statistic,
)
from gates.pairs import Arm, Pairs
from gates.statistics import calibration, pvalues
from gates.statistics.eprocess import RATIOS_ABOVE, RATIOS_BELOW, bet, bet_rate
from gates.statistics.pvalues import Interval
from gates.verdicts import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a question is called, whatever its form."""

    check: str
    kind: Kind
    required: str
    unit: str


class Form(Protocol):
    """One way to ask."""

    def ask(self, head: Head) -> Question | Moving:
        """The question of this form under this head."""


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
class Loss:
    """A paired mean difference, baseline minus hero: RED above `tolerated`, GREEN when `margin` is excluded."""

    column: str  # recall or ndcg
    tolerated: float = 0.0
    margin: float | None = None  # None: RED is all that it can be
    margin_at_last: float | None = None  # at the last step, over the canary
    sla_ms: float = math.inf  # recall: an answer after it counts 0
    intent: int = ALL

    def ask(self, head: Head) -> Question:
        margin, last = self.margin, self.margin_at_last
        return Question(
            check=head.check, kind=head.kind, required=head.required, unit=head.unit,
            limit=self.tolerated if margin is None else margin,
            red=((lambda p: bet(self.red(p)),),),
            green=() if margin is None else (lambda p: self._green(p, margin),),
            green_at_last=() if last is None else (lambda p: self._green(p, last),),
            limit_at_last=last,
            measure=lambda p: pvalues.mean_interval(self.told(p)),
            detectable=self._detectable if margin is None else None,
            count=lambda p: int(on_intent(p, self.intent).sum()),
            clock=math.isfinite(self.sla_ms),
        )  # fmt: skip

    def told(self, p: Pairs) -> Array:
        """What is lost, on time as measured."""
        lost: Array = getattr(p.baseline, self.column) - getattr(p.hero, self.column)
        return lost[on_intent(p, self.intent)]

    def red(self, p: Pairs) -> Array:
        """Null: no more than `tolerated` is lost."""
        x = self._lost(p, p.baseline.latency_ms, net_ms(p.hero)) - self.tolerated
        return blameless(p, x)[on_intent(p, self.intent)]

    def _green(self, p: Pairs, margin: float) -> Array:
        lost = self._lost(p, net_ms(p.baseline), p.hero.latency_ms)
        spared = np.where((p.baseline.cut > 0) & (lost < margin), margin, lost)  # margin: a bet on nothing
        return bet_against_loss(spared[on_intent(p, self.intent)], margin)

    def _lost(self, p: Pairs, baseline_ms: Array, hero_ms: Array) -> Array:
        if not math.isfinite(self.sla_ms):
            return np.asarray(getattr(p.baseline, self.column) - getattr(p.hero, self.column))
        baseline = np.where(baseline_ms > self.sla_ms, 0.0, p.baseline.found)
        return baseline - np.where(hero_ms > self.sla_ms, 0.0, p.hero.found)

    def _detectable(self, p: Pairs, log_needed: float) -> float:
        return self.tolerated + detectable_mean(self.red(p), log_needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The share of the hero's answers whose value lies above a limit: at most `share`."""

    column: str
    above: float
    share: float
    ratios: bool = False  # bet with likelihood ratios: for shares near 0
    quantile: bool = False  # tell the (1 - share)-quantile instead of the share
    shown: bool = True  # must it be shown to hold?

    def ask(self, head: Head) -> Question:
        return Question(
            check=head.check, kind=head.kind, required=head.required, unit=head.unit,
            limit=self.above if self.quantile else self.share,
            red=((lambda p: self._bet(self.hits(p, net=True), 1.0),),),
            green=(lambda p: self._bet(self.hits(p), -1.0),) if self.shown else (),
            measure=self._measure,
            detectable=None if self.shown else self._detectable,
            clock=True,
        )  # fmt: skip

    def hits(self, p: Pairs, *, net: bool = False) -> Array:
        """1 where the value is above the limit; what was waited for is no part of it where `net`."""
        value = getattr(p.hero, self.column)
        return flag((value - p.hero.wait_ms if net else value) > self.above)

    def _bet(self, hits: Array, sign: float) -> Array:
        if self.ratios:
            return bet_rate(hits, self.share, RATIOS_ABOVE if sign > 0 else RATIOS_BELOW)
        return bet(sign * (hits - self.share))

    def _measure(self, p: Pairs) -> Interval:
        if self.quantile:
            return pvalues.quantile_interval(getattr(p.hero, self.column), 1 - self.share)
        return pvalues.rate_interval(int(self.hits(p).sum()), len(p))

    def _detectable(self, p: Pairs, log_needed: float) -> float:
        return self.share + detectable_mean(self.hits(p, net=True) - self.share, log_needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Events that befall the hero alone: more often than the baseline alone is RED, and one already blocks GREEN."""

    column: str
    rate: float  # that must be excluded

    def ask(self, head: Head) -> Question:
        return Question(
            check=head.check, kind=head.kind, required=head.required, unit=head.unit, limit=self.rate,
            red=((lambda p: bet(getattr(p.hero, self.column) - getattr(p.baseline, self.column)),),),
            green=(lambda p: bet_rate(self.alone(p), self.rate, RATIOS_BELOW),),
            blocked=lambda p: int(self.alone(p).sum()),
            measure=lambda p: pvalues.rate_interval(int(self.alone(p).sum()), len(p)),
        )  # fmt: skip

    def alone(self, p: Pairs) -> Array:
        """1 where it befell the hero and not the baseline."""
        return np.asarray(getattr(p.hero, self.column) * (1 - getattr(p.baseline, self.column)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A median of the hero against the baseline's frozen one, either way: the exceedances of both arms are compared."""

    column: str
    median: float
    limit: float
    seed: int

    def ask(self, head: Head) -> Question:
        return Question(
            check=head.check, kind=head.kind, required=head.required, unit=head.unit, limit=self.limit,
            red=((lambda p: bet(blameless(p, self.above(p))), lambda p: bet(blameless(p, self.below(p)))),),
            green=(lambda p: bet(unaided(p, -self.above(p))), lambda p: bet(unaided(p, -self.below(p)))),
            measure=lambda p: pvalues.quantile_difference_interval(
                getattr(p.hero, self.column), getattr(p.baseline, self.column), 0.5, self.seed
            ),
            two_sided=True,
        )  # fmt: skip

    def above(self, p: Pairs) -> Array:
        """The hero above the median and the limit, against the baseline above the median."""
        hero, baseline = getattr(p.hero, self.column), getattr(p.baseline, self.column)
        return flag(hero > self.median + self.limit) - flag(baseline > self.median)

    def below(self, p: Pairs) -> Array:
        """The same below."""
        hero, baseline = getattr(p.hero, self.column), getattr(p.baseline, self.column)
        return flag(hero < self.median - self.limit) - flag(baseline < self.median)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """A high quantile of latency, relative to the baseline's: is it exceeded, by a margin, more often?

    Quantile and margin are fixed before each window, from the baseline's time net of waiting until then.
    """

    quantile: float
    margin_ms: float
    floor_ms: float
    margin_share: float
    before: Array  # of the baseline alone
    seed: int

    def ask(self, head: Head) -> Moving:
        return Moving(
            before=self.before,
            learn=lambda known, window: np.concatenate([known, net_ms(window.baseline)]),
            at=lambda known: self._fixed(head, *self.fix(known)),
            told=self.fix,
        )

    def fix(self, known: Array) -> tuple[float, float]:
        """The quantile, ms, and what is allowed beyond it, ms."""
        at = order_statistic(known, self.quantile)
        return at, self.margin(at)

    def margin(self, at_ms: float) -> float:
        """What is allowed beyond a quantile."""
        return min(self.margin_ms, max(self.floor_ms, self.margin_share * at_ms))

    def _fixed(self, head: Head, at: float, margin: float) -> Question:
        def red(p: Pairs) -> Array:
            return flag(net_ms(p.hero) > at + margin) - flag(p.baseline.latency_ms > at)

        def green(p: Pairs) -> Array:
            return flag(net_ms(p.baseline) > at) - flag(p.hero.latency_ms > at + margin)

        return Question(
            check=head.check, kind=head.kind, required=head.required, unit=head.unit, limit=margin,
            red=((lambda p: bet(red(p)),),),
            green=(lambda p: bet(green(p)),),
            measure=lambda p: pvalues.quantile_difference_interval(
                p.hero.latency_ms, p.baseline.latency_ms, self.quantile, self.seed
            ),
            clock=True,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The calibration error of one intent against the incumbent's, in the direction in which the hero is off.

    RED claims both: the hero is off by more than `allowed`, and by more than `allowed` further than the incumbent on
    the same queries. The direction of a bin is told by the hero's earlier windows; answers gained are never charged.
    """

    intent: int
    allowed: float
    edges: tuple[float, ...]

    def ask(self, head: Head) -> Moving:
        return Moving(
            before=np.zeros(len(self.edges) + 1),
            learn=lambda known, window: known + self.gaps(window),
            at=lambda known: self._fixed(head, np.sign(known)),
            told=lambda known: tuple(np.sign(known).tolist()),
        )

    def gaps(self, p: Pairs) -> Array:
        """Sum of confidence - correct in each bin."""
        at = on_intent(p, self.intent)
        return calibration.summed_gaps(p.hero.confidence[at], p.hero.correct[at], np.array(self.edges))

    def _fixed(self, head: Head, signs: Array) -> Question:
        return Question(
            check=head.check, kind=head.kind, required=head.required, unit=head.unit, limit=self.allowed,
            red=((lambda p: bet(self.worse(p, signs)),), (lambda p: bet(self.off(p, signs)),)),
            all_red=True,
            measure=lambda p: pvalues.mean_interval(self._added(p, signs)),
            detectable=lambda p, log_needed: self.allowed + 2 * detectable_mean(self.worse(p, signs), log_needed),
            count=lambda p: int(on_intent(p, self.intent).sum()),
        )  # fmt: skip

    def worse(self, p: Pairs, signs: Array) -> Array:
        """Null: off by at most `allowed` more than the incumbent. 0 in a bin without a direction."""
        s = self._direction(p, signs)
        x = np.where(s == 0, 0.0, (self._further(p, s) - self.allowed) / (2 + self.allowed))
        return blameless(p, x)[on_intent(p, self.intent)]

    def off(self, p: Pairs, signs: Array) -> Array:
        """Null: off by at most `allowed`."""
        s = self._direction(p, signs)
        x = np.where(s == 0, 0.0, s * (p.hero.confidence - self._charged(p, s)) - self.allowed)
        return blameless(p, x)[on_intent(p, self.intent)]

    def _added(self, p: Pairs, signs: Array) -> Array:
        return self._further(p, self._direction(p, signs))[on_intent(p, self.intent)]

    def _further(self, p: Pairs, s: Array) -> Array:
        hero = p.hero.confidence - self._charged(p, s)
        return np.asarray(s * (hero - (p.baseline.confidence - p.baseline.correct)))

    def _direction(self, p: Pairs, signs: Array) -> Array:
        return np.asarray(signs[calibration.bin_of(p.hero.confidence, np.array(self.edges))])

    def _charged(self, p: Pairs, s: Array) -> Array:
        """What the hero is held to have got right: where it says too little, an answer gained is not its fault."""
        return np.where(s > 0, p.hero.correct, np.minimum(p.hero.correct, p.baseline.correct))
