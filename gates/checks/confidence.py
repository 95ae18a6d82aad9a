"""Does confidence still mean what it meant: its median, and how far it is off on one kind of query?"""

from __future__ import annotations

from gates.checks.check import Check, Limits
from gates.checks.forms import Calibration, Shift
from gates.checks.name import Name
from gates.checks.question import Constants, Intent
from gates.documents import Share, Small
from gates.verdicts import Kind


class ShiftLimits(Limits):
    """The median confidence stays within `limit` of the baseline's, both ways."""

    limit: Share


class CalibrationLimits(Limits):
    """Nowhere off by more than `allowed`, and by more than `allowed` further than the incumbent."""

    allowed: Small


class ConfidenceShift(Check):
    """Thresholds on confidence that clients have set no longer cut where they did."""

    key, kind, needs, decides, measure = "confidence_shift", Kind.GATE, "confidence", "confidence", "ece"
    unit, name = "confidence", Name(label="confidence shift", digits=3, two_sided=True)

    def form(self, limits: ShiftLimits, constants: Constants, intent: Intent) -> Shift:
        return Shift(column="confidence", median=constants.median_confidence, limit=limits.limit, seed=constants.seed)

    def broken(self, limits: ShiftLimits) -> str:
        return f"confidence shift beyond {limits.limit:.4g}"


class CalibrationSlice(Check):
    """On one kind of query confidence is further off than the incumbent's: clients trust what is wrong, or reject
    what is right."""

    key, kind, needs, decides, measure = "calibration", Kind.SLICE, "confidence", "confidence", "ece"
    unit, name = "calibration error added", Name(label="calibration lost", digits=3)

    def form(self, limits: CalibrationLimits, constants: Constants, intent: Intent) -> Calibration:
        return Calibration(intent=intent.at, allowed=limits.allowed, edges=constants.slice_edges[intent.at])

    def broken(self, limits: CalibrationLimits) -> str:
        return "calibration loss"
