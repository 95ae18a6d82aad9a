"""Which one line says what was shown of a hero, and what does a decision mean in plain words?"""

from __future__ import annotations

import re

from gates.policy import Policy
from gates.release import Outcome
from gates.verdicts import Cell, Decision, Kind, Verdict
from reports.model.labels import plain

#: Between a check's outcome and the error that it ended in, as gates.rule.decide words it.
NO_EVIDENCE = ", no evidence: "
ROOM = 64  # of a headline, beside the hero and what serves

_BROKEN = {
    "index_integrity": "the index is not the one that was built for this code",
    "oracle_queries": "known questions do not find their known answers",
    "file_only": "lines are not those of the code: credits are for the file alone",
    "sla_off": "late answers are masked wrongly: the measuring cannot be trusted",
    "pool": "one arm hardly takes part in the pool of answers",
    "core_search": "too many answers are a fallback's",
    "stop_rule": "stopped: no search gives such numbers",
    "lock": "what runs is not what was locked",
    "known_answers": "the judge itself answers wrongly: no hero can be judged by it",
    "preflight": "the incumbent is out of limits",
    "traffic_share": "the hero was not given its share of traffic",
    "aa_shadow": "the baseline differs from itself",
    "aa_dispersion": "windows of the baseline differ by more than chance",
    "machine": "the baseline is slower than alone: what is as slow looks equal",
}
_OPEN = {
    "index_integrity": "the state of the index is not evidenced",
    "oracle_queries": "no known question was asked",
    "preflight": "the incumbent is not shown within its limits",
    "aa_shadow": "the baseline is not shown to equal itself",
    "known_answers": "the baseline finds too little to be compared with",
}


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
    if check in _BROKEN:
        return _BROKEN[check]
    if policy.mode == "letter" and check in policy.asked_gates:
        return f"{_broken_letter(policy)[check]} in {policy.letter.red_windows} windows in a row"
    known = policy.check(check)
    if known is not None:
        asked, limits, intent = known
        return f"{asked.broken(limits)} shown{f' on intent {intent.name}' if intent.name else ''}"
    words = {
        "aece_tau": f"calibration error above {plain(policy.gates.aece_tau.red_above)}",
        "ece": f"calibration error above {plain(policy.guards.ece.limit)} over the release",
    }
    return f"{words[check]} shown" if check in words else f"{check} shown broken"


def _broken_letter(policy: Policy) -> dict[str, str]:
    return {
        "calibrator_p99": f"calibrator p99 not below {plain(policy.gates.calibrator_p99.limit_ms)} ms",
        "aece_tau": f"AECE - tau above {plain(policy.letter.aece_minus_tau)}",
        "confidence_shift": f"confidence shift beyond {plain(policy.gates.confidence_shift.limit)}",
        "sla_recall_at_50_delta": "SLA-Recall@50 loss",
    }


def _open(cell: Cell, policy: Policy) -> str:
    """What a check that is neither shown broken nor shown to hold means."""
    if cell.check in _OPEN:
        return _OPEN[cell.check]
    if cell.kind is Kind.SANITY:
        return f"the sanity battery is not evidenced: {cell.check}"
    if policy.mode == "letter" and cell.kind is Kind.GATE:
        return f"over a point threshold, but not in {policy.letter.red_windows} windows in a row"
    return "nothing shown broken, not enough shown to hold"
