"""Is confidence what it claims to be, at each step?"""

import math
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from gates.checks.against import CalibrationError
from gates.checks.check import AtMost, Check, Constants, Intent, Kind, Limits, Name, Point, Small, Weaker
from gates.pairs import Pairs
from gates.statistics import calibration


class CalibrationErrorLimits(Limits):
    """True calibration error: RED above `red_above`; GREEN when an error of `green_below[step]` is excluded."""

    red_above: Small
    green_below: tuple[AtMost, ...]
    bins: Annotated[int, Field(ge=2, le=50), Weaker.BELOW]


class AeceTau(Check):
    """Clients trust what is wrong, or reject what is right: confidence is not the share of right answers."""

    key, kind, limits, place = "aece_tau", Kind.GATE, CalibrationErrorLimits, 2
    needs, decides, measure = "confidence", "confidence", "ece"
    unit, name = "calibration error", Name(label="calibration error", digits=3)
    letter_name = Name(label="AECE - tau", digits=3)
    fault = {"kind": "overconfident", "stretch": 20.0, "around": 0.69}
    broken_words = "calibration error above {red_above:.4g}"

    def form(self, limits: CalibrationErrorLimits, constants: Constants, intent: Intent) -> CalibrationError:
        return CalibrationError(red_above=limits.red_above, green_below=limits.green_below)

    def limit_words(self, limits: CalibrationErrorLimits) -> str:
        return " ".join(f"{limit:.4g}" for limit in limits.green_below)

    def broken_above(self, limits: CalibrationErrorLimits) -> float:
        return limits.red_above

    def point(self, limits: CalibrationErrorLimits, letter: Any, constants: Constants) -> Point:
        edges = np.array(constants.bin_edges)

        def over_tau(p: Pairs) -> float:
            error = calibration.calibration_error(calibration.fill_bins(p.hero.confidence, p.hero.correct, edges))
            tau: float = max(letter.tau_floor, letter.c_hat * math.sqrt((len(edges) + 1) / len(p)))
            return error - tau

        return Point(
            estimate=over_tau, limit=letter.aece_minus_tau, unit="AECE - tau",
            broken=f"AECE - tau above {letter.aece_minus_tau:.4g}",
        )  # fmt: skip
