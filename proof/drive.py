"""How does the gate itself end on given blocks? Its own evaluator, next move and decision; no file, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from functools import partial
from typing import NamedTuple

from gates.checks.question import Constants
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.decide import Seen, decide, plan
from gates.rule.evaluator import Evaluator
from gates.verdicts import OUTCOME, Cell, Decision, Kind, Verdict
from rollout.climb import Climb, Red


class End(NamedTuple):
    """How one canary ended."""

    decision: Decision
    step: int  # position in the ladder's steps
    windows: int  # closed
    pairs: int
    red: frozenset[str]
    waiting: bool


def drive(
    policy: Policy, constants: Constants, block_at: Callable[[int, int, int], Pairs], *, fresh: int, windows: int = 0
) -> End:
    """Let the gate's own code climb. `block_at(step, window, block)` gives the next pairs, all counted from 0.

    `windows` is the budget of the run where it is not the policy's. Climbs as rollout.ladder does, without its files.
    """
    ladder = policy.ladder
    evaluator = Evaluator(hero="simulated", policy=policy, constants=constants, missing={})
    climb = Climb(evaluator, windows or ladder.total_windows)
    verdicts: dict[tuple[int, str], Verdict] = {}
    pairs = step = 0

    def window(step: int) -> Red:
        nonlocal pairs
        for block in range(ladder.window // ladder.red_every):
            shown = block_at(step, evaluator.windows, block)
            pairs += len(shown)
            red = evaluator.observe(shown)
            if red:
                return red
        return evaluator.end_window()

    for step, percent in enumerate(ladder.steps):
        climb.step(percent, partial(window, step), lambda: fresh - pairs)
        verdicts |= {(percent, gate): _verdict(evaluator, gate) for gate in policy.asked_gates}
        if climb.ended:
            break
    asked = (*policy.asked_gates, *policy.asked_guards, *policy.asked_slices, *policy.asked_instruments)
    not_red = {check for check in asked if evaluator.required(check) == "not_red"}
    decision = _decide(policy, evaluator, verdicts, not_red, climb.ended, pairs)
    return End(decision, step, evaluator.windows, pairs, frozenset(evaluator.red), climb.waiting)


def _verdict(evaluator: Evaluator, check: str) -> Verdict:
    if check in evaluator.red:
        return Verdict.RED
    return Verdict.INCONCLUSIVE if check in evaluator.undecided else Verdict.GREEN


def _decide(
    policy: Policy,
    evaluator: Evaluator,
    verdicts: Mapping[tuple[int, str], Verdict],
    not_red: Set[str],
    ended: str,
    pairs: int,
) -> Decision:
    """The decision that gates.rule.decide takes from cells with these verdicts; the numbers for people are left out."""
    planned = plan("simulated", policy)
    seen: dict[tuple[str, int, str], Seen] = {}
    for key in planned:
        _, step, check = key
        before = check in ("lock", "known_answers", "preflight", *policy.asked_sanity)
        if step:
            verdict = verdicts.get((step, check), Verdict.NOT_REACHED)
        else:
            verdict = Verdict.GREEN if before else _verdict(evaluator, check)
        if check in not_red and verdict is Verdict.GREEN:
            verdict = Verdict.INCONCLUSIVE
        cell = Cell(
            hero="simulated", step=step, check=check, kind=Kind.GATE if step else Kind.GUARD, verdict=verdict,
            required="not_red" if check in not_red else "green", on_red=policy.on_red(check),
            observed="0", n=pairs or 1, ended=ended,
        )  # fmt: skip
        seen[key] = Seen(cell, OUTCOME[verdict])
    return decide(planned, seen, promotes=policy.promotes)[0]
