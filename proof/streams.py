"""How are the streams of an equal hero distributed? What gates/attainability.py simulates a policy with.

Shape of `streams` in configs/characteristics.json; weights are shares of pairs and sum to 1:

    {"source": "...", "pairs": 22000,
     "recall_lost": [[value, weight], ...],      baseline - hero, at most ATOMS atoms, mean kept exactly
     "ndcg_lost": [[value, weight], ...],
     "gap_moved": [[value, weight], ...],        gap of the hero - gap of the baseline, gap: confidence - correct
     "file_excess": [[value, weight], ...],      what check file_credit bets on, and
     "credits": 4.6,                             credited hits of an answer
     "tails": [{"quantile": 0.95, "flags": [[-1, w], [0, w], [1, w]]}, ...],   what a latency tail bets on
     "shift": [{"limit": 0.02, "above": ..., "below": ...}, ...],  the two flags of gate confidence_shift: -1, 0, 1
     "calibrator_ms": ..., "latency_ms": ...,    quantile atoms of the hero's values
     "calibration": [{"weight": share of pairs in the bin, "gap": mean of confidence - correct,
                      "variance": of confidence - correct within the bin}, ...],   one for each filled bin
     "intents": {"docstring": 0.42, ...},        share of the pairs
     "ms_per_pair": 1.4}                         to answer one pair
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.calibration import fill_bins
from gates.checks.file_credit import FileCreditShare
from gates.checks.forms import Shift, Tail, net_ms
from gates.checks.question import Constants, flag
from gates.observations import Pairs
from gates.policy import Policy
from gates.questions import asked_checks

Array = NDArray[np.float64]
SHIFTS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # limits that a policy may set for the confidence shift
ATOMS = 63  # odd: a loss of exactly 0 has an atom of its own


def stream_atoms(pairs: Pairs, policy: Policy, constants: Constants, source: str) -> dict[str, Any]:
    """The streams of these pairs as atoms, in the shape above."""
    hero, baseline = pairs.hero, pairs.baseline
    forms = {asked.head.check: asked.form for asked in asked_checks(policy, constants)}
    shift, credit = policy.gates.confidence_shift.limit, policy.guards.file_credit
    gap = (hero.confidence - hero.correct) - (baseline.confidence - baseline.correct)
    bins = fill_bins(hero.confidence, hero.correct, np.array(constants.bin_edges))
    return {
        "source": source,
        "pairs": len(pairs),
        "recall_lost": cells_of(baseline.recall - hero.recall),
        "ndcg_lost": cells_of(baseline.ndcg - hero.ndcg),
        "gap_moved": cells_of(gap, most=2.0),
        "file_excess": exactly(np.round(FileCreditShare(limit=credit.limit, margin=credit.margin).excess(hero), 3)),
        "credits": _rounded(float(hero.credits.mean())),
        "tails": [
            {"quantile": form.quantile, "flags": exactly(_tail(form, pairs))}
            for form in forms.values()
            if isinstance(form, Tail)
        ],
        "shift": [
            {"limit": limit, "above": exactly(form.above(pairs)), "below": exactly(form.below(pairs))}
            for limit in sorted({*SHIFTS, shift})
            for form in [Shift(column="confidence", median=constants.median_confidence, limit=limit, seed=0)]
        ],
        "calibrator_ms": quantiles_of(hero.calibrator_ms),
        "latency_ms": quantiles_of(hero.latency_ms),
        "calibration": [
            {"weight": _rounded(w), "gap": _rounded(gap), "variance": _rounded(error**2 * w * len(pairs))}
            for w, gap, error in zip(*bins, strict=True)
        ],
        "intents": {name: _rounded(float((pairs.intent == i).mean())) for i, name in enumerate(policy.slices.intents)},
        "ms_per_pair": _rounded(float(hero.latency_ms.mean() + baseline.latency_ms.mean())),
    }


def _tail(form: Tail, pairs: Pairs) -> Array:
    """The flags of a tail whose quantile is known from all of these pairs."""
    at, margin = form.fix(net_ms(pairs.baseline))
    return flag(net_ms(pairs.hero) > at + margin) - flag(pairs.baseline.latency_ms > at)


def exactly(x: Array) -> list[list[float]]:
    """Every value that occurs, with its share."""
    values, counts = np.unique(x, return_counts=True)
    return _atoms(values, counts / len(x))


def cells_of(x: Array, most: float = 1.0) -> list[list[float]]:
    """Values in [-most, most] drawn together into ATOMS cells, each at its own mean: the mean stays as it is."""
    half = ATOMS // 2
    cell = np.rint(x / most * half).astype(np.intp) + half
    counts = np.bincount(cell, minlength=ATOMS)
    filled = counts > 0
    return _atoms(np.bincount(cell, x, ATOMS)[filled] / counts[filled], counts[filled] / len(x))


def quantiles_of(x: Array) -> list[list[float]]:
    """Quantiles, closer together in the upper tail, each with the share of what lies just below it."""
    at = np.concatenate([np.linspace(0.02, 0.96, 48), np.linspace(0.965, 0.995, 7), np.linspace(0.996, 1, 9)])
    return _atoms(np.quantile(x, at), np.diff(at, prepend=0.0))


def _atoms(values: Array, weights: Array) -> list[list[float]]:
    return [[_rounded(v), _rounded(w)] for v, w in zip(values, weights, strict=True)]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
