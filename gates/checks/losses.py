"""Is less found, or found further down: over the canary, and on one kind of query?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gates.checks.check import Check, Limits
from gates.checks.forms import Loss
from gates.checks.name import Name
from gates.checks.question import Constants, Intent
from gates.documents import Share
from gates.verdicts import Kind

#: Points lost that are no fault. A stream that reaches down to -1 stays above the -1/.9 that the stakes allow.
Tolerated = Annotated[float, Field(ge=0, le=0.1)]


class RecallLimits(Limits):
    """A loss of `margin` is excluded at each step, of `final_margin` over the canary at the last."""

    sla_ms: Annotated[float, Field(gt=0)]
    margin: Share
    final_margin: Share
    tolerated_loss: Tolerated = 0.0


class NdcgLimits(Limits):
    """A loss of `margin` over the canary is excluded."""

    margin: Share
    tolerated_loss: Tolerated = 0.0


class SliceLimits(Limits):
    """No loss above what is tolerated is shown; on thousands of queries 0 would roll back for .2 points."""

    tolerated_loss: dict[str, Tolerated] = Field(default={})  # by intent; 0 for one that is not named


class SlaRecall(Check):
    """Users do not find what is there, or not in time."""

    key, kind, decides, measure = "sla_recall_at_50_delta", Kind.GATE, "recall", "sla_recall_at_50"
    unit, name = "recall lost", Name(label="SLA-Recall@50 lost", unit="pt", scale=100, digits=1)

    def form(self, limits: RecallLimits, constants: Constants, intent: Intent) -> Loss:
        return Loss(
            column="recall", tolerated=limits.tolerated_loss, margin=limits.margin,
            margin_at_last=limits.final_margin, sla_ms=limits.sla_ms,
        )  # fmt: skip

    def broken(self, limits: RecallLimits) -> str:
        return "SLA-Recall@50 loss"


class Ndcg(Check):
    """Users must look further down for the right answer."""

    key, kind, decides, measure = "ndcg_at_10", Kind.GUARD, "ndcg", "ndcg_at_10"
    unit, name = "nDCG lost", Name(label="nDCG@10 lost", unit="pt", scale=100, digits=1)

    def form(self, limits: NdcgLimits, constants: Constants, intent: Intent) -> Loss:
        return Loss(column="ndcg", tolerated=limits.tolerated_loss, margin=limits.margin)

    def broken(self, limits: NdcgLimits) -> str:
        return "nDCG@10 loss"


class RecallSlice(Check):
    """Those who ask one kind of question find less, which the gains of others hide."""

    key, kind, decides, measure = "recall", Kind.SLICE, "recall", "sla_recall_at_50"
    unit, name = "recall lost", Name(label="recall lost", unit="pt", scale=100, digits=1)

    def form(self, limits: SliceLimits, constants: Constants, intent: Intent) -> Loss:
        return Loss(
            column="recall", tolerated=limits.tolerated_loss.get(intent.name, 0.0), sla_ms=constants.sla_ms,
            intent=intent.at,
        )  # fmt: skip

    def broken(self, limits: SliceLimits) -> str:
        return "recall loss"


class NdcgSlice(Check):
    """Those who ask one kind of question find the right answer further down, which the gains of others hide."""

    key, kind, decides, measure = "ndcg", Kind.SLICE, "ndcg", "ndcg_at_10"
    unit, name = "nDCG lost", Name(label="nDCG@10 lost", unit="pt", scale=100, digits=1)

    def form(self, limits: SliceLimits, constants: Constants, intent: Intent) -> Loss:
        return Loss(column="ndcg", tolerated=limits.tolerated_loss.get(intent.name, 0.0), intent=intent.at)

    def broken(self, limits: SliceLimits) -> str:
        return "nDCG@10 loss"
