"""How many pairs does one betting process need, and what would a control variate or drawing without replacement save?

The plain process of docs/decision-rule.md on the recall stream alone: no start mixture, looks every 100 pairs.
- control variate: d - beta (b - mean b), the mean over the whole canary set known exactly, beta fixed beforehand
- without replacement: the null mean of the next pair is what is left of N mu, (N mu - S) / (N - t)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.statistics.eprocess import STAKES
from proof.simulate.population import Population

Array = NDArray[np.float64]
LOOK = 100
RUNS = 400
PAIRS = 19_200


class Needed(NamedTuple):
    """Pairs until the evidence suffices, over many runs; None where so many runs needed more than there are."""

    median: int | None
    most: int | None  # 99 % of the runs
    never: float  # share of runs that did not get there


def needed(streams: Array, threshold: float, most: Array | None = None) -> Needed:
    """`streams` has shape (runs, pairs), null mean <= 0; `most` are null means that move (without replacement)."""
    runs, pairs = streams.shape
    looks = pairs // LOOK
    x = streams if most is None else streams - most
    wealth = np.empty((len(STAKES), runs, looks))
    for i, stake in enumerate(STAKES):
        wealth[i] = np.log1p(stake * x).reshape(runs, looks, LOOK).sum(axis=2).cumsum(axis=1)
    top = wealth.max(axis=0)
    log_e = top + np.log(np.exp(wealth - top).mean(axis=0))
    reached = log_e >= np.log(threshold)
    first = np.where(reached.any(axis=1), (reached.argmax(axis=1) + 1) * LOOK, np.iinfo(np.int64).max)
    median, last = (int(v) for v in np.quantile(first, [0.5, 0.99], method="inverted_cdf"))
    far = np.iinfo(np.int64).max
    return Needed(median if median < far else None, last if last < far else None, float(1 - reached.any(axis=1).mean()))


def left_of(x: Array, mean: float, total: int) -> Array:
    """Null mean of each next pair, after those before it: shape of x."""
    before = np.concatenate([np.zeros((len(x), 1)), np.cumsum(x, axis=1)[:, :-1]], axis=1)
    return np.asarray((total * mean - before) / (total - np.arange(x.shape[1])))


def compare_variants(
    population: Population, margin: float, threshold: float, rng: np.random.Generator
) -> dict[str, Needed]:
    """Pairs needed by the process as it is, with a control variate, without replacement, and with both.

    margin 0: RED on losses. margin > 0: GREEN, "a loss of `margin` is excluded". Each run is one order of all queries.
    """
    lost, first = population.baseline.recall - population.hero.recall, population.baseline.recall
    n = len(lost)
    half = rng.permutation(n)[: n // 2]  # beta is fixed on other draws than those it is used on, in all but name
    beta = float(np.cov(lost[half], first[half])[0, 1] / max(float(first.var()), 1e-12))
    found = {}
    for name, controlled, finite in (
        ("as it is", False, False), ("control variate", True, False),
        ("without replacement", False, True), ("both", True, True),
    ):  # fmt: skip
        d = lost - beta * (first - first.mean()) if controlled else lost
        scale = (1 + margin) * (1 + (abs(beta) if controlled else 0.0))
        x = (d if margin == 0 else margin - d) / scale
        order = np.stack([rng.permutation(n)[: min(PAIRS, n // LOOK * LOOK)] for _ in range(RUNS)])
        drawn = x[order]
        most = left_of(drawn, 0.0, n) if finite else None
        if most is not None:
            most = np.clip(most, -0.05, 0.05)  # keeps wealth positive; far from the end it never binds
        found[name] = needed(drawn, threshold, most)
    return found


def loss_streams(population: Population, runs: int, pairs: int, rng: np.random.Generator, margin: float = 0.0) -> Array:
    """Streams of recall lost (or, with a margin, of "less lost than that"), drawn with replacement."""
    lost = population.baseline.recall - population.hero.recall
    x = lost if margin == 0 else (margin - lost) / (1 + margin)
    return x[rng.integers(0, len(x), (runs, pairs))]
