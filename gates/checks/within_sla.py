"""Do too many answers come after the time limit?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gates.checks.check import Check, Limits, Name
from gates.checks.forms import Rate
from gates.checks.question import Constants, Intent
from gates.documents import Share
from gates.verdicts import Kind


class SlaLimits(Limits):
    """At least `share` of the answers arrive within `sla_ms`."""

    sla_ms: Annotated[float, Field(gt=0)]
    share: Share


class WithinSla(Check):
    """Users wait: too many answers come after the SLA."""

    key, kind, limits, place = "within_sla", Kind.GUARD, SlaLimits, 4
    needs, decides, measure = "latency_ms", "latency_ms", "p95_latency_ms"
    unit, name = "share late", Name(label="answers after the SLA", unit="%", scale=100, digits=1)
    fault = {"kind": "slow", "milliseconds": 200}
    broken_words = "too many answers after {sla_ms:.4g} ms"

    def form(self, limits: SlaLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="latency_ms", above=limits.sla_ms, share=1 - limits.share)
