"""Did the machine let anything be decided: how much of the clock was waiting, and does a hero slow the baseline?

A hero must not gain by a busy machine, nor lose by it: RED is judged on time net of waiting, GREEN on time as measured.
What that does not see is a hero that slows the baseline itself, through caches or memory: then the baseline is slower
beside it than it was alone, also net of waiting, and a hero that is as slow looks equal.
"""

from dataclasses import dataclass

import numpy as np

from gates.checks.check import Check, HoldLimits, Kind, Name
from gates.checks.forms import Form, net_ms
from gates.checks.question import Constants, Head, Intent, Question, detectable_mean, flag
from gates.pairs import Arm, Pairs
from gates.statistics import Array, pvalues
from gates.statistics.eprocess import bet

NOT_EVIDENCED = "not evidenced: machine busy"  # begins the note of a check that waiting kept open
BUSY = 0.05  # of the clock spent waiting: from here on what is not shown is the machine's doing
SLOWED = 0.075  # of the baseline's answers beyond its own p95 alone, of which one in twenty at most is expected


def waiting_share(arm: Arm) -> float:
    """Which share of an arm's clock was waiting for a processor; 0 where no answer has a latency."""
    clock = float(np.nansum(arm.latency_ms))
    return float(np.nansum(arm.wait_ms)) / clock if clock > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowed(Form):
    """The form of this check alone: is the baseline slower beside the hero than alone, net of waiting?

    Its p95 alone is known from a few hundred answers: what it may be at most counts, at 97.5 %.
    """

    alone_ms: float

    def ask(self, head: Head) -> Question:
        return Question(
            head=head,
            limit=SLOWED,
            red=((lambda p: bet(self._slowed(p) - SLOWED),),),
            measure=lambda p: pvalues.rate_interval(int(self._slowed(p).sum()), len(p)),
            detectable=lambda p, log_needed: SLOWED + detectable_mean(self._slowed(p) - SLOWED, log_needed),
        )

    def _slowed(self, p: Pairs) -> Array:
        return flag(net_ms(p.baseline) > self.alone_ms)


class SlowedBaseline(Check):
    """The hero slows the baseline on the machine that they share: what is as slow looks equal."""

    key, kind, place = "machine", Kind.INSTRUMENT, 7
    unit = "share of the baseline's answers slower than its p95 alone"
    name = Name(label="baseline slower than alone", unit="%", scale=100, digits=1)
    mend = "run again on a quiet machine; where it says so again, give each system a machine of its own"
    must = "not_red"
    broken_words = "the baseline is slower than alone: what is as slow looks equal"

    def form(self, limits: HoldLimits, constants: Constants, intent: Intent) -> Slowed:
        return Slowed(alone_ms=pvalues.quantile_interval(np.array(constants.baseline_ms), 0.95).upper)
