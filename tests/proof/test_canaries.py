"""Does a simulated canary end exactly as the gate itself ends on the same pairs?"""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

from gates.checks.question import Constants
from gates.pairs import Pairs, join
from gates.policy import Policy
from gates.statistics import calibration
from proof.simulate import changes
from proof.simulate.canaries import Draws, Ends, run_canaries
from proof.simulate.changes import Change
from proof.simulate.drive import End, drive
from proof.simulate.features import features_of, plan_canary
from proof.simulate.model import draw_model, draw_preflight
from proof.simulate.population import Population, blocks_of, serve
from proof.simulate.processes import bins_of
from tests.gates.builders import changed

HEROES = 12

#: Quick to judge, and so that every end occurs: small windows, wide limits, some budget to use up.
SMALL = {
    "ladder": {
        "window": 200, "min_windows": 2, "max_windows": 5, "total_windows": 14, "aa_every": 2,
        "calibration_looks_every": 2,
    },
    "gates": {
        "calibrator_p99": {"on_red": "rollback", "limit_ms": 1.0, "share": 0.03},
        "aece_tau": {"on_red": "rollback", "red_above": 0.05, "green_below": [0.2, 0.16, 0.14, 0.12], "bins": 5},
        "confidence_shift": {"on_red": "rollback", "limit": 0.1},
        "sla_recall_at_50_delta": {"on_red": "rollback", "sla_ms": 150, "margin": 0.06, "final_margin": 0.03},
    },
    "guards": {
        "ndcg_at_10": {"on_red": "rollback", "margin": 0.03},
        "p95_latency": {"on_red": "rollback", "margin_ms": 12, "floor_ms": 1, "margin_share": 0.5},
        "p99_latency": {
            "on_red": "rollback", "margin_ms": 20, "floor_ms": 1, "margin_share": 0.5, "required": "not_red",
        },
        "errors": {"on_red": "hold", "rate": 0.01},
    },
    "instruments": {"aa_shadow": {"on_red": "hold", "margin": 0.05}},
}  # fmt: skip

WORLDS: dict[str, Change] = {
    "equal": lambda p, rng: p,
    "a loss of 2 points": partial(changes.lose, points=0.02),
    "a loss of 8 points": partial(changes.lose, points=0.08),
    "over-confident": partial(changes.redraw_correct, error=0.12),
    "20 % slower": partial(changes.slow_down, factor=1.2),
    "shocks": partial(changes.shock, points=0.03),
    "loose with lines": lambda p, rng: changed_hero(
        p, file_credits=np.minimum(p.hero.credits, p.hero.file_credits * 3)
    ),
    "shifted": lambda p, rng: changed_hero(p, confidence=np.clip(p.hero.confidence + 0.13, 0, 0.999)),
    "a slow calibrator": lambda p, rng: changed_hero(p, calibrator_ms=p.hero.calibrator_ms * 2),
    "a slow tail": lambda p, rng: changed_hero(
        p, latency_ms=p.hero.latency_ms + np.where(rng.random(len(p)) < 0.04, 110.0, 0.0)
    ),
    "down on one intent": lambda p, rng: changed_hero(p, ndcg=np.where(p.intent == 1, 0.8, 1.0) * p.hero.ndcg),
    "sure of one intent": lambda p, rng: changed_hero(
        p, confidence=np.clip(p.hero.confidence + np.where(p.intent == 0, 0.25, 0.0), 0, 0.999)
    ),
    "failing": lambda p, rng: changed_hero(p, error=(rng.random(len(p)) < 0.01).astype(np.float64)),
}


def changed_hero(population: Population, **columns: np.ndarray) -> Population:
    return replace(population, hero=replace(population.hero, **columns))


class Twin(NamedTuple):
    """The same heroes, simulated and driven."""

    simulated: Ends
    driven: list[End]


