"""Do those who ask one kind of question find the right answer further down, which the gains of others hide?"""

from gates.checks.check import Name
from gates.checks.recall_slice import LossSlice


class NdcgSlice(LossSlice):
    """Those who ask one kind of question find the right answer further down, which the gains of others hide."""

    key, decides, place, unit, measure = "ndcg", "ndcg", 2, "nDCG lost", "ndcg_at_10"
    name = Name(label="nDCG@10 lost", unit="pt", scale=100, digits=1)
    fault = {"kind": "shuffled"}
    broken_words = "nDCG@10 loss"
