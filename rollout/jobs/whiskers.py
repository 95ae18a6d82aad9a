"""How sure is every metric of the night? Whiskers of each system and suite from the night's agg.parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa
from pydantic import Field

from fixtures.suites import load_suites
from gates.documents import Document
from gates.errors import EvidenceError
from gates.policy import Count
from gates.statistics.calibration import equal_mass_edges
from gates.statistics.whiskers import Resamples, Whisker, detectable, differences, levels, out_of_order
from gates.verdicts import Cell
from rollout import order
from rollout.answered import Answered
from rollout.columns import answered, read_agg
from rollout.jobs.check import JobCheck, NotShown, job_check
from rollout.jobs.job import Jobs, metric_row
from rollout.jobs.regenerate import unchanged
from rollout.jobs.settings import read_family


class WhiskerLimits(Document):
    """How intervals are made."""

    resamples: Annotated[int, Field(ge=1000)]  # of the shared bootstrap
    few: Count  # observations that differ from the most common one: fewer, and the mean's interval is BCa instead of t


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRow:
    """One system on one suite of the night."""

    system: str
    config_hash: str
    suite: str
    queries: int
    levels: Mapping[str, Whisker]
    differences: Mapping[str, Whisker]  # from the incumbent; {} for the incumbent itself


def measure_night(
    agg: pa.Table, systems: Sequence[str], suites: Sequence[str], limits: WhiskerLimits, bins: int, fingerprint: str
) -> list[NightRow]:
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
                NightRow(
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


class NightSpans(NamedTuple):
    """The intervals of a night, and by which power they are told."""

    system: str
    rows: Sequence[NightRow]
    alpha: float
    power: float


@job_check("intervals", "intervals without meaning")
def intervals(check: JobCheck, found: NightSpans) -> Cell:
    """A number of the night stands without saying how sure it is, so any wobble of it reads as news."""
    mine = [row for row in found.rows if row.system == found.system]
    if not mine:
        raise NotShown(f"the night did not ask {found.system}; run -m regenerate")
    kinds = [(row.suite, kind) for row in mine for kind in (row.levels, row.differences)]
    wrong = [f"{suite}: {line}" for suite, kind in kinds for line in out_of_order(kind)]
    every = [whisker for _, kind in kinds for whisker in kind.values()]
    methods = {method: sum(w.method == method for w in every) for method in sorted({w.method for w in every})}
    note = ", ".join(f"{n} by {method}" for method, n in methods.items())
    if wrong:
        note = f"{wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else "") + f"; {note}"
    elif smallest := _smallest(mine, found.alpha, found.power):
        note += f"; {smallest}"
    n = sum(row.queries for row in mine)
    return check.found(wrong, n, note, observed=str(len(wrong)), limit="0")


def items(jobs: Jobs) -> list[str]:
    """One of the incumbent and of each hero of the policy."""
    served = jobs.served()
    return [served.name, *served.policy.heroes]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Make the intervals of the night's files, and have them written for people and kept."""
    nightly = read_family(jobs.configs, "nightly", whiskers=WhiskerLimits)
    suites = load_suites(jobs.configs / "suites.yaml")
    (folder, night), probe = jobs.night(nightly), jobs.probe()
    said = unchanged(folder, night)
    agg = read_agg(folder)
    bins = probe.served.policy.bins
    rows = measure_night(agg, said.systems, said.suites, nightly.whiskers, bins, probe.fingerprint)
    jobs.publish(rows=rows, folder=folder, night=f"night of {night} · run {said.run_id}")
    jobs.keep("whiskers", history_rows(rows, probe.fingerprint))
    return {name: intervals.about(name, NightSpans(name, rows, suites.alpha, suites.power)) for name in items(jobs)}


def history_rows(rows: Sequence[NightRow], fingerprint: str) -> list[Mapping[str, Any]]:
    """What the history keeps: each metric, and each difference from the incumbent as `<metric>_difference`."""
    return [
        metric_row(row.system, row.config_hash, row.suite, f"{metric}{end}", whisker.interval, whisker.n, fingerprint)
        for row in rows
        for end, kind in (("", row.levels), ("_difference", row.differences))
        for metric, whisker in kind.items()
    ]


def _smallest(rows: Sequence[NightRow], alpha: float, power: float) -> str:
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
