"""Do too many answers come after the time limit?"""

from gates.checks.check import AtLeast, Check, Constants, Intent, Kind, Limits, Milliseconds, Name
from gates.checks.forms import Rate


class SlaLimits(Limits):
    """At least `share` of the answers arrive within `sla_ms`."""

    sla_ms: Milliseconds
    share: AtLeast


class WithinSla(Check):
    """Users wait: too many answers come after the SLA."""

    key, kind, limits, place = "within_sla", Kind.GUARD, SlaLimits, 4
    needs, decides, measure = "latency_ms", "latency_ms", "p95_latency_ms"
    unit, name = "share late", Name(label="answers after the SLA", unit="%", scale=100, digits=1)
    fault = {"kind": "slow", "milliseconds": 200}
    broken_words = "too many answers after {sla_ms:.4g} ms"

    def form(self, limits: SlaLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="latency_ms", above=limits.sla_ms, share=1 - limits.share)
