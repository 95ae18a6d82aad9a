"""One-sided p-values of a single look, and intervals for display. Nothing here is looked at repeatedly to decide."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from gates.statistics import Array

Z95 = 1.959963984540054


class Interval(NamedTuple):
    """An estimate with its two-sided 95 % interval."""

    value: float
    lower: float
    upper: float


def halved(enough: Callable[[float], bool], low: float, high: float, times: int) -> tuple[float, float]:
    """An interval, halved so often around the smallest value that is enough."""
    for _ in range(times):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return low, high


def p_rate_above(k: int, n: int, rate: float) -> float:
    """P-value of "rate at most `rate`" from k hits of n: exact binomial tail P(X >= k)."""
    if k == 0:
        return 1.0
    i = np.arange(k, n + 1, dtype=np.float64)
    log_c = math.lgamma(n + 1) - _lgamma(i + 1) - _lgamma(n - i + 1)
    return float(min(1.0, np.exp(log_c + i * math.log(rate) + (n - i) * math.log1p(-rate)).sum()))


def _lgamma(values: Array) -> Array:
    return np.array([math.lgamma(v) for v in values])


def z_among(intervals: int) -> float:
    """Half widths, in standard errors, of so many 95 % intervals that all hold at once (Bonferroni)."""
    return NormalDist().inv_cdf(1 - 0.025 / intervals)


def mean_interval(x: Array, z: float = Z95) -> Interval:
    """Mean with its normal 95 % interval (at n >= 800 bootstrap variants differ by less than their noise)."""
    n = len(x)
    mean = float(x.mean()) if n else math.nan
    half = z * float(x.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return Interval(mean, mean - half, mean + half)


def rate_interval(k: int, n: int) -> Interval:
    """Share k/n with its Wilson 95 % interval."""
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    p, z2 = k / n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # exact at the ends: there the two terms differ by rounding only
    return Interval(p, centre - half if k else 0.0, centre + half if k < n else 1.0)


def ratio_interval(part: Array, whole: Array) -> Interval:
    """sum(part) / sum(whole) over queries, with the delta method's 95 % interval (queries vary, not credits)."""
    total = float(whole.sum())
    if total == 0:
        return Interval(math.nan, math.nan, math.nan)
    share = float(part.sum()) / total
    half = Z95 * float((part - share * whole).std()) * math.sqrt(len(part)) / total
    return Interval(share, max(0.0, share - half), min(1.0, share + half))


def quantile_interval(x: Array, q: float) -> Interval:
    """q-quantile with its order-statistic 95 % interval (normal approximation of the binomial rank)."""
    n = len(x)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    ordered = np.sort(x)
    half = Z95 * math.sqrt(n * q * (1 - q))
    low, high = max(0, math.floor(n * q - half) - 1), min(n - 1, math.ceil(n * q + half))
    return Interval(float(ordered[min(n - 1, int(n * q))]), float(ordered[low]), float(ordered[high]))


def quantile_difference_interval(hero: Array, baseline: Array, q: float, seed: int) -> Interval:
    """Difference of the q-quantiles (hero - baseline) with a paired percentile bootstrap of 400 resamples."""
    n = len(hero)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan)
    rng = np.random.default_rng(seed)
    at = min(n - 1, int(n * q))
    draws = np.empty(400)
    for i in range(len(draws)):
        rows = rng.integers(0, n, n)
        draws[i] = np.partition(hero[rows], at)[at] - np.partition(baseline[rows], at)[at]
    value = float(np.partition(hero, at)[at] - np.partition(baseline, at)[at])
    return Interval(value, float(np.quantile(draws, 0.025)), float(np.quantile(draws, 0.975)))
