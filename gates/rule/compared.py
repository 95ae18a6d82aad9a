"""What is decided about two recorded runs by one look, and does that hang on hits that nobody judged?

Rules (why: docs/decision-rule.md, mode `offline`): the decision is that of `gates.rule.offline`, an unjudged hit being
not relevant. It stands where the worst and the best grades for those hits would decide alike; else it is a HOLD.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gates.rule.offline import MOST, POWER, Margin, Rates, fewest, foresee, least_margin
from gates.statistics import Array
from gates.statistics.decimals import decimal
from gates.statistics.gaffke import lower, tail, upper
from gates.statistics.pvalues import Interval
from gates.verdicts import Decision

SEED = 20_261_129  # of the coins that foresee an equal hero
STEP = 1e-4  # a margin is told, and so can be asked again, to a hundredth of a point
INTERVAL = 0.025  # on either side


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Hero minus baseline on each query: as judged, and with the worst and the best grades for unjudged hits."""

    check: str
    judged: Array
    worst: Array
    best: Array


WithMargin = tuple[Differences, Margin]


class OneLook(NamedTuple):
    """The decision, and what it would be with other grades for hits that nobody judged."""

    decision: Decision  # as judged
    worst: Decision
    best: Decision

    @property
    def hangs(self) -> bool:
        """Does it hang on those hits?"""
        return {self.worst, self.best} != {self.decision}


def attainable(differences: Sequence[Differences], rates: Rates) -> list[Margin]:
    """The margin that an equal hero which changes as much meets with .8, of each check: chosen after looking."""
    found = []
    for of in differences:
        asked = min(2 * least_margin(len(of.judged), rates.green), 0.999)
        power = foresee(of.check, of.judged, asked, rates.green, SEED)
        mu = min(math.ceil(power.mu_for_power / STEP) * STEP, 1 - STEP)
        found.append(Margin(mu=round(mu, 4), chosen_after_looking=True))
    return found


def compare(asked: Sequence[WithMargin], rates: Rates, *, bounded: bool) -> OneLook:
    """Look once at every check. bounded: unjudged hits may be relevant; else they are known not to be."""
    grades = ("judged", "worst", "best") if bounded else ("judged",) * 3
    return OneLook(*(decision_of([(getattr(of, name), margin) for of, margin in asked], rates) for name in grades))


def decision_of(asked: Sequence[tuple[Array, Margin]], rates: Rates) -> Decision:
    """From the checks to the decision: RED of one beats what is open, and that PROMOTE, which needs every one.

    A bound is beyond a limit iff the tail there is small.
    """
    if any(tail(d, margin.tolerated) < rates.red for d, margin in asked):
        return Decision.ROLLBACK
    holds = asked and all(tail(-d, -margin.mu) < rates.green for d, margin in asked)
    return Decision.PROMOTE if holds else Decision.HOLD


def queries_for(sizes: Array, mu: float, alpha: float) -> int | None:
    """About how many queries show an equal hero to keep mu with .8 where differences have these sizes; None: too many.

    To two hundredths: the coins know no better.
    """
    spread = np.sort(np.abs(sizes))

    def do(queries: int) -> bool:
        alike = spread[np.linspace(0, len(spread) - 1, queries).round().astype(np.intp)]
        return foresee("", alike, mu, alpha, SEED).power >= POWER

    return fewest(do, len(spread), 50)


def margin_lines(asked: Sequence[WithMargin], rates: Rates, k: int) -> Iterator[str]:
    """What these queries can carry, how many the margins need, and what was charged; k as in LookFacts."""
    for of, margin in asked:
        if margin.chosen_after_looking and k:
            yield (
                f"{of.check}: these runs were looked at before, and asked otherwise: a margin of "
                f"{decimal(100 * margin.mu, 4)} points was chosen after looking, and a PROMOTE by it is never final"
            )
        elif margin.chosen_after_looking:
            carried = f"{decimal(100 * margin.mu, 4)} points is what {len(of.judged):,} queries can carry"
            yield (
                f"{of.check}: {carried}: an equal hero that changes as much is promoted at it with .8. It was chosen "
                "after looking, so a PROMOTE by it is not final: decide what may be lost, judge fresh queries, and say "
                "--margin=POINTS"
            )
        if margin.chosen_after_looking:
            continue
        power = foresee(of.check, of.judged, margin.mu, rates.green, SEED)
        if power.power >= POWER:
            yield power.sentence()
        else:
            enough = queries_for(of.judged, power.mu, power.alpha)
            yield f"{power.sentence()}, or {f'about {enough:,}' if enough else f'more than {MOST:,}'} such queries"
    if k:
        which = f"this is hero {k} on these judgements" if k > 1 else "this is the first hero on these judgements"
        yield f"{which}: it spends 1/{k * (k + 1)} of .05 and of .01"
    else:
        yield "heroes on these judgements are uncounted: each is charged as the first one (half of .05 and of .01)"


def look_interval(d: Array) -> Interval:
    """The mean and where it lies with 95 %, by the bounds that decide."""
    return _bounds(np.ascontiguousarray(d, dtype=np.float64).tobytes())


@lru_cache(maxsize=64)
def _bounds(d: bytes) -> Interval:
    """The same of the same differences: cell, page and terminal ask for them again."""
    values = np.frombuffer(d, dtype=np.float64)
    return Interval(float(values.mean()), lower(values, INTERVAL), upper(values, INTERVAL))
