"""Small evidence tables that keep the contract, for tests that break it in one place."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from evidence.schemas import AGG, HITS


def hits_table(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Hits with the given values; what is not given is empty."""
    return _table(rows, HITS)


def agg_table(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """Answers with the given values; what is not given is empty."""
    return _table(rows, AGG)


def window(number: int, queries: Sequence[int]) -> tuple[pa.Table, pa.Table]:
    """One window's two tables: two systems, three hits a query."""
    systems = ("hero", "baseline")
    hits = [
        {"system": s, "query_ord": q, "rank": r, "doc_id": f"d{q * 7 % 11}-{r}", "score": 1.0 / r, "window": number}
        for s in systems
        for q in queries
        for r in (1, 2, 3)
    ]
    agg = [
        {"system": s, "stream": "pair", "query_ord": q, "query_id": f"q{q}", "pair_ord": 100 * number + i}
        for s in systems
        for i, q in enumerate(queries)
    ]
    return hits_table(hits), agg_table(agg)


def _table(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.table(
        {f.name: pa.array([row.get(f.name, _empty(f.type)) for row in rows], type=f.type) for f in schema},
        schema=schema,
    )


def _empty(kind: pa.DataType) -> object:
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return ""
    return False if pa.types.is_boolean(kind) else 0
