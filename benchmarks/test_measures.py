"""Do the measures of a million hits cost at most a quarter of pytrec_eval's CPU time, for the same numbers?

Both read the same file, its hits in the evidence's order. `measured` ranks, grades and measures from document and
score, as pytrec_eval must; `recorded` reads the ranks and grades that the evidence holds, which is what a report does.
"""

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytrec_eval
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.conftest import best_cpu_seconds
from benchmarks.million_hits import QUERIES, SYSTEMS, BigRun
from evidence.measures import CREDIT, Measures, Places, grade_hits, measure, rank_hits

TIMES_FASTER = 4
ByQuery = dict[str, dict[str, float]]


def measured(evidence: BigRun) -> Measures:
    """From documents and scores: rank, grade, measure."""
    hits = pq.read_table(evidence.path, columns=["system", "query_ord", "doc_ord", "score"])
    query, doc, score = (hits[name].to_numpy() for name in ("query_ord", "doc_ord", "score"))
    row = query + QUERIES * _codes(hits, "system")
    order = rank_hits(row, score, doc)
    row, query, doc = row[order], query[order], doc[order]
    starts = np.searchsorted(row, np.arange(QUERIES * len(SYSTEMS)))
    rank = (np.arange(len(row)) - starts[row] + 1).astype(np.int16)
    places = evidence.truth.places
    found = Places(file=places.file[doc], line_start=places.line_start[doc], line_end=places.line_end[doc])
    grade, credit = grade_hits(query, doc, found, evidence.truth)
    return _measured(evidence, row, rank, grade, credit)


def recorded(evidence: BigRun) -> Measures:
    """From the ranks and grades on record."""
    hits = pq.read_table(evidence.path, columns=["system", "query_ord", "rank", "grade", "credit"])
    row = hits["query_ord"].to_numpy() + QUERIES * _codes(hits, "system")
    words = hits["credit"].combine_chunks().dictionary.to_pylist()
    credit = np.array([CREDIT.index(word) for word in words], np.int8)[_codes(hits, "credit")]
    return _measured(evidence, row, hits["rank"].to_numpy(), hits["grade"].to_numpy(), credit)


def by_pytrec_eval(evidence: BigRun) -> list[ByQuery]:
    """The same by pytrec_eval, its dictionaries built as fast as we know how."""
    start, truth = evidence.truth.start, evidence.truth
    judged = [evidence.doc_id[d] for d in truth.doc_ord]
    grades = truth.grade.tolist()
    qrels = {f"q{q}": dict(zip(judged[a:b], grades[a:b], strict=True)) for q, (a, b) in enumerate(pairwise(start))}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.50", "recip_rank"})
    hits = pq.read_table(evidence.path, columns=["system", "query_id", "doc_id", "score"])
    query, system = _codes(hits, "query_id"), _codes(hits, "system")
    queries = hits["query_id"].combine_chunks().dictionary.to_pylist()
    names = np.array(hits["doc_id"].combine_chunks().dictionary.to_pylist(), dtype=object)
    documents, scores = names[_codes(hits, "doc_id")].tolist(), hits["score"].to_pylist()
    runs: list[ByQuery] = [{} for _ in SYSTEMS]
    edges = np.flatnonzero(np.r_[True, np.diff(query) != 0, True]).tolist()
    for a, b in pairwise(edges):
        runs[system[a]][queries[query[a]]] = dict(zip(documents[a:b], scores[a:b], strict=True))
    return [evaluator.evaluate(run) for run in runs]


@pytest.mark.benchmark(group="1,000,000 hits, parquet to nDCG@10, recall@50 and RR", timer=time.process_time)
@pytest.mark.parametrize("ours", [measured, recorded])
def test_measures_cost_a_quarter_of_pytrec_eval(
    benchmark: BenchmarkFixture, evidence: BigRun, ours: Callable[[BigRun], Measures]
) -> None:
    """The check of the numbers, and of the ratio."""
    found = benchmark.pedantic(ours, (evidence,), rounds=5, warmup_rounds=1)
    theirs = by_pytrec_eval(evidence)
    peer = best_cpu_seconds(lambda: by_pytrec_eval(evidence), rounds=3)
    own = best_cpu_seconds(lambda: ours(evidence), rounds=5)
    for name, column in (("ndcg_cut_10", found.ndcg_at_10), ("recall_50", found.recall_at_50)):
        expected = [run[f"q{q}"][name] for run in theirs for q in range(QUERIES)]
        np.testing.assert_allclose(column, expected, rtol=0, atol=1e-9)
    benchmark.extra_info.update(pytrec_eval_cpu_seconds=peer, times_faster=peer / own)
    print(f"\n{ours.__name__}: {own:.3f} s CPU, pytrec_eval {peer:.3f} s CPU: {peer / own:.1f} times faster")
    assert peer / own >= TIMES_FASTER


def _codes(hits: pa.Table, name: str) -> np.ndarray:
    return np.asarray(hits[name].combine_chunks().indices.to_numpy())


def _measured(evidence: BigRun, row: np.ndarray, rank: np.ndarray, grade: np.ndarray, credit: np.ndarray) -> Measures:
    return measure(
        row, rank, grade, credit,
        n_relevant=np.tile(evidence.truth.n_relevant(), len(SYSTEMS)),
        ideal_dcg_at_10=np.tile(evidence.truth.ideal_dcg_at_10(), len(SYSTEMS)),
    )  # fmt: skip
