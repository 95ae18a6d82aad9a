"""What do the bets, moving quantiles and calibration looks of many heroes say? Their evidence as the gate has it.

Betting as in gates.statistics.eprocess and gates.rule.trackers, quantiles as in gates.checks.forms.Tail, looks as in
gates.rule.witness. Each answer is the one that the gate's own function gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.checks.against import Tail
from gates.checks.question import rank_of
from gates.rule.trackers import Thresholds
from gates.statistics import Array
from gates.statistics.calibration import Bins
from gates.statistics.eprocess import STAKES
from gates.verdicts import Kind
from proof.simulate.features import Plan

Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One RED process: the positions of its streams, the log evidence it needs, and the check it belongs to."""

    check: str
    streams: tuple[int, ...]
    need: float
    each: bool = False  # every stream must show it, instead of their mean


def list_processes(plan: Plan, limits: Thresholds) -> tuple[Process, ...]:
    """Every RED process, over streams in the order: questions, traffic share (two), witnesses, tails, slices (two)."""
    found, at = [], 0
    for question in plan.streams:
        need = limits.green if question.head.kind is Kind.INSTRUMENT else limits.red
        for streams in question.red:
            found.append(Process(check=question.check, streams=tuple(range(at, at + len(streams))), need=need))
            at += len(streams)
    if plan.traffic is not None:
        found.append(Process(check=plan.traffic.check, streams=(at, at + 1), need=limits.green))
    at += 2
    for check in (*(w.head.check for w in plan.witnesses), *(head.check for head, _ in plan.tails)):
        found.append(Process(check=check, streams=(at,), need=limits.red))
        at += 1
    for head, _ in plan.slices:
        found.append(Process(check=head.check, streams=(at, at + 1), need=limits.red, each=True))
        at += 2
    return tuple(found)


def log_mixture(sums: Array, starts: Array, step: Numbers) -> Array:
    """Log evidence of a process at each look, as StartMixture and mean_log have it.

    Shapes (heroes, looks, streams, 5), (heroes, steps, streams, 5), (heroes,) -> (heroes, looks).
    """
    steps = starts.shape[1]
    weights = np.array([0.5] + [0.5 / (steps - 1)] * (steps - 1)) if steps > 1 else np.array([1.0])
    wealth = sums[:, :, None] - starts[:, None]
    wealth = np.where((np.arange(steps)[None, :] <= step[:, None])[:, None, :, None, None], wealth, 0.0)
    top = wealth.max(axis=(2, 4), keepdims=True)
    mixed = np.einsum("hlsmj,s->hlm", np.exp(wealth - top), weights) / wealth.shape[4]
    log_e = top[:, :, 0, :, 0] + np.log(mixed)
    most = log_e.max(axis=2, keepdims=True)
    return np.asarray(most[:, :, 0] + np.log(np.exp(log_e - most).mean(axis=2)))


def log_mean(wealth: Array) -> Array:
    """Log of the mean over the five stakes; -inf where all is lost."""
    top = wealth.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return np.asarray(top[..., 0] + np.log(np.exp(wealth - top).mean(axis=-1)))


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


def bins_of(gaps: Array, counts: Array) -> Bins:
    """The filled bins as gates.statistics.calibration.fill_bins has them, from sums of shapes (bins,), (bins, 3)."""
    filled = counts[:, 0] > 0
    n, gap = counts[filled, 0], gaps[filled] / counts[filled, 0]
    variance = np.maximum(counts[filled, 1] / n - gap**2, counts[filled, 2] / n * 0.1)
    return Bins(n / n.sum(keepdims=True), gap, np.sqrt(variance / n))
