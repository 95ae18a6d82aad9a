"""How far may the true rate be from k of n? Clopper-Pearson bounds, by bisection on the exact binomial tail."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import gammaln

CONFIDENCE = 0.95


def bounds(k: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Two-sided bounds of the rate: each side is wrong with a probability of at most (1 - confidence) / 2."""
    side = (1 - confidence) / 2
    lower = 0.0 if k == 0 else _solve(lambda p: tail(k, n, p) < side)
    upper = 1.0 if k == n else _solve(lambda p: 1 - tail(k + 1, n, p) > side)
    return lower, upper


def upper_bound(k: int, n: int, confidence: float = CONFIDENCE) -> float:
    """One-sided upper bound."""
    return 1.0 if k == n else _solve(lambda p: 1 - tail(k + 1, n, p) > 1 - confidence)


def tail(k: int, n: int, p: float) -> float:
    """P(at least k of n) at rate p."""
    if k <= 0:
        return 1.0
    if k > n or p <= 0:
        return 0.0
    if p >= 1:
        return 1.0
    i = np.arange(k, n + 1, dtype=np.float64)
    log_c = gammaln(n + 1) - gammaln(i + 1) - gammaln(n - i + 1)
    return float(min(1.0, np.exp(log_c + i * math.log(p) + (n - i) * math.log1p(-p)).sum()))


def _solve(is_below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high
