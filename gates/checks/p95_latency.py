"""Do more answers come late than before, at a high percentile: the 95th?"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from gates.checks.against import Tail
from gates.checks.check import Check, Constants, Floor, Intent, Kind, Limits, Milliseconds, Name, Weaker


class TailLimits(Limits):
    """The hero exceeds the baseline's quantile and a margin no more often than the baseline its quantile.

    The margin is `margin_share` of the quantile, at least `floor_ms` and at most `margin_ms`.
    """

    margin_ms: Milliseconds
    floor_ms: Floor
    margin_share: Annotated[float, Field(ge=0, le=10), Weaker.ABOVE]
    required: Literal["green", "not_red"] = "green"  # not_red where the baseline's tail shows no equal hero to hold


class LatencyTail(Check):
    """More answers come late than before."""

    kind, limits, needs, decides = Kind.GUARD, TailLimits, "latency_ms", "latency_ms"
    unit, measure = "ms more", "p95_latency_ms"
    quantile: float

    def form(self, limits: TailLimits, constants: Constants, intent: Intent) -> Tail:
        return Tail(
            quantile=self.quantile, margin_ms=limits.margin_ms, floor_ms=limits.floor_ms,
            margin_share=limits.margin_share, before=np.array(constants.baseline_ms), seed=constants.seed,
        )  # fmt: skip

    def broken(self, limits: TailLimits) -> str:
        return f"more answers beyond the baseline's p{self.quantile * 100:.0f} and its margin"


class P95Latency(LatencyTail):
    """Users wait longer: one answer in twenty comes later than the baseline's."""

    key, quantile, place = "p95_latency", 0.95, 2
    name = Name(label="p95 latency added", unit="ms", digits=1)
    fault = {"kind": "slow", "milliseconds": 40}
