"""Are both arms asked the same, timed alike, measured by the harness, and read back as they were written down?"""

import time
from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pytest

from evidence.measures import Judgements
from fixtures.systems.protocol import Answer, Collection, Documents, Query
from fixtures.systems.waiting import RUN_QUEUE, Mark, WaitingClock
from gates.pairs import Arm
from rollout.columns import arm_of
from rollout.replay import Answers, Locator, Timed, ask, doubted, judge_collection, measure_answers, replay_block
from rollout.reread import wrong_measures
from rollout.tables import Label, agg_table, hits_table

N = 8
QUERIES = [Query(query_ord=i, query_id=f"q{i}", text="", intent="all", suite="all") for i in range(N)]
DOCUMENTS = Documents(
    doc_id=[f"d{i}" for i in range(5)],
    file=["a.py", "a.py", "b.py", "b.py", "c.py"],
    line_start=np.array([1, 20, 1, 20, 1], dtype=np.int32),
    line_end=np.array([9, 29, 9, 29, 9], dtype=np.int32),
)
COLLECTION = Collection(
    documents=DOCUMENTS,
    queries=QUERIES,
    judgements=Judgements(
        start=np.arange(N + 1, dtype=np.int64), doc_ord=np.zeros(N, np.int32), grade=np.full(N, 3, np.int32)
    ),
    part={},
    digests={},
)
GOOD = Answer(
    doc_ord=np.array([0, 1], dtype=np.int32),
    score=np.array([2, 1], dtype=np.float32),
    why=np.zeros(2, dtype=np.int8),
    confidence=0.9,
    calibrator_ns=1_000,
    latency_ms=10.0,
)


class Scripted:
    """Answers as told, and remembers what it was asked."""

    documents = DOCUMENTS
    lacks: Mapping[str, str] = {"calibrator_ns": "scripted"}
    gaps: Mapping[str, str] = {}

    def __init__(self, name: str, log: list[tuple[str, str]], answer: Answer = GOOD) -> None:
        self._name, self._log, self._answer = name, log, answer

    def answer(self, query: Query) -> Answer:
        self._log.append((self._name, query.query_id))
        return self._answer


def measured(
    *answers: Answer | Timed, collection: Collection = COLLECTION, found: Documents = DOCUMENTS, clock: str = "client"
) -> Answers:
    """What the harness makes of answers to the first queries, or of their times."""
    timed = [one if isinstance(one, Timed) else ask(Scripted("hero", [], one), QUERIES[0]) for one in answers]
    locator = Locator(found, collection.documents)
    return measure_answers(timed, QUERIES[: len(timed)], locator, judge_collection(collection), 150, clock)


@pytest.mark.parametrize(
    "documents",
    [[0, 0], [0, -1], [0, 5], [3, 4]],
    ids=["one twice", "below the first", "beyond the last", "two names of one place"],
)
def test_documents_that_cannot_be_are_an_error(documents: list[int]) -> None:
    aliased = replace(DOCUMENTS, file=["a.py", "a.py", "b.py", "c.py", "c.py"], line_start=np.array([1, 20, 1, 1, 1]))
    aliased = replace(aliased, line_end=np.array([9, 29, 9, 9, 9]))
    hero = replace(GOOD, doc_ord=np.array(documents, dtype=np.int32))
    answers = measured(hero, collection=replace(COLLECTION, documents=aliased), found=replace(aliased))
    assert answers.columns["error_code"].tolist() == ["malformed_answer"]
    assert answers.arm.recall.tolist() == [0.0]


def test_both_arms_answer_every_query_in_the_drawn_order() -> None:
    log: list[tuple[str, str]] = []
    hero, baseline = Scripted("hero", log), Scripted("baseline", log)
    twice = [i % 4 == 0 for i in range(N)]
    found = replay_block(QUERIES, hero, baseline, lambda query, arms: arms[:: 1 if query.query_ord % 2 else -1], twice)
    assert {name: len(answers) for name, answers in found.items()} == {"hero": N, "baseline": N, "repeat": 2}
    assert log[:3] == [("baseline", "q0"), ("baseline", "q0"), ("hero", "q0")]
    assert log[3:5] == [("hero", "q1"), ("baseline", "q1")]


def test_an_exception_is_that_querys_error() -> None:
    class Broken(Scripted):
        def answer(self, query: Query) -> Answer:
            raise TimeoutError("away")

    timed = ask(Broken("hero", []), QUERIES[0])
    assert (timed.error_code, len(timed.answer.doc_ord)) == ("TimeoutError", 0)


@pytest.mark.parametrize(
    ("latency", "recall", "within"), [(150.0, 1.0, True), (150.001, 0.0, False), (float("nan"), 1.0, True)]
)
def test_an_answer_after_the_sla_counts_nothing(latency: float, recall: float, within: bool) -> None:
    found = measured(replace(GOOD, latency_ms=latency))
    assert (found.arm.recall.tolist(), found.columns["within_sla"].tolist()) == ([recall], [within])
    # quality is told without the clock
    assert (found.arm.ndcg.tolist(), found.arm.found.tolist()) == ([1.0], [1.0])


@pytest.mark.parametrize(
    ("wait", "decision", "cut"),
    [(3.0, "budget_exceeded", 1.0), (0.0, "budget_exceeded", 0.0), (3.0, "fused", 0.0), (3.0, "", 0.0)],
)
def test_an_answer_that_waited_and_gave_up_was_cut_short(wait: float, decision: str, cut: float) -> None:
    found = measured(Timed(replace(GOOD, router_decision=decision), 10.0, 1.0, "", wait_ms=wait)).arm
    assert (found.wait_ms.tolist(), found.cut.tolist()) == ([wait], [cut])


