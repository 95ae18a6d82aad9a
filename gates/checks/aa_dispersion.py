"""Do windows of the baseline against itself differ more than their pairs explain?"""

from dataclasses import dataclass

from gates.checks.check import Check, HoldLimits, Kind, Name
from gates.checks.forms import Form
from gates.checks.question import Constants, DispersionQuestion, Head, Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispersion(Form):
    """The form of this check alone: gates.rule.dispersion follows it."""

    def ask(self, head: Head) -> DispersionQuestion:
        return DispersionQuestion(head=head)


class AaDispersion(Check):
    """Windows share shocks, which the evidence of the gate does not survive."""

    key, kind, place = "aa_dispersion", Kind.INSTRUMENT, 6
    unit = "times the dispersion of chance"
    name = Name(label="A/A dispersion", unit="times chance", digits=1)
    mend = "find what the windows share (other load on this machine?), then run again"
    must = "not_red"
    broken_words = "windows of the baseline differ by more than chance"

    def form(self, limits: HoldLimits, constants: Constants, intent: Intent) -> Dispersion:
        return Dispersion()
