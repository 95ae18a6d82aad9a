"""Is evidence that lost, doubled or exchanged something on its way told apart from what was judged?"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evidence.parts import disagreements
from tests.evidence.builders import agg_table, hits_table

SEEN = {
    "hero": {"ndcg_at_10": 1.25, "sla_recall_at_50": 1.5, "confidence": 1.1},
    "baseline": {"ndcg_at_10": 1.0, "sla_recall_at_50": 1.0, "confidence": 1.0},
}
#: Two pairs, the first of which has .1 more than half of each sum.
JUDGED = {
    system: {"pairs": 2.0, **sums, **{f"ordered {name}": 1.5 * total - 0.1 for name, total in sums.items()}}
    for system, sums in SEEN.items()
}


def written(folder: Path) -> Path:
    answers = [
        {"system": system, "stream": stream, "query_ord": q, "total_hits": 2, "n_credited": 1, "query_id": f"q{q}",
         "pair_ord": position, **{name: total / 2 + more for name, total in sums.items()}}
        for system, sums in SEEN.items()
        for stream in ("pair", "aa" if system == "baseline" else "preflight")
        for position, (q, more) in enumerate(((3, 0.1), (5, -0.1)))
    ]  # fmt: skip
    hits = [
        {"system": system, "window": 1, "query_ord": q, "rank": rank, "credit": "span" if rank == 1 else "none"}
        for system in JUDGED
        for q in (3, 5)
        for rank in (1, 2)
    ]
    hits.append({"system": "hero", "window": 0, "query_ord": 9, "rank": 1, "credit": "span"})  # of the sanity battery
    pq.write_table(agg_table(answers), folder / "agg.parquet")
    pq.write_table(hits_table(hits), folder / "hits.parquet")
    return folder


def rewrite(path: Path, rows: list[int], **columns: object) -> None:
    table = pq.read_table(path).take(pa.array(rows))
    for name, value in columns.items():
        at = table.schema.get_field_index(name)
        values = pa.array([value] * table.num_rows).cast(table.schema.field(at).type)
        table = table.set_column(at, table.schema.field(at), values)
    pq.write_table(table, path)


def test_what_was_judged_is_found_again(tmp_path: Path) -> None:
    assert disagreements(written(tmp_path), JUDGED) == []


@pytest.mark.parametrize(
    ("file", "rows", "columns", "says"),
    [
        ("agg.parquet", [0, 2, 3, 4, 5, 6, 7], {}, "agg.parquet: number of answers of hero is 1, but 2 was judged"),
        ("agg.parquet", [0, 0, 1, 2, 3, 4, 5, 6, 7], {}, "number of answers of hero is 3, but 2"),
        ("agg.parquet", [0, 0, 2, 3, 4, 5, 6, 7], {}, "number of distinct queries of hero is 1, but 2"),
        ("agg.parquet", [*range(8)], {"ndcg_at_10": 0.6}, "sum of ndcg_at_10 of hero is 1.2, but 1.25"),
        ("agg.parquet", [*range(8)], {"confidence": float("nan")}, "sum of confidence of hero is nan, but 1.1"),
        ("agg.parquet", [*range(8)], {"pair_ord": 0}, "ordered sum of ndcg_at_10 of hero is 1.25, but 1.775"),
        ("hits.parquet", [0, 1, 2, 4, 5, 6, 7], {}, "hits.parquet: 3 hits of hero, but agg.parquet counts 4"),
        ("hits.parquet", [*range(8)], {"credit": "none"}, "hits.parquet: 0 credited hits of hero, but agg"),
    ],
)
def test_what_is_lost_or_changed_is_told(
    tmp_path: Path, file: str, rows: list[int], columns: dict[str, object], says: str
) -> None:
    rewrite(written(tmp_path) / file, rows, **columns)
    assert any(says in line for line in disagreements(tmp_path, JUDGED))


def test_no_confidence_at_all_is_no_difference(tmp_path: Path) -> None:
    rewrite(written(tmp_path) / "agg.parquet", [*range(8)], confidence=float("nan"))
    nothing = {"confidence": float("nan"), "ordered confidence": float("nan")}
    without = {system: {**sums, **nothing} for system, sums in JUDGED.items()}
    assert disagreements(tmp_path, without) == []
