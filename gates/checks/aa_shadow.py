"""Does the baseline equal itself, whichever answer comes first?"""

from dataclasses import dataclass

from gates.checks.check import AtMost, Check, HoldLimits, Kind, Name
from gates.checks.forms import Form, net_ms
from gates.checks.question import BrokenBy, Constants, Head, Intent, Question, bet_against_loss, flag
from gates.pairs import Pairs
from gates.statistics import Array, pvalues
from gates.statistics.eprocess import bet

LATE = "answers later than its own"  # the unit of a cell that time shows broken


class AaShadowLimits(HoldLimits):
    """The baseline differs from itself by less than `margin` recall, whichever answer comes first."""

    margin: AtMost


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Form):
    """The form of this check alone: the baseline's second answer against its first, both ways."""

    margin: float
    q95_ms: float

    def ask(self, head: Head) -> Question:
        return Question(
            head=head,
            limit=self.margin,
            red=(
                (lambda p: bet(self._lost(p)), lambda p: bet(-self._lost(p))),
                (lambda p: bet(self._slower(p)), lambda p: bet(-self._slower(p))),
            ),
            green=(
                lambda p: bet_against_loss(self._lost(p), self.margin),
                lambda p: bet_against_loss(-self._lost(p), self.margin),
            ),
            measure=lambda p: pvalues.mean_interval(self._lost(p)),
            broken_by={1: BrokenBy(LATE, 0.0, lambda p: pvalues.mean_interval(self._slower(p)))},
            two_sided=True,
            count=lambda p: len(p.repeated),
        )

    def _lost(self, p: Pairs) -> Array:
        return p.baseline.recall[p.repeated] - p.repeat.recall

    def _slower(self, p: Pairs) -> Array:
        return flag(net_ms(p.repeat) > self.q95_ms) - flag(net_ms(p.baseline)[p.repeated] > self.q95_ms)


class AaShadow(Check):
    """Which answer comes first decides, or the baseline answers at random: no difference between arms means a thing."""

    key, kind, limits, place = "aa_shadow", Kind.INSTRUMENT, AaShadowLimits, 5
    unit = "recall lost to itself"
    name = Name(label="A/A recall lost", unit="pt", scale=100, digits=1, two_sided=True)
    names = {LATE: Name(label="A/A answers beyond p95 added", unit="pt", scale=100, digits=1, two_sided=True)}
    open_words = "the baseline is not shown to equal itself"
    mend = "the baseline must equal itself first: no hero can be judged against it"
    broken_words = "the baseline differs from itself"

    def form(self, limits: AaShadowLimits, constants: Constants, intent: Intent) -> Repeat:
        return Repeat(margin=limits.margin, q95_ms=constants.q95_ms)
