"""Which one line says what was shown of a hero, and what does a decision mean in plain words?"""

from __future__ import annotations

import re

from gates.checks.question import NOTHING_FIXED
from gates.policy import Policy
from gates.release import Outcome
from gates.verdicts import Cell, Decision, Kind, Verdict

#: Between a check's outcome and the error that it ended in, as gates.rule.decide words it.
NO_EVIDENCE = ", no evidence: "
ROOM = 64  # of a headline, beside the hero and what serves


def headline_of(outcome: Outcome, focus: Cell | None, reasons: tuple[str, ...]) -> str:
    """What was shown. `focus` is the cell that the decision rests on, `reasons` are told when it says nothing."""
    policy = outcome.subject.policy
    if outcome.decision is Decision.PROMOTE:
        return "every gate within its point threshold" if policy.mode == "letter" else "every gate shown to hold"
    if focus is not None and focus.verdict is Verdict.RED:
        return _broken(focus.check, policy)
    if outcome.decision is Decision.ROLLBACK:
        return outcome.reasons[0] if outcome.reasons else "shown to be broken"
    if not outcome.cells:
        checks, error, said = (reasons or ("",))[0].partition(NO_EVIDENCE)
        cause = re.split("; |, but ", re.sub(r"^/\S*/", "", said))[0]  # what is wrong, in which file
        if len(reasons) == 1 and " " in cause and len(cause) <= ROOM:
            return cause
        return f"{checks}{error}".removesuffix(": ") if error else ": ".join(("no evidence", *reasons[:1]))
    if outcome.missing:
        return f"{len(outcome.missing)} of {len(outcome.planned)} checks gave no result"
    if outcome.climbed.waiting:
        return "traffic is missing, nothing was shown broken"
    if focus is None:
        return outcome.reasons[0] if outcome.reasons else "not enough shown to hold"
    return _open(focus, policy)


def verdict_words(decision: Decision, mode: str) -> str:
    """The decision in plain words."""
    letter = mode == "letter"
    held = "kept its point threshold" if letter else "was shown to hold"
    return {
        Decision.PROMOTE: f"every gate {held}, and nothing was shown broken",
        Decision.HOLD: "not enough was shown to promote",
        Decision.ROLLBACK: "found broken" if letter else "shown to be broken",
    }[decision]


def _broken(check: str, policy: Policy) -> str:
    """What a RED of this check shows."""
    _, asked, limits, intent, _ = policy.check(check)
    if policy.mode == "letter" and asked.kind is Kind.GATE:
        point = asked.point(limits, policy.letter, NOTHING_FIXED)
        if point is not None:
            return f"{point.broken} in {policy.letter.red_windows} windows in a row"
    if asked.kind in (Kind.SANITY, Kind.INSTRUMENT):
        return asked.broken(limits)
    return f"{asked.broken(limits)} shown{f' on intent {intent.name}' if intent.name else ''}"


def _open(cell: Cell, policy: Policy) -> str:
    """What a check that is neither shown broken nor shown to hold means."""
    words = policy.check(cell.check).check.open_words
    if words:
        return words
    if cell.kind is Kind.SANITY:
        return f"the sanity battery is not evidenced: {cell.check}"
    if policy.mode == "letter" and cell.kind is Kind.GATE:
        return f"over a point threshold, but not in {policy.letter.red_windows} windows in a row"
    return "nothing shown broken, not enough shown to hold"
