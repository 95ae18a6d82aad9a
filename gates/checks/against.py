"""The forms that measure a hero against what the baseline showed before: a median, a high quantile, a calibration."""

from dataclasses import dataclass

import numpy as np

from gates.checks.forms import Alone, Form, blameless, net_ms, on_intent, unaided
from gates.checks.question import (
    ALL,
    CalibrationQuestion,
    Constants,
    Head,
    Moving,
    Question,
    detectable_mean,
    flag,
    order_statistic,
)
from gates.pairs import Arm, Pairs
from gates.statistics import Array, calibration, pvalues
from gates.statistics.calibration import witness, witness_signs
from gates.statistics.decimals import decimal
from gates.statistics.eprocess import bet


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift(Form):
    """The hero's median confidence against the baseline's frozen one, either way: what exceeds it is compared."""

    median: float
    limit: float
    seed: int

    def ask(self, head: Head) -> Question:
        return Question(
            head=head,
            limit=self.limit,
            red=((lambda p: bet(blameless(p, self.above(p))), lambda p: bet(blameless(p, self.below(p)))),),
            green=(lambda p: bet(unaided(p, -self.above(p))), lambda p: bet(unaided(p, -self.below(p)))),
            measure=lambda p: pvalues.quantile_difference_interval(
                p.hero.confidence, p.baseline.confidence, 0.5, self.seed
            ),
            two_sided=True,
            remark=self._remark,
        )

    def above(self, p: Pairs) -> Array:
        """The hero above the median and the limit, against the baseline above the median."""
        return flag(p.hero.confidence > self.median + self.limit) - flag(p.baseline.confidence > self.median)

    def below(self, p: Pairs) -> Array:
        """The same below."""
        return flag(p.hero.confidence < self.median - self.limit) - flag(p.baseline.confidence < self.median)

    def spoil(self, arm: Arm) -> Arm:
        return arm.put(confidence=np.ones(len(arm)))

    def _remark(self, p: Pairs) -> str:
        apart = float(np.abs(p.hero.confidence - p.baseline.confidence).mean())
        return f"{'vacuous: same scores, ' if apart == 0 else ''}mean |shift| {decimal(apart, 3)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail(Form):
    """A high quantile, relative to the baseline's: is it exceeded, by a margin, more often?

    Quantile and margin are fixed before each window, from what the baseline showed until then; of latency, net of
    waiting.
    """

    quantile: float
    margin_ms: float  # at most; in the column's own unit
    floor_ms: float
    margin_share: float
    before: Array  # of the baseline alone
    seed: int
    column: str = "latency_ms"

    def ask(self, head: Head) -> Moving:
        return Moving(
            before=self.before,
            learn=lambda known, window: np.concatenate([known, self.net(window.baseline)]),
            at=lambda known: self._fixed(head, *self.fix(known)),
            told=self.fix,
        )

    @property
    def clock(self) -> bool:
        """Does it read a clock?"""
        return self.column == "latency_ms"

    def net(self, arm: Arm) -> Array:
        """Its column, net of waiting where that is a part of it."""
        return net_ms(arm) if self.clock else arm.column(self.column)

    def fix(self, known: Array) -> tuple[float, float]:
        """The quantile, and what is allowed beyond it."""
        at = order_statistic(known, self.quantile)
        return at, self.margin(at)

    def margin(self, at: float) -> float:
        """What is allowed beyond a quantile."""
        return min(self.margin_ms, max(self.floor_ms, self.margin_share * at))

    def more(self, p: Pairs, at: float, margin: float) -> Array:
        """The hero beyond quantile and margin, against the baseline beyond the quantile: what RED bets on."""
        return flag(self.net(p.hero) > at + margin) - flag(p.baseline.column(self.column) > at)

    def spoil(self, arm: Arm) -> Arm:
        far = 10 * float(np.abs(self.before).max(initial=1.0)) + 2 * self.margin_ms
        return arm.put(**{self.column: arm.column(self.column) + far})

    def _fixed(self, head: Head, at: float, margin: float) -> Question:
        def green(p: Pairs) -> Array:
            return flag(self.net(p.baseline) > at) - flag(p.hero.column(self.column) > at + margin)

        return Question(
            head=head,
            limit=margin,
            red=((lambda p: bet(self.more(p, at, margin)),),),
            green=(lambda p: bet(green(p)),),
            measure=lambda p: pvalues.quantile_difference_interval(
                p.hero.column(self.column), p.baseline.column(self.column), self.quantile, self.seed
            ),
            clock=self.clock,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationError(Form):
    """The true calibration error over the canary: RED above a limit, GREEN where one is excluded at planned looks."""

    red_above: float
    green_below: tuple[float, ...] = ()  # by step; () where RED is all that it can be

    def ask(self, head: Head) -> CalibrationQuestion:
        return CalibrationQuestion(head=head, limit=self.red_above, green_below=self.green_below)

    def spoil(self, arm: Arm) -> Arm:
        return _sure_of_the_wrong(arm)

    def alone(self, arm: Arm, constants: Constants) -> Alone | None:
        if not self.green_below:
            return None
        half = len(arm) // 2  # the signs must come from earlier answers than those they are tried on
        edges = np.array(constants.bin_edges)
        signs = witness_signs(arm.confidence[:half], arm.correct[:half], edges)
        x = witness(arm.confidence[half:], arm.correct[half:], edges, signs, self.red_above)
        return Alone(broken=bet(x), shown=None, told=pvalues.mean_interval(x), limit=self.red_above, unit="error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Form):
    """The calibration error of one intent against the incumbent's, in the direction in which the hero is off.

    RED claims both: the hero is off by more than `allowed`, and by more than `allowed` further than the incumbent on
    the same queries. The direction of a bin is told by the hero's earlier windows; answers gained are never charged.
    """

    allowed: float
    edges: tuple[float, ...]
    intent: int = ALL

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

    def spoil(self, arm: Arm) -> Arm:
        return _sure_of_the_wrong(arm)

    def _fixed(self, head: Head, signs: Array) -> Question:
        return Question(
            head=head,
            limit=self.allowed,
            red=((lambda p: bet(self.worse(p, signs)),), (lambda p: bet(self.off(p, signs)),)),
            all_red=True,
            measure=lambda p: pvalues.mean_interval(self._added(p, signs)),
            detectable=lambda p, log_needed: self.allowed + 2 * detectable_mean(self.worse(p, signs), log_needed),
            count=lambda p: int(on_intent(p, self.intent).sum()),
        )

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


def _sure_of_the_wrong(arm: Arm) -> Arm:
    return arm.put(confidence=np.ones(len(arm)), correct=np.zeros(len(arm)))
