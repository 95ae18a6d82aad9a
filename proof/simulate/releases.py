"""Runs one cell, or a share of it: draws the world, computes the features of its blocks, lets the heroes climb."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gates.checks.question import Constants
from gates.policy import Policy
from proof.simulate import changes
from proof.simulate.canaries import Draws, Ends, join_ends, run_canaries
from proof.simulate.cells import HEROES, MODEL, Experiment
from proof.simulate.changes import Change
from proof.simulate.features import features_of, plan_canary
from proof.simulate.model import draw_model, draw_preflight
from proof.simulate.population import Population, Rows, blocks_of, join_populations
from proof.simulate.recording import Recording

BLOCKS = 2_048  # of a pool
CHUNK = 600  # heroes that climb at once
LEVELS = np.arange(-3, 3.01, 0.25)  # of a shock, in standard deviations


def shares_of(cell: Experiment) -> int:
    """In how many parts a cell is run."""
    return max(1, round(cell.heroes / cell.pool))


def run_share(cell: Experiment, share: int, policy: Policy, recording: Recording | None, blocks: int = BLOCKS) -> Ends:
    """The ends of one part of a cell's heroes, reproducible from the cell's key and the number of the part."""
    rng = np.random.default_rng((*cell.key.encode(), share))
    heroes = cell.heroes // shares_of(cell) // HEROES * HEROES
    if heroes < 3_000 and cell.world != MODEL:
        blocks //= 2  # three pools, which cost more than the heroes do
    constants, drawn = draw_world(cell, policy, recording, blocks, rng)
    plan, ladder = plan_canary(policy, constants), policy.ladder
    shape = (ladder.total_windows, ladder.window // ladder.red_every)
    pools = []
    for pool in drawn:
        first, *late = (blocks_of(population, policy) for population in pool)
        pools.append((features_of(sum(late, first), plan), len(first)))
    each, group = heroes // len(pools), max(1, CHUNK // len(pools))
    parts = []
    for begin in range(0, each, group):
        n = min(group, each - begin)
        rows = _rows(n, shape, pools[0][1], cell, rng)
        ends = []
        for features, late_by in pools:  # heroes of one release see the same queries
            served = np.stack([rng.binomial(ladder.red_every, s / 100, (n, *shape)) for s in ladder.steps])
            draws = Draws(blocks=rows, served=served, late=cell.late, late_by=late_by, fresh=cell.fresh)
            ends.append(run_canaries(features, draws))
        parts.append(join_ends(ends, interleaved=True))
    return join_ends(parts)


def draw_world(
    cell: Experiment, policy: Policy, recording: Recording | None, blocks: int, rng: np.random.Generator
) -> tuple[Constants, list[list[Population]]]:
    """What a preflight of the incumbent fixes, and a pool of queries for each hero: the first from the start, a second
    one once a late change holds."""
    size = blocks * policy.ladder.red_every
    if cell.world == MODEL:
        alone = draw_preflight(policy.ladder.preflight, rng, **cell.model)
        equal = [draw_model(size // 2, rng, **cell.model)]
    else:
        if recording is None:
            raise ValueError(f"{cell.key} needs a recording")
        alone = recording.preflight.sample(policy.ladder.preflight, rng)
        equal = real_heroes(cell, policy, recording, size, rng)
    constants = alone.constants(policy, int(rng.integers(2**31)))
    seed = int(rng.integers(2**31))

    def after(change: Change | None, population: Population) -> Population:
        return population if change is None else change(population, np.random.default_rng(seed))

    if cell.shock_points:
        return constants, [[_shocked(p, cell.shock_points, rng)] for p in equal]
    stages = (cell.change,) if cell.late is None else (cell.before, cell.change)
    return constants, [[after(change, p) for change in stages] for p in equal]


def real_heroes(
    cell: Experiment, policy: Policy, recording: Recording, size: int, rng: np.random.Generator
) -> list[Population]:
    """`size` queries in one order for all heroes, each query as often as the others (but for the last round)."""
    n = len(recording.query_id)
    rows: Rows = np.concatenate([rng.permutation(n) for _ in range(math.ceil(size / n))])[:size]
    if cell.hero:
        return [recording.population(cell.hero).rows(rows)]
    coin = int(rng.integers(2**31))  # one coin a query for all three: they share the baseline's luck
    return [
        changes.fair_swap(equal_hero(recording, hero).rows(rows), np.random.default_rng(coin))
        for hero in tuple(policy.heroes)[:HEROES]
    ]


def equal_hero(recording: Recording, hero: str) -> Population:
    """A recorded hero before its arms are swapped: its own hits, the clock of the incumbent's third answers."""
    clock, population = recording.arms["equal"], recording.population(hero)
    own = replace(
        population.hero, latency_ms=clock.latency_ms, wait_ms=clock.wait_ms, cut=clock.cut,
        calibrator_ms=clock.calibrator_ms, spend_ms=clock.spend_ms,
    )  # fmt: skip
    return replace(population, hero=own)


def _shocked(population: Population, points: float, rng: np.random.Generator) -> Population:
    """Equal parts of the population, each moved by one level of the shock."""
    each = len(population) // len(LEVELS) // 100 * 100
    parts = [population.rows(np.arange(i * each, (i + 1) * each)) for i in range(len(LEVELS))]
    return join_populations(
        [changes.shock(p, rng, points=z * points / 100) for p, z in zip(parts, LEVELS, strict=True)]
    )


def _rows(n: int, shape: tuple[int, int], blocks: int, cell: Experiment, rng: np.random.Generator) -> NDArray[np.intp]:
    """Rows of the features for each hero, window and block; with shocks all blocks of a window are of one level."""
    each = blocks // len(LEVELS) if cell.shock_points else blocks
    rows = rng.integers(0, each, (n, *shape))
    if cell.shock_points:
        z = np.clip(np.rint(rng.standard_normal((n, shape[0])) / 0.25), -12, 12).astype(np.intp) + 12
        rows = rows + (z * each)[:, :, None]
    return rows
