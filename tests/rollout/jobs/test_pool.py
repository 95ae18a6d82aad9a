"""Does the pool hold what was answered in time, and is every change in it seen?"""

from typing import Any

import numpy as np
import pyarrow as pa

from gates.verdicts import Cell, Verdict
from rollout.jobs.pool import (
    POOL,
    WHOLE,
    Last,
    PoolAuditLimits,
    changes,
    in_time,
    judge_pool,
    parts,
    pool_of,
    row,
)
from rollout.jobs.settings import read_family
from tests.rollout.jobs.weeks import CONFIGS as SHIPPED

LIMITS: PoolAuditLimits = read_family(SHIPPED, "weekly", pool=PoolAuditLimits).pool
CHURN, CONTRIBUTION, IN_SLA = "churn", "contribution", "in_sla"
CONFIGS = {"lens": "a", "ann": "b"}


def answers(queries: int = 120, first: int = 0, depth: int = 50, late: int = 0, failing: int = 0) -> Any:
    """Hits first .. first + depth - 1 for each query; the first `late` answers come late, the next `failing` fail."""
    names = [f"q{q}" for q in range(queries)]
    suites = ["names" if q % 2 else "words" for q in range(queries)]
    hits = pa.table(
        {
            "suite": np.repeat(suites, depth).tolist(),
            "query_id": np.repeat(names, depth).tolist(),
            "doc_id": [f"d{first + rank}" for _ in range(queries) for rank in range(depth)],
            "rank": np.tile(np.arange(1, depth + 1), queries),
        }
    )
    agg = pa.table(
        {
            "query_id": names,
            "within_sla": [q >= late for q in range(queries)],
            "error_code": ["TimeoutError" if late <= q < late + failing else "" for q in range(queries)],
        }
    )
    return hits, agg


def audit(now: Any, then: Any = None, configs: Any = None) -> dict[tuple[str, str], Cell]:
    last = Last(pool_of(then, LIMITS.depth), {"configs": CONFIGS}) if then else None
    counted = {name: len(in_time(agg)) for name, (_, agg) in now.items()}
    kept = {name: (configs or CONFIGS).get(name, name) for name in now}
    pool = pool_of(now, LIMITS.depth)
    return judge_pool(LIMITS, pool, parts(pool, list(now)), last, counted, kept)


def red(cells: dict[tuple[str, str], Cell]) -> set[tuple[str, str]]:
    return {key for key, cell in cells.items() if cell.verdict is Verdict.RED}


def test_the_pool_is_the_union_and_says_who_gave_what() -> None:
    pool = pool_of({"lens": answers(2, depth=3), "ann": answers(2, first=2, depth=3)}, 50)
    assert {document: " ".join(who) for (_, query, document), who in pool.items() if query == "q0"} == {
        "d0": "lens", "d1": "lens", "d2": "ann lens", "d3": "ann", "d4": "ann",
    }  # fmt: skip
    assert row(*next(iter(pool.items()))) == dict(zip(POOL.names, ("names", "q1", "d0", "lens"), strict=True))
    found = {(p.system, p.suite): p for p in parts(pool, ["lens", "ann"])}
    assert found["lens", "all"][2:] == (6, 4, 10)
    assert found["ann", "names"][2:] == (3, 2, 5)


def test_late_failed_and_deep_hits_are_not_pooled() -> None:
    assert len(pool_of({"lens": answers(10, late=4, failing=1)}, 20)) == 5 * 20
    assert len(pool_of({"lens": answers(10, late=10)}, 20)) == 0


def test_the_same_answers_churn_nothing_and_the_first_week_nothing_to_differ_from() -> None:
    both = {"lens": answers(), "ann": answers(first=5)}
    cells = audit(both, both)
    assert {cell.verdict for cell in cells.values()} == {Verdict.GREEN}
    assert cells[WHOLE, CHURN].observed == "0"
    assert audit(both)[WHOLE, CHURN].verdict is Verdict.INCONCLUSIVE


def test_a_shifted_pool_is_red_unless_the_configuration_is_another_one() -> None:
    then = {"lens": answers(), "ann": answers()}
    now = {"lens": answers(first=3), "ann": answers(first=3)}
    cells = audit(now, then)
    assert red(cells) == {(WHOLE, CHURN), ("lens", CHURN), ("ann", CHURN)}
    assert "360 added, 360 removed of 6,000 (net +0)" in cells[WHOLE, CHURN].note
    changed = audit(now, then, {"lens": "a", "ann": "c"})
    assert red(changed) == {("lens", CHURN)}
    other = changed[WHOLE, CHURN]
    assert other.verdict is Verdict.GREEN
    assert other.note.startswith("warning: ")
    assert "another configuration of ann" in other.note


def test_what_one_system_lost_is_seen_though_others_give_it_still() -> None:
    cells = audit({"lens": answers(depth=40), "ann": answers()}, {"lens": answers(), "ann": answers()})
    assert cells[WHOLE, CHURN].observed == "0"
    assert red(cells) == {("lens", CHURN)}


def test_a_stand_in_of_the_same_configuration_is_compared_with_whom_it_stands_in_for() -> None:
    now = {"seeded": answers(depth=40), "ann": answers()}
    cells = audit(now, {"lens": answers(), "ann": answers()}, {"seeded": "a", "ann": "b"})
    assert red(cells) == {("seeded", CHURN)}


def test_a_system_that_gives_little_or_is_mostly_late_is_red() -> None:
    assert red(audit({"lens": answers(), "ann": answers(depth=10)})) == {("ann", CONTRIBUTION)}
    assert ("ann", IN_SLA) in red(audit({"lens": answers(), "ann": answers(late=21)}))
    assert ("ann", IN_SLA) not in red(audit({"lens": answers(), "ann": answers(late=20)}))


def test_changes_name_both_sides() -> None:
    one, other = (pool_of({"lens": answers(1, first=first, depth=2)}, 50) for first in (1, 0))
    diff = changes(one, other)
    assert [(one["doc_id"], one["change"]) for one in diff] == [("d2", "added"), ("d0", "removed")]
