"""How is evidence written, whole or not at all, and is what was merged what was judged?

One part a window, merged into the two files of a hero at the end, no part lost, doubled or exchanged on the way.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evidence.files import replacing
from evidence.schemas import AGG, HITS, check

#: What the evaluator saw of one system: pairs, the sums of these columns over them, and the sums weighted by the pairs'
#: positions ("ordered ..."), which an exchange of rows changes.
Judged = Mapping[str, float]
SUMS = ("ndcg_at_10", "sla_recall_at_50", "confidence")


def write_part(folder: Path, name: str, hits: pa.Table, agg: pa.Table) -> None:
    """Write one window's two tables. Raises SchemaDrift; a killed process leaves no half part."""
    check(hits, HITS, f"{name}-hits.parquet")
    check(agg, AGG, f"{name}-agg.parquet")
    # agg last: a part counts once its agg is there
    write_table(hits, folder / f"{name}-hits.parquet", "lz4")
    write_table(agg, folder / f"{name}-agg.parquet", "lz4")


def merge_parts(folder: Path, into: Path) -> tuple[int, int]:
    """Merge all parts of a hero into `into`/hits.parquet and agg.parquet; returns their row counts.

    Hits are sorted by system, query_ord and rank; agg rows by stream and position in the canary. Raises SchemaDrift,
    and FileNotFoundError where there is no part.
    """
    names = sorted(p.name.removesuffix("-agg.parquet") for p in folder.glob("*-agg.parquet"))
    if not names:
        raise FileNotFoundError(f"{folder}: no evidence part, but a merge needs one; run the canary again")
    hits = _sorted([read_table(folder / f"{name}-hits.parquet", HITS) for name in names], "system query_ord rank")
    agg = _sorted([read_table(folder / f"{name}-agg.parquet", AGG) for name in names], "stream pair_ord system")
    write_table(hits, into / "hits.parquet")
    write_table(agg, into / "agg.parquet")
    return hits.num_rows, agg.num_rows


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """A table that keeps a contract. Raises SchemaDrift."""
    # not by schema=...: it casts what differs and fills what is missing; nor its folders, which would become columns
    table = pq.read_table(path, partitioning=None)
    check(table, schema, path.name)
    return table


def concat(tables: list[pa.Table]) -> pa.Table:
    """The rows of all tables, each dictionary column with one dictionary."""
    if len(tables) == 1:
        return tables[0].combine_chunks()
    return pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()


def _sorted(tables: list[pa.Table], columns: str) -> pa.Table:
    """The rows of all tables, in the order of some columns; words sort as words."""
    table = concat(tables)
    keys = table.select(columns.split())
    for at, name in enumerate(keys.column_names):
        if pa.types.is_dictionary(keys.schema.field(name).type):
            keys = keys.set_column(at, name, keys[name].cast(pa.string()))
    return table.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]))


def write_table(table: pa.Table, path: Path, compression: str = "zstd") -> None:
    """Write a table; a killed process leaves the old one."""
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression=compression, write_statistics=False)  # all is read


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
