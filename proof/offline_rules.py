"""Which rules look at the same queries beside Gaffke's bound, and is "the mean is above -mu" shown by each?

A rule gets many samples at once, as how often each value occurs: counts (samples, values).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gates.statistics.gaffke import tails

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: (values, counts, mu, alphas, draws) -> shown (alphas, samples)
Rule = Callable[[Array, Counts, float, Sequence[float], np.random.Generator], Flags]
FLIPS, RESAMPLES = 499, 1_000


def gaffke(values: Array, counts: Counts, mu: float, alphas: Sequence[float], _: np.random.Generator) -> Flags:
    """L > -mu, as mode `offline` has it: the gate's own tail of the mirror image."""
    return tails(-values, counts, -mu) < np.array(alphas)[:, None]


def paired_t(values: Array, counts: Counts, mu: float, alphas: Sequence[float], _: np.random.Generator) -> Flags:
    """Student's one-sided paired test; where nothing varies, the mean itself decides."""
    n = int(counts[0].sum())
    mean = counts @ values / n
    se = np.sqrt(np.maximum(counts @ values**2 / n - mean**2, 0) / (n - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.where(se > 1e-12, stats.t.sf((mean + mu) / se, n - 1), np.where(mean > -mu, 0.0, 1.0))
    return np.asarray(p[None, :] <= np.array(alphas)[:, None])


def sign_flip(values: Array, counts: Counts, mu: float, alphas: Sequence[float], rng: np.random.Generator) -> Flags:
    """The randomisation test of "d + mu is as likely as -(d + mu)", with FLIPS drawn signs a query."""
    moved, p = values + mu, np.empty(len(counts))
    for i, row in enumerate(counts):
        flipped = (2 * rng.binomial(row, 0.5, (FLIPS, len(row))) - row) @ moved
        p[i] = (1 + (flipped >= row @ moved - 1e-9).sum()) / (FLIPS + 1)
    return np.asarray(p[None, :] <= np.array(alphas)[:, None])


def bca(values: Array, counts: Counts, mu: float, alphas: Sequence[float], rng: np.random.Generator) -> Flags:
    """The lower bound of the bias-corrected, accelerated bootstrap (Efron 1987); where nothing varies, the mean."""
    shown, n = np.empty((len(alphas), len(counts)), dtype=np.bool_), int(counts[0].sum())
    for i, row in enumerate(counts):
        mean = row @ values / n
        means = np.sort(rng.multinomial(n, row / n, RESAMPLES) @ values / n)
        off = values - mean
        square = row @ off**2
        if square < 1e-12:
            shown[:, i] = mean > -mu
            continue
        below = ((means < mean - 1e-12).sum() + (means <= mean + 1e-12).sum()) / 2  # half of the ties
        bias = stats.norm.ppf(np.clip(below / RESAMPLES, 0.5 / RESAMPLES, 1 - 0.5 / RESAMPLES))
        acceleration = (row @ off**3) / (6 * square**1.5)
        z = bias + stats.norm.ppf(np.array(alphas))
        at = stats.norm.cdf(bias + z / (1 - acceleration * z))
        shown[:, i] = np.quantile(means, at) > -mu
    return shown


RULES: Mapping[str, Rule] = MappingProxyType(
    {"Gaffke": gaffke, "paired t": paired_t, "sign-flip": sign_flip, "BCa": bca}
)
