"""Argo Rollouts, Flagger and the earlier pipeline: when do point thresholds, and counts of broken ones, stop a canary?

All three are given the same thresholds: a window is red for a metric when the hero's own estimate is worse than the
baseline's by more than one point, or by more than 5 % for p95. The thresholds are our choice, and generous:
Argo and Flagger leave the comparison with a baseline to the query that a user writes.
A window without a value is red: Argo counts a measurement as failed when its successCondition is not true (argoproj/
argo-rollouts utils/evaluate/evaluate.go), and Flagger a check that finds no values (ErrNoValuesFound).
"""

import numpy as np

from benchmarks.peers.windows import LATENCY, METRICS, Flags, Stop, Windows, stop_at_first

POINT = 0.01
P95_SHARE = 0.05
FAILURE_LIMIT = 2
FAILED_CHECKS = 5


def argo_rollouts(windows: Windows) -> Stop:
    """When does an AnalysisRun with failureLimit 2 abort the rollout? At a metric's third red window, in a row or not.

    Source: argoproj/argo-rollouts analysis/analysis.go, assessMetricFailureInconclusiveOrError ("result.Failed >
    failureLimit", counted for each metric over the whole run; read at commit c9dd7ea0), the worst metric decides in
    assessRunStatus; successful once `count` measurements are taken. The limit's default is 0; 2 is ours (the docs'
    examples say 3), one measurement a window too.
    """
    failures = np.cumsum(red_windows(windows), axis=1)
    return stop_at_first(failures > FAILURE_LIMIT)


def flagger(windows: Windows) -> Stop:
    """When does a Canary with threshold 5 roll back? At the fifth window with any red metric, in a row or not.

    Source: fluxcd/flagger pkg/controller/scheduler.go, advanceCanary ("FailedChecks >= GetAnalysisThreshold()", one
    more for each runAnalysis that fails, whichever metric it was, never reset while the weight climbs; read at commits
    00168964 and 2944581a). The threshold's default is 1 (GetAnalysisThreshold); 5 is the value of the docs' examples.
    In Flagger a failed check also repeats its step, so a canary with failures lasts longer than here and fails more.
    """
    failed_checks = np.cumsum(red_windows(windows).any(axis=0, keepdims=True), axis=1)
    return stop_at_first(failed_checks >= FAILED_CHECKS)


def two_red_windows(windows: Windows) -> Stop:
    """When does the earlier pipeline revert? When one metric is red in two windows in a row.

    Source: the original contract, as in gates/rule/letter.py, which counts each gate for itself.
    """
    red = red_windows(windows)
    again = np.zeros_like(red)
    again[:, 1:] = red[:, 1:] & red[:, :-1]
    return stop_at_first(again)


def red_windows(windows: Windows) -> Flags:
    """Which metric breaks its threshold in which window, shape (metrics, windows)."""
    red = []
    for metric in METRICS:
        hero, baseline = (metric.summary(metric.values(arm)) for arm in (windows.hero, windows.baseline))
        allowed = P95_SHARE * baseline if metric is LATENCY else POINT
        red.append(~(metric.worse * (hero - baseline) <= allowed))  # not "worse > allowed": NaN is not within either
    return np.array(red)
