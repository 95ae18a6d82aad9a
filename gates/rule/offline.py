"""What do a few judged queries, looked at once, say about a hero? The rule of mode `offline`.

Rules (why: docs/decision-rule.md; how often they err: docs/offline-characteristics.md):
- d is hero minus baseline on each query, in [-1, 1]; L and U are Gaffke's bounds of its mean (gates.statistics.gaffke).
- GREEN: L > -mu at alpha = .05. PROMOTE needs it of every required check, so that none is corrected for the others.
- RED: U < -tolerated_loss at .01 / m, m = checks asked x heroes of the policy. RED wins, and one RED is a ROLLBACK.
- Anything else is a HOLD, told with L, U and the number of queries that would do.
- The k-th different hero on one judged set spends 1 / (k (k + 1)) of both rates.
- A margin that was chosen after the sizes of the differences were seen promotes nobody for good.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.errors import ConfigError, GateError
from gates.statistics import Array
from gates.statistics.decimals import decimal
from gates.statistics.gaffke import checked, lower, require_share, tails, upper
from gates.verdicts import Verdict

ALPHA, ALPHA_RED = 0.05, 0.01  # of a wrong GREEN, of a wrong ROLLBACK
POWER = 0.8
COINS = 400  # of the plan: its power is known to .02
MOST = 1_000_000  # queries; who would need more is told so
AFTER_LOOKING = "margin: chosen after looking"


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """How much of a check's mean may be lost; 1 is the whole measure, .01 a point. Raises GateError beyond (0, 1)."""

    mu: float  # GREEN excludes a loss of it
    tolerated_loss: float | None = None  # RED shows more than it, 0 is none at all; None: mu, so that both never are
    chosen_after_looking: bool = False  # after |d| was seen

    def __post_init__(self) -> None:
        require_share("mu", self.mu)
        if self.tolerated_loss:
            require_share("tolerated_loss", self.tolerated_loss)

    @property
    def tolerated(self) -> float:
        """The loss beyond which a hero is rolled back."""
        return self.mu if self.tolerated_loss is None else self.tolerated_loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """With which chance one check may err: in GREEN, in RED."""

    green: float = ALPHA
    red: float = ALPHA_RED


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the differences show of one check. Bounds are of the mean difference, hero minus baseline."""

    lower: float  # L, at the rate of GREEN
    upper: float  # U, at the rate of RED
    margin: Margin
    verdict: Verdict
    note: str  # "shown worse, within the margin", or how many queries would do


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflinePower:
    """What an equal hero may hope for, by the sizes of the differences alone. It changes no decision."""

    check: str
    n: int
    mu: float
    alpha: float
    power: float  # chance of GREEN at mu
    mu_for_power: float  # the smallest margin with a chance of POWER

    def sentence(self) -> str:
        """The line of the plan, in points."""
        mu, enough = decimal(100 * self.mu, 3), decimal(100 * self.mu_for_power, 3)
        return (
            f"{self.check}: an equal hero is shown to hold with {self.power:.2f} at a margin of {mu} points "
            f"(n {self.n:,}, alpha {decimal(self.alpha, 3)}); {POWER} needs {enough} points"
        )


def charged(rate: float, k: int) -> float:
    """What the k-th different hero on one judged set may spend of a rate: over all of them at most `rate`.

    Raises GateError where k does not count from 1.
    """
    if k < 1:
        raise GateError(f"k is {k}, but the first hero on a judged set is 1")
    return rate / (k * (k + 1))


def rates_of(checks: int, k: int, heroes: int = 1) -> Rates:
    """The rates of one check of so many, asked of each of the policy's heroes; k: as `charged`."""
    return Rates(green=charged(ALPHA, k), red=charged(ALPHA_RED, k) / (checks * heroes))


