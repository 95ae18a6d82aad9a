"""Is stated confidence what it claims? Calibration error with its null simulation and its betting witness.

Rules (docs/decision-rule.md):
- Bins are frozen before the first pair: equal mass over the baseline's preflight confidences.
- GREEN by null simulation at planned looks only: an error of `limit` in every bin is the hardest to tell from none,
  so it is excluded when the observed error is too small for it. The k-th look spends alpha / (k (k + 1)).
- RED by the sign witness: whatever signs earlier windows suggest, E[s(bin) (confidence - correct)] <= true error.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.statistics import Array
from gates.statistics.pvalues import Interval, halved

DRAWS = 20_000  # null simulations of one look; resolves p = .0005 to +-.00016


class Bins(NamedTuple):
    """Counts, mean gap (confidence - correct) and its standard error for each bin that holds a pair."""

    weight: Array
    gap: Array
    error: Array


def equal_mass_edges(confidence: Array, bins: int) -> Array:
    """Inner edges of `bins` equal-mass bins, strictly rising (ties merge bins)."""
    return np.unique(np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1]))


def bin_of(confidence: Array, edges: Array) -> NDArray[np.intp]:
    """Bin of each confidence: 0 .. len(edges)."""
    return np.searchsorted(edges, confidence, side="right")


def fill_bins(confidence: Array, correct: Array, edges: Array) -> Bins:
    """Aggregate pairs into the frozen bins.

    The variance is at least a tenth of the Bernoulli variance c (1 - c): a bin whose outcomes all agree is not
    without noise.
    """
    at, k = bin_of(confidence, edges), len(edges) + 1
    n = np.bincount(at, minlength=k).astype(np.float64)
    filled = n > 0
    difference = confidence - correct
    gap = np.bincount(at, difference, k)[filled] / n[filled]
    square = np.bincount(at, difference**2, k)[filled] / n[filled]
    variance = np.maximum(square - gap**2, np.bincount(at, confidence * (1 - confidence), k)[filled] / n[filled] * 0.1)
    return Bins(n[filled] / n.sum(), gap, np.sqrt(variance / n[filled]))


def calibration_error(bins: Bins) -> float:
    """Plug-in error: mean absolute gap, weighted by the bins' counts (AECE on equal-mass bins)."""
    return float((bins.weight * np.abs(bins.gap)).sum())


def p_error_at_least(bins: Bins, limit: float, noise: Array) -> float:
    """P-value of "true error >= limit" (small: GREEN). `noise` is standard normal, shape (draws, bins)."""
    simulated = np.abs(limit + noise[:, : len(bins.gap)] * bins.error) @ bins.weight
    return float((np.count_nonzero(simulated <= calibration_error(bins)) + 1) / (len(noise) + 1))


def p_error_at_most(bins: Bins, limit: float, noise: Array) -> float:
    """P-value of "true error <= limit" (small: RED), against a null of the observed shape scaled to `limit`."""
    observed = calibration_error(bins)
    shape = bins.gap * (min(1.0, limit / observed) if observed > 0 else 0.0)
    simulated = np.abs(shape + noise[:, : len(bins.gap)] * bins.error) @ bins.weight
    return float((np.count_nonzero(simulated >= observed) + 1) / (len(noise) + 1))


def error_interval(bins: Bins, noise: Array) -> Interval:
    """Observed error with the errors that two one-sided tests at 2.5 % do not exclude."""
    observed = calibration_error(bins)

    lower, _ = halved(lambda error: p_error_at_most(bins, error, noise) > 0.025, 0.0, 0.5, 14)
    _, upper = halved(lambda error: p_error_at_least(bins, error, noise) <= 0.025, 0.0, 0.5, 14)
    return Interval(observed, min(lower, observed), max(upper, observed))


def witness_signs(confidence: Array, correct: Array, edges: Array) -> Array:
    """The direction each bin is off, +1 over-confident, -1 under-confident, from pairs already seen."""
    return np.where(summed_gaps(confidence, correct, edges) >= 0, 1.0, -1.0)


def summed_gaps(confidence: Array, correct: Array, edges: Array) -> Array:
    """Sum of confidence - correct in each bin."""
    gaps: Array = np.bincount(bin_of(confidence, edges), confidence - correct, len(edges) + 1).astype(np.float64)
    return gaps


def gap_columns(confidence: Array, correct: Array, edges: Array) -> NDArray[np.float32]:
    """confidence - correct of each answer in the column of its bin, shape (answers, bins)."""
    columns = np.zeros((len(confidence), len(edges) + 1), dtype=np.float32)
    columns[np.arange(len(confidence)), bin_of(confidence, edges)] = confidence - correct
    return columns


def witness(confidence: Array, correct: Array, edges: Array, signs: Array, limit: float) -> Array:
    """Stream with mean <= 0 when the true error is at most `limit`, for signs chosen from earlier pairs only."""
    return signs[bin_of(confidence, edges)] * (confidence - correct) - limit
