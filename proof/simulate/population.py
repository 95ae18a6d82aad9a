"""What are simulated canaries drawn from? The answers of both arms to the same queries, and blocks of pairs of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gates.checks.question import Constants
from gates.pairs import Arm, Pairs, join_arms
from gates.policy import Policy
from gates.rule.preflight import fix_constants

Rows = NDArray[np.intp]
ARMS = ("hero", "baseline", "repeat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Hero's and baseline's answers to the same queries, one row a query; the baseline answered each of them twice."""

    hero: Arm
    baseline: Arm
    repeat: Arm
    intent: NDArray[np.int8]  # position in the policy's intents, -1 for any other

    def __len__(self) -> int:
        return len(self.hero)

    def rows(self, at: Rows) -> Population:
        """Some of the queries."""
        arms = {name: getattr(self, name).rows(at) for name in ARMS}
        return Population(**arms, intent=self.intent[at])

    def sample(self, n: int, rng: np.random.Generator) -> Population:
        """So many of the queries, at random and in a random order."""
        return self.rows(rng.permutation(len(self))[:n])

    def constants(self, policy: Policy, seed: int) -> Constants:
        """What the baseline's answers fix where they are those of a preflight."""
        return fix_constants(policy, self.baseline, self.intent, seed)


def join_populations(parts: list[Population]) -> Population:
    """Several populations as one."""
    arms = {name: join_arms([getattr(p, name) for p in parts]) for name in ARMS}
    return Population(**arms, intent=np.concatenate([p.intent for p in parts]))


QUALITY = ("ndcg", "recall", "found", "confidence", "correct", "file_credits", "credits")


def swapped(population: Population, which: NDArray[np.bool_]) -> Population:
    """What the arms found exchanged on some queries; each keeps its own clock and its own errors.

    A repeated answer differs from the first as the baseline's did: in a deterministic system not at all.
    """
    own, other, first, second = population.hero, population.baseline, population.baseline, population.repeat
    hero = replace(own, **{c: np.where(which, getattr(other, c), getattr(own, c)) for c in QUALITY})
    baseline = replace(other, **{c: np.where(which, getattr(own, c), getattr(other, c)) for c in QUALITY})
    repeat = replace(
        second,
        recall=np.clip(baseline.recall + second.recall - first.recall, 0, 1),
        found=np.clip(baseline.found + second.found - first.found, 0, 1),
        ndcg=np.clip(baseline.ndcg + second.ndcg - first.ndcg, 0, 1),
    )
    return replace(population, hero=hero, baseline=baseline, repeat=repeat)


def blocks_of(population: Population, policy: Policy) -> list[Pairs]:
    """All rows in their order, as blocks of `red_every` pairs; what is left over is dropped. Nobody is served yet."""
    size, every = policy.ladder.red_every, policy.ladder.aa_every
    if size % every:
        raise ValueError(f"red_every {size} should be a multiple of aa_every {every}, so that all blocks are alike")
    repeated = np.arange(0, size, every)
    nobody = np.zeros(size)
    blocks = []
    for begin in range(0, len(population) - size + 1, size):
        at = slice(begin, begin + size)
        blocks.append(
            Pairs(
                hero=population.hero.rows(at),
                baseline=population.baseline.rows(at),
                repeat=population.repeat.rows(repeated + begin),
                repeated=repeated,
                intent=population.intent[at],
                served=nobody,
                share=nobody,
            )
        )
    return blocks


def serve(block: Pairs, served: int, percent: int) -> Pairs:
    """The block as a step sees it: the first `served` pairs show the hero's answer."""
    n = len(block)
    shown = (np.arange(n) < served).astype(np.float64)
    return replace(block, served=shown, share=np.full(n, percent / 100))
