"""Does the incumbent itself keep the absolute limits? gates.rule.preflight asks it."""

from gates.checks.check import Check, Kind, Name


class PreflightCheck(Check):
    """The incumbent is itself too slow, wrong or broken: an equal hero would be as bad."""

    key, kind, place, ends = "preflight", Kind.INSTRUMENT, 3, True
    stays = True
    unit = "share of the baseline's answers"  # of what is late, or fails: its cell says which
    name = Name(label="baseline preflight", unit="%", scale=100, digits=1)
    open_words = "the incumbent is not shown within its limits"
    mend = "the baseline must be shown within its limits first: no hero can be judged against it"
    broken_words = "the incumbent is out of limits"
