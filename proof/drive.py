"""How does the gate itself end on given blocks? Its own judge, next move and decision; no file, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import NamedTuple

from gates.budget import Next, next_move
from gates.catalogue import ask, ask_calibration
from gates.decide import Seen, decide, plan
from gates.judge import Judge
from gates.observations import Pairs
from gates.policy import Policy
from gates.questions import Constants
from gates.verdicts import OUTCOME, Cell, Decision, Kind, Verdict


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

    `windows` is the budget of the run where it is not the policy's. Does what rollout.ladder does, without its files.
    """
    ladder = policy.ladder
    judge = Judge(hero="simulated", policy=policy, constants=constants, missing={})
    verdicts: dict[tuple[int, str], Verdict] = {}
    pairs = step = 0
    ended, waiting = "", False
    for step, percent in enumerate(ladder.steps):
        judge.begin_step(percent)
        while not ended:
            move = next_move(judge, windows=windows or ladder.total_windows, fresh=fresh - pairs)
            if move.next is Next.ADVANCE:
                break
            if move.holds:
                ended, waiting = f"held at {percent} %: {move.why}", move.next is Next.WAITING
                break
            red: tuple[str, ...] = ()
            for block in range(ladder.window // ladder.red_every):
                shown = block_at(step, judge.windows, block)
                pairs += len(shown)
                red = judge.observe(shown)
                if red:
                    break
            red = red or judge.end_window()
            if red:
                rolled = [check for check in red if policy.on_red(check) == "rollback"]
                what = "rolled back" if rolled else "held"
                ended = f"{what} at {percent} % by {', '.join(rolled or red)}"
        verdicts |= {(percent, gate): _verdict(judge, gate) for gate in policy.asked_gates}
        if ended:
            break
    required = {q.check: q.required for q in ask(policy, constants)}
    required |= {q.check: q.required for q in ask_calibration(policy)}
    not_red = {"aa_dispersion", *(check for check, what in required.items() if what == "not_red")}
    decision = _decide(policy, judge, verdicts, not_red, ended, pairs)
    return End(decision, step, judge.windows, pairs, frozenset(judge.red), waiting)


def _verdict(judge: Judge, check: str) -> Verdict:
    if check in judge.red:
        return Verdict.RED
    return Verdict.INCONCLUSIVE if check in judge.undecided else Verdict.GREEN


def _decide(
    policy: Policy,
    judge: Judge,
    verdicts: Mapping[tuple[int, str], Verdict],
    not_red: Set[str],
    ended: str,
    pairs: int,
) -> Decision:
    """The decision that gates.decide takes from cells with these verdicts; the numbers for people are left out."""
    planned = plan("simulated", policy)
    seen: dict[tuple[str, int, str], Seen] = {}
    for key in planned:
        _, step, check = key
        before = check in ("known_answers", "preflight")
        if step:
            verdict = verdicts.get((step, check), Verdict.NOT_REACHED)
        else:
            verdict = Verdict.GREEN if before else _verdict(judge, check)
        if check in not_red and verdict is Verdict.GREEN:
            verdict = Verdict.INCONCLUSIVE
        cell = Cell(
            hero="simulated", step=step, check=check, kind=Kind.GATE if step else Kind.GUARD, verdict=verdict,
            required="not_red" if check in not_red else "green", on_red=policy.on_red(check),
            observed="0", n=pairs or 1, ended=ended,
        )  # fmt: skip
        seen[key] = Seen(cell, OUTCOME[verdict])
    return decide(planned, seen, promotes=policy.promotes)[0]
