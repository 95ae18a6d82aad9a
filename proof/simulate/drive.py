"""How does the gate itself end on given blocks? Its own evaluator, next move and decision; no file, no clock.

A seed stands for a release fingerprint that was made up: it orders the queries of preflight and canary and says who is
served. Everything else is recorded answers, the gate's own evaluator, its ladder and its decision.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fixtures.systems.protocol import Query
from gates.checks.preflight import PreflightCheck
from gates.checks.question import Constants
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.decide import Seen, decide, plan
from gates.rule.evaluator import Evaluator
from gates.rule.preflight import judge_preflight
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


def drive(policy: Policy, constants: Constants, block_at: Callable[[int, int], Pairs], *, fresh: int) -> End:
    """Let the gate's own code climb. `block_at(step, block)` gives the next pairs: step and block of the canary from 0.

    Climbs as rollout.ladder does, without its files.
    """
    ladder = policy.ladder
    evaluator = Evaluator(hero="simulated", policy=policy, constants=constants, missing={})
    climb = Climb(evaluator, ladder.total_windows)
    verdicts: dict[tuple[int, str], Verdict] = {}
    blocks = step = 0

    def verdict(check: str) -> Verdict:
        if check in evaluator.red:
            return Verdict.RED
        return Verdict.INCONCLUSIVE if check in evaluator.undecided else Verdict.GREEN

    def window(step: int) -> Red:
        nonlocal blocks
        for _ in range(ladder.window // ladder.red_every):
            blocks += 1
            if red := evaluator.observe(block_at(step, blocks - 1)):
                return red
        return evaluator.end_window()

    for step, percent in enumerate(ladder.steps):
        climb.step(percent, partial(window, step), lambda: fresh - blocks * ladder.red_every)
        verdicts |= {(percent, gate): verdict(gate) for gate in policy.asked(Kind.GATE)}
        if climb.ended:
            break
    pairs, planned = blocks * ladder.red_every, plan("simulated", policy)
    seen = {}
    for key in planned:  # cells with these verdicts; the numbers for people are left out
        _, percent, check = key
        found = verdict(check) if evaluator.asks(check) else Verdict.GREEN  # of before the climb
        found = verdicts.get((percent, check), Verdict.NOT_REACHED) if percent else found
        cell = Cell(
            hero="simulated", step=percent, check=check, kind=Kind.GATE if percent else Kind.GUARD, verdict=found,
            required=evaluator.required(check), on_red=policy.on_red(check),
            observed="0", n=pairs or 1, ended=climb.ended,
        )  # fmt: skip
        seen[key] = Seen(cell, OUTCOME[found])
    decision = decide(planned, seen, promotes=policy.promotes)[0]
    return End(decision, step, evaluator.windows, pairs, frozenset(evaluator.red), climb.waiting)


def run_seeds(
    recording: Recording, heroes: Sequence[str], policy: Policy, seeds: Sequence[int]
) -> dict[str, dict[str, Any]]:
    """Every hero under every seed: decisions, checks that were RED when it ended, and pairs."""
    found: dict[str, dict[str, Any]] = {h: {"decisions": Counter(), "red": Counter(), "pairs": []} for h in heroes}
    queries, calm = _queries(recording.query_id), _queries(recording.preflight_id)
    for seed in seeds:
        fingerprint = hashlib.sha256(f"seed {seed}".encode()).hexdigest()
        first = [q.query_ord for q in order.query_order(fingerprint, calm)[: policy.ladder.preflight]]
        alone = recording.preflight.rows(np.array(first))
        constants = alone.constants(policy, order.seed(fingerprint))
        ready = judge_preflight("seeded", policy, alone.baseline, constants, {}).verdict is Verdict.GREEN
        canary = order.query_order(fingerprint, queries)
        rows = np.array([q.query_ord for q in canary])
        for hero in heroes:
            end = End(Decision.HOLD, 0, 0, 0, frozenset({PreflightCheck.key}), False)
            if ready:
                end = drive_order(recording.population(hero).rows(rows), canary, fingerprint, policy, constants)
            found[hero]["decisions"][end.decision.value] += 1
            found[hero]["red"].update(end.red)
            found[hero]["pairs"].append(end.pairs)
    return found


def drive_order(
    population: Population, canary: Sequence[Query], fingerprint: str, policy: Policy, constants: Constants
) -> End:
    """The gate's own end over a population in the order of its canary."""
    ladder = policy.ladder
    size = ladder.red_every
    blocks = blocks_of(population.rows(np.arange(min(len(population), ladder.total_windows * ladder.window))), policy)

    def block_at(step: int, at: int) -> Pairs:
        percent = ladder.steps[step]
        served = [order.arm_served(fingerprint, q, percent) == "hero" for q in canary[at * size : (at + 1) * size]]
        return replace(blocks[at], served=np.array(served, dtype=np.float64), share=np.full(size, percent / 100))

    return drive(policy, constants, block_at, fresh=len(population))


def _queries(ids: Sequence[str]) -> list[Query]:
    return [Query(query_ord=i, query_id=query_id, text="", intent="", suite="") for i, query_id in enumerate(ids)]


def run_letter(world: str, policy: Policy, recording: Recording | None, heroes: int) -> dict[str, int]:
    """Decisions of mode `letter` about equal heroes, by the gate itself."""
    letter, ladder = policy.model_copy(update={"mode": "letter"}), policy.ladder
    found: Counter[str] = Counter()
    for i in range(heroes):
        rng = np.random.default_rng((i, *world.encode()))
        n = ladder.total_windows * ladder.window
        if recording is None:
            population = draw_model(n, rng).sample(n, rng)
            alone = draw_preflight(ladder.preflight, rng)
        else:
            whole = equal_hero(recording, tuple(policy.heroes)[i % len(policy.heroes)])
            population = changes.fair_swap(whole.sample(n, rng), rng)
            alone = recording.preflight.sample(ladder.preflight, rng)
        blocks = blocks_of(population, policy)
        served = [rng.binomial(ladder.red_every, s / 100, len(blocks)) for s in ladder.steps]

        def block_at(step: int, at: int, blocks: list[Pairs] = blocks, served: list[Any] = served) -> Pairs:
            return serve(blocks[at], int(served[step][at]), ladder.steps[step])

        end = drive(letter, alone.constants(policy, i), block_at, fresh=len(population))
        found[end.decision.value] += 1
    return dict(found)
