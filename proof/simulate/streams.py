"""What gates/planning/attainability.py simulates a policy with, as it is stored: `streams` of
configs/characteristics.json.

Weights are shares of pairs and sum to 1:

    {"source": "...",
     "recall_lost": [[value, weight], ...],      baseline - hero
     "ndcg_lost": [[value, weight], ...],
     "gap_moved": [[value, weight], ...],        gap of the hero - gap of the baseline, gap: confidence - correct
     "file_excess": [[value, weight], ...],      what check file_credit bets on, and
     "credits": 4.6,                             credited hits of an answer
     "tails": [{"quantile": 0.95, "flags": [[-1, w], [0, w], [1, w]]}, ...],   what a latency tail bets on
     "shift": [{"limit": 0.02, "above": ..., "below": ...}, ...],  the two flags of gate confidence_shift: -1, 0, 1
     "calibrator_ms": ..., "latency_ms": ...,    quantiles of the hero's values
     "calibration": [{"weight": share of pairs in the bin, "gap": mean of confidence - correct,
                      "variance": of confidence - correct within the bin}, ...],   one for each filled bin
     "intents": {"docstring": 0.42, ...},        share of the pairs
     "ms_per_pair": 1.4}                         to answer one pair
"""

from typing import Any

from gates.planning.characteristics import Atoms, Streams


def streams_document(streams: Streams) -> dict[str, Any]:
    """The streams in the shape above, numbers to six digits."""
    return {
        "source": streams.source,
        **{name: _rows(atoms) for name, atoms in streams.atoms.items()},
        "credits": _rounded(streams.credits),
        "tails": [{"quantile": q, "flags": _rows(flags)} for (_, q), flags in streams.tails.items()],
        "shift": [
            {"limit": limit, "above": _rows(above), "below": _rows(below)}
            for limit, (above, below) in streams.shift.items()
        ],
        "calibration": [
            {"weight": _rounded(b.weight), "gap": _rounded(b.gap), "variance": _rounded(b.variance)}
            for b in streams.calibration
        ],
        "intents": {name: _rounded(share) for name, share in streams.intents.items()},
        "ms_per_pair": _rounded(streams.ms_per_pair),
    }


def _rows(atoms: Atoms) -> list[list[float]]:
    return [[_rounded(v), _rounded(w)] for v, w in zip(atoms.value, atoms.weight, strict=True)]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