def both(
    policy: Policy, change: Change, *, seed: int = 0, heroes: int = HEROES, fresh: int = 10**9, late: bool = False
) -> Twin:
    rng = np.random.default_rng(seed)
    constants = draw_preflight(400, rng).constants(policy, seed)
    equal = draw_model(4_000, rng)
    blocks = blocks_of(equal, policy) + blocks_of(change(equal, rng), policy)
    half, ladder = len(blocks) // 2, policy.ladder
    shape = (heroes, ladder.total_windows, ladder.window // ladder.red_every)
    draws = Draws(
        blocks=rng.integers(0, half, shape) + (0 if late else half),
        served=np.stack([rng.binomial(ladder.red_every, step / 100, shape) for step in ladder.steps]),
        late=(len(ladder.steps) - 2, 1) if late else None,
        late_by=half,
        fresh=fresh,
    )
    plan = plan_canary(policy, constants)
    simulated = run_canaries(features_of(blocks, plan), draws)
    return Twin(simulated, [drive_one(policy, constants, blocks, draws, h, fresh) for h in range(heroes)])


def drive_one(policy: Policy, constants: Constants, blocks: list[Pairs], draws: Draws, hero: int, fresh: int) -> End:
    in_step = [0, 0]  # step, first window of it

    def block_at(step: int, at: int) -> Pairs:
        window, block = divmod(at, draws.blocks.shape[2])
        if step != in_step[0]:
            in_step[:] = [step, window]
        row = int(draws.blocks[hero, window, block])
        if draws.late is not None and (step, window - in_step[1]) >= draws.late:
            row += draws.late_by
        return serve(blocks[row], int(draws.served[step, hero, window, block]), policy.ladder.steps[step])

    return drive(policy, constants, block_at, fresh=fresh)


def assert_same(twin: Twin) -> None:
    ends = twin.simulated
    for hero, end in enumerate(twin.driven):
        red = {check for check, is_red in zip(ends.checks, ends.red[hero], strict=True) if is_red}
        columns = {name: getattr(ends, name)[hero] for name in End._fields if name != "red"}
        assert End(**columns, red=frozenset(red)) == end, f"hero {hero}"


@pytest.fixture(scope="session")
def small(policy: Policy) -> Policy:
    return changed(policy, **SMALL)


#: What must be RED, or decided, in some of the worlds, else the twin would compare what never speaks or always agrees.
SEEN = {
    "a slow tail": "p99_latency", "down on one intent": "ndcg_identifier",
    "sure of one intent": "calibration_docstring",
    "equal": "PROMOTE", "over-confident": "ROLLBACK", "failing": "HOLD",
}  # fmt: skip


@pytest.mark.slow(every=2)
@pytest.mark.parametrize("world", WORLDS)
def test_each_hero_ends_as_the_gate_ends_it(small: Policy, world: str):
    twin = both(small, WORLDS[world])
    assert_same(twin)
    assert world not in SEEN or any(SEEN[world] in (*end.red, end.decision.value) for end in twin.driven)


@pytest.mark.parametrize(
    ("world", "more"),
    [
        ("a loss of 8 points", {"late": True, "seed": 1}),
        ("20 % slower", {"late": True, "seed": 1}),
        ("equal", {"fresh": 1_300, "seed": 2}),
    ],
)
def test_late_changes_and_waiting_for_traffic_too(small: Policy, world: str, more: dict[str, Any]):
    twin = both(small, WORLDS[world], **more)
    assert_same(twin)
    assert twin.simulated.waiting.any() == ("fresh" in more)


def test_the_real_policy_too(policy: Policy):
    assert_same(both(policy, WORLDS["a loss of 2 points"], heroes=4, seed=3))
    assert_same(both(policy, WORLDS["equal"], heroes=2, seed=4))


def test_bins_of_sums_of_blocks_are_the_gate_s_of_their_pairs(policy: Policy):
    rng, window = np.random.default_rng(3), 8  # blocks
    plan = plan_canary(policy, draw_preflight(800, rng).constants(policy, 3))
    blocks = blocks_of(changes.redraw_correct(draw_model(4_000, rng), rng, error=0.1), policy)
    for begin in range(0, len(blocks), window):
        found, pairs = features_of(blocks[begin : begin + window], plan), join(blocks[begin : begin + window])
        bins = calibration.fill_bins(pairs.hero.confidence, pairs.hero.correct, np.array(plan.constants.bin_edges))
        for ours, theirs in zip(bins_of(found.gaps.sum(axis=0), found.counts.sum(axis=0)), bins, strict=True):
            assert ours == pytest.approx(theirs, abs=1e-12)
