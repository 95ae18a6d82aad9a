"""Does the logical digest see every value, and nothing but the values?"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evidence.digests import logical_digest

TABLE = pa.table(
    {
        "name": pa.array(["a", None, "ab", "c"]),
        "word": pa.array(["x", "y", "x", None]).dictionary_encode(),
        "number": pa.array([1, 2, None, 4], pa.int32()),
        "share": pa.array([0.5, float("nan"), -0.0, None]),
        "flag": pa.array([True, None, False, True]),
        "parts": pa.array([["p", "q"], [], None, ["r"]]),
    }
)


def digest(table: pa.Table, folder: Path, **options: object) -> str:
    path = folder / "t.parquet"
    pq.write_table(table, path, **options)
    return logical_digest(path)


def column(name: str, values: list[object]) -> pa.Table:
    """The table with other values in one column."""
    at = TABLE.schema.get_field_index(name)
    return TABLE.set_column(at, name, pa.array(values, TABLE.schema.field(at).type))


@pytest.mark.parametrize(
    "options",
    [{"compression": "zstd"}, {"compression": "none"}, {"row_group_size": 1}, {"use_dictionary": False}],
    ids=str,
)
def test_it_does_not_depend_on_the_encoding(tmp_path: Path, options: dict[str, object]) -> None:
    assert digest(TABLE, tmp_path, **options) == digest(TABLE, tmp_path)


OTHER_ORDER = pa.DictionaryArray.from_arrays(pa.array([2, 0, 2, None], pa.int32()), pa.array(["y", "unused", "x"]))


@pytest.mark.parametrize(
    "same",
    [TABLE.set_column(1, "word", OTHER_ORDER), column("share", [0.5, -float("nan"), 0.0, None])],
    ids=["the order of a dictionary", "one nan and one zero"],
)
def test_it_does_not_depend_on_how_a_value_is_held(tmp_path: Path, same: pa.Table) -> None:
    assert digest(same, tmp_path) == digest(TABLE, tmp_path)


@pytest.mark.parametrize(
    "other",
    [
        column("name", ["a", None, "a", "bc"]),  # the same letters, cut elsewhere
        column("name", ["a", "", "ab", "c"]),
        column("word", ["x", "x", "x", None]),
        column("number", [1, 2, 0, 4]),
        column("number", [1, 2, None, 5]),
        column("share", [0.5, None, -0.0, None]),
        column("share", [0.5 + 1e-16 * 4, float("nan"), -0.0, None]),
        column("flag", [True, False, False, True]),
        column("parts", [["p"], ["q"], None, ["r"]]),
        TABLE.rename_columns(["nome", "word", "number", "share", "flag", "parts"]),
        TABLE.set_column(2, "number", TABLE["number"].cast(pa.int64())),
        TABLE.take([1, 0, 2, 3]),
        TABLE.slice(0, 3),
        TABLE.slice(0, 0),
    ],
)
def test_any_other_value_name_type_or_order_is_another_digest(tmp_path: Path, other: pa.Table) -> None:
    assert digest(other, tmp_path) != digest(TABLE, tmp_path)
