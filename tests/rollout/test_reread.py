"""Is what was measured read back as it was written down?"""

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pytest

from gates.pairs import Arm
from rollout.columns import arm_of
from rollout.replay import Locator, Timed
from rollout.reread import wrong_measures
from rollout.tables import Label, agg_table, hits_table
from tests.rollout.test_replay import DOCUMENTS, GOOD, QUERIES, measured


@pytest.mark.parametrize(("waited", "follows"), [(12.0, "10.0"), (-1.0, "0.0")])
def test_a_wait_that_cannot_be_is_found(waited: float, follows: str) -> None:
    hits, agg = written([Timed(GOOD, 10.0, 1.0, "", wait_ms=waited)])
    (wrong,) = wrong_measures(hits, agg, 150)
    assert wrong.startswith(f"agg.parquet: wait_ms of one for query q0 is {waited}, but {follows} follows")
    assert wrong_measures(*written([Timed(GOOD, 10.0, 1.0, "", wait_ms=10.0), Timed(GOOD, np.nan, 1.0, "")]), 150) == []


def written(timed: list[Timed]) -> tuple[pa.Table, pa.Table]:
    """The rows of both evidence files for these answers to the first queries."""
    answers, queries = measured(*timed), QUERIES[: len(timed)]
    label = Label(run_id="run", system="one", config_hash="0", hero="one", stream="pair", step=5, window=1)
    agg = agg_table(label, queries, answers, ["hero"] * len(timed), range(len(timed)))
    return hits_table(label, queries, answers, Locator(DOCUMENTS, DOCUMENTS)), agg


def test_every_column_of_an_arm_is_read_back_as_it_was_judged() -> None:
    timed = [
        Timed(GOOD, 10.0, 1.0, ""),
        Timed(replace(GOOD, router_decision="budget_exceeded", spend_ms=6.0), 180.0, 1.0, "", wait_ms=170.0),
        Timed(replace(GOOD, router_decision="fused", spend_ms=2.0, server_ms=9.0), 10.0, 1.0, "late", wait_ms=1.0),
        Timed(replace(GOOD, calibrator_ns=-1), np.nan, 1.0, ""),
    ]
    judged, rows = measured(*timed).arm, written(timed)[1]
    read = arm_of(rows)
    for field in fields(Arm):
        np.testing.assert_array_equal(getattr(read, field.name), getattr(judged, field.name), field.name)
    assert read.cut.tolist() == [0, 1, 0, 0]
    np.testing.assert_array_equal(np.array(rows["server_ms"]), [np.nan, np.nan, 9.0, np.nan])
