"""Kayenta: does the Netflix judge let a canary pass? Mann-Whitney intervals over time slices, scored and thresholded.

Source: spinnaker/spinnaker (kayenta/, commit f8b98eba): NetflixACAJudge.scala, MannWhitneyClassifier.scala,
MannWhitney.scala, EffectSizes.scala, WeightedSumScorer.scala; orca's RunCanaryIntervalsStage.kt (spinnaker/orca, commit
0ef750a7) for what a run covers; values to start with from spinnaker.io, "Best practices for configuring canary" (75,
95, no lookback, at least 50 points a metric and run).

Ours: four runs, one for each step of the ladder, 60 time slices each (the docs: three runs, one an hour, a point a
minute); directions set for each metric (the default is "either", which would stop a gain); all four metrics in one
group, so equally weighted.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np

from benchmarks.peers.windows import METRICS, Array, Metric, Stop, Windows
from gates.pairs import Arm

CONFIDENCE = 0.98
TOLERANCE = 0.25  # of the estimated shift itself, not of the baseline
EFFECT = 1.0  # ratio of the means that a rise must reach and a fall must not exceed
PASS, MARGINAL = 95.0, 75.0
NODATA_SHARE = 0.5
RUNS, SLICES = 4, 60


MetricLabel = Literal["Pass", "High", "Low", "Nodata"]  # a metric's class


class LocationShift(NamedTuple):
    """By how much x lies above y: a confidence interval and the Hodges-Lehmann estimate."""

    lower: float
    upper: float
    estimate: float


def kayenta(windows: Windows, *, critical: bool = False) -> Stop:
    """When does a canary stage stop? At a run that scores below 75, or at the last run if it scores below 95.

    Without a lookback, as the docs start with, each run judges all time slices since the start.
    Source: the docs' sentences for both thresholds, and ThresholdScoreClassifier.scala. With four equal metrics a lone
    failing one scores exactly 75, "Marginal", and stops nothing before the last run. Spinnaker's own task stops there
    too, since it compares with <= (orca MonitorKayentaCanaryTask.kt, commit 1c0cda33): with four metrics that is what
    `critical` gives, each metric marked so: a run in which any of them does not pass stops the stage.
    """
    total, pairs = windows.shape
    size = total * pairs // (RUNS * SLICES)
    if size == 0:
        raise ValueError(f"{total * pairs} pairs, expected at least {RUNS * SLICES}: one a time slice")
    series = [(m, time_slices(m, windows.hero, size), time_slices(m, windows.baseline, size)) for m in METRICS]
    for run in range(1, RUNS + 1):
        covered = slice(run * SLICES)
        points = score([classify(m, hero[covered], base[covered]) for m, hero, base in series], critical=critical)
        if points < (PASS if run == RUNS else MARGINAL):
            return Stop("rolled back", math.ceil(run * SLICES * size / pairs))
    return Stop("promoted", total)


def time_slices(metric: Metric, arm: Arm, size: int) -> Array:
    """A metric's time series: one number for each `size` answers in a row, shape (RUNS * SLICES,)."""
    values = metric.values(arm).ravel()[: RUNS * SLICES * size]  # fewer than RUNS * SLICES answers are left over
    return metric.summary(values.reshape(RUNS * SLICES, size))


def classify(metric: Metric, hero: Array, baseline: Array) -> MetricLabel:
    """Is the metric shown to be worse? Hero's and baseline's time slices, each of shape (slices,).

    Source: MannWhitneyClassifier.scala with nanStrategy "remove", the default. Its shortcut for equal series and its
    noise for constant ones are left out: both avoid an exception that `location_shift` does not raise.
    """
    x, y = hero[~np.isnan(hero)], baseline[~np.isnan(baseline)]
    if not len(x) or not len(y):
        return "Nodata"
    shift = location_shift(x, y)
    bound = TOLERANCE * abs(shift.estimate)
    ratio = _mean_ratio(x, y)
    if metric.worse > 0 and shift.lower > bound and not ratio < EFFECT:  # a ratio of NaN is ignored
        return "High"
    if metric.worse < 0 and shift.upper < -bound and not ratio > EFFECT:
        return "Low"
    return "Pass"


def location_shift(x: Array, y: Array, confidence: float = CONFIDENCE) -> LocationShift:
    """By how much is x shifted against y? The asymptotic interval of R's wilcox.test, with continuity correction.

    Source: MannWhitney.scala, which searches the shift at which the rank statistic crosses a normal quantile. It only
    jumps at differences x - y, so the crossings are order statistics of these; the estimate is their median, where
    Kayenta's search ends anywhere on the flat stretch around it.
    """
    differences = np.sort((x[:, None] - y[None, :]).ravel())
    count, n = len(differences), len(x) + len(y)
    # Ties within an arm stay ties at any shift; ties between arms end with the least shift.
    sigma = math.sqrt(count / 12 * (n + 1 - (_ties(x) + _ties(y)) / (n * (n - 1))))
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    below = max(0, math.floor(count / 2 - 0.5 - z * sigma))
    return LocationShift(
        lower=float(differences[below]),
        upper=float(differences[count - 1 - below]),
        estimate=float((differences[(count - 1) // 2] + differences[count // 2]) / 2),
    )


def score(labels: Sequence[MetricLabel], *, critical: bool) -> float:
    """Points of one run, 0 to 100: the share of metrics that pass among those with data.

    Source: WeightedSumScorer.scala with one group. A critical metric that does not pass, or no data for half of the
    metrics or more, scores 0.
    """
    missing = sum(label == "Nodata" for label in labels)
    passed = sum(label == "Pass" for label in labels)
    if (critical and passed < len(labels)) or missing >= NODATA_SHARE * len(labels):
        return 0.0
    return round(100 * passed / (len(labels) - missing), 2)


def _mean_ratio(x: Array, y: Array) -> float:
    above, below = float(x.mean()), float(y.mean())
    return math.nan if above == 0 or below == 0 else above / below


def _ties(values: Array) -> float:
    groups = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((groups**3 - groups).sum())
