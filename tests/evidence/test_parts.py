"""Is merged evidence the same whoever wrote which part when, and never built from half a part?"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evidence.digests import logical_digest
from evidence.parts import merge_parts, write_part
from evidence.schemas import SchemaDrift
from tests.evidence.builders import window

AGG_TABLE = window(1, [1])[1]
PAIR_ORD = AGG_TABLE.schema.get_field_index("pair_ord")
WINDOWS = {1: [5, 3, 9], 2: [1, 8], 3: [2, 7, 4]}


def merged(folder: Path, order: list[int], names: str = "window-{:03d}") -> tuple[str, str]:
    """Digests of hits and agg after the windows were written in some order under some names."""
    for number in order:
        write_part(folder / "parts", names.format(number), *window(number, WINDOWS[number]))
    assert merge_parts(folder / "parts", folder / "out") == (48, 16)
    return logical_digest(folder / "out" / "hits.parquet"), logical_digest(folder / "out" / "agg.parquet")


@pytest.mark.parametrize(("order", "names"), [([3, 1, 2], "window-{:03d}"), ([2, 3, 1], "gw{0}-{0}")])
def test_a_merge_depends_neither_on_order_nor_on_the_writer(tmp_path: Path, order: list[int], names: str) -> None:
    assert merged(tmp_path / "a", [1, 2, 3]) == merged(tmp_path / "b", order, names)


def test_one_other_value_is_another_digest(tmp_path: Path) -> None:
    first = merged(tmp_path / "a", [1, 2, 3])
    hits, agg = window(2, WINDOWS[2])
    at = hits.schema.get_field_index("grade")
    hits = hits.set_column(at, "grade", pa.array([1] + [0] * (len(hits) - 1), pa.int32()))
    write_part(tmp_path / "a" / "parts", "window-002", hits, agg)
    merge_parts(tmp_path / "a" / "parts", tmp_path / "a" / "out")
    assert logical_digest(tmp_path / "a" / "out" / "hits.parquet") != first[0]
    assert logical_digest(tmp_path / "a" / "out" / "agg.parquet") == first[1]


@pytest.mark.parametrize(
    ("name", "by"), [("hits", ("system", "query_ord", "rank")), ("agg", ("stream", "pair_ord", "system"))]
)
def test_rows_stand_in_an_order_of_their_own_or_as_the_gate_saw_them(tmp_path: Path, name: str, by: tuple[str, ...]):
    merged(tmp_path, [2, 1, 3])
    table = pq.read_table(tmp_path / "out" / f"{name}.parquet")
    keys = list(zip(*(table[column].to_pylist() for column in by), strict=True))
    assert keys == sorted(keys)


def test_a_part_without_its_agg_does_not_count(tmp_path: Path) -> None:
    whole = merged(tmp_path / "a", [1, 2, 3])
    killed = tmp_path / "a" / "parts" / "window-004-hits.parquet"  # the process died before agg was written
    pq.write_table(window(4, [6])[0], killed)
    (tmp_path / "a" / "parts" / "window-005-agg.tmp").write_bytes(b"half")
    merge_parts(tmp_path / "a" / "parts", tmp_path / "a" / "out")
    assert logical_digest(tmp_path / "a" / "out" / "hits.parquet") == whole[0]


def test_nothing_to_merge_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no evidence part, but a merge needs one; run the canary again"):
        merge_parts(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("which", [0, 1], ids=["hits", "agg"])
def test_a_part_that_drifts_is_not_written(tmp_path: Path, which: int) -> None:
    tables = list(window(1, [1]))
    tables[which] = tables[which].drop_columns(["query_ord"])
    with pytest.raises(SchemaDrift, match="column query_ord is missing"):
        write_part(tmp_path, "window-001", *tables)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (AGG_TABLE.set_column(PAIR_ORD, "pair_ord", pa.array([0.0, 1.0])), "column pair_ord is double, but should be"),
        (AGG_TABLE.drop_columns(["pair_ord"]), "column pair_ord is missing"),
        (AGG_TABLE.append_column("host", pa.array(["x", "y"])), "column host is not in the contract"),
    ],
    ids=["another type", "missing", "new"],
)
def test_a_part_that_drifted_on_disk_is_not_merged(tmp_path: Path, table: pa.Table, says: str) -> None:
    write_part(tmp_path, "window-001", *window(1, [1]))
    pq.write_table(table, tmp_path / "window-001-agg.parquet")
    with pytest.raises(SchemaDrift, match=f"^window-001-agg.parquet: {says}"):
        merge_parts(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_digest_of_many_words_is_that_of_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"{letter}{i % 499}" for i, letter in enumerate(["é", "z", "\U0001f600", "a", "\uffff", "b"] * 300)]
    pq.write_table(pa.table({"x": pa.array([*words, None]).dictionary_encode()}), tmp_path / "x.parquet")
    few = logical_digest(tmp_path / "x.parquet")
    monkeypatch.setattr("evidence.digests.MANY", 10)
    assert logical_digest(tmp_path / "x.parquet") == few
