"""Asks both arms the same queries at the same moment and turns their answers into evidence.

A block is some pairs in a row. Each arm is timed by the clock (latency), by the thread's CPU time and by what all
threads waited for a processor meanwhile; an exception is that query's error code. What a system answers is ranked,
graded and measured here, never by the system itself.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evidence.ir import by_ir_measures
from evidence.measures import Measures, Places, Truth, grade_hits, measure, rank_hits
from fixtures.systems import machine, waiting
from fixtures.systems.protocol import (
    DEPTH,
    Answer,
    Collection,
    Documents,
    Query,
    SearchSystem,
    cut_short,
)
from gates.checks.measures import is_column
from gates.pairs import Arm

NOTHING = Answer(
    doc_ord=np.zeros(0, dtype=np.int32),
    score=np.zeros(0, dtype=np.float32),
    why=np.zeros(0, dtype=np.int8),
    confidence=0.0,
    calibrator_ns=0,
)


class Timed(NamedTuple):
    """An answer, how long it took, and what went wrong."""

    answer: Answer
    latency_ms: float
    cpu_ms: float
    error_code: str
    wait_ms: float = 0.0  # of latency_ms; none of a recorded one, whose clock is not this machine's


class Judged(NamedTuple):
    """What the collection says of a query."""

    truth: Truth
    n_relevant: NDArray[np.int32]
    ideal_dcg_at_10: NDArray[np.float64]


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
    measures: Measures
    arm: Arm
    cpu_ms: NDArray[np.float64]
    server_ms: NDArray[np.float64]
    calibrator_ns: NDArray[np.int64]
    within_sla: NDArray[np.bool_]
    router_decision: tuple[str, ...]
    spend_ms: NDArray[np.float64]
    error_code: tuple[str, ...]


def judge_collection(collection: Collection) -> Judged:
    """The collection's judgements in the form that the measures read."""
    truth = Truth(
        start=collection.judgements.start,
        doc_ord=collection.judgements.doc_ord,
        grade=collection.judgements.grade,
        places=_places(collection.documents, _file_numbers(collection.documents)),
    )
    return Judged(truth, truth.n_relevant(), truth.ideal_dcg_at_10())


class Locator:
    """Finds the collection's document at the place where a system's document lies, and the place itself."""

    def __init__(self, system: Documents, collection: Documents) -> None:
        files = _file_numbers(collection)
        self.places = _places(system, files)
        if system is collection:
            self.doc_ord = np.arange(len(system.doc_id), dtype=np.int32)
            return
        at = {
            (f, a, b): i
            for i, (f, a, b) in enumerate(
                zip(collection.file, collection.line_start.tolist(), collection.line_end.tolist(), strict=True)
            )
        }
        rows = zip(system.file, system.line_start.tolist(), system.line_end.tolist(), strict=True)
        self.doc_ord = np.array([at.get(row, -1) for row in rows], dtype=np.int32)


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
    judged: Judged,
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
    grade, credit = grade_hits(query_ord[row], doc_ord, places, judged.truth)
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
    decisions = tuple(t.answer.router_decision for t in timed)
    within = ~(latency_ms > sla_ms)
    recall = np.where(within, measures.recall_at_50, 0.0)
    error = np.array([bool(t.error_code) for t in timed])
    hits = Hits(
        row=row, rank=rank, system_doc=system_doc, doc_ord=doc_ord, score=score, why=why, grade=grade, credit=credit
    )
    calibrator = np.array([t.answer.calibrator_ns for t in timed], dtype=np.int64)
    return Answers(
        hits=hits,
        measures=measures,
        arm=Arm(
            ndcg=measures.ndcg_at_10,
            recall=recall,
            found=measures.recall_at_50,
            latency_ms=latency_ms,
            wait_ms=wait_ms,
            calibrator_ms=np.where(calibrator < 0, np.nan, calibrator / 1e6),
            confidence=np.array([t.answer.confidence for t in timed]),
            correct=measures.correct.astype(np.float64),
            file_credits=measures.file_credits.astype(np.float64),
            credits=measures.credits.astype(np.float64),
            error=error.astype(np.float64),
            spend_ms=np.array([t.answer.spend_ms if t.answer.router_decision else 0.0 for t in timed]),
            cut=cut_short(wait_ms, decisions),
            more=_more(more, timed, measures, hits, query_ord, judged.truth),
        ),
        cpu_ms=np.array([t.cpu_ms for t in timed]),
        server_ms=server_ms,
        calibrator_ns=calibrator,
        within_sla=within,
        router_decision=decisions,
        spend_ms=np.array([t.answer.spend_ms for t in timed]),
        error_code=tuple(t.error_code for t in timed),
    )


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


def replay_block(
    queries: Sequence[Query],
    hero: SearchSystem,
    baseline: SearchSystem,
    order: Callable[[Query, tuple[str, ...]], tuple[str, ...]],
    repeat: Sequence[bool],
) -> dict[str, list[Timed]]:
    """Ask both arms each query, and the baseline twice where `repeat` says so, in the order that `order` draws."""
    systems = {"hero": hero, "baseline": baseline, "repeat": baseline}
    answers: dict[str, list[Timed]] = {"hero": [], "baseline": [], "repeat": []}
    begun = machine.here().taken()
    with quiet():
        for query, twice in zip(queries, repeat, strict=True):
            arms = ("hero", "baseline", "repeat") if twice else ("hero", "baseline")
            for name in order(query, arms):
                answers[name].append(ask(systems[name], query))
    taken = machine.here().taken_since(begun)
    return {name: doubted(timed, taken) for name, timed in answers.items()}


def _well_formed(answer: Answer, locator: Locator) -> bool:
    """At most DEPTH documents of the system, each at another place, with finite scores."""
    n, known = len(answer.doc_ord), len(locator.doc_ord)
    if not n == len(answer.score) == len(answer.why) or n > DEPTH:
        return False
    if not np.all((answer.doc_ord >= 0) & (answer.doc_ord < known)) or not np.isfinite(answer.score).all():
        return False
    places = locator.doc_ord[answer.doc_ord]
    # two names of one place would be credited twice; what the collection does not know has only its own name
    return len(np.unique(np.where(places >= 0, places, known + answer.doc_ord))) == n


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
