"""What is a canary rule given, and what does it answer? The windows of one canary, four metrics, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gates.pairs import Arm

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """One canary of one hero: both arms' answers in the order they were seen, each column of shape (windows, pairs).

    `paired` says that hero and baseline answered the same query at the same place.
    """

    hero: Arm
    baseline: Arm
    paired: bool = True

    @property
    def shape(self) -> tuple[int, int]:
        """Windows, and pairs in each."""
        windows, pairs = self.hero.ndcg.shape
        return windows, pairs


def two_samples(windows: Windows, other: Windows) -> Windows:
    """The hero of one canary against the baseline of another, drawn independently of it: split traffic."""
    return Windows(hero=windows.hero, baseline=other.baseline, paired=False)


class Stop(NamedTuple):
    """How a rule ended a canary, and how many windows it had seen by then."""

    how: Literal["rolled back", "promoted", "held"]
    window: int | None = None


def stop_at_first(fails: Flags) -> Stop:
    """Rolled back at the first window that anything fails, else promoted after the last. Shape (checks, windows)."""
    failing = fails.any(axis=0)
    return Stop("rolled back", int(np.argmax(failing)) + 1) if failing.any() else Stop("promoted", fails.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One value an answer, and how a group of answers is summed up to one number."""

    values: Callable[[Arm], Array]  # of an arm, shape (windows, pairs)
    summary: Callable[[Array], Array]  # of shape (groups, answers) to (groups,)
    worse: int  # +1 where a higher value is worse, -1 where a lower one is


def mean(values: Array) -> Array:
    """Mean of each row, shape (rows,). NaN is left out: a metrics store has no sample where there is no value."""
    with np.errstate(invalid="ignore"):  # a row without any value: 0/0 = NaN is meant
        return np.asarray(np.nansum(values, axis=1) / (~np.isnan(values)).sum(axis=1))


def p95(values: Array) -> Array:
    """95th percentile of each row by nearest rank, shape (rows,). NaN is left out as by `mean`."""
    ranked = np.sort(values, axis=1)  # NaN comes last
    rank = np.ceil(0.95 * (~np.isnan(values)).sum(axis=1)).astype(np.intp)
    return np.asarray(ranked[np.arange(len(ranked)), np.maximum(rank - 1, 0)])


def over_confidence(arm: Arm) -> Array:
    """Confidence minus correctness of each answer, counted from 1.

    The only calibration that is a mean over answers, which is what peers compare; a binned error is not. It is blind
    to under-confidence and to errors that cancel over the bins. From 1, because Kayenta divides two arms' means.
    """
    return 1 + arm.confidence - arm.correct


NDCG = Metric(values=lambda arm: arm.ndcg, summary=mean, worse=-1)
RECALL = Metric(values=lambda arm: arm.recall, summary=mean, worse=-1)
LATENCY = Metric(values=lambda arm: arm.latency_ms, summary=p95, worse=+1)
CALIBRATION = Metric(values=over_confidence, summary=mean, worse=+1)
METRICS = (NDCG, RECALL, LATENCY, CALIBRATION)
