"""Writes evidence whole or not at all: one part a window, merged into the two files of a hero at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.files import replacing
from evidence.schemas import AGG, HITS, check

ROW_GROUP = 250_000  # rows; a group ends where a query ends


def write_part(folder: Path, name: str, hits: pa.Table, agg: pa.Table) -> None:
    """Write one window's two tables. Raises SchemaDrift; a killed process leaves no half part."""
    check(hits, HITS, f"{name}-hits.parquet")
    check(agg, AGG, f"{name}-agg.parquet")
    # agg last: a part counts once its agg is there
    _write(hits, folder / f"{name}-hits.parquet", compression="lz4")
    _write(agg, folder / f"{name}-agg.parquet", compression="lz4")


def merge_parts(folder: Path, into: Path) -> tuple[int, int]:
    """Merge all parts of a hero into `into`/hits.parquet and agg.parquet; returns their row counts.

    Hits are sorted by system, query_ord and rank and cut into row groups that hold whole queries; agg rows by stream
    and position in the canary. Raises SchemaDrift, and FileNotFoundError where there is no part.
    """
    names = sorted(p.name.removesuffix("-agg.parquet") for p in folder.glob("*-agg.parquet"))
    if not names:
        raise FileNotFoundError(f"{folder}: no evidence part, but a merge needs one; run the canary again")
    hits = concat([_read(folder / f"{name}-hits.parquet", HITS) for name in names])
    agg = concat([_read(folder / f"{name}-agg.parquet", AGG) for name in names])
    hits = hits.take(np.lexsort((_column(hits, "rank"), _column(hits, "query_ord"), _codes(hits, "system"))))
    agg = agg.take(np.lexsort((_codes(agg, "system"), _column(agg, "pair_ord"), _codes(agg, "stream"))))
    _write_groups(hits, into / "hits.parquet")
    _write(agg, into / "agg.parquet", compression="zstd")
    return hits.num_rows, agg.num_rows


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    # not read_table(schema=...): it casts what differs and fills what is missing
    table = pq.read_table(path, partitioning=None)
    check(table, schema, path.name)
    return table


def concat(tables: list[pa.Table]) -> pa.Table:
    """The rows of all tables, each dictionary column with one dictionary."""
    return pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table.column(name).combine_chunks().to_numpy(zero_copy_only=False))


def _codes(table: pa.Table, name: str) -> np.ndarray:
    """Integers that sort as the strings of a dictionary column do."""
    column = table.column(name).combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    order = np.argsort(np.argsort(np.array(column.dictionary.to_pylist(), dtype=object)))
    return np.asarray(order[column.indices.to_numpy(zero_copy_only=False)])


def _write_groups(hits: pa.Table, path: Path) -> None:
    query, system = _column(hits, "query_ord"), _codes(hits, "system")
    starts = np.flatnonzero(np.r_[True, (np.diff(query) != 0) | (np.diff(system) != 0)])
    with replacing(path) as temporary, pq.ParquetWriter(temporary, hits.schema, compression="zstd") as writer:
        begin = 0
        while begin < hits.num_rows:
            after = starts[starts >= begin + ROW_GROUP]
            end = int(after[0]) if len(after) else hits.num_rows
            writer.write_table(hits.slice(begin, end - begin), row_group_size=end - begin)
            begin = end


def _write(table: pa.Table, path: Path, *, compression: str) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression=compression)
