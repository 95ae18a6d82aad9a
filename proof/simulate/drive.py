"""How does the gate itself end on given blocks? Its own evaluator, next move and decision; no file, no clock.

A seed stands for a release fingerprint that was made up: it orders the queries of preflight and canary and says who is
served. Everything else is recorded answers, the gate's own evaluator, its ladder and its decision.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from fixtures.systems.protocol import Query
from gates.checks.preflight import PreflightCheck
from gates.checks.question import Constants
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.decide import Seen, decide, plan
from gates.rule.evaluator import Evaluator
from gates.rule.preflight import judge_preflight
from gates.rule.questions import DECIDE
from gates.verdicts import OUTCOME, Cell, Decision, Kind, Verdict
from proof.simulate import changes
from proof.simulate.model import draw_model, draw_preflight
from proof.simulate.population import Population, blocks_of, serve
from proof.simulate.recording import Recording
from proof.simulate.releases import equal_hero
from rollout import order
from rollout.climb import Climb, Red


class End(NamedTuple):
    """How one canary ended."""

    decision: Decision
    step: int  # position in the ladder's steps
    windows: int  # closed
    pairs: int
    red: frozenset[str]
    waiting: bool


def drive(policy: Policy, constants: Constants, block_at: Callable[[int, int, int], Pairs], *, fresh: int) -> End:
    """Let the gate's own code climb. `block_at(step, window, block)` gives the next pairs, all counted from 0.

    Climbs as rollout.ladder does, without its files.
    """
    ladder = policy.ladder
    evaluator = Evaluator(hero="simulated", policy=policy, constants=constants, missing={})
    climb = Climb(evaluator, ladder.total_windows)
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
        verdicts |= {(percent, gate): _verdict(evaluator, gate) for gate in policy.asked(Kind.GATE)}
        if climb.ended:
            break
    asked = policy.asked(*DECIDE, Kind.INSTRUMENT)
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
        if step:
            verdict = verdicts.get((step, check), Verdict.NOT_REACHED)
        else:
            verdict = _verdict(evaluator, check) if evaluator.asks(check) else Verdict.GREEN  # of before the climb
        if check in not_red and verdict is Verdict.GREEN:
            verdict = Verdict.INCONCLUSIVE
        cell = Cell(
            hero="simulated", step=step, check=check, kind=Kind.GATE if step else Kind.GUARD, verdict=verdict,
            required="not_red" if check in not_red else "green", on_red=policy.on_red(check),
            observed="0", n=pairs or 1, ended=ended,
        )  # fmt: skip
        seen[key] = Seen(cell, OUTCOME[verdict])
    return decide(planned, seen, promotes=policy.promotes)[0]


class SeedEnds(NamedTuple):
    """Ends of one hero over some seeds."""

    decisions: Counter[str]
    red: Counter[str]  # checks that were RED when it ended
    pairs: list[int]


def run_seeds(recording: Recording, heroes: Sequence[str], policy: Policy, seeds: Sequence[int]) -> dict[str, SeedEnds]:
    """Every hero under every seed."""
    found = {hero: SeedEnds(Counter(), Counter(), []) for hero in heroes}
    queries, calm = _queries(recording.query_id), _queries(recording.preflight_id)
    for seed in seeds:
        fingerprint = hashlib.sha256(f"seed {seed}".encode()).hexdigest()
        first = [q.query_ord for q in order.query_order(fingerprint, calm)[: policy.ladder.preflight]]
        alone = recording.preflight.rows(np.array(first))
        constants = alone.constants(policy, order.seed(fingerprint))
        ready = judge_preflight("seeded", policy, alone.arm, constants, {}).verdict is Verdict.GREEN
        canary = order.query_order(fingerprint, queries)
        rows = np.array([q.query_ord for q in canary])
        for hero in heroes:
            end = End(Decision.HOLD, 0, 0, 0, frozenset({PreflightCheck.key}), False)
            if ready:
                end = drive_order(recording.population(hero).rows(rows), canary, fingerprint, policy, constants)
            found[hero].decisions[end.decision.value] += 1
            found[hero].red.update(end.red)
            found[hero].pairs.append(end.pairs)
    return found


def drive_order(
    population: Population, canary: Sequence[Query], fingerprint: str, policy: Policy, constants: Constants
) -> End:
    """The gate's own end over a population in the order of its canary."""
    ladder = policy.ladder
    size, each = ladder.red_every, ladder.window // ladder.red_every
    blocks = blocks_of(population.rows(np.arange(min(len(population), ladder.total_windows * ladder.window))), policy)

    def block_at(step: int, window: int, block: int) -> Pairs:
        at, percent = window * each + block, ladder.steps[step]
        served = [order.arm_served(fingerprint, q, percent) == "hero" for q in canary[at * size : (at + 1) * size]]
        return replace(blocks[at], served=np.array(served, dtype=np.float64), share=np.full(size, percent / 100))

    return drive(policy, constants, block_at, fresh=len(population))


def _queries(ids: Sequence[str]) -> list[Query]:
    return [Query(query_ord=i, query_id=query_id, text="", intent="", suite="") for i, query_id in enumerate(ids)]


def run_letter(world: str, policy: Policy, recording: Recording | None, heroes: int) -> dict[str, int]:
    """Decisions of mode `letter` about equal heroes, by the gate itself."""
    letter = policy.model_copy(update={"mode": "letter"})
    found: Counter[str] = Counter()
    for i in range(heroes):
        rng = np.random.default_rng((i, *world.encode()))
        n = policy.ladder.total_windows * policy.ladder.window
        if recording is None:
            population = draw_model(n, rng).rows(rng.permutation(2 * n)[:n])
            alone = draw_preflight(policy.ladder.preflight, rng)
        else:
            whole = equal_hero(recording, tuple(policy.heroes)[i % len(policy.heroes)])
            population = changes.fair_swap(whole.rows(rng.permutation(len(whole))[:n]), rng)
            alone = recording.preflight.rows(rng.permutation(len(recording.preflight))[: policy.ladder.preflight])
        blocks, ladder = blocks_of(population, policy), policy.ladder
        served = [rng.binomial(ladder.red_every, s / 100, len(blocks)) for s in ladder.steps]
        end = drive(letter, alone.constants(policy, i), _dealer(blocks, served, policy), fresh=len(population))
        found[Decision(end.decision).value] += 1
    return dict(found)


def _dealer(blocks: Sequence[Pairs], served: Sequence[np.ndarray], policy: Policy) -> Callable[[int, int, int], Pairs]:
    """Hands out the blocks in their order."""
    each = policy.ladder.window // policy.ladder.red_every

    def block_at(step: int, window: int, block: int) -> Pairs:
        at = window * each + block
        return serve(blocks[at], int(served[step][at]), policy.ladder.steps[step])

    return block_at
