"""What does a policy ask: which questions, with how many processes that can roll back, and which columns they need?"""

from collections.abc import Mapping
from dataclasses import dataclass

from gates.checks.check import Check
from gates.checks.forms import Form
from gates.checks.question import Constants, Head
from gates.policy import Policy
from gates.verdicts import Kind

DECIDE = (Kind.GATE, Kind.GUARD, Kind.SLICE)  # what is asked of the hero's pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedForm:
    """One check as a policy asks it of a canary's pairs."""

    check: Check
    form: Form
    head: Head
    intent: int  # position in the policy's intents, ALL for every one
    place: str  # of its limits in the policy


def asked_checks(policy: Policy, constants: Constants, *kinds: Kind) -> tuple[AskedForm, ...]:
    """What the policy asks of pairs, in the order of reports: of these kinds, or of all that decide about a hero."""
    found = []
    for key in policy.asked(*(kinds or DECIDE)):
        known = policy.check(key)
        form = known.check.form(known.limits, constants, known.intent)
        if form is not None:
            required, unit = known.check.required(known.limits), known.check.unit
            head = Head(check=key, kind=known.check.kind, required=required, unit=unit)
            found.append(AskedForm(check=known.check, form=form, head=head, intent=known.intent.at, place=known.place))
    return tuple(found)


def missing_inputs(policy: Policy, lacks: Mapping[str, str]) -> dict[str, str]:
    """Which asked checks lack a column of evidence: check -> reason. `lacks`: column -> why it is not there."""
    needed = {key: policy.check(key).check.needs for key in policy.asked(Kind.SANITY, *DECIDE)}
    return {c: f"{column} is missing: {lacks[column]}" for c, column in needed.items() if column in lacks}


def red_processes(policy: Policy) -> int:
    """m of the RED threshold: processes that can roll back, over the heroes that the policy declares."""
    able = (key for key in policy.asked(*DECIDE) if policy.on_red(key) == "rollback")
    return len(policy.heroes) * sum(policy.check(key).check.processes for key in able)
