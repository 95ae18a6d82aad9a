"""Does confidence still mean what it meant?"""

from typing import Any

import numpy as np

from gates.checks.against import Shift
from gates.checks.check import AtMost, Check, Constants, Intent, Kind, Limits, Name, Point


class ShiftLimits(Limits):
    """The median confidence stays within `limit` of the baseline's, both ways."""

    limit: AtMost


class ConfidenceShift(Check):
    """Thresholds on confidence that clients have set no longer cut where they did."""

    key, kind, limits, place = "confidence_shift", Kind.GATE, ShiftLimits, 3
    needs, decides, measure = "confidence", "confidence", "ece"
    unit, name = "confidence", Name(label="confidence shift", digits=3, two_sided=True)
    fault = {"kind": "biased", "by": -0.6}
    broken_words = "confidence shift beyond {limit:.4g}"

    def form(self, limits: ShiftLimits, constants: Constants, intent: Intent) -> Shift:
        return Shift(median=constants.median_confidence, limit=limits.limit, seed=constants.seed)

    def limit_words(self, limits: ShiftLimits) -> str:
        return f"{limits.limit:.4g}"

    def point(self, limits: ShiftLimits, letter: Any, constants: Constants) -> Point:
        return Point(
            estimate=lambda p: abs(float(np.median(p.hero.confidence)) - float(np.median(p.baseline.confidence))),
            limit=limits.limit, unit=self.unit, broken=self.broken(limits),
        )  # fmt: skip
