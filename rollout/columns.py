"""What do the rows of evidence say? The one way back from hits.parquet and agg.parquet to the numbers of an arm.

`rollout.tables` wrote them; the battery, the replay, the jobs and the reports read what the evaluator saw from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evidence.files import regular
from evidence.schemas import AGG, HITS, OWN, check
from fixtures.systems.protocol import DEPTH, cut_short
from gates.checks.battery import Counts, Flags, Floats, Side, Snapshot
from gates.checks.preflight import PreflightCheck
from gates.checks.question import ALL
from gates.errors import EvidenceError
from gates.pairs import Arm, Pairs
from rollout.answered import Answered

SANITY = "sanity"  # stream of what is asked before the climb
PREFLIGHT = PreflightCheck.key  # stream of what the baseline alone is asked before it
BEFORE = 0  # window of the same
TEXTS = "queries.parquet"  # beside the parts of a run's evidence
WORDS = ("router_decision", "error_code")

Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The pairs of one stream in the order the evaluator saw them: row i of every column is the same query."""

    query_ord: NDArray[np.int32]
    query_id: Texts
    suite: Texts
    intent: Texts
    step: NDArray[np.int16]
    window: NDArray[np.int16]
    served: Texts  # "hero" or "baseline": whose answer the user would see
    hero: Arm
    baseline: Arm
    hero_cpu_ms: Floats  # NaN where a recorded system gives none
    baseline_cpu_ms: Floats
    hero_late: Flags
    baseline_late: Flags
    hero_error: Texts  # error codes, "" where the query was answered
    baseline_error: Texts
    repeat: Arm  # the baseline's second answers, for the rows in `repeated`
    repeated: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.query_ord)

    def rows(self, at: Flags) -> Measured:
        """Some of the pairs."""
        where, again = np.flatnonzero(at), at[self.repeated]
        columns: dict[str, Any] = {}
        for field in fields(self)[:-2]:  # without the second answers, which have rows of their own
            column = getattr(self, field.name)
            columns[field.name] = column.rows(where) if isinstance(column, Arm) else column[where]
        columns["repeat"] = self.repeat.rows(np.flatnonzero(again))
        columns["repeated"] = np.cumsum(at)[self.repeated[again]] - 1
        return Measured(**columns)

    def pairs(self, begin: int, end: int, intents: Sequence[str]) -> Pairs:
        """Some pairs in a row, as the evaluator sees them."""
        at = np.zeros(len(self), dtype=np.bool_)
        at[begin:end] = True
        some = self.rows(at)
        return Pairs(
            hero=some.hero,
            baseline=some.baseline,
            repeat=some.repeat,
            repeated=some.repeated,
            intent=positions(some.intent.tolist(), intents),
            served=(some.served == "hero").astype(np.float64),
            share=some.step / 100,
        )


