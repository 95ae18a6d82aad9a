"""Do too many answers come after the time limit?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gates.checks.check import Check, Limits, plain
from gates.checks.forms import Rate
from gates.checks.name import Name
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

    def form(self, limits: SlaLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="latency_ms", above=limits.sla_ms, share=1 - limits.share)

    def broken(self, limits: SlaLimits) -> str:
        return f"too many answers after {plain(limits.sla_ms)} ms"
