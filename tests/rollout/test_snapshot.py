"""Is a snapshot what the two tables say: of both arms, of the sanity rows alone, counted from the hits?"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from gates.checks.battery import Snapshot
from gates.errors import EvidenceError
from rollout.columns import read_snapshot
from tests.evidence.builders import agg_table, hits_table

ANSWER = {"stream": "sanity", "within_sla": True, "n_relevant": 2, "latency_ms": 5.0, "intent": "error"}


def answers(system: str, *changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {**ANSWER, "system": system, "query_ord": 10 - i, "pair_ord": i, **change} for i, change in enumerate(changes)
    ]


def hit(system: str, query: int, rank: int = 1, **values: Any) -> dict[str, Any]:
    place = {"file": f"f{rank}.py", "line_start": 1, "line_end": 9, "credit": "none"}
    return {"system": system, "query_ord": query, "rank": rank, **place, **values}


def read(hits: list[dict[str, Any]], agg: list[dict[str, Any]]) -> Snapshot:
    return read_snapshot(hits_table(hits), agg_table(agg), "hero", "baseline")


def both(*changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*answers("hero", *changes), *answers("baseline", *changes)]


def test_hits_are_counted_at_their_answers() -> None:
    hits = [
        hit("hero", 10, 1, grade=3, credit="span"),
        hit("hero", 10, 2, doc_ord=-1, credit="file"),
        hit("hero", 10, 51, grade=3, credit="span"),  # too deep to count
        hit("hero", 9, 1, grade=2, credit="span"),
        hit("hero", 9, 2, grade=3, credit="span"),
        hit("baseline", 10, 1),
    ]
    found = read(hits, both({}, {}, {})).hero
    assert found.recall.tolist() == [0.5, 1.0, 0.0]
    assert found.hits.tolist() == [2, 2, 0]
    assert found.known.tolist() == [1, 2, 0]
    assert found.credits.tolist() == [2, 2, 0]
    assert found.file_credits.tolist() == [1, 0, 0]


def test_the_pool_is_of_places_that_came_in_time() -> None:
    agg = [*answers("hero", {}, {"within_sla": False}), *answers("baseline", {}, {})]
    hits = [hit("hero", 10, 1), hit("hero", 10, 2), hit("hero", 9, 3), hit("baseline", 10, 2), hit("baseline", 9, 4)]
    found = read(hits, agg)
    assert (found.hero.pooled, found.baseline.pooled, found.pool) == (2, 2, 3)


def test_other_streams_and_windows_are_not_of_it() -> None:
    agg = [*both({}), *answers("hero", {"stream": "pair", "query_ord": 4}), *answers("hero", {"stream": "preflight"})]
    found = read([hit("hero", 10), hit("hero", 4, window=1)], agg)
    assert len(found) == 1
    assert found.hero.hits.tolist() == [1]


def test_the_order_of_rows_means_nothing() -> None:
    agg = both({"confidence": 0.1}, {"confidence": 0.2}, {"confidence": 0.3})
    assert read([], agg[::-1]).hero.confidence.tolist() == [0.1, 0.2, 0.3]


def test_nobody_asked_is_a_snapshot_of_nothing() -> None:
    assert len(read([], [])) == 0


def test_arms_that_were_asked_other_queries_are_refused() -> None:
    with pytest.raises(EvidenceError, match="1 sanity answers of hero and 2 of baseline are not of the same queries"):
        read([], [*answers("hero", {}), *answers("baseline", {}, {})])


def test_a_hit_without_an_answer_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"sanity hits of queries that agg\.parquet does not know"):
        read([hit("hero", 3)], both({}))


def test_tables_that_were_split_in_chunks_are_read_as_one() -> None:
    agg, hits = both({}, {}), [hit("hero", 10), hit("baseline", 9)]
    split_hits = pa.concat_tables([hits_table(hits[:1]), hits_table(hits[1:])])
    split_agg = pa.concat_tables([agg_table(agg[:1]), agg_table(agg[1:])])
    found = read_snapshot(split_hits, split_agg, "hero", "baseline")
    assert found.hero.hits.tolist() == [1, 0]
