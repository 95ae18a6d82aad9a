"""What is a canary rule asked of, and what does it answer? The windows of one canary, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerArm:
    """One arm's answers, each column of shape (windows, pairs). `correct` is 0 or 1; NaN where there is no value."""

    ndcg: Array
    recall: Array
    latency_ms: Array
    confidence: Array
    correct: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """One canary of one hero: both arms' answers in the order they were seen, one row a window.

    `paired` says that hero and baseline answered the same query at the same place. Raises ValueError where the columns
    are not of one shape (windows, pairs).
    """

    hero: PeerArm
    baseline: PeerArm
    paired: bool = True

    def __post_init__(self) -> None:
        shapes = {np.shape(getattr(arm, f.name)) for arm in (self.hero, self.baseline) for f in fields(PeerArm)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise ValueError(f"columns of shapes {sorted(shapes)}, expected one shape (windows, pairs) for all")

    @property
    def shape(self) -> tuple[int, int]:
        """Windows, and pairs in each."""
        windows, pairs = self.hero.ndcg.shape
        return windows, pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """How a rule ended a canary, and how many windows it had seen by then. Neither rolled back nor promoted: held."""

    rolled_back: bool
    promoted: bool
    window: int | None


HELD = Stop(rolled_back=False, promoted=False, window=None)


def rolled_back(window: int) -> Stop:
    """Rolled back after so many windows."""
    return Stop(rolled_back=True, promoted=False, window=window)


def promoted(window: int) -> Stop:
    """Promoted after so many windows."""
    return Stop(rolled_back=False, promoted=True, window=window)


def stop_at_first(fails: Flags) -> Stop:
    """Rolled back at the first window that anything fails, else promoted after the last. Shape (checks, windows)."""
    failing = fails.any(axis=0)
    return rolled_back(int(np.argmax(failing)) + 1) if failing.any() else promoted(fails.shape[1])


def two_samples(windows: Windows, other: Windows) -> Windows:
    """The hero of one canary against the baseline of another, drawn independently of it: split traffic."""
    return Windows(hero=windows.hero, baseline=other.baseline, paired=False)
