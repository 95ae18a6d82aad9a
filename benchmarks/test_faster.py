"""Are our measures many times as fast as those of pytrec_eval, for the same numbers?

Both sides read the same file of a million hits, in the evidence's order, and measure from document and score.
"""

import gc
import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from timeit import repeat
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytrec_eval

from evidence.measures import Measures, Places, Truth, grade_hits, measure, rank_hits

QUERIES, DEPTH, JUDGED, SYSTEMS = 10_000, 50, 3, ("baseline", "hero")
FILES, PER_FILE = 500, 40
ByQuery = dict[str, dict[str, float]]


class BigRun(NamedTuple):
    """A file of hits in columns of hits.parquet, and the judgements of its queries."""

    path: Path
    truth: Truth
    doc_id: list[str]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> BigRun:
    """Two systems x 10,000 queries x 50 hits, ranked. Scores are coarse, so that many hits tie."""
    rng = np.random.default_rng(22)
    documents = np.arange(FILES * PER_FILE, dtype=np.int32)
    first = documents % PER_FILE * 30 + 1
    places = Places(file=documents // PER_FILE, line_start=first, line_end=first + 24)
    # what a query finds and what is judged lie in one neighbourhood of 150 documents
    near = rng.integers(0, len(documents), (QUERIES, 1))

    def drawn(n: int) -> np.ndarray:
        return np.asarray((near + np.argsort(rng.random((QUERIES, 150)), axis=1)[:, :n]) % len(documents))

    judged = np.sort(drawn(JUDGED), axis=1)
    truth = Truth(
        start=np.arange(QUERIES + 1, dtype=np.int64) * JUDGED,
        doc_ord=judged.ravel().astype(np.int32),
        grade=rng.integers(1, 4, judged.size).astype(np.int32),
        places=places,
    )
    row = np.repeat(np.arange(QUERIES * len(SYSTEMS), dtype=np.int32), DEPTH)
    doc = np.concatenate([drawn(DEPTH).ravel() for _ in SYSTEMS]).astype(np.int32)
    score = (rng.integers(0, 400, len(row)) / 8).astype(np.float32)
    order = rank_hits(row, score, doc)
    doc_id = [f"pkg/m{f:03d}.py:{a:04d}-{a + 24:04d}" for f, a in zip(places.file, first, strict=True)]
    columns = {
        "system": _coded(row // QUERIES, SYSTEMS), "query_ord": row % QUERIES,
        "query_id": _coded(row % QUERIES, [f"q{i}" for i in range(QUERIES)]), "doc_ord": doc[order],
        "doc_id": _coded(doc[order], doc_id), "score": score[order],
    }  # fmt: skip
    path = tmp_path_factory.mktemp("evidence") / "hits.parquet"
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=250_000)
    return BigRun(path, truth, doc_id)


def measured(evidence: BigRun) -> Measures:
    """From documents and scores: rank, grade, measure."""
    hits = pq.read_table(evidence.path, columns=["system", "query_ord", "doc_ord", "score"])
    query, doc, score = (hits[name].to_numpy() for name in ("query_ord", "doc_ord", "score"))
    row, truth, places = query + QUERIES * _codes(hits, "system"), evidence.truth, evidence.truth.places
    order = rank_hits(row, score, doc)
    row, doc = row[order], doc[order]
    rank = (np.arange(len(row)) - np.searchsorted(row, np.arange(QUERIES * len(SYSTEMS)))[row] + 1).astype(np.int16)
    at = Places(file=places.file[doc], line_start=places.line_start[doc], line_end=places.line_end[doc])
    return measure(
        row, rank, *grade_hits(row % QUERIES, doc, at, truth),
        n_relevant=np.tile(truth.n_relevant, len(SYSTEMS)),
        ideal_dcg_at_10=np.tile(truth.ideal_dcg_at_10, len(SYSTEMS)),
    )  # fmt: skip


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


def test_measures_cost_a_quarter_of_pytrec_eval(evidence: BigRun) -> None:
    """The check of the numbers, and of the ratio: a million hits, parquet to nDCG@10, recall@50 and RR."""
    found, theirs = measured(evidence), by_pytrec_eval(evidence)
    # the least CPU time of some calls: a shared machine's clock says more of its neighbours than of the code
    taken = partial(repeat, setup=gc.enable, timer=time.process_time, number=1)
    peer = min(taken(lambda: by_pytrec_eval(evidence), repeat=3))
    own = min(taken(lambda: measured(evidence), repeat=5))
    for name, column in (("ndcg_cut_10", found.ndcg_at_10), ("recall_50", found.recall_at_50)):
        expected = [run[f"q{q}"][name] for run in theirs for q in range(QUERIES)]
        np.testing.assert_allclose(column, expected, rtol=0, atol=1e-9)
    print(f"\nours {own:.3f} s CPU, pytrec_eval {peer:.3f} s CPU: {peer / own:.1f} times faster")
    assert peer / own >= 4


def _coded(codes: np.ndarray, words: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words))


def _codes(hits: pa.Table, name: str) -> np.ndarray:
    return np.asarray(hits[name].combine_chunks().indices.to_numpy())
