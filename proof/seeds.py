"""Is each seeded hero decided as its pack says, whatever the order of the queries? The gate itself, over real pairs.

A seed stands for a release fingerprint that was made up: it orders the queries of preflight and canary and says who is
served. Everything else is the recorded answers, the gate's own judge, its ladder and its decision.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fixtures.systems.protocol import Query
from gates.checks.question import Constants
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.preflight import judge_preflight
from gates.verdicts import Decision, Verdict
from proof.drive import End, drive
from proof.population import Population, blocks_of
from proof.record import Recording
from rollout import order

PREFLIGHT = frozenset({"preflight"})


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
            end = End(Decision.HOLD, 0, 0, 0, PREFLIGHT, False)
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
