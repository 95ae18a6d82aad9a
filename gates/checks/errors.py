"""Does the hero fail where the baseline answers?"""

from __future__ import annotations

from gates.checks.check import Check, Limits, Name
from gates.checks.forms import Count
from gates.checks.question import Constants, Intent
from gates.documents import Share
from gates.verdicts import Kind


class ErrorsLimits(Limits):
    """A rate of `rate` hero-only errors is excluded; one hero-only error already blocks promotion."""

    rate: Share


class Errors(Check):
    """Users get an error where they got an answer."""

    key, kind, limits, place, decides = "errors", Kind.GUARD, ErrorsLimits, 5, "error"
    unit, name = "share of hero-only errors", Name(label="hero-only errors", unit="%", scale=100, digits=2)
    fault = {"kind": "failing", "share": 0.05}
    broken_words = "errors that only the hero has"

    def form(self, limits: ErrorsLimits, constants: Constants, intent: Intent) -> Count:
        return Count(column="error", rate=limits.rate, words="hero-only errors")
