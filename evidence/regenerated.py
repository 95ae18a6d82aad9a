"""Are the two files of a night of the same answers, and of the queries that were drawn? A line for each difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

Drawn = Mapping[int, Sequence[str]]  # window -> its query ids, each once

_KEY = ("system", "window", "query_id")


def row_disagreements(hits: pa.Table, agg: pa.Table) -> list[str]:
    """Where hits.parquet has not as many rows of an answer as agg.parquet says, system by system."""
    wrong = []
    counted = _counts(hits)
    for system, window, query_id, total in zip(*(_texts(agg, c) for c in _KEY), agg["total_hits"].to_pylist(),
                                               strict=True):  # fmt: skip
        there = counted.pop((system, window, query_id), 0)
        if there != total:
            wrong.append((system, f"query {query_id} has {there} rows in hits.parquet, but agg.parquet says {total}"))
    wrong += [
        (str(key[0]), f"query {key[2]} has {n} rows in hits.parquet, but none in agg.parquet")
        for key, n in counted.items()
    ]
    return _told(wrong)


def query_disagreements(agg: pa.Table, drawn: Drawn, systems: Sequence[str]) -> list[str]:
    """Where a system was not asked each drawn query exactly once, in its window."""
    wrong = []
    seen: dict[tuple[str, int], list[str]] = {(system, window): [] for system in systems for window in drawn}
    for system, window, query_id in zip(*(_texts(agg, column) for column in _KEY), strict=True):
        seen.setdefault((system, window), []).append(query_id)
    for (system, window), ids in seen.items():
        names, times = np.unique(np.array(ids, dtype=np.str_), return_counts=True)
        asked, wanted = set(names.tolist()), set(drawn.get(window, ()))
        if system not in systems:
            wrong.append((system, f"{len(ids)} answers of a system that was not asked"))
            continue
        wrong += [(system, f"query {q} of suite {window} has no answer") for q in sorted(wanted - asked)]
        wrong += [(system, f"query {q} of suite {window} was not drawn") for q in sorted(asked - wanted)]
        twice = names[times > 1].tolist()
        wrong += [(system, f"query {q} of suite {window} was answered more than once") for q in twice]
    return _told(wrong)


def _counts(hits: pa.Table) -> dict[tuple[str, int, str], int]:
    plain = pa.table({c: _plain(hits, c) for c in _KEY})
    grouped = plain.group_by(list(_KEY)).aggregate([([], "count_all")])
    keys = zip(*(grouped[column].to_pylist() for column in _KEY), strict=True)
    return dict(zip(keys, grouped["count_all"].to_pylist(), strict=True))


def _plain(table: pa.Table, column: str) -> pa.ChunkedArray:
    values = table[column]
    return values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values


def _texts(table: pa.Table, column: str) -> list[object]:
    return list(_plain(table, column).to_pylist())


def _told(wrong: Sequence[tuple[str, str]]) -> list[str]:
    """The first difference of each system, and how many more there are."""
    told = []
    for system in dict.fromkeys(system for system, _ in wrong):
        lines = [line for other, line in wrong if other == system]
        told.append(f"{system}: {lines[0]}" + (f" (and {len(lines) - 1:,} more)" if len(lines) > 1 else ""))
    return told
