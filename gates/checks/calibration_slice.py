"""Is confidence further off than the incumbent's on one kind of query?"""

from gates.checks.against import Calibration
from gates.checks.check import Check, Constants, Intent, Kind, Limits, Name, Small


class CalibrationLimits(Limits):
    """Nowhere off by more than `allowed`, and by more than `allowed` further than the incumbent."""

    allowed: Small


class CalibrationSlice(Check):
    """On one kind of query confidence is further off than the incumbent's: clients trust what is wrong, or reject
    what is right."""

    key, kind, limits, place = "calibration", Kind.SLICE, CalibrationLimits, 3
    needs, decides, measure = "confidence", "confidence", "ece"
    unit, name = "calibration error added", Name(label="calibration lost", digits=3)
    fault = {"kind": "biased", "by": -0.25}
    must = "not_red"
    broken_words = "calibration loss"

    def form(self, limits: CalibrationLimits, constants: Constants, intent: Intent) -> Calibration:
        return Calibration(intent=intent.at, allowed=limits.allowed, edges=constants.slice_edges[intent.at])
