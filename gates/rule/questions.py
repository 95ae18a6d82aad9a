"""What does a policy ask: which questions, with how many processes that can roll back, and which columns they need?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gates.checks.check import Check
from gates.checks.forms import Form, Head
from gates.checks.question import Constants, Moving, Question
from gates.checks.registry import BY_INTENT, BY_KEY
from gates.policy import Policy
from gates.verdicts import Kind

#: Check -> the column of evidence without which it cannot be asked, where it is no object of gates.checks.
_INPUTS = {
    "index_integrity": "index",
    "oracle_queries": "oracles",
    "file_only": "line_start",
    "aece_tau": "confidence",
    "ece": "confidence",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One check of gates.checks as a policy asks it of a canary."""

    check: Check
    form: Form
    head: Head
    intent: int  # position in the policy's intents, ALL for every one


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationQuestion:
    """Is the true calibration error over the canary above a limit? Asked by the sign witness."""

    check: str
    kind: Kind
    required: str  # "green" for the gate, which also looks for GREEN by null simulation; else "not_red"
    limit: float  # RED above
    unit: str = "calibration error"


def asked_checks(policy: Policy, constants: Constants) -> tuple[Asked, ...]:
    """What the policy asks of gates.checks, in the order of reports."""
    found = []
    for key in (*policy.asked_gates, *policy.asked_guards, *policy.asked_slices):
        known = policy.check(key)
        if known is not None:
            check, limits, intent = known
            head = Head(check=key, kind=check.kind, required=check.required(limits), unit=check.unit)
            form = check.form(limits, constants, intent)
            found.append(Asked(check=check, form=form, head=head, intent=intent.at))
    return tuple(found)


def ask(policy: Policy, constants: Constants) -> dict[str, Question | Moving]:
    """Their questions, by check."""
    return {asked.head.check: asked.form.ask(asked.head) for asked in asked_checks(policy, constants)}


def ask_calibration(policy: Policy) -> tuple[CalibrationQuestion, ...]:
    """The asked questions about the calibration error over the canary: the gate and the guard."""
    gate, guard = policy.gates.aece_tau, policy.guards.ece
    questions = (
        CalibrationQuestion(check="aece_tau", kind=Kind.GATE, required="green", limit=gate.red_above),
        CalibrationQuestion(check="ece", kind=Kind.GUARD, required="not_red", limit=guard.limit),
    )
    return tuple(q for q in questions if q.check in (*policy.asked_gates, *policy.asked_guards))


def input_of(key: str) -> str:
    """The column of evidence without which a check cannot be asked; "" where any system gives it."""
    check = BY_KEY.get(key) or BY_INTENT.get(key.partition("_")[0])
    return check.needs if check else _INPUTS.get(key, "")


def missing_inputs(policy: Policy, lacks: Mapping[str, str]) -> dict[str, str]:
    """Which asked checks lack a column of evidence: check -> reason. `lacks`: column -> why it is not there."""
    asked = (*policy.asked_sanity, *policy.asked_gates, *policy.asked_guards, *policy.asked_slices)
    needed = {check: input_of(check) for check in asked}
    return {c: f"{column} is missing: {lacks[column]}" for c, column in needed.items() if column in lacks}


def red_processes(policy: Policy) -> int:
    """m of the RED threshold: processes that can roll back, over the heroes that the policy declares."""
    asked = (*policy.asked_gates, *policy.asked_guards, *policy.asked_slices)
    known = {key: policy.check(key) for key in asked if policy.on_red(key) == "rollback"}
    return len(policy.heroes) * sum(found[0].processes if found else 1 for found in known.values())
