"""GrowthBook: does a safe rollout's sequential test show harm? An asymptotic confidence sequence on each guardrail.

Source: growthbook/growthbook docs/docs/features/safe-rollouts.mdx (commit 03547f5a: one-sided sequential testing of the
absolute change, threshold zero, an inconclusive rollout ships), packages/stats/gbstats/frequentist/tests.py
(SequentialOneSidedTreatmentLesserTTest and ...GreaterTTest; its port packages/tsgbstats/src/frequentist/tests.ts at
commit b23e8ec3 is the text that was read), packages/shared/src/constants.ts (alpha .05, tuning parameter 5,000, no
correction for several metrics). The sequence is equation 134 of Waudby-Smith et al., arXiv 2103.06476v7.

Ours: the four metrics as guardrails, looked at after each window (GrowthBook's default is every 6 hours); latency by
its mean, since its docs have sequential testing "not implemented for Quantile Testing" (docs/docs/statistics/
quantile.mdx); an answer without a value is left out, where GrowthBook's queries may count 0; with paired arms the
sequence runs over the pairs' differences, which GrowthBook does not offer.
"""

import math

import numpy as np

from benchmarks.peers.windows import METRICS, Array, Metric, Stop, Windows, stop_at_first

ALPHA = 0.05
TUNED_FOR = 5_000  # observations of both arms at which the sequence is tightest


def growthbook(windows: Windows) -> Stop:
    """When does a safe rollout fail? After the first window at which a guardrail's bound is worse than zero.

    A guardrail without a result never fails, and whatever does not fail ships in the end; only a hero that nothing at
    all is known of is held ("no-data"). Source: packages/shared/src/enterprise/decision-criteria/decisionCriteria.ts,
    getSafeRolloutResultStatus.
    """
    bounds = np.array([least_harm(metric, windows) for metric in METRICS])
    return Stop("held") if np.isnan(bounds[:, -1]).all() else stop_at_first(bounds > 0)


def least_harm(metric: Metric, windows: Windows) -> Array:
    """The one-sided lower bound of how much worse the hero is, after each window, shape (windows,).

    NaN while an arm has fewer than two values, -inf while one does not vary: GrowthBook reports no result for either
    (packages/stats/gbstats/models/tests.py at commit 02083896, EffectMoments).
    """
    hero, baseline = metric.values(windows.hero), metric.values(windows.baseline)
    if windows.paired:
        n, harm, variance = running_moments(metric.worse * (hero - baseline))
        squared_error, varies = variance / n, variance > 0
    else:
        n_hero, mean_hero, variance_hero = running_moments(hero)
        n_baseline, mean_baseline, variance_baseline = running_moments(baseline)
        n, harm = n_hero + n_baseline, metric.worse * (mean_hero - mean_baseline)
        squared_error = variance_hero / n_hero + variance_baseline / n_baseline
        varies = (variance_hero > 0) & (variance_baseline > 0)
    return np.where(varies | np.isnan(n), harm - half_width(squared_error, n), -np.inf)


def half_width(squared_error: Array, n: Array) -> Array:
    """How far the one-sided bound lies from an estimate with this squared standard error after n observations."""
    rho_squared = (-2 * math.log(2 * ALPHA) + math.log(1 - 2 * math.log(2 * ALPHA))) / TUNED_FOR
    grown = n * rho_squared + 1
    return np.asarray(np.sqrt(squared_error * 2 * grown / (n * rho_squared) * np.log1p(np.sqrt(grown) / (2 * ALPHA))))


def running_moments(values: Array) -> tuple[Array, Array, Array]:
    """Count, mean and variance of all values up to the end of each window, shapes (windows,). NaN is left out.

    All NaN where there are fewer than two values.
    """
    n = np.cumsum((~np.isnan(values)).sum(axis=1)).astype(np.float64)
    n[n < 2] = np.nan
    mean = np.cumsum(np.nansum(values, axis=1)) / n
    squares = np.cumsum(np.nansum(values**2, axis=1))
    return n, mean, np.maximum(squares - n * mean**2, 0) / (n - 1)
