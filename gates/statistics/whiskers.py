"""How sure is each number? 95 % intervals of every metric of a suite, all from one set of bootstrap resamples.

Rules (docs/nightly.md, measured in simulations):
- a mean, or a difference of means: t. Where fewer than `few` of the values differ from the most common one (two
  configurations that differ on 16 of 800 queries), t misses on one side far too often; there BCa;
- where no value differs at all: what n equal values leave open (a share of queries that may differ unseen);
- a share of sums (file credit): the same rule on each query's influence;
- p95: its order statistics. ECE: the errors that its null simulation does not exclude, for a percentile bootstrap of a
  plug-in error doubles its bias. Differences of the two: percentiles of the paired bootstrap, in which the bias of
  both sides cancels;
- a rate: Wilson.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.pairs import Arm
from gates.statistics import Array, calibration
from gates.statistics.pvalues import Interval, mean_interval, quantile_interval, rate_interval

MEANS = {"ndcg_at_10": "ndcg", "sla_recall_at_50": "recall"}  # metric -> column
_NORMAL = NormalDist()
_NULLS = 2_000  # null simulations of one calibration interval
_AT_ONCE = 32  # resamples that are counted together


class Whisker(NamedTuple):
    """A number with its interval, how that was made, and on how many values that differ."""

    interval: Interval
    method: str
    n: int
    differ: int  # values other than the most common one


@dataclass(frozen=True, slots=True, kw_only=True)
class Resamples:
    """How often each of n queries stands in each resample: one set for all metrics of a suite."""

    times: NDArray[np.float32]  # (resamples, n)
    noise: Array  # for null simulations, (draws, bins)

    @classmethod
    def draw(cls, n: int, resamples: int, bins: int, seed: int) -> Resamples:
        """The set that belongs to a seed."""
        rng = np.random.default_rng(seed)
        times = np.empty((resamples, n), dtype=np.float32)
        for begun in range(0, resamples, _AT_ONCE):  # what fits a processor's cache is counted faster
            some = min(_AT_ONCE, resamples - begun)
            rows = rng.integers(0, n, (some, n), dtype=np.int32) + (np.arange(some) * n)[:, None]
            times[begun : begun + some] = np.bincount(rows.ravel(), minlength=some * n).reshape(some, n)
        return cls(times=times, noise=rng.standard_normal((_NULLS, bins)))

    def means(self, values: NDArray[np.floating]) -> Array:
        """Mean of each column of `values` (n, k) in each resample: (resamples, k)."""
        return np.asarray(self.times @ values.astype(np.float32), dtype=np.float64) / len(values)

    def quantiles(self, values: Array, q: float) -> Array:
        """The order statistic of rank n q in each resample."""
        order = np.argsort(values)
        reached = np.cumsum(self.times[:, order], axis=1)
        at = min(len(values) - 1, int(len(values) * q))
        return np.asarray(values[order][np.argmax(reached > at, axis=1)])


def levels(arm: Arm, edges: Array, resamples: Resamples, few: int) -> dict[str, Whisker]:
    """Every metric of one system that it gives, by name. `edges` are the inner edges of the calibration bins."""
    n = len(arm)
    found = {name: of_mean(arm.column(column), resamples, few) for name, column in MEANS.items()}
    if np.isfinite(arm.latency_ms).all():
        p95 = quantile_interval(arm.latency_ms, 0.95)
        found["p95_latency_ms"] = Whisker(p95, "order statistics", n, _differ(arm.latency_ms))
    if _calibrated(arm, edges):
        error = calibration.error_interval(calibration.fill_bins(arm.confidence, arm.correct, edges), resamples.noise)
        found["ece"] = Whisker(error, "null simulation", n, _differ(arm.confidence))
    if arm.credits.sum():
        values = share(arm) + influence(arm)
        whisker = of_mean(values, resamples, few, differ=int(np.count_nonzero(arm.file_credits)))
        value, lower, upper = whisker.interval
        found["file_credit"] = whisker._replace(interval=Interval(value, max(0.0, lower), min(1.0, upper)))
    found["error_rate"] = Whisker(rate_interval(int(arm.error.sum()), n), "Wilson", n, int(arm.error.sum()))
    return found


def differences(hero: Arm, baseline: Arm, edges: Array, resamples: Resamples, few: int) -> dict[str, Whisker]:
    """Hero minus baseline on the same queries, every metric that both give."""
    n = len(hero)
    found = {name: of_mean(hero.column(c) - baseline.column(c), resamples, few) for name, c in MEANS.items()}
    if np.isfinite(hero.latency_ms).all() and np.isfinite(baseline.latency_ms).all():
        draws = resamples.quantiles(hero.latency_ms, 0.95) - resamples.quantiles(baseline.latency_ms, 0.95)
        value = quantile_interval(hero.latency_ms, 0.95).value - quantile_interval(baseline.latency_ms, 0.95).value
        changed = int(np.count_nonzero(hero.latency_ms != baseline.latency_ms))
        interval = percentiles(value, draws)
        if changed < few:  # a quantile that no resample moves is not known for certain
            low, high = _unseen_quantile(hero.latency_ms, 0.95)
            interval = Interval(value, min(interval.lower, value + low), max(interval.upper, value + high))
        found["p95_latency_ms"] = Whisker(interval, "paired bootstrap", n, changed)
    if _calibrated(hero, edges) and _calibrated(baseline, edges):
        value = error(hero, edges) - error(baseline, edges)
        changed = int(np.count_nonzero((hero.confidence != baseline.confidence) | (hero.correct != baseline.correct)))
        draws = error_draws(hero, edges, resamples) - error_draws(baseline, edges, resamples)
        interval = percentiles(value, draws)
        if not changed:  # a query that differs moves the error by 1 / n at most
            interval = Interval(value, value - _unseen(n), value + _unseen(n))
        found["ece"] = Whisker(interval, "paired bootstrap" if changed else "none differs", n, changed)
    if hero.credits.sum() and baseline.credits.sum():
        values = share(hero) + influence(hero) - share(baseline) - influence(baseline)
        changed = (hero.file_credits != baseline.file_credits) | (hero.credits != baseline.credits)
        found["file_credit"] = of_mean(values, resamples, few, differ=int(np.count_nonzero(changed)))
    return found


def of_mean(values: Array, resamples: Resamples, few: int, differ: int | None = None) -> Whisker:
    """The mean of values in [-1, 1]: t, BCa where few differ, and what equal values leave open where none does.

    `differ` counts the queries that differ where the values themselves do not tell.
    """
    n, seen = len(values), _differ(values)
    differ = seen if differ is None else min(differ, seen)
    if not differ:
        value = float(values.mean()) if n else math.nan
        interval = Interval(value, value - _unseen(n) * (value + 1), value + _unseen(n) * (1 - value))
        return Whisker(interval, "none differs", n, 0)
    if differ < few:
        return Whisker(_bca(values, resamples.means(values[:, None])[:, 0]), "BCa", n, differ)
    normal = mean_interval(values)
    half = (normal.upper - normal.value) * student_factor(n - 1)
    return Whisker(Interval(normal.value, normal.value - half, normal.value + half), "t", n, differ)


def student_factor(degrees: int) -> float:
    """t quantile over normal quantile at 97.5 %, by the Cornish-Fisher series (to 1e-5 from 10 degrees on)."""
    z, v = 1.959963984540054, float(degrees)
    return (
        1
        + (z**2 + 1) / (4 * v)
        + (5 * z**4 + 16 * z**2 + 3) / (96 * v**2)
        + (3 * z**6 + 19 * z**4 + 17 * z**2 - 15) / (384 * v**3)
    )


def detectable(spread: float, n: int, alpha: float, power: float) -> float:
    """The loss that n values of this standard deviation show with probability `power` at one-sided level `alpha`."""
    return (_NORMAL.inv_cdf(1 - alpha) + _NORMAL.inv_cdf(power)) * spread / math.sqrt(n)


def out_of_order(whiskers: Mapping[str, Whisker]) -> list[str]:
    """Intervals that say nothing: not finite, without their own number, or without width; a line each."""
    wrong = []
    for metric, (interval, method, n, _) in whiskers.items():
        shown = f"{metric} {interval.value:.4g} [{interval.lower:.4g}, {interval.upper:.4g}] by {method}, n {n}"
        if not all(math.isfinite(x) for x in interval):
            wrong.append(f"{shown}: not a number")
        elif not interval.lower <= interval.value <= interval.upper:
            wrong.append(f"{shown}: does not hold its own number")
        elif interval.lower == interval.upper:
            wrong.append(f"{shown}: has no width")
    return wrong


def _bca(values: Array, draws: Array) -> Interval:
    """Bias-corrected and accelerated (Efron 1987) interval of a mean; the jackknife of a mean is its values'."""
    value = float(values.mean())
    below = (np.count_nonzero(draws < value) + 0.5 * np.count_nonzero(draws == value)) / len(draws)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / (2 * len(draws))), 1 - 1 / (2 * len(draws))))
    centred = values - value
    spread = float((centred**2).sum())
    acceleration = float((centred**3).sum()) / (6 * spread**1.5) if spread else 0.0
    ends = []
    for z in (-1.959963984540054, 1.959963984540054):
        moved = bias + (bias + z) / (1 - acceleration * (bias + z))
        ends.append(float(np.quantile(draws, _NORMAL.cdf(moved))))
    return Interval(value, min(ends[0], value), max(ends[1], value))


