from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from fixtures.systems.protocol import Query
from gates.errors import EvidenceError
from rollout.jobs.draw import Drawn, draw, queries_of, read_drawn, remembered, write_drawn

NIGHT = date(2026, 3, 1)
POOL = [Query(query_ord=i, query_id=f"q{i}", text="", intent="all", suite="all") for i in range(20)]


def night(folder: Path, day: date, size: int, pool: Sequence[Query] = POOL, remember: int = 3) -> Drawn:
    used = remembered(folder, day, remember).get("s", {})
    drawn = draw(day.isoformat(), "s", pool, size, used)
    write_drawn(folder, day, [drawn], remember)
    return drawn


def ids(drawn: Drawn) -> set[str]:
    return {query.query_id for query in drawn.queries}


def test_each_night_draws_fresh_queries_until_there_are_none(tmp_path: Path) -> None:
    first, second, third = (night(tmp_path, NIGHT + timedelta(i), 8) for i in range(3))
    assert ids(first).isdisjoint(ids(second))
    assert (first.fresh, second.fresh, third.fresh) == (8, 8, 4)
    assert ids(third) - ids(first) == ids(third) - ids(first) - ids(second)  # what is reused was drawn longest ago
    assert {last for last in third.last_drawn if last} == {NIGHT.isoformat()}


def test_a_night_that_is_run_again_draws_the_same_and_another_date_others(tmp_path: Path) -> None:
    first, again = (night(tmp_path, NIGHT, 8) for _ in range(2))
    assert first == again
    assert ids(first) != ids(night(tmp_path / "other", NIGHT + timedelta(1), 8))


def test_what_is_older_than_is_remembered_is_fresh_again_and_forgotten(tmp_path: Path) -> None:
    for i in range(6):
        night(tmp_path, NIGHT + timedelta(i), 5, remember=2)
    assert len(list((tmp_path / "drawn").glob("*.parquet"))) == 3  # tonight's, and two to remember
    assert night(tmp_path, NIGHT + timedelta(6), 5, remember=2).fresh == 5


def test_the_drawn_suite_is_read_back_in_its_order(tmp_path: Path) -> None:
    drawn = night(tmp_path, NIGHT, 8)
    assert queries_of(read_drawn(tmp_path, NIGHT.isoformat()), POOL) == {"s": list(drawn.queries)}


def test_a_drawn_suite_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    night(tmp_path, NIGHT, 8)
    night(tmp_path / "other", NIGHT, 7)
    (tmp_path / "other" / "drawn" / "2026-03-01.parquet").replace(tmp_path / "drawn" / "2026-03-01.parquet")
    with pytest.raises(EvidenceError, match="its digest differs"):
        read_drawn(tmp_path, NIGHT.isoformat())


def test_a_collection_that_moved_on_is_refused(tmp_path: Path) -> None:
    night(tmp_path, NIGHT, 8)
    with pytest.raises(EvidenceError, match="none of the collection's any more"):
        queries_of(read_drawn(tmp_path, NIGHT.isoformat()), POOL[::-1])
