"""Is the calibration error of the whole canary above what the contract allows?"""

from gates.checks.against import CalibrationError
from gates.checks.check import Check, Constants, HoldLimits, Intent, Kind, Name, Small


class EceLimits(HoldLimits):
    """A true calibration error above `limit` over the canary holds: the gate's own limit is the one that rolls back."""

    limit: Small


class Ece(Check):
    """Confidence is further from the share of right answers than the contract allows."""

    key, kind, limits, place = "ece", Kind.GUARD, EceLimits, 6
    needs, decides, measure = "confidence", "confidence", "ece"
    unit, name = "calibration error", Name(label="ECE in all", digits=3)
    must = "not_red"
    broken_words = "calibration error above {limit:.4g} over the release"

    def form(self, limits: EceLimits, constants: Constants, intent: Intent) -> CalibrationError:
        return CalibrationError(red_above=limits.limit)
