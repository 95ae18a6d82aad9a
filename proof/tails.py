"""How often are the moving quantiles of latency exceeded, hero by hero? As gates.checks.forms.Tail, for many at once.

Of what the baseline needed until now only the upper end decides: the values from which a quantile can still come.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gates.checks.forms import Tail
from gates.checks.question import rank_of
from gates.statistics.eprocess import STAKES
from proof.features import Plan

Array = NDArray[np.float64]
Numbers = NDArray[np.intp]


class Tails:
    """What each hero's canary has seen of the baseline's clock."""

    def __init__(self, forms: Sequence[Tail], plan: Plan, heroes: int) -> None:
        self._forms, before = forms, np.array(plan.constants.baseline_ms)
        most = len(before) + plan.policy.ladder.total_windows * plan.policy.ladder.window
        keep = max((most - rank_of(most, form.quantile) for form in forms), default=1)
        self._seen = np.full(heroes, len(before))
        upper = np.sort(before)[-keep:]
        self._upper = np.full((heroes, keep), -np.inf)
        self._upper[:, keep - len(upper) :] = upper
        self._at = np.zeros((heroes, len(forms), 2))  # quantile, and quantile plus margin
        self._fix(np.arange(heroes))

    def flags(self, a: Numbers, ms: Array) -> Array:
        """What the tails bet on: -1, 0 or 1, shape (heroes, blocks, tails, pairs) for ms (heroes, blocks, 2, pairs)."""
        at = self._at[a][:, None, :, None]
        hero, baseline = ms[:, :, None, 1] > at[..., 1], ms[:, :, None, 0] > at[..., 0]
        return hero.astype(np.float64) - baseline

    def learn(self, a: Numbers, baseline_ms: Array) -> None:
        """One window more, (heroes, blocks, pairs)."""
        pairs = baseline_ms.shape[1] * baseline_ms.shape[2]
        both = np.concatenate([self._upper[a], baseline_ms.reshape(len(a), pairs)], axis=1)
        both.partition(both.shape[1] - self._upper.shape[1], axis=1)
        self._upper[a] = both[:, -self._upper.shape[1] :]
        self._seen[a] += pairs
        self._fix(a)

    def _fix(self, a: Numbers) -> None:
        for seen in np.unique(self._seen[a]).tolist():
            same = a[self._seen[a] == seen]
            for f, form in enumerate(self._forms):
                from_above = seen - 1 - rank_of(seen, form.quantile)
                place = self._upper.shape[1] - 1 - from_above
                at = np.partition(self._upper[same], place, axis=1)[:, place]
                margin = np.minimum(form.margin_ms, np.maximum(form.floor_ms, form.margin_share * at))
                self._at[same, f] = np.stack([at, at + margin], axis=1)


def grow(flags: Array) -> Array:
    """Log growth of the five bets on flags of -1, 0 and 1: (..., pairs) -> (..., 5)."""
    up, down = (flags > 0).sum(axis=-1), (flags < 0).sum(axis=-1)
    return np.asarray(up[..., None] * np.log1p(STAKES) + down[..., None] * np.log1p(-STAKES))
