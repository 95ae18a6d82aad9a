"""Is less found in time, at each step?"""

from typing import Any

from gates.checks.check import AtMost, Check, Constants, Intent, Kind, Limits, Milliseconds, Name, Point, Tolerated
from gates.checks.forms import Loss


class RecallLimits(Limits):
    """A loss of `margin` is excluded at each step, of `final_margin` over the canary at the last."""

    sla_ms: Milliseconds
    margin: AtMost
    final_margin: AtMost
    tolerated_loss: Tolerated = 0.0


class SlaRecall(Check):
    """Users do not find what is there, or not in time."""

    key, kind, limits, place = "sla_recall_at_50_delta", Kind.GATE, RecallLimits, 4
    decides, unit = "recall", "recall lost"
    name = Name(label="SLA-Recall@50 lost", unit="pt", scale=100, digits=1)
    letter_name = Name(label="SLA-Recall@50 lost", unit="pt", scale=100, digits=2)  # its limit is 0
    fault = {"kind": "empty", "share": 0.1}
    broken_words = "SLA-Recall@50 loss"

    def form(self, limits: RecallLimits, constants: Constants, intent: Intent) -> Loss:
        return Loss(
            column="recall", tolerated=limits.tolerated_loss, margin=limits.margin,
            margin_at_last=limits.final_margin, sla_ms=limits.sla_ms,
        )  # fmt: skip

    def limit_words(self, limits: RecallLimits) -> str:
        return f"{limits.margin * self.name.scale:.4g}; {limits.final_margin * self.name.scale:.4g} in all"

    def point(self, limits: RecallLimits, letter: Any, constants: Constants) -> Point:
        lost = Loss(column="recall", sla_ms=limits.sla_ms)
        return Point(
            estimate=lambda p: float(lost.red(p).mean()), limit=letter.recall_lost,
            unit=self.unit, broken=self.broken(limits),
        )  # fmt: skip
