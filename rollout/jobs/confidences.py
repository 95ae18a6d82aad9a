"""Which answers have a confidence that is one, and what does the history keep of a week's confidences?"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from gates.statistics import Array
from gates.statistics.calibration import calibration_error, equal_mass_edges, fill_bins
from gates.statistics.pvalues import Interval, mean_interval, rate_interval
from gates.statistics.reliability import bin_count, reliability_slope
from rollout.answered import Answered
from rollout.jobs.job import metric_row
from rollout.jobs.probe import Probe

Scored = tuple[Array, Array]  # confidence and correctness of the answers that have a confidence


def usable(side: Answered) -> Scored:
    """Of the answers with a confidence that is one."""
    held = with_confidence(side)
    return held.arm.confidence, held.arm.correct


def at_clamp(confidence: Array, calibrator: Mapping[str, Any]) -> int:
    """Answers whose confidence is held by the calibrator's bounds."""
    low, high = calibrator.get("held_within", (0.0, 1.0))
    return int(((confidence <= low) | (confidence >= high)).sum())


def with_confidence(side: Answered) -> Answered:
    """Those answers."""
    return side.rows(np.flatnonzero((side.arm.confidence >= 0) & (side.arm.confidence <= 1)))


def history_rows(
    probe: Probe, now: Answered, then: Answered, bins: int, calibrator: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Rows of the history; errors without interval, since no interval of a biased value says anything."""
    served, (confidence, correct) = probe.served, usable(now)
    row, n = partial(metric_row, served.name, served.config_hash, "all"), len(confidence)
    if not n:
        return [row("answers", _alone(len(now)), len(now))]
    k = bin_count(n, bins)
    own = equal_mass_edges(confidence, k)
    frozen = equal_mass_edges(then.arm.confidence[np.isfinite(then.arm.confidence)], k)
    found = {
        "aece": _alone(calibration_error(fill_bins(confidence, correct, own))),
        "dece": _alone(calibration_error(fill_bins(confidence, correct, frozen))),
        "brier": mean_interval((confidence - correct) ** 2),
        "reliability_slope": _alone(reliability_slope(confidence, correct, frozen)),
        "output_clamp": rate_interval(at_clamp(confidence, calibrator), n),
        "ndcg_at_10": mean_interval(now.arm.ndcg),
    }
    if calibrator:
        found["slope_clamp"] = _alone(calibrator["clamped"] / calibrator["slopes"])
        found["alpha"] = _alone(float(np.mean(list(calibrator["alpha"].values()))))
    return [row(metric, interval, n) for metric, interval in found.items()]


def _alone(value: float) -> Interval:
    return Interval(float(value), math.nan, math.nan)
