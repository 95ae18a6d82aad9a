"""What do the answers of before the climb say? The sanity rows of the two evidence files, as columns of two arms.

The battery judges from what was written down, not from what it had in memory: what is read back from the merged files
gives the same snapshot, and so the same cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gates.errors import EvidenceError

STREAM = "sanity"  # of the rows in agg.parquet
WINDOW = 0  # of the rows in hits.parquet
_DEPTH = 50

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm's answers, one row a query. What can be counted from the hits is counted from the hits."""

    name: str  # of the system
    ndcg: Floats  # nDCG@10, whenever it came
    recall: Floats  # recall@50 counted from the hits, whenever the answer came
    sla_recall: Floats  # as recorded: 0 where the answer came late
    latency_ms: Floats
    within_sla: Flags
    confidence: Floats
    hits: Counts
    known: Counts  # hits at a place where the collection has a document
    credits: Counts
    file_credits: Counts
    pooled: int  # places of its answers that came in time
    decision: NDArray[np.str_]  # the router's, "" where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Both arms' answers to the same queries, in the same order."""

    hero: Side
    baseline: Side
    intent: NDArray[np.str_]
    pool: int  # places that at least one arm gave in time

    def __len__(self) -> int:
        return len(self.intent)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Hero, then baseline."""
        return self.hero, self.baseline


def read_snapshot(hits: pa.Table, agg: pa.Table, hero: str, baseline: str) -> Snapshot:
    """The sanity rows of two evidence tables. Raises EvidenceError where the arms were not asked the same."""
    rows = [_sanity_rows(agg, name) for name in (hero, baseline)]
    if rows[0]["query_ord"].to_pylist() != rows[1]["query_ord"].to_pylist():
        raise EvidenceError(
            f"agg.parquet: {rows[0].num_rows} sanity answers of {hero} and {rows[1].num_rows} of {baseline} "
            "are not of the same queries, but the battery compares them; run it again"
        )
    hits = hits.filter(pc.equal(hits["window"], WINDOW))
    found = [hits.filter(pc.equal(hits["system"], name)) for name in (hero, baseline)]
    pooled = [_places_in_time(h, r) for h, r in zip(found, rows, strict=True)]
    sides = [_side(n, h, r, len(p)) for n, h, r, p in zip((hero, baseline), found, rows, pooled, strict=True)]
    return Snapshot(
        hero=sides[0],
        baseline=sides[1],
        intent=_texts(rows[0], "intent"),
        pool=len(pooled[0] | pooled[1]),
    )


def _sanity_rows(agg: pa.Table, system: str) -> pa.Table:
    mine = pc.and_(pc.equal(agg["stream"], STREAM), pc.equal(agg["system"], system))
    return agg.filter(mine).sort_by("pair_ord")


def _side(name: str, hits: pa.Table, agg: pa.Table, pooled: int) -> Side:
    row = _rows_of(hits, agg)
    shallow = _numbers(hits, "rank") <= _DEPTH
    relevant = shallow & (_numbers(hits, "grade") > 0)
    credit = _texts(hits, "credit")
    n_relevant = _numbers(agg, "n_relevant")

    def count(which: Flags) -> Counts:
        return np.bincount(row[which], minlength=agg.num_rows)

    return Side(
        name=name,
        ndcg=_numbers(agg, "ndcg_at_10"),
        recall=count(relevant) / np.maximum(n_relevant, 1),
        sla_recall=_numbers(agg, "sla_recall_at_50"),
        latency_ms=_numbers(agg, "latency_ms"),
        within_sla=_numbers(agg, "within_sla").astype(np.bool_),
        confidence=_numbers(agg, "confidence"),
        hits=count(shallow),
        known=count(shallow & (_numbers(hits, "doc_ord") >= 0)),
        credits=count(shallow & (credit != "none")),
        file_credits=count(shallow & (credit == "file")),
        pooled=pooled,
        decision=_texts(agg, "router_decision"),
    )


def _rows_of(hits: pa.Table, agg: pa.Table) -> NDArray[np.intp]:
    """Each hit's row among the answers. Raises EvidenceError for a hit without an answer."""
    asked, query = _numbers(agg, "query_ord"), _numbers(hits, "query_ord")
    order = np.argsort(asked)
    at = np.minimum(np.searchsorted(asked[order], query), max(len(asked) - 1, 0))
    if len(query) and not (len(asked) and np.array_equal(asked[order][at], query)):
        raise EvidenceError("hits.parquet: sanity hits of queries that agg.parquet does not know; run the canary again")
    return np.asarray(order[at], dtype=np.intp) if len(query) else np.zeros(0, dtype=np.intp)


def _places_in_time(hits: pa.Table, agg: pa.Table) -> set[tuple[int, str, int, int]]:
    """(query, file, first line, last line) of each hit whose answer came in time."""
    in_time = agg.filter(agg["within_sla"])["query_ord"]
    shallow = pc.and_(pc.is_in(hits["query_ord"], in_time.combine_chunks()), pc.less_equal(hits["rank"], _DEPTH))
    near = hits.filter(shallow)
    columns = (near[name].to_pylist() for name in ("query_ord", "file", "line_start", "line_end"))
    return set(zip(*columns, strict=True))


def _numbers(table: pa.Table, name: str) -> Floats:
    return np.asarray(table[name].to_numpy(), dtype=np.float64)


def _texts(table: pa.Table, name: str) -> NDArray[np.str_]:
    return np.array([text or "" for text in table[name].to_pylist()], dtype=np.str_)