def show(d: Array, margin: Margin, rates: Rates) -> Shown:
    """The one look at a check. Raises EvidenceError and GateError, a line each, where nothing can be shown."""
    d = checked(d)
    low, high = lower(d, rates.green), upper(d, rates.red)
    verdict, note = Verdict.INCONCLUSIVE, ""
    if high < -margin.tolerated:
        verdict = Verdict.RED
    elif low > -margin.mu:
        verdict, note = Verdict.GREEN, "shown worse, within the margin" if high < 0 else ""
    else:
        enough = queries_needed(d, margin.mu, rates.green)
        note = f"{enough:,} such queries would meet the margin" if enough else f"not even {MOST:,} such queries would"
    return Shown(lower=low, upper=high, margin=margin, verdict=verdict, note=note)


def least_margin(n: int, alpha: float) -> float:
    """The margin that n queries do not reach even when none differs: L is minus it then."""
    return float(-math.expm1(math.log(alpha) / n))


def require_attainable(check: str, mu: float, n: int, alpha: float) -> None:
    """Raises ConfigError, one line, where no hero whatsoever could be shown to keep the margin."""
    require_share("mu", mu)
    require_share("alpha", alpha)
    least = least_margin(n, alpha)
    if mu <= least:
        enough = max(n, math.floor(math.log(alpha) / math.log1p(-mu))) + 1
        raise ConfigError(
            [
                f"{check}: mu is {mu}, but must be above {decimal(least, 3)} with {n:,} queries at alpha "
                f"{decimal(alpha, 3)}, even where no answer differs: set it higher, or judge {enough:,} queries"
            ]
        )


def foresee(check: str, sizes: Array, mu: float, alpha: float, seed: int) -> OfflinePower:
    """The power of an equal hero whose differences have these sizes |d|: their signs are coins, drawn by the seed."""
    require_share("mu", mu)
    require_share("alpha", alpha)
    # to a tenth of a point: coins average that out, and the cost does not grow with the queries
    levels, counts = np.unique(np.round(np.abs(checked(sizes)), 3), return_counts=True)
    up = np.random.default_rng(seed).binomial(counts, 0.5, (COINS, len(levels)))
    values, draws = np.concatenate([levels, -levels]), np.column_stack([up, counts - up])
    green = tails(values, draws, -mu) < alpha
    return OfflinePower(
        check=check, n=len(sizes), mu=mu, alpha=alpha, power=float(green.mean()),
        mu_for_power=_margin_for(POWER, values, draws, alpha),
    )  # fmt: skip


def queries_needed(d: Array, mu: float, alpha: float) -> int | None:
    """How many queries would show L > -mu if all differed as these do; None: not even MOST would."""
    d = checked(d)
    values, counts = np.unique(-d, return_counts=True)

    def is_met(queries: int) -> bool:
        return bool(tails(values, counts[None, :] * (queries / len(d)), -mu)[0] < alpha)

    return fewest(is_met, len(d)) if d.mean() > -mu else None


def fewest(enough: Callable[[int], bool], begin: int, steps: int = MOST) -> int | None:
    """The fewest queries that are enough, `begin` or more, to one of so many steps; None: not even MOST are."""
    low = high = begin
    while not enough(high):
        low, high = high, 2 * high
        if high > MOST:
            return None
    between = range(low, high, max(1, high // steps))[1:]
    at = bisect_left(between, True, key=enough)
    return between[at] if at < len(between) else high


def _margin_for(power: float, values: Array, draws: NDArray[np.generic], alpha: float) -> float:
    """The smallest margin, to a hundredth of a point, at which this share of the draws is GREEN."""
    low, high, sure, needed = least_margin(int(draws[0].sum()), alpha), 1.0, 0, power * len(draws)
    middle = low
    while high - low > 1e-4:
        middle = min(2 * middle, (low + high) / 2)  # from below: far beyond the answer the inversion is slow
        green = tails(values, draws, -middle) < alpha
        # a draw that is GREEN here is so at any larger margin: either these alone remain open, or the others alone
        if sure + green.sum() >= needed:
            high, draws = middle, draws[green]
        else:
            low, sure, draws = middle, sure + int(green.sum()), draws[~green]
    return high
