"""Is the merged evidence what was judged, no part lost, doubled or exchanged on the way?"""

import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

#: What the evaluator saw of one system: pairs, the sums of these columns over them, and the sums weighted by the pairs'
#: positions ("ordered ..."), which an exchange of rows changes.
Judged = Mapping[str, float]
SUMS = ("ndcg_at_10", "sla_recall_at_50", "confidence")


def disagreements(folder: Path, judged: Mapping[str, Judged]) -> list[str]:
    """Where `folder`/agg.parquet and hits.parquet differ from what was judged, a line each. `judged` is by system."""
    columns = ["system", "stream", "query_ord", "pair_ord", "total_hits", "n_credited", *SUMS]
    agg = pq.read_table(folder / "agg.parquet", columns=columns)
    agg = agg.filter(pc.equal(agg["stream"], "pair"))
    hits = pq.read_table(folder / "hits.parquet", columns=["system", "credit", "window"])
    hits = hits.filter(pc.greater(hits["window"], 0))  # without those of the sanity battery
    wrong = []
    for system, saw in judged.items():
        rows, found = _of(agg, system), _of(hits, system)
        wrong += [
            f"agg.parquet: {what} of {system} is {has:.12g}, but {should:.12g} was judged"
            for what, has, should in [
                ("number of answers", rows.num_rows, saw["pairs"]),
                ("number of distinct queries", pc.count_distinct(rows["query_ord"]).as_py(), saw["pairs"]),
                *((f"sum of {name}", _sum(rows[name]), saw[name]) for name in SUMS),
                *((f"ordered sum of {name}", _ordered(rows, name), saw[f"ordered {name}"]) for name in SUMS),
            ]
            # without a number in one of them (no confidence), without one in both
            if not (math.isclose(has, should, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(has) and math.isnan(should)))
        ]
        credited = pc.sum(pc.not_equal(found["credit"], "none")).as_py() or 0
        wrong += [
            f"hits.parquet: {has:,} {what} of {system}, but agg.parquet counts {should:,}"
            for what, has, should in [
                ("hits", found.num_rows, int(_sum(rows["total_hits"]))),
                ("credited hits", credited, int(_sum(rows["n_credited"]))),
            ]
            if has != should
        ]
    return wrong


def _of(table: pa.Table, system: str) -> pa.Table:
    return table.filter(pc.equal(table["system"], system))


def _ordered(rows: pa.Table, name: str) -> float:
    return _sum(pc.multiply(rows[name], pc.add(rows["pair_ord"].cast(pa.float64()), 1.0)))


def _sum(column: pa.ChunkedArray) -> float:
    return float(pc.sum(column).as_py() or 0.0)
