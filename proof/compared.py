"""What do the peers' rules decide on six of the same streams, paired and split? And how often is `letter` wrong?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from gates.pairs import Arm as GateArm
from gates.pairs import Pairs
from gates.policy import Policy
from gates.verdicts import Decision
from proof import changes
from proof.cells import Change
from proof.drive import drive
from proof.model import draw_model, draw_preflight
from proof.peers import PEERS
from proof.population import Population, blocks_of, serve
from proof.record import Recording
from proof.simulate import equal_hero
from proof.windows import Arm, Windows, two_samples

RUNS = 100
WINDOWS = 16  # of a canary that needs no extension: the peers, too, promote after so many

#: Stream -> what is done to an equal hero, and the cells of our own rule: paired and split.
STREAMS: dict[str, tuple[Change, str, str]] = {
    "A/A": (lambda p, rng: p, "model-aa", "split-aa"),
    "-1 point": (lambda p, rng: changes.lose(p, 0.01, rng, keep=0.75), "model-loss-1", "split-loss-1"),
    "-2 points": (lambda p, rng: changes.lose(p, 0.02, rng, keep=0.75), "model-loss-2", "split-loss-2"),
    "-5 points": (lambda p, rng: changes.lose(p, 0.05, rng, keep=0.75), "model-loss-5", "split-loss-5"),
    "p95 +10 %": (lambda p, rng: changes.slow_down(p, 1.1), "model-p95-10", "split-p95-10"),
    "calibration error .05": (lambda p, rng: changes.redraw_correct(p, 0.05, rng), "model-ce-0.05", "split-ce-0.05"),
}


def run_peers(stream: str, policy: Policy, runs: int = RUNS) -> dict[str, dict[str, dict[str, int]]]:
    """Rule -> paired/split -> how many of `runs` canaries were rolled back, promoted, held."""
    change = STREAMS[stream][0]
    n = WINDOWS * policy.ladder.window
    found: dict[str, dict[str, Counter[str]]] = {rule: {"paired": Counter(), "split": Counter()} for rule in PEERS}
    for run in range(runs):
        rng = np.random.default_rng((run, *stream.encode()))
        one, other = (_drawn(n, change, rng) for _ in range(2))
        paired = windows_of(one, policy.ladder.window)
        split = two_samples(paired, windows_of(other, policy.ladder.window))
        for rule, decide in PEERS.items():
            for how, windows in (("paired", paired), ("split", split)):
                stop = decide(windows)
                found[rule][how]["rolled back" if stop.rolled_back else "promoted" if stop.promoted else "held"] += 1
    return {rule: {how: dict(count) for how, count in both.items()} for rule, both in found.items()}


def windows_of(population: Population, window: int) -> Windows:
    """A population as the peers' rules are given it."""

    def arm(side: GateArm) -> Arm:
        def shaped(column: np.ndarray) -> np.ndarray:
            return column.reshape(-1, window)

        return Arm(
            ndcg=shaped(side.ndcg), recall=shaped(side.recall), latency_ms=shaped(side.latency_ms),
            confidence=shaped(side.confidence), correct=shaped(side.correct),
        )  # fmt: skip

    return Windows(hero=arm(population.hero), baseline=arm(population.baseline))


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


def _drawn(n: int, change: Change, rng: np.random.Generator) -> Population:
    equal = draw_model(n, rng)
    return change(equal.rows(rng.permutation(len(equal))[:n]), rng)
