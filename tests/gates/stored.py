"""A characteristics file with a stored equal hero, small enough to reason about."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from gates.planning.characteristics import SCHEMA, deciding_digest
from gates.policy import Policy

BINS = 10


def document(policy: Policy, **changes: Any) -> dict[str, Any]:
    """An equal hero that churns: one query in ten gains or loses a tenth, one in twenty crosses the median."""
    churn = [[-0.1, 0.05], [0.0, 0.9], [0.1, 0.05]]
    shift = [{"limit": at, "above": [[-1, 0.1], [0, 0.88], [1, 0.02]], "below": [[-1, 0.1], [0, 0.88], [1, 0.02]]}
             for at in (0.02, 0.1)]  # fmt: skip
    streams = {
        "source": "handmade",
        "pairs": 1000,
        "recall_lost": churn,
        "ndcg_lost": churn,
        "gap_moved": [[-0.5, 0.02], [0.0, 0.96], [0.5, 0.02]],
        "file_excess": [[-0.02, 1.0]],
        "credits": 1.0,
        "tails": [
            {"quantile": 0.95, "flags": [[-1, 0.05], [0, 0.95]]},
            {"quantile": 0.99, "flags": [[-1, 0.01], [0, 0.99]]},
        ],
        "calibrator_ms": [[0.01, 0.999], [0.5, 0.001]],
        "latency_ms": [[10.0, 0.95], [40.0, 0.05]],
        "shift": shift,
        "calibration": [
            {"weight": 1 / BINS, "gap": gap, "variance": 0.16} for gap in np.linspace(-0.01, 0.01, BINS).tolist()
        ],
        "intents": {"docstring": 0.5, "identifier": 0.4, "error": 0.1},
        "ms_per_pair": 2.0,
    }
    return {
        "schema": SCHEMA,
        "policy_digest": policy.digest(),
        "sources_digest": deciding_digest(),
        "rates": {"false_rollback": "0.0001", "false_rollback_upper": "0.0004"},
        "streams": streams,
        **changes,
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    """The file."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
