"""Asks both arms the same queries at the same moment and turns their answers into evidence.

A block is some pairs in a row. Each arm is timed by the clock (latency), by the thread's CPU time and by what all
threads waited for a processor meanwhile; an exception is that query's error code. What a system answers is ranked,
graded and measured here, never by the system itself.
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evidence.measures import Measures, Places, Truth, by_ir_measures, grade_hits, measure, rank_hits
from evidence.schemas import OWN
from fixtures.systems import machine, waiting
from fixtures.systems.protocol import DEPTH, NOTHING, Answer, Collection, Documents, Query, SearchSystem
from gates.checks.measures import is_column
from gates.pairs import Arm
from rollout.columns import arm_from

ARMS = ("hero", "baseline", "repeat")
WARM_UP = 20  # queries


class Timed(NamedTuple):
    """An answer, how long it took, and what went wrong."""

    answer: Answer
    latency_ms: float
    cpu_ms: float
    error_code: str
    wait_ms: float = 0.0  # of latency_ms; none of a recorded one, whose clock is not this machine's


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Ranked, graded hits of a block, one row a hit. `row` is the query's position in the block."""

    row: NDArray[np.int32]
    rank: NDArray[np.int16]
    system_doc: NDArray[np.int32]  # ordinal in the answering system's documents
    doc_ord: NDArray[np.int32]  # ordinal in the collection, -1 where it has no document there
    score: NDArray[np.float32]
    why: NDArray[np.int8]
    grade: NDArray[np.int32]
    credit: NDArray[np.int8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """One arm's answers to the queries of a block, measured."""

    hits: Hits
    columns: Mapping[str, NDArray[Any]]  # of agg.parquet, a row a query
    arm: Arm


def judge_collection(collection: Collection) -> Truth:
    """The collection's judgements in the form that the measures read."""
    known = collection.judgements
    places = _places(collection.documents, _file_numbers(collection.documents))
    return Truth(start=known.start, doc_ord=known.doc_ord, grade=known.grade, places=places)


class Locator:
    """Finds the collection's document at the place where a system's document lies, the place itself, and its names."""

    def __init__(self, system: Documents, collection: Documents) -> None:
        self.documents = system
        self.places = _places(system, _file_numbers(collection))
        places = [zip(d.file, d.line_start.tolist(), d.line_end.tolist(), strict=True) for d in (collection, system)]
        at = {place: i for i, place in enumerate(places[0])}
        same = range(len(system.doc_id)) if system is collection else (at.get(place, -1) for place in places[1])
        self.doc_ord = np.fromiter(same, dtype=np.int32)

    @cached_property
    def names(self) -> tuple[pa.Array, pa.Array]:
        """The id and the file of each of its documents."""
        return pa.array(self.documents.doc_id), pa.array(self.documents.file).dictionary_encode()


def ask(system: SearchSystem, query: Query, clock: waiting.WaitingClock | None = None) -> Timed:
    """One answer, timed. An exception, or an answer that is none, becomes an error code.

    The waiting is read before the clock starts and after it stops, so that nobody pays for the reading.
    """
    mark = (clock or waiting.here()).mark
    before = mark()
    cpu, begun = time.thread_time_ns(), time.perf_counter_ns()
    try:
        answer = system.answer(query)
        error_code = answer.error_code
    except Exception as error:
        answer, error_code = NOTHING, type(error).__name__
    latency, spent = time.perf_counter_ns() - begun, time.thread_time_ns() - cpu
    measured = latency / 1e6 if answer.latency_ms is None else answer.latency_ms
    waited = waiting.wait_ms(before, mark(), measured) if answer.latency_ms is None else 0.0
    return Timed(answer, measured, spent / 1e6, error_code, waited)


def doubted(timed: Sequence[Timed], taken: float) -> list[Timed]:
    """The answers; each may have waited all its time where the machine took this share of the clock meanwhile."""
    if taken <= machine.TAKEN:
        return list(timed)
    return [t if t.answer.latency_ms is not None else t._replace(wait_ms=t.latency_ms) for t in timed]


@contextmanager
def quiet() -> Iterator[None]:
    """No garbage collection while answers are timed: its pauses would be charged to whichever arm is running."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def measure_answers(
    timed: Sequence[Timed],
    queries: Sequence[Query],
    locator: Locator,
    judged: Truth,
    sla_ms: float,
    latency: str = "client",
    more: Sequence[str] = (),
) -> Answers:
    """Rank, grade and measure one arm's answers. An answer after `sla_ms` counts 0 in SLA-Recall; NaN is in time.

    Where `latency` is "server", how long an answer took is what the system says; what waited here is not in it.
    `more` are columns that a policy's own checks read (gates.checks.measures).
    """
    timed = [
        t if _well_formed(t.answer, locator) else t._replace(answer=NOTHING, error_code="malformed_answer")
        for t in timed
    ]
    query_ord = np.array([q.query_ord for q in queries], dtype=np.int32)
    lengths = np.array([len(t.answer.doc_ord) for t in timed], dtype=np.int32)
    row = np.repeat(np.arange(len(timed), dtype=np.int32), lengths)
    system_doc = _joined([t.answer.doc_ord for t in timed], np.int32)
    score = _joined([t.answer.score for t in timed], np.float32)
    order = rank_hits(row, score, system_doc)
    row, system_doc, score = row[order], system_doc[order], score[order]
    why = _joined([t.answer.why for t in timed], np.int8)[order]
    starts = np.r_[0, np.cumsum(lengths)[:-1]]
    rank = (np.arange(len(row)) - starts[row] + 1).astype(np.int16) if len(row) else np.zeros(0, dtype=np.int16)
    doc_ord = locator.doc_ord[system_doc]
    places = Places(**{f.name: getattr(locator.places, f.name)[system_doc] for f in fields(Places)})
    grade, credit = grade_hits(query_ord[row], doc_ord, places, judged)
    measures = measure(
        row, rank, grade, credit,
        n_relevant=judged.n_relevant[query_ord],
        ideal_dcg_at_10=judged.ideal_dcg_at_10[query_ord],
    )  # fmt: skip
    server_ms = np.array([np.nan if t.answer.server_ms is None else t.answer.server_ms for t in timed])
    latency_ms, wait_ms = np.array([t.latency_ms for t in timed]), np.array([t.wait_ms for t in timed])
    if latency == "server":  # of what failed only the client can tell
        told = np.isfinite(server_ms) | np.array([not t.error_code for t in timed], dtype=np.bool_)
        latency_ms, wait_ms = np.where(told, server_ms, latency_ms), np.where(told, 0.0, wait_ms)
    within = ~(latency_ms > sla_ms)
    hits = Hits(
        row=row, rank=rank, system_doc=system_doc, doc_ord=doc_ord, score=score, why=why, grade=grade, credit=credit
    )
    own = _more(more, timed, measures, hits, query_ord, judged)
    columns: dict[str, NDArray[Any]] = {
        "latency_ms": latency_ms,
        "cpu_ms": np.array([t.cpu_ms for t in timed]),
        "wait_ms": wait_ms,
        "server_ms": server_ms,
        "calibrator_ns": np.array([t.answer.calibrator_ns for t in timed], dtype=np.int64),
        "within_sla": within,
        "n_relevant": judged.n_relevant[query_ord],
        "ideal_dcg_at_10": judged.ideal_dcg_at_10[query_ord],
        **following(measures, within),
        "confidence": np.array([t.answer.confidence for t in timed]),
        "router_decision": np.array([t.answer.router_decision for t in timed], dtype=np.str_),
        "spend_ms": np.array([t.answer.spend_ms for t in timed]),
        "error_code": np.array([t.error_code for t in timed], dtype=np.str_),
        **{f"{OWN}{name}": values for name, values in own.items()},
    }
    return Answers(hits=hits, columns=columns, arm=arm_from(columns, columns.__getitem__))


def following(found: Measures, within: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """The columns of agg.parquet that follow from the hits; `within` says which answers came in time."""
    return {
        "ndcg_at_10": found.ndcg_at_10,
        "recall_at_50": found.recall_at_50,
        "sla_recall_at_50": np.where(within, found.recall_at_50, 0.0),
        "rr_at_10": found.rr_at_10,
        "success_at_10": found.success_at_10,
        "correct": found.correct,
        "file_credit": found.file_credits / np.maximum(found.credits, 1),
        "n_credited": found.credits,
        "total_hits": found.total_hits,
    }


def _more(
    names: Sequence[str], timed: Sequence[Timed], measures: Measures, hits: Hits, query_ord: NDArray[np.int32],
    truth: Truth,
) -> dict[str, NDArray[np.float64]]:  # fmt: skip
    """The columns that a policy's own checks read: of our measures, of ir-measures, or as the system told them."""
    found: dict[str, NDArray[np.float64]] = {}
    for name in names:
        if name in DERIVED:
            found[name] = DERIVED[name](measures)
        elif is_column(name):
            # what failed, or found nothing, need not tell anything
            told = (t.answer.more.get(name, np.nan if len(t.answer.doc_ord) else 0.0) for t in timed)
            found[name] = np.fromiter(told, dtype=np.float64, count=len(timed))
        else:
            found[name] = by_ir_measures(name, query_ord, truth, hits.row, hits.rank, hits.doc_ord)
    return found


#: Measures beyond those of every arm, and how they follow from what is measured of all.
DERIVED: dict[str, Callable[[Measures], NDArray[np.float64]]] = {
    "rr_at_10": lambda m: m.rr_at_10,
    "success_at_10": lambda m: m.success_at_10,
    "zero_results": lambda m: (m.total_hits == 0).astype(np.float64),
}


def ranked(system: SearchSystem, query: Query, locator: Locator) -> NDArray[np.int32]:
    """The system's documents that one answer ranks, best first; none where there is no answer, or one that is none."""
    answer = ask(system, query).answer
    if not _well_formed(answer, locator):
        return NOTHING.doc_ord
    rows = np.zeros(len(answer.doc_ord), dtype=np.int32)
    return answer.doc_ord[rank_hits(rows, answer.score, answer.doc_ord)]


def warm_up(systems: Sequence[SearchSystem], queries: Sequence[Query]) -> None:
    """Caches and lazy imports are nobody's latency; what goes wrong is found when it counts."""
    for query in queries[:WARM_UP]:
        for system in systems:
            ask(system, query)


def ask_in_turn(
    systems: Sequence[SearchSystem],
    queries: Sequence[Query],
    begun: int = 0,
    turns: Callable[[int], Sequence[int]] | None = None,
) -> list[list[Timed]]:
    """Each system's answers, one right after the other, so that no system gains by its hour.

    Another one begins with each query, unless `turns` says who is asked the query at a position. `begun`: the position
    of the first one.
    """
    n = len(systems)
    timed: list[list[Timed]] = [[] for _ in systems]
    since = machine.here().taken()
    with quiet():
        for i, query in enumerate(queries):
            for which in turns(i) if turns else [(begun + i + turn) % n for turn in range(n)]:
                timed[which].append(ask(systems[which], query))
    taken = machine.here().taken_since(since)
    return [doubted(answers, taken) for answers in timed]


def replay_block(
    queries: Sequence[Query],
    hero: SearchSystem,
    baseline: SearchSystem,
    order: Callable[[Query, tuple[str, ...]], tuple[str, ...]],
    repeat: Sequence[bool],
) -> dict[str, list[Timed]]:
    """Ask both arms each query, and the baseline twice where `repeat` says so, in the order that `order` draws."""

    def turns(i: int) -> list[int]:
        return [ARMS.index(name) for name in order(queries[i], ARMS if repeat[i] else ARMS[:2])]

    return dict(zip(ARMS, ask_in_turn((hero, baseline, baseline), queries, turns=turns), strict=True))


def _well_formed(answer: Answer, locator: Locator) -> bool:
    """At most DEPTH documents of the system, each at another place, with finite scores."""
    n, known = len(answer.doc_ord), len(locator.doc_ord)
    if not n == len(answer.score) == len(answer.why) or n > DEPTH:
        return False
    if not np.all((answer.doc_ord >= 0) & (answer.doc_ord < known)) or not np.isfinite(answer.score).all():
        return False
    places = locator.doc_ord[answer.doc_ord]
    # two names of one place would be credited twice; what the collection does not know has only its own name
    return len(set(np.where(places >= 0, places, known + answer.doc_ord).tolist())) == n


def _joined(parts: list[Any], dtype: type) -> Any:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.zeros(0, dtype=dtype)


def _file_numbers(documents: Documents) -> dict[str, int]:
    return {name: i for i, name in enumerate(sorted(set(documents.file)))}


def _places(documents: Documents, files: dict[str, int]) -> Places:
    return Places(
        file=np.array([files.get(name, -1) for name in documents.file], dtype=np.int32),
        line_start=documents.line_start,
        line_end=documents.line_end,
    )
