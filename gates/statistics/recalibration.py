"""Is confidence calibrated at all? Two tests of "perfectly", for alarms: they ask another question than the gates do.

- Cox: outcomes regressed on the log odds of confidence, logit P(y) = a + b logit(c). Calibrated is a = 0, b = 1; the
  likelihood ratio against that is chi-square with two degrees of freedom, whose tail is exp(-LR / 2).
  (Cox, Two further applications of a model for binary regression, Biometrika 45, 1958.) It sees a slope or a level
  that is off, and not an error whose sign alternates: power .06 where the kernel test has .46 (simulated, n 800).
- Kernel: mean of (c - y)(c' - y') k(c, c') over pairs of different queries, k a Laplacian. The unbiased estimator of
  the squared kernel calibration error; its null by drawing outcomes from the confidences themselves. (Widmann,
  Lindsten, Zachariah, Calibration tests in multi-class classification, NeurIPS 2019, SKCE_uq; consistency resampling:
  Vaicenavicius et al., AISTATS 2019.) Its width is a tenth of their median distance, since it is there for the errors
  that Cox's test cannot see: of an alternating error of .05 a full median finds 3 %, a tenth 46 % (n 800, level 5 %).
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.statistics import Array

ROUNDS = 25  # Newton steps; the likelihood is concave, six suffice
GRID = 512  # the kernel sees confidences rounded to this many steps: a tenth of its usual width
WIDTH = 0.1  # of the kernel, as a share of the median distance of two confidences
_LOWEST = 1e-6  # log odds beyond this are those of the clamp


class Cox(NamedTuple):
    """The recalibration that outcomes ask for, and the p-value of needing none."""

    intercept: float
    slope: float
    p: float


class Kernel(NamedTuple):
    """Squared kernel calibration error (unbiased: below 0 by chance), its kernel's width, and the p-value of none."""

    skce: float
    width: float
    p: float


def cox_test(confidence: Array, correct: Array) -> Cox:
    """Newton's method on the two coefficients. NaN coefficients where all outcomes agree: the slope has no estimate."""
    held = np.clip(confidence, _LOWEST, 1 - _LOWEST)
    odds = np.log(held / (1 - held))
    if len(np.unique(correct)) < 2 or np.ptp(odds) == 0:
        return Cox(math.nan, math.nan, math.nan)
    design = np.column_stack([np.ones(len(odds)), odds])
    beta = np.array([0.0, 1.0])
    calibrated = _log_likelihood(odds, correct)
    for _ in range(ROUNDS):
        fitted = np.exp(-np.logaddexp(0, -design @ beta))
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design
        try:
            step = np.linalg.solve(hessian, design.T @ (correct - fitted))
        except np.linalg.LinAlgError:  # outcomes are separated by confidence: any slope is too small
            break
        beta += _shortened(design, correct, beta, step)
        if np.abs(step).max() < 1e-10:
            break
    ratio = 2 * (_log_likelihood(design @ beta, correct) - calibrated)
    return Cox(float(beta[0]), float(beta[1]), math.exp(-max(ratio, 0.0) / 2))


def _shortened(design: Array, correct: Array, beta: Array, step: Array) -> Array:
    """A step that does not lower the likelihood: far from the optimum Newton's own may."""
    begun = _log_likelihood(design @ beta, correct)
    for _ in range(30):
        if _log_likelihood(design @ (beta + step), correct) >= begun:
            return step
        step = step / 2
    return np.zeros_like(step)


def _log_likelihood(odds: Array, correct: Array) -> float:
    return float((correct * odds - np.logaddexp(0, odds)).sum())


def kernel_test(confidence: Array, correct: Array, draws: int, rng: np.random.Generator) -> Kernel:
    """The unbiased estimate, and its p-value from `draws` sets of outcomes drawn from the confidences."""
    n = len(confidence)
    if n < 2:
        return Kernel(math.nan, math.nan, math.nan)
    cell = np.rint(confidence * GRID).astype(np.intp)
    width = max(_median_distance(cell) * WIDTH, 1 / GRID)
    steps = np.arange(GRID + 1) / GRID
    kernel = np.exp(-np.abs(steps[:, None] - steps[None, :]) / width)

    def estimate(outcomes: Array) -> float:
        rest = confidence - outcomes
        by_cell = np.bincount(cell, rest, GRID + 1)
        return float(by_cell @ kernel @ by_cell - rest @ rest) / (n * (n - 1))

    observed = estimate(correct)
    drawn = [estimate((rng.random(n) < confidence).astype(np.float64)) for _ in range(draws)]
    return Kernel(observed, width, (sum(value >= observed for value in drawn) + 1) / (draws + 1))


def _median_distance(cell: NDArray[np.intp]) -> float:
    """Median of |c - c'| over pairs, from the counts on the grid."""
    count = np.bincount(cell, minlength=GRID + 1).astype(np.float64)
    pairs = np.correlate(count, count, mode="full")[GRID:]  # pairs at each distance, those of a query with itself too
    pairs[0] -= count.sum()
    pairs[0] /= 2
    return float(np.searchsorted(np.cumsum(pairs), pairs.sum() / 2)) / GRID
