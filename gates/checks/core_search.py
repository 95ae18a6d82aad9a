"""Does the core answer, rather than its fallback?"""

import numpy as np

from gates.checks.battery import Finding, SanityCheck, SanityFacts, Snapshot
from gates.checks.check import AtMost, HoldLimits, Name


class CoreSearchLimits(HoldLimits):
    """At most `share` of the answers are those of a fallback."""

    share: AtMost


class CoreSearch(SanityCheck):
    """A fallback answers instead of the core: another system is judged than is served."""

    key, limits, place, unit = "core_search", CoreSearchLimits, 6, "share of fallbacks"
    name = Name(label="answers by a fallback", unit="%", scale=100, digits=1, brief="core search")
    mend = "free this machine of other load and run again, or raise the router's cap"
    broken_words = "too many answers are a fallback's"

    def find(self, limits: CoreSearchLimits, snapshot: Snapshot, facts: SanityFacts, sla_ms: float) -> Finding:
        fallbacks = list(facts.fallbacks)
        share, side = max(
            ((float(np.isin(side.decision, fallbacks).mean()), side) for side in snapshot.sides),
            key=lambda pair: pair[0],
        )
        wrong = (
            f"{share:.1%} of the answers of {side.name} are its fallback's, at most {limits.share:.0%} may: "
            "its core is too slow for its cap here; free this machine, or raise the cap"
        )
        return Finding(share, limits.share, len(snapshot), wrong if share > limits.share else "")
