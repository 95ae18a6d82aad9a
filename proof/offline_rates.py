"""How often does each rule promote or roll back simulated heroes of one look? What proof.offline tells on its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from proof.offline_rules import RULES
from proof.offline_worlds import World

ALPHAS = (0.05, 0.01)
RESAMPLED = ("sign-flip", "BCa")  # draw themselves, so they see fewer heroes


@dataclass(frozen=True, slots=True, kw_only=True)
class Heroes:
    """How many are simulated in one world: for the rules that compute, and for those that draw."""

    computed: int
    resampled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the heroes of every world, and whether a yes is an error or is power."""

    title: str
    text: str
    loss: Callable[[float], float]  # of the hero, from the margin
    rolls_back: bool  # "U < 0" is asked, with no loss tolerated; else "L > -mu"
    error: bool

    @property
    def loses_margin(self) -> bool:
        """Is the margin itself what the heroes lose?"""
        return self.loss(1.0) == 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One world at one number of queries: for how many of how many heroes each rule says yes, by its alpha."""

    n: int
    margin: float
    world: str
    yes: dict[tuple[str, float], tuple[int, int]]


QUESTIONS = (
    Question(
        title="A hero that loses the margin is promoted", text="Errors: the mean is exactly −μ, and L > −μ.",
        loss=lambda mu: mu, rolls_back=False, error=True,
    ),
    Question(
        title="An equal hero is rolled back", text="Errors: the mean is exactly 0, no loss is tolerated, and U < 0.",
        loss=lambda mu: 0.0, rolls_back=True, error=True,
    ),
    Question(
        title="An equal hero is promoted", text="Power: the mean is 0, and L > −μ.",
        loss=lambda mu: 0.0, rolls_back=False, error=False,
    ),
    Question(
        title="A hero that loses twice the margin is rolled back",
        text="Power: the mean is −2 μ, no loss is tolerated, and U < 0.",
        loss=lambda mu: 2 * mu, rolls_back=True, error=False,
    ),
)  # fmt: skip


def try_world(question: Question, world: World, n: int, heroes: Heroes, seed: Sequence[int]) -> Tried:
    """Every rule on the same heroes of n queries. Samples that are equal are looked at once."""
    rng, margin = np.random.default_rng(seed), world.margin(n)
    counts = rng.multinomial(n, world.weights(question.loss(margin)), heroes.computed)
    values, mu = (-world.values, 0.0) if question.rolls_back else (world.values, margin)  # U(d) is -L(-d)
    yes = {}
    for name, rule in RULES.items():
        seen = counts[: heroes.resampled] if name in RESAMPLED else counts
        different, times = np.unique(seen, axis=0, return_counts=True)
        for alpha, shown in zip(ALPHAS, rule(values, different, mu, ALPHAS, rng), strict=True):
            yes[name, alpha] = int(times[shown].sum()), len(seen)
    return Tried(n=n, margin=margin, world=world.what, yes=yes)
