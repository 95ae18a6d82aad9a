"""Does the calibrator hold up answers?"""

import math
from typing import Any

import numpy as np

from gates.checks.check import SELF_REPORTED, AtMost, Check, Constants, Intent, Kind, Limits, Milliseconds, Name, Point
from gates.checks.forms import Rate


class CalibratorLimits(Limits):
    """At most `share` of the calibrator's calls take longer than `limit_ms`."""

    limit_ms: Milliseconds
    share: AtMost


class CalibratorP99(Check):
    """The calibrator holds up answers."""

    key, kind, limits, place = "calibrator_p99", Kind.GATE, CalibratorLimits, 1
    needs, decides, measure = "calibrator_ns", "calibrator_ms", "p95_latency_ms"
    unit, name = "ms", Name(label="calibrator p99", unit="ms", digits=3, source=SELF_REPORTED)
    broken_words = "calibrator slower than {limit_ms:.4g} ms"

    def form(self, limits: CalibratorLimits, constants: Constants, intent: Intent) -> Rate:
        return Rate(column="calibrator_ms", above=limits.limit_ms, share=limits.share, ratios=True, quantile=True)

    def limit_words(self, limits: CalibratorLimits) -> str:
        return f"< {limits.limit_ms:.4g}"

    def point(self, limits: CalibratorLimits, letter: Any, constants: Constants) -> Point:
        return Point(
            estimate=lambda p: float(np.quantile(p.hero.calibrator_ms - p.hero.wait_ms, 1 - limits.share)),
            limit=math.nextafter(limits.limit_ms, 0),  # p99 < limit, says the contract
            unit=self.unit, broken=f"calibrator p99 not below {limits.limit_ms:.4g} ms",
        )  # fmt: skip
