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
    seen = Counter(_answers(agg))
    wanted = {(system, window, query) for system in systems for window, ids in drawn.items() for query in ids}
    asked = {answer: n for answer, n in seen.items() if answer[0] in systems}
    found = [(answer, "has no answer") for answer in sorted(wanted - asked.keys())]
    found += [(answer, "was not drawn") for answer in sorted(asked.keys() - wanted)]
    found += [(answer, "was answered more than once") for answer in sorted(a for a, n in asked.items() if n > 1)]
    wrong = [(system, f"query {query} of suite {window} {what}") for (system, window, query), what in found]
    others = Counter(system for system, _, _ in (seen - Counter(asked)).elements())
    return _told(wrong + [(other, f"{n} answers of a system that was not asked") for other, n in others.items()])


def _answers(agg: pa.Table) -> Iterator[tuple[str, int, str]]:
    return zip(*(agg[column].to_pylist() for column in _KEY), strict=True)


def _told(wrong: Sequence[tuple[str, str]]) -> list[str]:
    """The first difference of each system, and how many more there are."""
    told = []
    for system in dict.fromkeys(system for system, _ in wrong):
        lines = [line for other, line in wrong if other == system]
        told.append(f"{system}: {lines[0]}" + (f" (and {len(lines) - 1:,} more)" if len(lines) > 1 else ""))
    return told
