"""Does a router spend more on its dense side than was agreed?"""

from gates.checks.check import SELF_REPORTED, Check, Constants, Floor, Intent, Kind, Limits, Milliseconds, Name, Small
from gates.checks.forms import Rate


class SpendLimits(Limits):
    """At most `share` of the answers spend more than `cap_ms` + `slack_ms` on the dense side."""

    cap_ms: Milliseconds
    slack_ms: Floor
    share: Small


class Spend(Check):
    """A router's dense side costs more than was agreed."""

    key, kind, limits, place = "spend", Kind.GUARD, SpendLimits, 8
    needs, decides, measure, unit = "spend_ms", "spend_ms", "p95_latency_ms", "share over cap"
    name = Name(label="spend over the cap", unit="%", scale=100, digits=1, source=SELF_REPORTED)
    fault = {"kind": "spending", "milliseconds": 50, "share": 0.25}
    must = "not_red"
    broken_words = "answers over the spend cap"

    def form(self, limits: SpendLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="spend_ms", above=limits.cap_ms + limits.slack_ms, share=limits.share, shown=False)