def counting(*waited_ns: int) -> WaitingClock:
    """A clock of waiting that reads these, one after the other."""
    told = iter(waited_ns)
    return WaitingClock(RUN_QUEUE, lambda: Mark(next(told), 0))


def test_a_question_is_told_what_waited_while_it_was_answered() -> None:
    class Slow(Scripted):
        def answer(self, query: Query) -> Answer:
            time.sleep(0.005)
            return replace(GOOD, latency_ms=None)

    assert ask(Slow("hero", []), QUERIES[0], counting(7_000_000, 9_000_000)).wait_ms == 2.0
    assert 5.0 < ask(Slow("hero", []), QUERIES[0], counting(7, 10**12)).wait_ms < 10**6  # no longer than it took


def test_a_recorded_answer_brings_its_own_latency_and_waited_for_nothing_here() -> None:
    recorded = ask(Scripted("hero", []), QUERIES[0], counting(0, 10**12))
    assert (recorded.latency_ms, recorded.wait_ms) == (10.0, 0.0)
    assert ask(Scripted("hero", [], replace(GOOD, latency_ms=None)), QUERIES[0]).latency_ms != 10.0


@pytest.mark.parametrize(("taken", "waited"), [(0.02, [1.0, 0.0]), (0.021, [10.0, 0.0])])
def test_where_the_machine_took_too_much_nobody_knows_how_long_an_answer_waited(
    taken: float, waited: list[float]
) -> None:
    clocked = Timed(replace(GOOD, latency_ms=None), 10.0, 1.0, "", wait_ms=1.0)
    recorded = Timed(GOOD, 10.0, 1.0, "")
    assert [timed.wait_ms for timed in doubted([clocked, recorded], taken)] == waited


def test_what_a_system_says_of_its_own_time_stands_beside_the_clock_and_what_it_does_not_say_is_none() -> None:
    assert np.isnan(measured(replace(GOOD, calibrator_ns=-1)).arm.calibrator_ms).all()
    assert measured(replace(GOOD, server_ms=4.0)).columns["server_ms"].tolist() == [4.0]
    assert np.isnan(measured(GOOD).columns["server_ms"]).all()


@pytest.mark.parametrize(
    ("clock", "latency", "waited", "recall"), [("client", 200.0, 150.0, 0.0), ("server", 4.0, 0.0, 1.0)]
)
def test_a_policy_may_judge_by_the_servers_clock(clock: str, latency: float, waited: float, recall: float) -> None:
    timed = [
        Timed(replace(GOOD, server_ms=4.0), 200.0, 1.0, "", wait_ms=150.0),
        Timed(replace(GOOD, server_ms=None), 90.0, 1.0, "", wait_ms=0.0),
        Timed(replace(GOOD, server_ms=None), 30.0, 1.0, "TimeoutError", wait_ms=2.0),
    ]
    found = measured(*timed, clock=clock).arm
    assert (found.latency_ms[0], found.wait_ms[0], found.recall[0]) == (latency, waited, recall)
    assert found.latency_ms[1] == 90.0 if clock == "client" else np.isnan(found.latency_ms[1])
    assert (found.latency_ms[2], found.wait_ms[2]) == (30.0, 2.0)  # of what failed only the client can tell


@pytest.mark.parametrize(
    "changes",
    [
        {"score": np.array([2, np.nan], dtype=np.float32)},
        {"score": np.array([2, np.inf], dtype=np.float32)},
        {"score": np.array([2], dtype=np.float32)},
        {"doc_ord": np.array([0, 0], dtype=np.int32)},
        {"why": np.zeros(3, dtype=np.int8)},
        {"doc_ord": np.arange(51, dtype=np.int32), "score": np.ones(51, np.float32), "why": np.zeros(51, np.int8)},
    ],
    ids=["NaN score", "inf score", "too few scores", "a hit twice", "too many whys", "too many hits"],
)
def test_a_malformed_answer_is_an_error_and_finds_nothing(changes: dict[str, np.ndarray]) -> None:
    found = measured(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert found.columns["error_code"].tolist() == ["malformed_answer"]
    assert (found.arm.error.tolist(), found.arm.recall.tolist()) == ([1.0], [0.0])


def test_hits_are_ranked_by_the_harness() -> None:
    found = measured(replace(GOOD, doc_ord=np.array([1, 0], dtype=np.int32), score=np.array([1, 2], dtype=np.float32)))
    assert found.hits.system_doc.tolist() == [0, 1]
    assert found.hits.rank.tolist() == [1, 2]
    assert found.arm.correct.tolist() == [1.0]


def test_a_stale_index_is_found_by_place_not_by_name() -> None:
    stale = replace(DOCUMENTS, line_start=DOCUMENTS.line_start + np.int32(3), line_end=DOCUMENTS.line_end + np.int32(3))
    assert Locator(stale, DOCUMENTS).doc_ord.tolist() == [-1] * 5
    shuffled = replace(DOCUMENTS, doc_id=["e", "d", "c", "b", "a"])
    assert Locator(shuffled, DOCUMENTS).doc_ord.tolist() == [0, 1, 2, 3, 4]
    found = measured(GOOD, found=stale)
    assert (found.arm.recall.tolist(), found.arm.file_credits.tolist()) == ([0.0], [1.0])


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
