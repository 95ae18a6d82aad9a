"""Is the hero served as often as its step says?"""

from dataclasses import dataclass

import numpy as np

from gates.checks.check import Check, HoldLimits, Kind, Name
from gates.checks.forms import Form
from gates.checks.question import Constants, Head, Intent, Question, detectable_mean
from gates.pairs import Pairs
from gates.statistics import Array, pvalues
from gates.statistics.eprocess import bet


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic(Form):
    """The form of this check alone: who was served, against the step's share, both ways."""

    def ask(self, head: Head) -> Question:
        return Question(
            head=head,
            limit=0.0,
            red=((lambda p: bet(self.more(p)), lambda p: bet(-self.more(p))),),
            measure=lambda p: pvalues.mean_interval(self.more(p)),
            two_sided=True,
            detectable=lambda p, log_needed: detectable_mean(self.more(p), log_needed),
        )

    def more(self, p: Pairs) -> Array:
        """Served beyond the step's share."""
        return np.asarray(p.served - p.share)


class TrafficShare(Check):
    """Heroes are judged on other traffic than their step names."""

    key, kind, place = "traffic_share", Kind.INSTRUMENT, 4
    unit = "share of traffic beyond the step's"
    name = Name(label="traffic beyond the step's", unit="%", scale=100, digits=1, two_sided=True)
    mend = "mend the splitter first: heroes are judged on the traffic that their step names"
    #: What to do where who is served is drawn from the release fingerprint: no splitter is there to be mended.
    replayed = (
        "one order of queries in a hundred is held so by chance, and the same lock draws the same one: "
        "change what it holds (the hero's name, say)"
    )
    must = "not_red"
    broken_words = "the hero was not given its share of traffic"

    def form(self, limits: HoldLimits, constants: Constants, intent: Intent) -> Traffic:
        return Traffic()
