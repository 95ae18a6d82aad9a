"""Which numbers does no search system give? Too even, perfect, too equal: then what was measured is not the hero.

Patterns that release pipelines have shipped: a scorer that was fed its own answers, an index that was not joined, one
run's numbers printed under another's name. Each is read off quality numbers before the time limit is applied, so that
a hero that is merely slow is stopped by the check that says so.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from gates.checks.battery import Finding, SanityCheck, SanityFacts, Side, Snapshot, some
from gates.checks.check import AtMost, HoldLimits, Name, Weaker
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import mean_interval

LEAST_INTERVALS = 3  # fewer may be equally wide by chance


class StopRuleLimits(HoldLimits):
    """Numbers that no search system gives: too even, perfect, too equal. Any of them ends the run at once."""

    variance: Annotated[float, Field(ge=1e-6, le=0.1), Weaker.BELOW]  # of nDCG@10, at most this is flat
    range: Annotated[float, Field(ge=1e-3, le=0.5), Weaker.BELOW]  # of nDCG@10, below this is flat
    perfect: Annotated[float, Field(ge=0.5, le=0.999), Weaker.ABOVE]  # a mean nDCG@10 from here on is too good
    gain: AtMost  # in mean nDCG@10 beyond which it is told as unusual; it is judged all the same


class StopRule(SanityCheck):
    """What was measured is not the hero: no search gives such numbers."""

    key, limits, place, unit, measure = "stop_rule", StopRuleLimits, 7, "suspicious patterns", "ndcg_at_10"
    stays = True
    ends = True
    name = Name(label="suspicious patterns", digits=0, brief="stop rule")
    mend = "find out what was measured before anything else: no hero is judged by such numbers"
    fault = {"kind": "empty"}
    broken_words = "stopped: no search gives such numbers"

    def find(self, limits: StopRuleLimits, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        found = suspicious(snapshot, facts, limits)
        wrong = f"{some(found)}; no search gives such numbers: see what is measured" if found else ""
        return Finding(len(found), 0, len(snapshot), wrong, unusual(snapshot, limits))


def suspicious(found: Snapshot, facts: SanityFacts, limits: StopRuleLimits) -> list[str]:
    """What is suspicious of these answers, a phrase each. `facts` as gates.checks.battery reads them."""
    return [
        *(said for side in found.sides for said in _of_one(side, facts, limits)),
        *_of_both(found, facts, limits),
    ]


def unusual(found: Snapshot, limits: StopRuleLimits) -> str:
    """What a search may give, but seldom does: a gain that is worth a second look at the files, and is judged."""
    gain = float(found.hero.ndcg.mean() - found.baseline.ndcg.mean())
    if gain <= limits.gain:
        return ""
    told = f"{found.hero.name} gains {100 * gain:.1f} points of nDCG on {len(found)} queries before the climb"
    return f"unusual: {told}, more than {100 * limits.gain:g}"


def _of_one(side: Side, facts: SanityFacts, limits: StopRuleLimits) -> Iterator[str]:
    mean, variance, reach = float(side.ndcg.mean()), round(float(side.ndcg.var()), 12), float(np.ptp(side.ndcg))
    if variance <= limits.variance or reach < limits.range:
        yield f"nDCG of {side.name} is flat (variance {decimal(variance, 3)}, range {decimal(reach, 3)})"
    if mean == 0:
        yield f"mean nDCG of {side.name} is 0"
    if mean >= limits.perfect:
        yield f"mean nDCG of {side.name} is {decimal(mean, 3)}, too good from {limits.perfect:g} on"
    # where only judged documents are known, any hit counts: most answers hold few judged ones
    hits = side.known if facts.places == "all" else side.hits
    if np.median(hits) == 0:
        yield f"median of pool hits of {side.name} is 0"
    late = int((~side.within_sla & (side.sla_recall > 0)).sum())
    if late:
        yield f"{late} late answers of {side.name} count"


def _of_both(found: Snapshot, facts: SanityFacts, limits: StopRuleLimits) -> Iterator[str]:
    hero, baseline = found.sides
    one, other = facts.configurations
    same = all(
        np.array_equal(getattr(hero, name), getattr(baseline, name), equal_nan=True)
        for name in ("ndcg", "recall", "confidence")
    )
    if same and one != other:
        yield f"{hero.name} {one} and {baseline.name} {other} differ, but not one of their numbers does"
    widths = [w for side in found.sides for w in _widths(side, found)]
    if len(widths) >= LEAST_INTERVALS and np.ptp(widths) <= 1e-12:
        yield f"all {len(widths)} intervals are {decimal(widths[0], 3)} wide"


def _widths(side: Side, found: Snapshot) -> Iterator[float]:
    """Width of the interval of the mean nDCG on each intent that has several queries."""
    for intent in np.unique(found.intent):
        of_it = side.ndcg[found.intent == intent]
        if len(of_it) > 1:
            interval = mean_interval(of_it)
            yield interval.upper - interval.lower
