"""From the recorded cells and what pytest says of their items to one decision about a hero.

Rules (each is a test in tests/gates/test_decide.py and, through pytest itself, in tests/gates/test_truth_table.py):
- What was planned comes from the policy, never from collection. Planned but not seen: HOLD.
- pytest's outcome must agree with the verdict: GREEN passed, RED failed, INCONCLUSIVE and NOT_REACHED skipped.
- A RED rolls back or holds as the policy says. A required GREEN that is INCONCLUSIVE or NOT_REACHED holds.
- A verdict of GREEN or RED from nothing (n = 0) or from what is not a number: HOLD.
- A ladder that ended with a rollback is one, whether or not the item that saw it was selected. A ladder that was held
  is a HOLD, even where all its cells are GREEN.
- What fails in this run without being planned (a module that cannot be collected, a stray test): HOLD.
- ROLLBACK beats HOLD beats PROMOTE.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gates.names import sentence
from gates.policy import Policy
from gates.verdicts import OUTCOME, Cell, Decision, Kind, Verdict, place_of

Key = tuple[str, int, str]


class Seen(NamedTuple):
    """What came back of one planned item: its cell (None without evidence) and pytest's outcome."""

    cell: Cell | None
    outcome: str  # passed, failed, skipped, error, xfailed, xpassed, "reported twice", missing
    error: str = ""  # what went wrong, where it did


def agrees(seen: Seen) -> bool:
    """Does pytest say what the evidence says?"""
    return seen.cell is not None and seen.outcome == OUTCOME[seen.cell.verdict]


def plan(hero: str, policy: Policy) -> tuple[Key, ...]:
    """Every (hero, step, check) that the policy asks about a hero; step is 0 for what is asked over the canary."""
    battery = [(hero, 0, check) for check in policy.asked(Kind.SANITY)]
    gates = [(hero, step, gate) for step in policy.ladder.steps for gate in policy.asked(Kind.GATE)]
    whole = [(hero, 0, check) for check in policy.asked(Kind.GUARD, Kind.SLICE, Kind.INSTRUMENT)]
    return (*battery, *gates, *whole)


def item_id(key: Key) -> str:
    """The parametrization id of a planned item: hero-step-gate or hero-guard."""
    hero, step, check = key
    return f"{hero}-{step}-{check}" if step else f"{hero}-{check}"


def decide(
    planned: Sequence[Key], seen: Mapping[Key, Seen], *, promotes: bool = True, strays: Sequence[str] = ()
) -> tuple[Decision, list[str]]:
    """The decision about one hero and its reasons, the ones that decide first.

    `promotes` is the policy's; `strays` are the node ids of what failed without being planned.
    """
    rollback: list[str] = []
    hold: list[str] = []
    ends: dict[str, None] = {}
    for key in planned:
        cell, outcome, error = seen.get(key, Seen(None, "missing"))
        where = place_of(key[2], key[1])
        if cell is None:
            hold.append(f"{where}: {outcome}, no evidence{': ' if error else ''}{error}")
            continue
        if cell.ended:
            ends[cell.ended] = None
        if cell.key != key:
            hold.append(f"{where}: evidence is of {cell.check} at {cell.step} % of {cell.hero}")
        elif cell.verdict is Verdict.RED and _measured(cell):
            (rollback if cell.on_red == "rollback" else hold).append(f"{where}: {sentence(cell)}")
            if outcome != OUTCOME[cell.verdict]:
                hold.append(f"{where}: evidence says {cell.verdict}, pytest says {outcome}")
        elif outcome != OUTCOME[cell.verdict]:
            hold.append(f"{where}: evidence says {cell.verdict}, pytest says {outcome}")
        elif cell.verdict is Verdict.GREEN:
            if not _measured(cell):
                hold.append(f"{where}: GREEN from {cell.n} pairs, observed {cell.observed or 'nothing'}")
        elif cell.verdict is Verdict.RED:
            hold.append(f"{where}: RED from {cell.n} pairs, observed {cell.observed or 'nothing'}")
        elif cell.verdict is Verdict.NOT_REACHED or cell.required == "green" or not cell.n:
            hold.append(f"{where}: {sentence(cell)}")
    _end(ends, rollback, hold)
    hold += [f"plan: {stray} failed, but was not planned" for stray in strays]
    if not planned:
        hold.append("plan: nothing was planned")
    if rollback:
        return Decision.ROLLBACK, rollback + hold
    if not hold and not promotes:
        hold.append("policy: promotes is false, so the best decision is HOLD")
    return (Decision.HOLD, hold) if hold else (Decision.PROMOTE, [])


def _end(ends: Iterable[str], rollback: list[str], hold: list[str]) -> None:
    """Add how the ladder ended, where no cell says so already."""
    for end in ends:
        if not end.startswith("rolled back"):
            hold += [] if any(end in reason for reason in hold) else [f"ladder: {end}"]
        elif not rollback:
            rollback.append(f"ladder: {end}")


def _measured(cell: Cell) -> bool:
    """Does the verdict rest on a number of at least one pair?"""
    try:
        return cell.n > 0 and math.isfinite(float(cell.observed))
    except ValueError:
        return False
