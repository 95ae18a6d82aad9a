"""Does the hero fail where the baseline answers?"""

from gates.checks.check import Check, Constants, Intent, Kind, Limits, Name, Small
from gates.checks.forms import Count


class ErrorsLimits(Limits):
    """A rate of `rate` hero-only errors is excluded; one hero-only error already blocks promotion."""

    rate: Small


class Errors(Check):
    """Users get an error where they got an answer."""

    key, kind, limits, place, decides = "errors", Kind.GUARD, ErrorsLimits, 5, "error"
    unit, name = "share of hero-only errors", Name(label="hero-only errors", unit="%", scale=100, digits=2)
    fault = {"kind": "failing", "share": 0.05}
    broken_words = "errors that only the hero has"

    def form(self, limits: ErrorsLimits, constants: Constants, intent: Intent) -> Count:
        return Count(column="error", rate=limits.rate, words="hero-only errors")
