"""Are the two files of a night of the same answers, and of the queries that were drawn? A line for each difference."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

Drawn = Mapping[int, Sequence[str]]  # window -> its query ids, each once

_KEY = ["system", "window", "query_id"]


def row_disagreements(hits: pa.Table, agg: pa.Table) -> list[str]:
    """Where hits.parquet has not as many rows of an answer as agg.parquet says, system by system."""
    wrong = []
    counted = dict(hits.select(_KEY).to_pandas().groupby(_KEY, observed=True).size())
    for key, total in zip(_answers(agg), agg["total_hits"].to_pylist(), strict=True):
        there = counted.pop(key, 0)
        if there != total:
            wrong.append((key[0], f"query {key[2]} has {there} rows in hits.parquet, but agg.parquet says {total}"))
    wrong += [
        (str(system), f"query {query} has {n} rows in hits.parquet, but none in agg.parquet")
        for (system, _, query), n in counted.items()
    ]
    return _told(wrong)


def query_disagreements(agg: pa.Table, drawn: Drawn, systems: Sequence[str]) -> list[str]:
    """Where a system was not asked each drawn query exactly once, in its window."""
    wrong = []
    seen = {(system, window): Counter[str]() for system in systems for window in drawn}
    for system, window, query in _answers(agg):
        seen.setdefault((system, window), Counter())[query] += 1
    for (system, window), times in seen.items():
        if system not in systems:
            wrong.append((system, f"{times.total()} answers of a system that was not asked"))
            continue
        asked, wanted = set(times), set(drawn.get(window, ()))
        wrong += [(system, f"query {q} of suite {window} has no answer") for q in sorted(wanted - asked)]
        wrong += [(system, f"query {q} of suite {window} was not drawn") for q in sorted(asked - wanted)]
        twice = sorted(query for query, n in times.items() if n > 1)
        wrong += [(system, f"query {q} of suite {window} was answered more than once") for q in twice]
    return _told(wrong)


def _answers(agg: pa.Table) -> Iterator[tuple[str, int, str]]:
    return zip(*(agg[column].to_pylist() for column in _KEY), strict=True)


def _told(wrong: Sequence[tuple[str, str]]) -> list[str]:
    """The first difference of each system, and how many more there are."""
    told = []
    for system in dict.fromkeys(system for system, _ in wrong):
        lines = [line for other, line in wrong if other == system]
        told.append(f"{system}: {lines[0]}" + (f" (and {len(lines) - 1:,} more)" if len(lines) > 1 else ""))
    return told
