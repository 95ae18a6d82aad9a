"""What do the betting processes of many heroes say? Their evidence as gates.statistics.eprocess and
gates.rule.trackers have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.rule.trackers import Thresholds
from gates.verdicts import Kind
from proof.features import Plan

Array = NDArray[np.float64]
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
        need = limits.green if question.kind is Kind.INSTRUMENT else limits.red
        for streams in question.red:
            found.append(Process(check=question.check, streams=tuple(range(at, at + len(streams))), need=need))
            at += len(streams)
    if plan.traffic is not None:
        found.append(Process(check="traffic_share", streams=(at, at + 1), need=limits.green))
    at += 2
    for check in (*(w.check for w in plan.witnesses), *(head.check for head, _ in plan.tails)):
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
