"""Does each arm contribute to the pool of answers, from places where documents are?"""

from typing import Annotated

from pydantic import Field

from gates.checks.battery import Finding, SanityCheck, SanityFacts, Snapshot, not_evidenced
from gates.checks.check import AtMost, HoldLimits, Name, Weaker


class PoolLimits(HoldLimits):
    """Each arm contributes at least `share` of the pool; at most `unknown` of its hits lie where no document is."""

    share: Annotated[float, Field(ge=0.05, lt=1), Weaker.BELOW]
    unknown: AtMost


class PoolComposition(SanityCheck):
    """One arm hardly takes part: its index is empty, or of another code."""

    key, limits, place, unit = "pool", PoolLimits, 5, "share of the pool that one arm lacks"
    name = Name(label="pool that one arm lacks", unit="%", scale=100, digits=0, brief="pool")
    mend = "see that both systems search the same corpus, and answer in time"
    fault = {"kind": "empty"}
    broken_words = "one arm hardly takes part in the pool of answers"

    def find(self, limits: PoolLimits, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        pool = snapshot.pool
        if not pool:
            return not_evidenced("no answer came in time, so there is no pool")
        least = min(snapshot.sides, key=lambda side: side.pooled)
        gives = least.pooled / pool
        told = []
        if gives < limits.share:
            late = int((~least.within_sla).sum())
            told.append(
                f"{least.name} gives {gives:.1%} of {pool:,} pooled hits, but {limits.share:.0%} is the least "
                f"({late} of its {len(snapshot)} answers came late)"
            )
        for side in snapshot.sides if facts.places == "all" else ():
            unknown = 1 - side.known.sum() / max(int(side.hits.sum()), 1)
            if side.hits.sum() and unknown > limits.unknown:
                told.append(
                    f"{unknown:.1%} of the hits of {side.name} lie where no document is, {limits.unknown:.0%} may"
                )
        wrong = f"{'; '.join(told)}; is its index empty, or of other code?" if told else ""
        return Finding(1 - gives, 1 - limits.share, len(snapshot), wrong)
