"""Which windows are low, and which looks GREEN? As gates.trackers and gates.witness decide, for many heroes at once.

Each answer is the one that the gate's own function gives; what is faster is only that hopeless or certain cases are
told from a part of the draws: a p-value that a prefix of the draws already makes too large stays too large.
"""

from __future__ import annotations

from functools import cache, lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from gates import calibration
from gates.calibration import Bins
from gates.dispersion import EVERY, chi_squared_tail
from gates.pvalues import p_rate_above
from gates.witness import PURPOSES
from proof.features import EITHER_SIGN, MEAN, RATE, WindowTest

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
PREFIX = 200  # draws that settle most windows and looks


def low_windows(test: WindowTest, sums: Array, n: int, level: float) -> Flags:
    """Whose window has a p-value below `level`? `sums` has shape (heroes, 4) over n pairs."""
    if test.kind == MEAN:
        mean = sums[:, 0] / n
        variance = np.maximum(sums[:, 1] - n * mean**2, 0) / (n - 1)
        return np.asarray(mean > -NormalDist().inv_cdf(level) * np.sqrt(variance / n))
    if test.kind == RATE:
        return np.asarray(sums[:, 0] >= fewest(n, test.rate, level))
    if test.kind == EITHER_SIGN:  # twice the smaller of two p-values
        return _many_ups(sums[:, :2], level / 2) | _many_ups(sums[:, 2:], level / 2)
    return _many_ups(sums[:, :2], level)


@cache
def fewest(n: int, rate: float, level: float) -> int:
    """The fewest hits of n whose p-value against `rate` is below `level`; n + 1 where even n hits are not enough."""
    low, high = 0, n + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if p_rate_above(middle, n, rate) < level else (middle, high)
    return high


def low_calibration(gaps: Array, counts: Array, limit: float, level: float, draws: tuple[int, int, int]) -> Flags:
    """Whose window shows a calibration error above `limit`? Shapes (heroes, bins), (heroes, bins, 3)."""
    low = np.zeros(len(gaps), dtype=np.bool_)
    filled = (counts[:, :, 0] > 0).all(axis=1)
    weight, gap, error = _bins(gaps[filled], counts[filled])
    observed = (weight * np.abs(gap)).sum(axis=1)
    scale = np.where(observed > limit, limit / np.maximum(observed, 1e-300), 1.0)
    noise = _window_noise(draws, gaps.shape[1])
    shifted = np.abs((gap * scale[:, None])[:, None, :] + noise[None] * error[:, None, :])
    as_large = (np.einsum("hdb,hb->hd", shifted, weight) >= observed[:, None]).sum(axis=1)
    hopeless = np.flatnonzero(filled)[as_large >= level * (calibration.DRAWS + 1) - 1]
    open_ = np.ones(len(gaps), dtype=np.bool_)
    open_[hopeless] = False
    for h in np.flatnonzero(open_):
        rng = np.random.default_rng((*draws, PURPOSES.index("window")))
        low[h] = calibration.is_shown_above(_bins_of(gaps[h], counts[h]), limit, level, rng)
    return low


def green_calibration(gaps: Array, counts: Array, limit: float, allowed: float, draws: tuple[int, int, int]) -> bool:
    """Does this look exclude an error of `limit`? Shapes (bins,), (bins, 3)."""
    bins, k = _bins_of(gaps, counts), len(gaps)
    noise, by_length, lengths = _look_noise(draws, k)
    if len(bins.gap) < k:
        return calibration.p_error_at_least(bins, limit, noise) <= allowed
    observed, most = calibration.calibration_error(bins), allowed * (calibration.DRAWS + 1) - 1
    # |limit + z s| >= limit + z s, so a draw shorter than this cannot reach down to what was observed
    spread = float(np.sqrt(((bins.weight * bins.error) ** 2).sum()))
    reach = (limit - observed) / spread - 1e-9 if spread > 0 else 0.0
    if reach <= 0:
        prefix = np.abs(limit + noise[: 10 * PREFIX] * bins.error) @ bins.weight <= observed
        if prefix.sum() > most:
            return False
    long = by_length[: int(np.searchsorted(-lengths, -reach, side="right"))]
    return float((np.abs(limit + long * bins.error) @ bins.weight <= observed).sum()) <= most


def dispersed(squares: Array, counted: NDArray[np.intp], windows: int, rate: float) -> bool:
    """Is the A/A alarm raised at the end of this window? Shapes (3,), as in gates.dispersion."""
    look, rest = divmod(windows, EVERY)
    if rest:
        return False
    tail = min(chi_squared_tail(float(s), int(k)) for s, k in zip(squares, counted, strict=True))
    return min(1.0, 3 * tail) < rate / (look * (look + 1))


def _many_ups(signs: Array, level: float) -> Flags:
    differ = signs.sum(axis=1).astype(np.intp)
    needed = {n: max(1, fewest(n, 0.5, level)) for n in np.unique(differ).tolist()}
    return np.asarray(signs[:, 0] >= np.array([needed[n] for n in differ.tolist()]))


def _bins(gaps: Array, counts: Array) -> tuple[Array, Array, Array]:
    """Weight, gap and standard error as gates.calibration.fill_bins has them, from sums; every bin is filled."""
    n = counts[..., 0]
    gap = gaps / n
    variance = np.maximum(counts[..., 1] / n - gap**2, counts[..., 2] / n * 0.1)
    return n / n.sum(axis=-1, keepdims=True), gap, np.sqrt(variance / n)


def _bins_of(gaps: Array, counts: Array) -> Bins:
    filled = counts[:, 0] > 0
    return Bins(*_bins(gaps[filled], counts[filled]))


@lru_cache(maxsize=64)
def _window_noise(draws: tuple[int, int, int], bins: int) -> Array:
    rng = np.random.default_rng((*draws, PURPOSES.index("window")))
    return rng.standard_normal((calibration.DRAWS // 20, bins))[:PREFIX]


@lru_cache(maxsize=16)
def _look_noise(draws: tuple[int, int, int], bins: int) -> tuple[Array, Array, Array]:
    """The draws of a look, the same ones from the longest to the shortest, and their lengths."""
    rng = np.random.default_rng((*draws, PURPOSES.index("look")))
    noise = rng.standard_normal((calibration.DRAWS, bins))
    lengths = np.sqrt((noise**2).sum(axis=1))
    order = np.argsort(-lengths)
    return noise, noise[order], lengths[order]
