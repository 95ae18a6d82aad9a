"""Is too much credit earned by lines that only overlap the judged ones?"""

from dataclasses import dataclass

import numpy as np

from gates.checks.check import AtMost, Check, Kind, Limits, Name, Small
from gates.checks.forms import Alone, Form
from gates.checks.measures import DEPTH
from gates.checks.question import Constants, Head, Intent, Question, detectable_mean
from gates.pairs import Arm, Pairs
from gates.statistics import Array, pvalues
from gates.statistics.eprocess import bet


class FileCreditLimits(Limits):
    """Credits earned by overlapping lines only: at most `limit` of all, and at most the baseline's share + `margin`."""

    limit: AtMost
    margin: Small


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCreditShare(Form):
    """The form of this check alone: an absolute share of credits, and the share beside the baseline's."""

    limit: float
    margin: float

    def ask(self, head: Head) -> Question:
        return Question(
            head=head, limit=self.limit,
            red=((lambda p: bet(self.excess(p.hero)),), (lambda p: bet(self._more(p)),)),
            measure=lambda p: pvalues.ratio_interval(p.hero.file_credits, p.hero.credits),
            detectable=self._detectable,
        )  # fmt: skip

    def excess(self, arm: Arm) -> Array:
        """File credits beyond the limit of all credits, scaled so that an answer full of credits loses 1 at most."""
        return (arm.file_credits - self.limit * arm.credits) / (DEPTH * self.limit)

    def spoil(self, arm: Arm) -> Arm:
        return arm.put(file_credits=arm.credits)

    def alone(self, arm: Arm, constants: Constants) -> Alone:
        told = pvalues.ratio_interval(arm.file_credits, arm.credits)
        return Alone(broken=bet(self.excess(arm)), shown=None, told=told, limit=self.limit, unit="share of credits")

    def _more(self, p: Pairs) -> Array:
        hero = p.hero.file_credits / np.maximum(p.hero.credits, 1)
        return np.asarray(hero - p.baseline.file_credits / np.maximum(p.baseline.credits, 1) - self.margin)

    def _detectable(self, p: Pairs, log_needed: float) -> float:
        size = detectable_mean(self.excess(p.hero), log_needed) * DEPTH / max(float(p.hero.credits.mean()), 1e-9)
        return self.limit * (1 + size)


class FileCredit(Check):
    """What counts as found are other lines of the right file."""

    key, kind, limits, place = "file_credit", Kind.GUARD, FileCreditLimits, 7
    needs, decides = "line_start", "file_credits"
    processes, measure = 2, "file_credit"  # the absolute limit, and the comparison with the baseline
    unit, name = "share of credits", Name(label="file credit", unit="%", scale=100, digits=1)
    fault = {"kind": "stale", "lines": 3, "share": 0.5}
    must = "not_red"

    def form(self, limits: FileCreditLimits, constants: Constants, intent: Intent) -> FileCreditShare:
        return FileCreditShare(limit=limits.limit, margin=limits.margin)

    def broken(self, limits: FileCreditLimits) -> str:
        return f"file credit above {limits.limit * 100:.4g} %"
