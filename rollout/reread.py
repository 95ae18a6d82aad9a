"""Do the two evidence files follow from each other and from the fingerprint? Measures computed anew from hits."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from evidence.measures import CREDIT, measure
from evidence.schemas import OWN
from fixtures.systems.protocol import Query
from rollout import order
from rollout.columns import BEFORE, Measured, codes, numbers
from rollout.replay import DERIVED, following


def wrong_order(measured: Measured, fingerprint: str) -> list[str]:
    """Where the queries do not stand, or were not served, as the release fingerprint draws."""
    wrong = []
    columns = (measured.query_ord, measured.query_id, measured.intent, measured.suite)
    queries = [
        Query(query_ord=o, query_id=i, text="", intent=kind, suite=suite)
        for o, i, kind, suite in zip(*(column.tolist() for column in columns), strict=True)
    ]
    drawn = order.query_order(fingerprint, queries)
    moved = [i for i, (one, other) in enumerate(zip(queries, drawn, strict=True)) if one is not other]
    if moved:
        wrong.append(
            f"agg.parquet: pair {moved[0]} is not where the fingerprint puts it; {len(moved)} are out of place"
        )
    rows = zip(queries, measured.step.tolist(), measured.served.tolist(), strict=True)
    other = [i for i, (query, step, who) in enumerate(rows) if order.arm_served(fingerprint, query, step) != who]
    if other:
        wrong.append(
            f"agg.parquet: arm_served of pair {other[0]} is not what the fingerprint draws; {len(other)} differ"
        )
    return wrong


def wrong_measures(hits: pa.Table, agg: pa.Table, sla_ms: float) -> list[str]:
    """Where agg.parquet says another thing than follows from hits.parquet: system, column, query."""
    judged = agg.filter(pc.is_in(agg["stream"], pa.array(["pair", "sanity"])))
    return [
        line
        for system in pc.unique(judged["system"]).to_pylist()
        for before in (True, False)  # a battery may have asked about the queries of the canary
        for line in _wrong_of(
            str(system), hits.filter(_of(hits, system, before)), judged.filter(_of(judged, system, before)), sla_ms
        )
    ]


def _of(table: pa.Table, system: str, before: bool) -> Any:
    first = pc.equal(table["window"], BEFORE)
    return pc.and_(pc.equal(table["system"], system), first if before else pc.invert(first))


def _wrong_of(system: str, hits: pa.Table, rows: pa.Table, sla_ms: float) -> list[str]:
    query = numbers(rows, "query_ord")
    by_query = np.argsort(query, kind="stable")
    place = np.searchsorted(query, numbers(hits, "query_ord"), sorter=by_query)
    known = place < len(query)
    row = by_query[np.where(known, place, 0)]
    if not np.array_equal(query[row], numbers(hits, "query_ord")):
        return [f"hits.parquet: hits of {system} are of queries that agg.parquet does not have"]
    rank = numbers(hits, "rank")
    starts = np.r_[True, row[1:] != row[:-1]]
    if not np.array_equal(rank, np.arange(len(rank)) - np.flatnonzero(starts)[np.cumsum(starts) - 1] + 1):
        return [f"hits.parquet: ranks of {system} do not count 1, 2, 3 ... within each query"]
    relevant = numbers(rows, "n_relevant")
    found = measure(
        row.astype(np.int32), rank, numbers(hits, "grade"), codes(hits, "credit", CREDIT),
        n_relevant=relevant, ideal_dcg_at_10=numbers(rows, "ideal_dcg_at_10"),
    )  # fmt: skip
    latency, waited = numbers(rows, "latency_ms"), numbers(rows, "wait_ms")
    within = ~(latency > sla_ms)
    follows: dict[str, NDArray[Any]] = {
        "wait_ms": np.fmax(np.fmin(waited, latency), 0),  # nothing waits longer than it takes
        "within_sla": within,
        **following(found, within),
        # own columns of other sources are as they were told, or computed by ir-measures
        **{own: DERIVED[name](found) for name in DERIVED if (own := f"{OWN}{name}") in rows.column_names},
    }
    wrong = []
    for column, values in follows.items():
        said = numbers(rows, column)
        differs = np.flatnonzero(~np.isclose(said.astype(np.float64), values.astype(np.float64), rtol=0, atol=1e-9))
        if len(differs):
            first = differs[0]
            wrong.append(
                f"agg.parquet: {column} of {system} for query {rows['query_id'][int(first)]} is {said[first]}, "
                f"but {values[first]} follows from hits.parquet; {len(differs)} differ"
            )
    return wrong
