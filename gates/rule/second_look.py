"""Does a decision follow from its cells, and does everybody hear the same one? Asked again, by other means.

gates.rule.decide makes the decision from what pytest reported. Before it is attested the plain conditions are read off
the policy and the cells once more, and when the run ends its exit status and what lies on disk are compared.
"""

from collections.abc import Mapping

from gates.release import Outcome, Release
from gates.verdicts import WARN, Cell, Decision, Kind, Verdict


def contradictions(release: Release) -> list[str]:
    """Why a decision cannot be so, one line each; nothing where all follow."""
    return [f"{outcome.subject.name}: {why}" for outcome in release.outcomes for why in _contradictions(outcome)]


def unheard(release: Release, status: int, attested: Mapping[str, str]) -> list[str]:
    """Where exit status or attestations (hero -> decision on disk) say another thing than was decided."""
    worst = {Decision.PROMOTE: 0, Decision.ROLLBACK: 20, Decision.HOLD: 10}
    decisions = [outcome.decision for outcome in release.outcomes]
    decided = next((d for d in (Decision.ROLLBACK, Decision.HOLD) if d in decisions), Decision.PROMOTE)
    wrong = [
        f"{outcome.subject.name}: decided {outcome.decision}, attested {attested.get(outcome.subject.name, 'nothing')}"
        for outcome in release.outcomes
        if attested.get(outcome.subject.name) != outcome.decision
    ]
    asked = 0 if release.mode == WARN else worst[decided]
    if status in worst.values() and status != asked:
        wrong.append(f"exit status {status}, but {decided} ends with status {asked}")
    return wrong


def _contradictions(outcome: Outcome) -> list[str]:
    policy = outcome.subject.policy
    held_by_policy = bool(outcome.reasons) and all(reason.startswith("policy: ") for reason in outcome.reasons)
    if outcome.decision is not Decision.PROMOTE and not held_by_policy:  # nothing else is about to be released
        return []
    cells = {(cell.step, cell.check): cell for cell in outcome.cells}
    gates = [(step, gate) for step in policy.ladder.steps for gate in policy.asked(Kind.GATE)]
    others = [(0, key) for key in policy.asked(Kind.SANITY, Kind.GUARD, Kind.SLICE, Kind.INSTRUMENT)]
    lacking = [check for step, check in (*gates, *others) if (step, check) not in cells]
    wrong = [f"PROMOTE, but not every planned check has a cell: {', '.join(lacking)}"] if lacking else []
    wrong += [f"PROMOTE, but {cell.check} is {cell.verdict}" for cell in outcome.cells if not _lets_pass(cell)]
    if outcome.decision is Decision.PROMOTE and not policy.promotes:
        wrong.append("PROMOTE, but the policy never promotes")
    return wrong


def _lets_pass(cell: Cell) -> bool:
    """Is it GREEN, or not RED where that is enough, from at least one pair?"""
    enough = cell.verdict is Verdict.GREEN or (cell.required == "not_red" and cell.verdict is Verdict.INCONCLUSIVE)
    return enough and cell.n > 0
