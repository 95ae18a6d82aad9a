"""Which looks at the calibration are GREEN, and is the A/A alarm raised? As gates.rule.witness and
gates.rule.dispersion decide.

Each answer is the one that the gate's own function gives; what is faster is only that hopeless or certain cases are
told from a part of the draws: a p-value that a prefix of the draws already makes too large stays too large.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gates.rule.dispersion import EVERY, chi_squared_tail
from gates.rule.witness import PURPOSES
from gates.statistics import calibration
from gates.statistics.calibration import Bins

Array = NDArray[np.float64]
PREFIX = 200  # draws that settle most windows and looks


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
    """Is the A/A alarm raised at the end of this window? Shapes (3,), as in gates.rule.dispersion."""
    look, rest = divmod(windows, EVERY)
    if rest:
        return False
    tail = min(chi_squared_tail(float(s), int(k)) for s, k in zip(squares, counted, strict=True))
    return min(1.0, 3 * tail) < rate / (look * (look + 1))


def _bins(gaps: Array, counts: Array) -> tuple[Array, Array, Array]:
    """Weight, gap and standard error as gates.statistics.calibration.fill_bins has them, from sums; every bin is
    filled.
    """
    n = counts[..., 0]
    gap = gaps / n
    variance = np.maximum(counts[..., 1] / n - gap**2, counts[..., 2] / n * 0.1)
    return n / n.sum(axis=-1, keepdims=True), gap, np.sqrt(variance / n)


def _bins_of(gaps: Array, counts: Array) -> Bins:
    filled = counts[:, 0] > 0
    return Bins(*_bins(gaps[filled], counts[filled]))


@lru_cache(maxsize=16)
def _look_noise(draws: tuple[int, int, int], bins: int) -> tuple[Array, Array, Array]:
    """The draws of a look, the same ones from the longest to the shortest, and their lengths."""
    rng = np.random.default_rng((*draws, PURPOSES.index("look")))
    noise = rng.standard_normal((calibration.DRAWS, bins))
    lengths = np.sqrt((noise**2).sum(axis=1))
    order = np.argsort(-lengths)
    return noise, noise[order], lengths[order]
