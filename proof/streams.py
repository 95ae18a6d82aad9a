"""How are the streams of an equal hero distributed? What gates/attainability.py simulates a policy with.

Shape of `streams` in configs/characteristics.json; weights are shares of pairs and sum to 1:

    {"source": "...", "pairs": 22000,
     "recall_lost": [[value, weight], ...],      baseline - hero, at most ATOMS atoms, mean kept exactly
     "ndcg_lost": [[value, weight], ...],
     "slow": [[-1, w], [0, w], [1, w]],          1{hero > q95 + margin} - 1{baseline > q95}, as guard p95_latency
     "late": [[0, w], [1, w]],                   1{hero > sla_ms}, as guard within_sla
     "calibrator_over": [[0, w], [1, w]],        1{calibrator_ms > limit_ms}, as gate calibrator_p99
     "shift": [{"limit": 0.02, "above": ..., "below": ...}, ...],  the two flags of gate confidence_shift: -1, 0, 1
     "error": [[0, w], [1, w]],                  hero-only errors
     "calibrator_ms": ..., "latency_ms": ...,    quantile atoms of the hero's values, for other limits than the policy's
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
from gates.observations import Pairs
from gates.policy import Policy
from gates.checks.question import Constants, flag

Array = NDArray[np.float64]
SHIFTS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # limits that a policy may set for the confidence shift
ATOMS = 63  # odd: a loss of exactly 0 has an atom of its own


def stream_atoms(pairs: Pairs, policy: Policy, constants: Constants, source: str) -> dict[str, Any]:
    """The streams of these pairs as atoms, in the shape above."""
    hero, baseline, gates, guards = pairs.hero, pairs.baseline, policy.gates, policy.guards
    q, intents = constants.median_confidence, policy.slices.intents
    slow = flag(hero.latency_ms > constants.q95_ms + guards.p95_latency.margin_ms)
    bins = fill_bins(hero.confidence, hero.correct, np.array(constants.bin_edges))
    return {
        "source": source,
        "pairs": len(pairs),
        "recall_lost": cells_of(baseline.recall - hero.recall),
        "ndcg_lost": cells_of(baseline.ndcg - hero.ndcg),
        "slow": exactly(slow - flag(baseline.latency_ms > constants.q95_ms)),
        "late": exactly(flag(hero.latency_ms > guards.within_sla.sla_ms)),
        "calibrator_over": exactly(flag(hero.calibrator_ms > gates.calibrator_p99.limit_ms)),
        "shift": [
            {
                "limit": limit,
                "above": exactly(flag(hero.confidence > q + limit) - flag(baseline.confidence > q)),
                "below": exactly(flag(hero.confidence < q - limit) - flag(baseline.confidence < q)),
            }
            for limit in sorted({*SHIFTS, gates.confidence_shift.limit})
        ],
        "error": exactly(hero.error * (1 - baseline.error)),
        "calibrator_ms": quantiles_of(hero.calibrator_ms),
        "latency_ms": quantiles_of(hero.latency_ms),
        "calibration": [
            {"weight": _rounded(w), "gap": _rounded(gap), "variance": _rounded(error**2 * w * len(pairs))}
            for w, gap, error in zip(*bins, strict=True)
        ],
        "intents": {name: _rounded(float((pairs.intent == i).mean())) for i, name in enumerate(intents)},
        "ms_per_pair": _rounded(float(hero.latency_ms.mean() + baseline.latency_ms.mean())),
    }


def exactly(x: Array) -> list[list[float]]:
    """Every value that occurs, with its share."""
    values, counts = np.unique(x, return_counts=True)
    return _atoms(values, counts / len(x))


def cells_of(x: Array) -> list[list[float]]:
    """Values in [-1, 1] drawn together into ATOMS cells, each at its own mean: the mean stays as it is."""
    half = ATOMS // 2
    cell = np.rint(x * half).astype(np.intp) + half
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
