import pyarrow as pa
import pytest

from rollout.jobs.regenerate import ByWindow, query_disagreements, row_disagreements

DRAWN: ByWindow = {1: ["q1", "q2"], 2: ["q1"]}


def agg(system: str = "lens") -> pa.Table:
    return pa.table({**hits(system).to_pydict(), "query_id": ["q1", "q2", "q1"], "total_hits": [2, 0, 1]})


def hits(system: str = "lens") -> pa.Table:
    words = {name: pa.array([word] * 3).dictionary_encode() for name, word in (("system", system), ("query_id", "q1"))}
    return pa.table({**words, "window": pa.array([1, 1, 2], pa.int16())})


def test_files_of_the_same_answers_agree() -> None:
    assert row_disagreements(hits(), agg()) == []
    assert query_disagreements(agg(), DRAWN, ["lens"]) == []


def test_a_lost_hit_is_found() -> None:
    assert row_disagreements(hits().slice(1), agg()) == [
        "lens: query q1 has 1 rows in hits.parquet, but agg.parquet says 2"
    ]


def test_a_doubled_hit_is_found() -> None:
    assert len(row_disagreements(pa.concat_tables([hits(), hits().slice(2)]), agg())) == 1


def test_a_hit_of_another_suite_is_no_hit_of_this_one() -> None:
    moved = hits().set_column(2, "window", pa.array([1, 2, 2], pa.int16()))
    (line,) = row_disagreements(moved, agg())
    assert "and 1 more" in line


def test_hits_of_nobody_are_found() -> None:
    assert row_disagreements(pa.concat_tables([hits(), hits("other")]), agg()) == [
        "other: query q1 has 2 rows in hits.parquet, but none in agg.parquet (and 1 more)"
    ]


@pytest.mark.parametrize(
    ("rows", "drawn", "says"),
    [
        ([0, 2], DRAWN, "query q2 of suite 1 has no answer"),
        ([0, 1, 2], {1: ["q1"], 2: ["q1"]}, "query q2 of suite 1 was not drawn"),
        ([0, 1, 1, 2], DRAWN, "query q2 of suite 1 was answered more than once"),
    ],
)
def test_a_query_that_was_not_asked_once_as_drawn_is_found(rows: list[int], drawn: ByWindow, says: str) -> None:
    assert query_disagreements(agg().take(rows), drawn, ["lens"]) == [f"lens: {says}"]


def test_a_system_that_was_not_asked_and_one_that_is_missing_are_found() -> None:
    found = query_disagreements(agg("other"), DRAWN, ["lens"])
    assert [line.partition(":")[0] for line in found] == ["lens", "other"]
