"""What did the judge see? Pairs read back from agg.parquet, and measures computed anew from hits.parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evidence.measures import CREDIT, measure
from evidence.schemas import AGG, HITS, check
from fixtures.systems.protocol import Query, cut_short
from gates.checks.question import ALL
from gates.errors import EvidenceError
from gates.pairs import Arm, Pairs
from rollout import order


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The pairs of one stream in the order the judge saw them, and where each stood in the canary."""

    pairs: Pairs
    queries: Sequence[Query]
    step: NDArray[np.int16]
    window: NDArray[np.int16]
    served: Sequence[str]

    def rows(self, begin: int, end: int) -> Pairs:
        """Some pairs in a row."""
        whole, at = self.pairs, slice(begin, end)
        again = (whole.repeated >= begin) & (whole.repeated < end)
        return Pairs(
            hero=whole.hero.rows(at),
            baseline=whole.baseline.rows(at),
            repeat=whole.repeat.rows(again.nonzero()[0]),
            repeated=whole.repeated[again] - begin,
            intent=whole.intent[at],
            served=whole.served[at],
            share=whole.share[at],
        )


def read_evidence(folder: Path) -> tuple[pa.Table, pa.Table]:
    """hits.parquet and agg.parquet of a hero. Raises EvidenceError where a file cannot be read, SchemaDrift."""
    tables = []
    for name, schema in (("hits.parquet", HITS), ("agg.parquet", AGG)):
        try:
            # not read_table, which imports pandas where it is installed: a second
            table = pq.ParquetFile(folder / name).read()
        except (OSError, pa.ArrowException) as error:
            raise EvidenceError(f"{folder / name}: cannot be read: {str(error).splitlines()[0]}") from None
        check(table, schema, name)
        tables.append(table)
    return tables[0], tables[1]


def read_stream(agg: pa.Table, hero: str, baseline: str, names: tuple[str, str], intents: Sequence[str]) -> Stream:
    """The pairs of the stream names[0], with the second answers of names[1]. Raises EvidenceError on a gap."""
    pair, again = names
    sides = [_of(agg, pair, system) for system in (hero, baseline)]
    repeats = _of(agg, again, baseline)
    n = sides[0].num_rows
    for name, rows in zip((hero, baseline), sides, strict=True):
        if not np.array_equal(_numbers(rows, "pair_ord"), np.arange(n)):
            raise EvidenceError(f"agg.parquet: {pair} rows of {name} are not the pairs 0 to {n - 1}, each once")
    if sides[0]["query_ord"] != sides[1]["query_ord"]:
        raise EvidenceError(f"agg.parquet: {hero} and {baseline} were not asked the same queries in the same order")
    rows = sides[0]
    query_id, intent, suite = (rows[c].to_pylist() for c in ("query_id", "intent", "suite"))
    step = _numbers(rows, "step")
    served = rows["arm_served"].to_pylist()
    return Stream(
        pairs=Pairs(
            hero=read_arm(sides[0]),
            baseline=read_arm(sides[1]),
            repeat=read_arm(repeats),
            repeated=_numbers(repeats, "pair_ord").astype(np.intp),
            intent=positions(intent, intents),
            served=np.array([who == "hero" for who in served], dtype=np.float64),
            share=step / 100,
        ),
        queries=[
            Query(query_ord=o, query_id=i, text="", intent=kind, suite=s)
            for o, i, kind, s in zip(rows["query_ord"].to_pylist(), query_id, intent, suite, strict=True)
        ],
        step=step,
        window=_numbers(rows, "window"),
        served=served,
    )


def read_arm(rows: pa.Table) -> Arm:
    """One arm's numbers, as rollout.replay measured them."""
    calibrator, credits = _numbers(rows, "calibrator_ns"), _numbers(rows, "n_credited").astype(np.float64)
    decisions, wait = rows["router_decision"].to_pylist(), _numbers(rows, "wait_ms")
    return Arm(
        ndcg=_numbers(rows, "ndcg_at_10"),
        recall=_numbers(rows, "sla_recall_at_50"),
        found=_numbers(rows, "recall_at_50"),
        latency_ms=_numbers(rows, "latency_ms"),
        wait_ms=wait,
        calibrator_ms=np.where(calibrator < 0, np.nan, calibrator / 1e6),
        confidence=_numbers(rows, "confidence"),
        correct=_numbers(rows, "correct").astype(np.float64),
        file_credits=np.rint(_numbers(rows, "file_credit") * credits),
        credits=credits,
        error=np.array([bool(code) for code in rows["error_code"].to_pylist()], dtype=np.float64),
        spend_ms=np.where(np.array(decisions, dtype=np.str_) != "", _numbers(rows, "spend_ms"), 0.0),
        cut=cut_short(wait, decisions),
    )


