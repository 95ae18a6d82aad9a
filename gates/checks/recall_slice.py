"""Do those who ask one kind of question find less, which the gains of others hide?"""

import math

from pydantic import Field

from gates.checks.check import Check, Constants, Intent, Kind, Limits, Name, Tolerated
from gates.checks.forms import Loss


class SliceLimits(Limits):
    """No loss above what is tolerated is shown; on thousands of queries 0 would roll back for .2 points."""

    tolerated_loss: dict[str, Tolerated] = Field(default={})  # by intent; 0 for one that is not named


class LossSlice(Check):
    """One kind of query loses what the gains of others hide."""

    kind, limits, must = Kind.SLICE, SliceLimits, "not_red"

    def form(self, limits: SliceLimits, constants: Constants, intent: Intent) -> Loss:
        return Loss(
            column=self.decides, tolerated=limits.tolerated_loss.get(intent.name, 0.0), intent=intent.at,
            sla_ms=constants.sla_ms if self.decides == "recall" else math.inf,
        )  # fmt: skip


class RecallSlice(LossSlice):
    """Those who ask one kind of question find less, which the gains of others hide."""

    key, decides, place, unit = "recall", "recall", 1, "recall lost"
    name = Name(label="recall lost", unit="pt", scale=100, digits=1)
    fault = {"kind": "empty", "share": 0.5}
    broken_words = "recall loss"
