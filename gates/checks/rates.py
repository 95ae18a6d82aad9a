"""Are too many of the hero's answers beyond an absolute limit: the SLA, the spend cap, the calibrator's millisecond?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gates.checks.check import Check, Limits
from gates.checks.forms import Rate
from gates.checks.name import SELF_REPORTED, Name
from gates.checks.question import Constants, Intent
from gates.documents import Share, Small
from gates.verdicts import Kind


class CalibratorLimits(Limits):
    """At most `share` of the calibrator's calls take longer than `limit_ms`."""

    limit_ms: Annotated[float, Field(gt=0)]
    share: Share


class SlaLimits(Limits):
    """At least `share` of the answers arrive within `sla_ms`."""

    sla_ms: Annotated[float, Field(gt=0)]
    share: Share


class SpendLimits(Limits):
    """At most `share` of the answers spend more than `cap_ms` + `slack_ms` on the dense side."""

    cap_ms: Annotated[float, Field(gt=0)]
    slack_ms: Annotated[float, Field(ge=0)]
    share: Small


class CalibratorP99(Check):
    """The calibrator holds up answers."""

    key, kind, needs, decides, measure = "calibrator_p99", Kind.GATE, "calibrator_ns", "calibrator_ms", "p95_latency_ms"
    unit, name = "ms", Name(label="calibrator p99", unit="ms", digits=3, source=SELF_REPORTED)

    def form(self, limits: CalibratorLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="calibrator_ms", above=limits.limit_ms, share=limits.share, ratios=True, quantile=True)

    def broken(self, limits: CalibratorLimits) -> str:
        return f"calibrator slower than {limits.limit_ms:.4g} ms"


class WithinSla(Check):
    """Users wait: too many answers come after the SLA."""

    key, kind, needs, decides, measure = "within_sla", Kind.GUARD, "latency_ms", "latency_ms", "p95_latency_ms"
    unit, name = "share late", Name(label="answers after the SLA", unit="%", scale=100, digits=1)

    def form(self, limits: SlaLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="latency_ms", above=limits.sla_ms, share=1 - limits.share)

    def broken(self, limits: SlaLimits) -> str:
        return f"too many answers after {limits.sla_ms:.4g} ms"


class Spend(Check):
    """A router's dense side costs more than was agreed."""

    key, kind, needs, decides, measure = "spend", Kind.GUARD, "spend_ms", "spend_ms", "p95_latency_ms"
    unit, name = "share over cap", Name(label="spend over the cap", unit="%", scale=100, digits=1, source=SELF_REPORTED)

    def required(self, limits: SpendLimits) -> str:
        return "not_red"

    def form(self, limits: SpendLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="spend_ms", above=limits.cap_ms + limits.slack_ms, share=limits.share, shown=False)

    def broken(self, limits: SpendLimits) -> str:
        return "answers over the spend cap"
