"""What is kept of thousands of ends? Counts that add up over the parts of a cell, and what follows from them."""

from collections import Counter
from typing import Any

import numpy as np
from scipy.stats import binomtest

from gates.verdicts import Decision
from proof.simulate.canaries import Ends
from proof.simulate.cells import HEROES, MODEL, Experiment


def bounds(k: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """How far may the true rate be from k of n? Two-sided Clopper-Pearson; either bound of .9 holds with .95."""
    found = binomtest(k, n).proportion_ci(confidence, "exact")
    return float(found.low), float(found.high)


def count_ends(ends: Ends, cell: Experiment) -> dict[str, Any]:
    """Counts of one part of a cell: JSON, and addable by `add_counts`."""
    rolled, promoted = ends.decision == Decision.ROLLBACK, ends.decision == Decision.PROMOTE
    held = ends.decision == Decision.HOLD
    three = rolled[: len(rolled) // HEROES * HEROES].reshape(-1, HEROES)
    names = ("lexical", "router", "ann") if cell.world != MODEL and not cell.hero else ()
    return {
        "heroes": len(ends),
        "promoted": int(promoted.sum()),
        "rolled_back": int(rolled.sum()),
        "held": int(held.sum()),
        "waiting": int(ends.waiting.sum()),
        "releases": len(three),
        "releases_rolled_back": int(three.any(axis=1).sum()),
        "stopped_by": {c: int(n) for c, n in zip(ends.checks, ends.red.sum(axis=0), strict=True) if n},
        "undecided": {c: int(n) for c, n in zip(ends.checks, ends.open[held].sum(axis=0), strict=True) if n},
        "pairs_to_rollback": ends.pairs[rolled].tolist(),
        "pairs_to_promotion": ends.pairs[promoted].tolist(),
        "promoted_of": {name: int(promoted[i::HEROES].sum()) for i, name in enumerate(names)},
    }


def add_counts(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """The counts of a whole: numbers and counters add up, lists follow each other."""
    total = dict(parts[0])
    for part in parts[1:]:
        for key, value in part.items():
            if isinstance(value, dict):
                total[key] = Counter(total[key])
                total[key].update(value)  # keeps a count of 0
            else:
                total[key] = total[key] + value
    return total


def cell_row(cell: Experiment, counts: dict[str, Any]) -> dict[str, Any]:
    """One row of the JSON: what was simulated, what came out, within which bounds (95 %, Clopper-Pearson)."""
    n = counts["heroes"]
    return {
        "key": cell.key,
        "group": cell.group,
        "world": cell.world,
        "what": cell.what,
        "n": n,
        **{key: counts[key] for key in ("promoted", "rolled_back", "held", "waiting")},
        **{f"{key}_bounds": _rounded(bounds(counts[key], n)) for key in ("promoted", "rolled_back")},
        **{key: counts[key] for key in ("releases", "releases_rolled_back")},
        "promoted_of": {name: [k, n // HEROES] for name, k in counts["promoted_of"].items()},
        "releases_rolled_back_upper": _rounded(bounds(counts["releases_rolled_back"], counts["releases"], 0.9))[1],
        "pairs_to_rollback": quantiles(counts["pairs_to_rollback"]),
        "pairs_to_promotion": quantiles(counts["pairs_to_promotion"]),
        **{key: dict(Counter(counts[key]).most_common()) for key in ("stopped_by", "undecided")},
    }


def quantiles(pairs: list[int]) -> dict[str, int | None]:
    """Median and 99 % of them."""
    if not pairs:
        return {"median": None, "most": None}
    median, most = np.quantile(pairs, [0.5, 0.99], method="inverted_cdf")
    return {"median": int(median), "most": int(most)}


def _rounded(values: tuple[float, ...]) -> list[float]:
    return [float(f"{v:.3g}") for v in values]