def read_hits(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """hits.parquet of a hero, or some columns. Raises EvidenceError where it cannot be read, SchemaDrift."""
    return _read(
        folder / "hits.parquet", pa.schema([HITS.field(name) for name in columns]) if columns else HITS, columns
    )


def read_agg(folder: Path) -> pa.Table:
    """agg.parquet of a hero. Raises EvidenceError where it cannot be read, SchemaDrift."""
    return _read(folder / "agg.parquet", AGG)


def _read(path: Path, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    try:
        # not read_table, which imports pandas where it is installed: a second
        table = pq.ParquetFile(regular(path)).read(columns)
    except (OSError, ValueError, pa.ArrowException) as error:  # ValueError: a column's name is no text
        raise EvidenceError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None
    check(table, schema, path.name)
    return table


def read_measured(agg: pa.Table, hero: str, baseline: str, streams: tuple[str, str] = ("pair", "aa")) -> Measured:
    """The pairs of streams[0], with the second answers of streams[1]. Raises EvidenceError on a gap."""
    pair, again = streams
    one, other = (rows_of(agg, pair, system) for system in (hero, baseline))
    repeats, n = rows_of(agg, again, baseline), one.num_rows
    for name, rows in ((hero, one), (baseline, other)):
        if not np.array_equal(numbers(rows, "pair_ord"), np.arange(n)):
            raise EvidenceError(f"agg.parquet: {pair} rows of {name} are not the pairs 0 to {n - 1}, each once")
    if one["query_ord"] != other["query_ord"]:
        raise EvidenceError(f"agg.parquet: {hero} and {baseline} were not asked the same queries in the same order")
    return Measured(
        query_ord=numbers(one, "query_ord"),
        query_id=texts(one, "query_id"),
        suite=texts(one, "suite"),
        intent=texts(one, "intent"),
        step=numbers(one, "step"),
        window=numbers(one, "window"),
        served=texts(one, "arm_served"),
        hero=arm_of(one),
        baseline=arm_of(other),
        hero_cpu_ms=numbers(one, "cpu_ms"),
        baseline_cpu_ms=numbers(other, "cpu_ms"),
        hero_late=~numbers(one, "within_sla"),
        baseline_late=~numbers(other, "within_sla"),
        hero_error=texts(one, "error_code"),
        baseline_error=texts(other, "error_code"),
        repeat=arm_of(repeats),
        repeated=numbers(repeats, "pair_ord").astype(np.intp),
    )


def arm_of(rows: pa.Table) -> Arm:
    """One arm's numbers, as rollout.replay measured them."""
    return arm_from(rows.column_names, lambda name: (texts if name in WORDS else numbers)(rows, name))


def arm_from(names: Iterable[str], column: Callable[[str], NDArray[Any]]) -> Arm:
    """One arm's numbers from the columns of agg.parquet, as they are measured or as they are read back."""
    calibrator, credits = column("calibrator_ns"), column("n_credited").astype(np.float64)
    decisions, wait = column("router_decision"), column("wait_ms")
    return Arm(
        ndcg=column("ndcg_at_10"),
        recall=column("sla_recall_at_50"),
        found=column("recall_at_50"),
        latency_ms=column("latency_ms"),
        wait_ms=wait,
        calibrator_ms=np.where(calibrator < 0, np.nan, calibrator / 1e6),
        confidence=column("confidence"),
        correct=column("correct").astype(np.float64),
        file_credits=np.rint(column("file_credit") * credits),
        credits=credits,
        error=(column("error_code") != "").astype(np.float64),
        spend_ms=np.where(decisions != "", column("spend_ms"), 0.0),
        cut=cut_short(wait, decisions.tolist()),
        more={name.removeprefix(OWN): column(name) for name in names if name.startswith(OWN)},
    )


def read_preflight(agg: pa.Table, baseline: str, intents: Sequence[str]) -> tuple[Arm, NDArray[np.int8]]:
    """The baseline's answers before the climb, and each query's position in the policy's intents."""
    rows = rows_of(agg, PREFLIGHT, baseline)
    return arm_of(rows), positions(rows["intent"].to_pylist(), intents)


def answered(agg: pa.Table, system: str = "", window: int | None = None) -> Answered:
    """The answers of one system to the queries of one window, in the order they were asked; of all without."""
    for column, value in (("system", system or None), ("window", window)):
        if value is not None:
            agg = agg.filter(pc.equal(agg[column], value))
    rows = agg.combine_chunks()
    return Answered(
        query_id=texts(rows, "query_id"),
        suite=texts(rows, "suite"),
        intent=texts(rows, "intent"),
        within_sla=numbers(rows, "within_sla"),
        arm=arm_of(rows),
    )


def read_texts(folder: Path, wanted: NDArray[np.int32]) -> dict[int, tuple[str, tuple[str, ...]]]:
    """The words of some queries of a run, and where their right answers lie; {} where nobody wrote them down."""
    path = folder / TEXTS
    rows = pq.ParquetFile(path).read().to_pylist() if path.exists() else []
    asked = set(wanted.tolist())
    return {row["query_ord"]: (row["text"], tuple(row["judged"] or ())) for row in rows if row["query_ord"] in asked}


def positions(intent: Sequence[str], intents: Sequence[str]) -> NDArray[np.int8]:
    """Where each one stands among the policy's intents; ALL for any other."""
    return np.array([intents.index(i) if i in intents else ALL for i in intent], dtype=np.int8)


def read_snapshot(hits: pa.Table, agg: pa.Table, hero: str, baseline: str) -> Snapshot:
    """The sanity rows of both tables. Raises EvidenceError where the arms were not asked the same.

    The battery judges from what was written down, not from what it had in memory: what is read back from the merged
    files gives the same snapshot, and so the same cells.
    """
    rows = [rows_of(agg, SANITY, name) for name in (hero, baseline)]
    if rows[0]["query_ord"].to_pylist() != rows[1]["query_ord"].to_pylist():
        raise EvidenceError(
            f"agg.parquet: {rows[0].num_rows} sanity answers of {hero} and {rows[1].num_rows} of {baseline} "
            "are not of the same queries, but the battery compares them; run it again"
        )
    hits = hits.filter(pc.equal(hits["window"], BEFORE))
    found = [hits.filter(pc.equal(hits["system"], name)) for name in (hero, baseline)]
    pooled = [_places_in_time(h, r) for h, r in zip(found, rows, strict=True)]
    sides = [_side(n, h, r, len(p)) for n, h, r, p in zip((hero, baseline), found, rows, pooled, strict=True)]
    return Snapshot(hero=sides[0], baseline=sides[1], intent=texts(rows[0], "intent"), pool=len(pooled[0] | pooled[1]))


def _side(name: str, hits: pa.Table, agg: pa.Table, pooled: int) -> Side:
    row = _row_of_each(hits, agg)
    shallow = numbers(hits, "rank") <= DEPTH
    relevant = shallow & (numbers(hits, "grade") > 0)
    credit = texts(hits, "credit")

    def count(which: Flags) -> Counts:
        return np.bincount(row[which], minlength=agg.num_rows)

    return Side(
        name=name,
        ndcg=numbers(agg, "ndcg_at_10"),
        recall=count(relevant) / np.maximum(numbers(agg, "n_relevant"), 1),
        sla_recall=numbers(agg, "sla_recall_at_50"),
        latency_ms=numbers(agg, "latency_ms"),
        within_sla=numbers(agg, "within_sla"),
        confidence=numbers(agg, "confidence"),
        hits=count(shallow),
        known=count(shallow & (numbers(hits, "doc_ord") >= 0)),
        credits=count(shallow & (credit != "none")),
        file_credits=count(shallow & (credit == "file")),
        pooled=pooled,
        decision=texts(agg, "router_decision"),
    )


def _row_of_each(hits: pa.Table, agg: pa.Table) -> NDArray[np.intp]:
    """Each hit's row among the answers. Raises EvidenceError for a hit without an answer."""
    asked, query = numbers(agg, "query_ord"), numbers(hits, "query_ord")
    order = np.argsort(asked)
    at = np.minimum(np.searchsorted(asked[order], query), max(len(asked) - 1, 0))
    if len(query) and not (len(asked) and np.array_equal(asked[order][at], query)):
        raise EvidenceError("hits.parquet: sanity hits of queries that agg.parquet does not know; run the canary again")
    return np.asarray(order[at], dtype=np.intp) if len(query) else np.zeros(0, dtype=np.intp)


def _places_in_time(hits: pa.Table, agg: pa.Table) -> set[tuple[int, str, int, int]]:
    """(query, file, first line, last line) of each hit whose answer came in time."""
    in_time = agg.filter(agg["within_sla"])["query_ord"]
    shallow = pc.and_(pc.is_in(hits["query_ord"], in_time.combine_chunks()), pc.less_equal(hits["rank"], DEPTH))
    near = hits.filter(shallow)
    columns = (near[name].to_pylist() for name in ("query_ord", "file", "line_start", "line_end"))
    return set(zip(*columns, strict=True))


def rows_of(agg: pa.Table, stream: str, system: str) -> pa.Table:
    """The rows of one system in one stream, in the order of the pairs."""
    mine = pc.and_(pc.equal(agg["stream"], stream), pc.equal(agg["system"], system))
    return agg.filter(mine).sort_by("pair_ord")


def numbers(rows: pa.Table, column: str) -> NDArray[Any]:
    """A column of numbers or flags."""
    return np.asarray(rows[column].combine_chunks().to_numpy(zero_copy_only=False))


def codes(rows: pa.Table, column: str, names: Sequence[str]) -> NDArray[np.int8]:
    """Where each text of a column stands in `names`, -1 for others."""
    encoded = rows[column].unify_dictionaries().combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    place = [names.index(word) if word in names else -1 for word in encoded.dictionary.to_pylist()]
    return np.asarray(np.array(place, dtype=np.int8)[encoded.indices.to_numpy(zero_copy_only=False)])


def texts(rows: pa.Table, column: str) -> Texts:
    """A column of texts, "" where there is none."""
    return np.array([text or "" for text in rows[column].to_pylist()], dtype=np.str_)
