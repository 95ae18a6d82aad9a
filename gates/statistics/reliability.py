"""By how much did calibration move between two weeks' answers to the same queries? Errors over bins, and their change.

- AECE: mean |confidence - correct| over equal-mass bins of that week's own confidences, K = min(floor(sqrt N), bins).
- DECE: the same in one pass over bins that are frozen with the accepted answers.
- Both are biased upwards at any N that can be had (.058 at N 800, K 28 for a perfect calibrator), mostly by the same
  amount in both weeks. So a difference is judged, never a value. What is left of the bias pulls it towards 0: what is
  shown to have moved has moved at least so far.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.statistics import Array
from gates.statistics.calibration import bin_of, gap_columns, witness_signs
from gates.statistics.gaffke import tail
from gates.statistics.pvalues import Z95, Interval

Z90 = 1.2815515655446004
TRIED = 1.3  # times the log odds: the over-confidence by which the power of this week's sample is told


class ErrorChange(NamedTuple):
    """Calibration error of two weeks on the same queries, and their difference."""

    now: float
    then: float
    change: Interval
    p: float  # of "no further off than the limit, on the same queries"; 1 where the change is within it
    finds: float  # the measured rise that would be shown beyond the limit in nine of ten samples


def bin_count(n: int, most: int) -> int:
    """K = min(floor(sqrt N), most)."""
    return max(1, min(math.isqrt(n), most))


def compare_errors(
    now: tuple[Array, Array], then: tuple[Array, Array], edges: tuple[Array, Array], resamples: int, limit: float,
    rng: np.random.Generator,
) -> ErrorChange:  # fmt: skip
    """Errors of (confidence, correct) of the same queries in both weeks, each over its own edges."""
    confidence, correct = now
    odds = np.log(np.clip(confidence, 1e-6, 1 - 1e-6) / (1 - np.clip(confidence, 1e-6, 1 - 1e-6)))
    tried = 1 / (1 + np.exp(-TRIED * odds))
    sums = [
        gap_columns(confidence, correct, edges[0]),
        gap_columns(*then, edges[1]),
        gap_columns(tried, correct, edges[1]),
    ]
    drawn = resampled_errors(sums, resamples, rng)
    here, there = (float(np.abs(s.sum(axis=0)).sum() / len(confidence)) for s in sums[:2])
    unchanged = np.array_equal(sums[0], sums[1])  # then what differs is the rounding of two sums
    half = 0.0 if unchanged else Z95 * float((drawn[:, 0] - drawn[:, 1]).std())
    tried_error = float((drawn[:, 2] - drawn[:, 1]).std())
    change = here - there
    p = 1.0
    if abs(change) > limit:
        one, other, own = (now, then, edges[0]) if change > 0 else (then, now, edges[1])
        p = p_further_off(one, other, own, limit, rng)
    return ErrorChange(
        here, there, Interval(change, change - half, change + half), p, limit + (Z95 + Z90) * tried_error
    )


def p_further_off(
    one: tuple[Array, Array], other: tuple[Array, Array], edges: Array, limit: float, rng: np.random.Generator
) -> float:
    """P-value of "in the direction in which `one` is off, it is so by at most `limit` more than `other`".

    A random half of the queries says which direction that is in each bin of `one`, the other half is judged by it.
    """
    (confidence, correct), (confidence_of_other, correct_of_other) = one, other
    asked, judged = np.array_split(rng.permutation(len(confidence)), 2)
    signs = witness_signs(confidence[asked], correct[asked], edges)[bin_of(confidence, edges)]
    further = signs * ((confidence - correct) - (confidence_of_other - correct_of_other))  # within [-2, 2]
    return tail(-further[judged] / 2, limit / 2)


def resampled_errors(sums: Sequence[NDArray[np.float32]], draws: int, rng: np.random.Generator) -> Array:
    """Calibration error of each set of columns in resamples of the queries, the same for all; shape (draws, sets)."""
    n = len(sums[0])
    widths = np.cumsum([0, *(s.shape[1] for s in sums)])
    joined = np.concatenate(sums, axis=1)
    errors = np.empty((draws, len(sums)))
    for begun in range(0, draws, 200):  # 200 x 8,000 weights are 6 MB
        end = min(begun + 200, draws)
        weights = np.array([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(begun, end)], np.float32)
        gaps = np.abs(weights @ joined)
        errors[begun:end] = np.add.reduceat(gaps, widths[:-1], axis=1) / n
    return errors


def merged_bins(confidence: Array, edges: Array, bins: int, least: int) -> tuple[int, int]:
    """(bins that were merged into a neighbour, bins that are left) of `bins` wanted ones.

    Equal confidences merge bins when edges are frozen; a bin with fewer than `least` answers joins the one below it.
    """
    count = np.bincount(bin_of(confidence, edges), minlength=len(edges) + 1)
    left, held = 0, 0
    for n in count.tolist():
        held += n
        if held >= least:
            left, held = left + 1, 0
    left = max(left, 1)  # what is over joins the last one
    return bins - left, left


def reliability_slope(confidence: Array, correct: Array, edges: Array) -> float:
    """Slope of the unweighted regression of the bins' accuracy on their mean confidence; NaN with one bin."""
    at, k = bin_of(confidence, edges), len(edges) + 1
    n = np.bincount(at, minlength=k)
    filled = n > 0
    x, y = (np.bincount(at, values, k)[filled] / n[filled] for values in (confidence, correct))
    spread = float(((x - x.mean()) ** 2).sum())
    return float(((x - x.mean()) * (y - y.mean())).sum() / spread) if spread > 0 else math.nan
