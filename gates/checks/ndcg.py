"""Is the right answer found further down?"""

from gates.checks.check import AtMost, Check, Constants, Intent, Kind, Limits, Name, Tolerated
from gates.checks.forms import Loss


class NdcgLimits(Limits):
    """A loss of `margin` over the canary is excluded."""

    margin: AtMost
    tolerated_loss: Tolerated = 0.0


class Ndcg(Check):
    """Users must look further down for the right answer."""

    key, kind, limits, place = "ndcg_at_10", Kind.GUARD, NdcgLimits, 1
    decides, measure, unit = "ndcg", "ndcg_at_10", "nDCG lost"
    name = Name(label="nDCG@10 lost", unit="pt", scale=100, digits=1)
    fault = {"kind": "shuffled"}
    broken_words = "nDCG@10 loss"

    def form(self, limits: NdcgLimits, constants: Constants, intent: Intent) -> Loss:
        return Loss(column="ndcg", tolerated=limits.tolerated_loss, margin=limits.margin)
