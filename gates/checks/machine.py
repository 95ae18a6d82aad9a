"""Did the machine let anything be decided? How much of the clock was waiting, and whether a hero slows the baseline.

A hero must not gain by a busy machine, nor lose by it: RED is judged on time net of waiting, GREEN on time as measured.
What that does not see is a hero that slows the baseline itself, through caches or memory: then the baseline is slower
beside it than it was alone, also net of waiting, and a hero that is as slow looks equal.
"""

from __future__ import annotations

import numpy as np

from gates.checks.forms import net_ms
from gates.checks.question import Array, Constants, Question, detectable_mean, flag
from gates.pairs import Arm, Pairs
from gates.statistics import pvalues
from gates.statistics.eprocess import bet
from gates.verdicts import Kind

NOT_EVIDENCED = "not evidenced: machine busy"  # begins the note of a check that waiting kept open
BUSY = 0.05  # of the clock spent waiting: from here on what is not shown is the machine's doing
SLOWED = 0.075  # of the baseline's answers beyond its own p95 alone, of which one in twenty at most is expected


def waiting_share(arm: Arm) -> float:
    """Which share of an arm's clock was waiting for a processor; 0 where no answer has a latency."""
    clock = float(np.nansum(arm.latency_ms))
    return float(np.nansum(arm.wait_ms)) / clock if clock > 0 else 0.0


def ask_machine(constants: Constants) -> Question:
    """Is the baseline slower beside the hero than alone, net of waiting?

    Its p95 alone is known from a few hundred answers: what it may be at most counts, at 97.5 %.
    """
    at_most = pvalues.quantile_interval(np.array(constants.baseline_ms), 0.95).upper

    def slowed(p: Pairs) -> Array:
        return flag(net_ms(p.baseline) > at_most)

    return Question(
        check="machine",
        kind=Kind.INSTRUMENT,
        required="not_red",
        unit="share of the baseline's answers slower than its p95 alone",
        limit=SLOWED,
        red=((lambda p: bet(slowed(p) - SLOWED),),),
        measure=lambda p: pvalues.rate_interval(int(slowed(p).sum()), len(p)),
        detectable=lambda p, log_needed: SLOWED + detectable_mean(slowed(p) - SLOWED, log_needed),
    )
