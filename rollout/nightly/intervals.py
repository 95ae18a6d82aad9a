"""How sure is every metric of the night? Whiskers of each system and suite from the night's agg.parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from fixtures.nightly import Whiskers
from gates.answered import Answered
from gates.errors import EvidenceError
from gates.job_cells import job_cell, not_evidenced
from gates.statistics.calibration import equal_mass_edges
from gates.verdicts import Cell, Verdict
from gates.whiskers import Resamples, Whisker, detectable, differences, levels, out_of_order
from rollout import order
from rollout.columns import answered
from rollout.jobs.job import numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One system on one suite of the night."""

    system: str
    config_hash: str
    suite: str
    queries: int
    levels: Mapping[str, Whisker]
    differences: Mapping[str, Whisker]  # from the incumbent; {} for the incumbent itself


def measure_night(
    agg: pa.Table, systems: Sequence[str], suites: Sequence[str], limits: Whiskers, bins: int, fingerprint: str
) -> list[Row]:
    """Every system on every suite; the first system is the incumbent. `fingerprint` seeds the resamples.

    Raises EvidenceError where two systems were not asked the same.
    """
    confidence = answered(agg, systems[0]).arm.confidence
    calibrated = len(confidence) and np.isfinite(confidence).all()
    edges = equal_mass_edges(confidence, bins) if calibrated else np.zeros(0)
    hashes = dict(zip(agg["system"].to_pylist(), agg["config_hash"].to_pylist(), strict=True))
    rows = []
    for window, suite in enumerate(suites, start=1):
        found = {system: answered(agg, system, window) for system in systems}
        incumbent = found[systems[0]]
        seed = order.seed(fingerprint) + window
        resamples = Resamples.draw(len(incumbent), limits.resamples, len(edges) + 1, seed)
        for system, its in found.items():
            _same(incumbent, its, suite, systems[0], system)
            rows.append(
                Row(
                    system=system,
                    config_hash=str(hashes[system]),
                    suite=suite,
                    queries=len(its),
                    levels=levels(its.arm, edges, resamples, limits.few),
                    differences={}
                    if its is incumbent
                    else differences(its.arm, incumbent.arm, edges, resamples, limits.few),
                )
            )
    return rows


def judge_system(system: str, rows: Sequence[Row], alpha: float, power: float) -> Cell:
    """RED where an interval of the system says nothing; the note says how they were made, and what they would show."""
    mine = [row for row in rows if row.system == system]
    if not mine:
        return not_evidenced(system, "intervals", f"the night did not ask {system}; run -m regenerate")
    wrong = [
        f"{row.suite}: {line}" for row in mine for kind in (row.levels, row.differences) for line in out_of_order(kind)
    ]
    every = [whisker for row in mine for kind in (row.levels, row.differences) for whisker in kind.values()]
    methods = {method: sum(w.method == method for w in every) for method in sorted({w.method for w in every})}
    note = ", ".join(f"{n} by {method}" for method, n in methods.items())
    if wrong:
        note = f"{wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "") + f"; {note}"
    elif smallest := _smallest(mine, alpha, power):
        note += f"; {smallest}"
    return job_cell(
        system,
        "intervals",
        Verdict.RED if wrong else Verdict.GREEN,
        sum(row.queries for row in mine),
        unit="intervals without meaning",
        observed=str(len(wrong)),
        limit="0",
        note=note,
    )


def history_rows(rows: Sequence[Row], fingerprint: str) -> list[Mapping[str, Any]]:
    """What the history keeps: each metric, and each difference from the incumbent as `<metric>_difference`."""
    return [
        {
            "system": row.system,
            "config_hash": row.config_hash,
            "suite": row.suite,
            "metric": f"{metric}{end}",
            "n": whisker.n,
            "release_fingerprint": fingerprint,
            **numbers(whisker.interval),
        }
        for row in rows
        for end, kind in (("", row.levels), ("_difference", row.differences))
        for metric, whisker in kind.items()
    ]


def _smallest(rows: Sequence[Row], alpha: float, power: float) -> str:
    """The paired loss in nDCG@10 that the largest suite would show, from the width of its interval."""
    row = max(rows, key=lambda row: row.queries)
    if "ndcg_at_10" not in row.differences:
        return ""
    interval, _, n, _ = row.differences["ndcg_at_10"]
    spread = (interval.upper - interval.lower) / 2 / 1.96 * n**0.5
    loss = detectable(spread, n, alpha, power)
    return f"{row.suite} shows a paired loss of {loss:.3f} nDCG@10 with {power:.0%} power"


def _same(one: Answered, other: Answered, suite: str, name: str, system: str) -> None:
    if not np.array_equal(one.query_id, other.query_id):
        raise EvidenceError(
            f"agg.parquet: {name} and {system} were not asked the same queries of {suite}; run -m regenerate"
        )