def percentiles(value: float, draws: Array) -> Interval:
    """A number with the 95 % interval of its resamples."""
    low, high = np.quantile(draws, (0.025, 0.975))
    return Interval(value, min(float(low), value), max(float(high), value))


def _unseen(n: int) -> float:
    """The share of queries that may differ although none of n does (the exact 97.5 % bound)."""
    return 1 - 0.025 ** (1 / n) if n else math.nan


def _unseen_quantile(values: Array, q: float) -> tuple[float, float]:
    """How far the q-quantile moves where that share of queries goes to one side of it."""
    ordered, n = np.sort(values), len(values)
    at = min(n - 1, int(n * q))
    reach = math.ceil(n * _unseen(n))
    low, high = float(ordered[max(0, at - reach)]), float(ordered[min(n - 1, at + reach)])
    return low - float(ordered[at]), high - float(ordered[at])


def _differ(values: Array) -> int:
    """Values other than the most common one."""
    if not len(values):
        return 0
    _, counts = np.unique(values, return_counts=True)
    return len(values) - int(counts.max())


def _calibrated(arm: Arm, edges: Array) -> bool:
    return bool(len(edges) and np.isfinite(arm.confidence).all())


def error(arm: Arm, edges: Array) -> float:
    """Mean absolute gap of confidence and correctness over the bins."""
    return calibration.calibration_error(calibration.fill_bins(arm.confidence, arm.correct, edges))


def error_draws(arm: Arm, edges: Array, resamples: Resamples) -> Array:
    """The same in each resample."""
    gaps = calibration.gap_columns(arm.confidence, arm.correct, edges)
    return np.asarray(np.abs(resamples.means(gaps)).sum(axis=1))


def share(arm: Arm) -> float:
    """Share of credited hits that only overlap the judged lines."""
    return float(arm.file_credits.sum() / arm.credits.sum())


def influence(arm: Arm) -> Array:
    """What each query adds to the share of file credits, of mean 0."""
    return np.asarray((arm.file_credits - share(arm) * arm.credits) / arm.credits.mean())
