"""How much evidence a stream of pairs holds against a null: betting processes that may be looked at any time.

Rules (formulas and simulations: docs/decision-rule.md):
- A bounded stream x with null "mean <= 0" is bet on with five fixed stakes; the evidence is their mean wealth.
- A count against a fixed rate is bet on with the likelihood ratios of five fixed alternatives.
- A GREEN process is the plain evidence since its step, or the canary, began.
- RED processes are start mixtures: half the stake from the first pair, the rest from the start of each later step,
  so that a loss that appears late is seen as fast as one that was always there.
- By Ville's inequality, P(evidence >= 1/a at any look) <= a under the null, whatever the dependence on the past.
"""

import math

import numpy as np

from gates.statistics import Array

STAKES = np.array([0.15, 0.3, 0.5, 0.7, 0.9])  # x > -1/.9 keeps wealth positive
RATIOS_ABOVE = np.array([1.5, 2.0, 3.0, 5.0, 10.0])  # alternatives to a rate, as multiples of it
RATIOS_BELOW = np.array([0.0, 0.1, 0.25, 0.5, 0.75])
BETS = 5


def bet(x: Array) -> Array:
    """Log growth of each stake over the pairs of x, shape (5,). Null: E[x | past] <= 0, x > -1/.9."""
    growth: Array = np.log1p(STAKES[:, None] * x[None, :]).sum(axis=1)
    return growth


def bet_rate(hits: Array, rate: float, ratios: Array) -> Array:
    """Log likelihood ratio of each alternative rate against `rate`, shape (5,); `hits` is 0 or 1 a pair.

    With RATIOS_ABOVE the null is "rate at most `rate`", with RATIOS_BELOW "at least".
    """
    alternative = np.minimum(ratios * rate, 0.999)
    n, k = len(hits), float(hits.sum())
    with np.errstate(divide="ignore"):  # an alternative of 0 is refuted by the first hit: log 0 = -inf is meant
        on_hit = np.log(alternative / rate)
    gain_hits = np.where(k > 0, k * on_hit, 0.0) if k else np.zeros(BETS)
    return np.asarray(gain_hits + (n - k) * np.log((1 - alternative) / (1 - rate)))


def log_evidence(log_wealth: Array) -> float:
    """Log of the mean wealth over the stakes."""
    top = float(log_wealth.max())
    if math.isinf(top):
        return top
    return top + math.log(float(np.exp(log_wealth - top).mean()))


class StartMixture:
    """A RED process: E_t = 1/2 E(0:t) + 1/2 mean over later steps of E(start of step : t); 1 before a step starts."""

    def __init__(self, steps: int) -> None:
        self._weights = np.array([0.5] + [0.5 / (steps - 1)] * (steps - 1)) if steps > 1 else np.array([1.0])
        self._wealth = np.zeros((steps, BETS))
        self._begun = 0

    def begin_step(self) -> None:
        """The next step of the ladder starts with the next pair."""
        self._begun += 1

    def add(self, gains: Array) -> None:
        """Let every process that has begun grow by the log gains of some pairs."""
        self._wealth[: self._begun] += gains

    @property
    def log_e(self) -> float:
        """Log evidence now."""
        top = float(self._wealth.max())
        return top + math.log(float(self._weights @ np.exp(self._wealth - top).mean(axis=1)))


def mean_log(parts: list[float]) -> float:
    """Log of the mean of several evidences: the evidence against "each of the nulls holds"."""
    top = max(parts)
    return top if math.isinf(top) else top + math.log(sum(math.exp(p - top) for p in parts) / len(parts))