def read_preflight(agg: pa.Table, baseline: str, intents: Sequence[str]) -> tuple[Arm, NDArray[np.int8]]:
    """The baseline's answers before the climb, and each query's position in the policy's intents."""
    rows = _of(agg, "preflight", baseline)
    return read_arm(rows), positions(rows["intent"].to_pylist(), intents)


def positions(intent: Sequence[str], intents: Sequence[str]) -> NDArray[np.int8]:
    """Where each one stands among the policy's intents; ALL for any other."""
    return np.array([intents.index(i) if i in intents else ALL for i in intent], dtype=np.int8)


def wrong_order(stream: Stream, fingerprint: str) -> list[str]:
    """Where the queries do not stand, or were not served, as the release fingerprint draws."""
    wrong = []
    drawn = order.query_order(fingerprint, stream.queries)
    moved = [i for i, (one, other) in enumerate(zip(stream.queries, drawn, strict=True)) if one is not other]
    if moved:
        wrong.append(
            f"agg.parquet: pair {moved[0]} is not where the fingerprint puts it; {len(moved)} are out of place"
        )
    rows = zip(stream.queries, stream.step.tolist(), stream.served, strict=True)
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
        for line in _wrong_of(
            str(system), hits.filter(pc.equal(hits["system"], system)), _with(judged, "system", system), sla_ms
        )
    ]


def _wrong_of(system: str, hits: pa.Table, rows: pa.Table, sla_ms: float) -> list[str]:
    query = _numbers(rows, "query_ord")
    by_query = np.argsort(query, kind="stable")
    place = np.searchsorted(query, _numbers(hits, "query_ord"), sorter=by_query)
    known = place < len(query)
    row = by_query[np.where(known, place, 0)]
    if not np.array_equal(query[row], _numbers(hits, "query_ord")):
        return [f"hits.parquet: hits of {system} are of queries that agg.parquet does not have"]
    rank = _numbers(hits, "rank")
    starts = np.r_[True, row[1:] != row[:-1]]
    if not np.array_equal(rank, np.arange(len(rank)) - np.flatnonzero(starts)[np.cumsum(starts) - 1] + 1):
        return [f"hits.parquet: ranks of {system} do not count 1, 2, 3 ... within each query"]
    relevant = _numbers(rows, "n_relevant")
    found = measure(
        row.astype(np.int32), rank, _numbers(hits, "grade"), _credit(hits),
        n_relevant=relevant, ideal_dcg_at_10=_numbers(rows, "ideal_dcg_at_10"),
    )  # fmt: skip
    latency, waited = _numbers(rows, "latency_ms"), _numbers(rows, "wait_ms")
    within = ~(latency > sla_ms)
    follows: dict[str, NDArray[Any]] = {
        "wait_ms": np.fmax(np.fmin(waited, latency), 0),  # nothing waits longer than it takes
        "ndcg_at_10": found.ndcg_at_10,
        "within_sla": within,
        "recall_at_50": found.recall_at_50,
        "sla_recall_at_50": np.where(within, found.recall_at_50, 0.0),
        "rr_at_10": found.rr_at_10,
        "success_at_10": found.success_at_10,
        "correct": found.correct,
        "n_credited": found.credits,
        "file_credit": found.file_credits / np.maximum(found.credits, 1),
        "total_hits": found.total_hits,
    }
    wrong = []
    for column, values in follows.items():
        said = _numbers(rows, column)
        differs = np.flatnonzero(~np.isclose(said.astype(np.float64), values.astype(np.float64), rtol=0, atol=1e-9))
        if len(differs):
            first = differs[0]
            wrong.append(
                f"agg.parquet: {column} of {system} for query {rows['query_id'][int(first)]} is {said[first]}, "
                f"but {values[first]} follows from hits.parquet; {len(differs)} differ"
            )
    return wrong


def _credit(hits: pa.Table) -> NDArray[np.int8]:
    column = hits["credit"].combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    codes = np.array([CREDIT.index(name) for name in column.dictionary.to_pylist()], dtype=np.int8)
    return np.asarray(codes[column.indices.to_numpy(zero_copy_only=False)], dtype=np.int8)


def _of(agg: pa.Table, stream: str, system: str) -> pa.Table:
    return _with(_with(agg, "stream", stream), "system", system).sort_by("pair_ord")


def _with(table: pa.Table, column: str, value: object) -> pa.Table:
    return table.filter(pc.equal(table[column], value))


def _numbers(rows: pa.Table, column: str) -> NDArray[Any]:
    return np.asarray(rows[column].combine_chunks().to_numpy(zero_copy_only=False))
