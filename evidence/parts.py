"""Writes evidence whole or not at all: one part a window, merged into the two files of a hero at the end."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evidence.files import replacing
from evidence.schemas import AGG, HITS, check


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
