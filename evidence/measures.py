"""How good is each answer: graded hits to per-query retrieval measures, vectorised over many queries.

Conventions are trec_eval's: hits rank by score (float32) descending, then document id descending; gains are linear in
the grade; the ideal ranking comes from all judgements, not from what was returned. Equal to pytrec_eval to 1e-9.
Other people's measures are those of ir-measures, one number a query.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

NONE, FILE, SPAN = 0, 1, 2
CREDIT = ("none", "file", "span")

_DISCOUNT = 1 / np.log2(np.arange(2, 12))  # ranks 1..10


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where documents lie: a number for the file, first and last line. Parallel arrays."""

    file: NDArray[np.int32]
    line_start: NDArray[np.int32]
    line_end: NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """Graded judgements in CSR form: those of query q are `doc_ord[start[q]:start[q + 1]]` with `grade` beside."""

    start: NDArray[np.int64]  # (queries + 1,)
    doc_ord: NDArray[np.int32]
    grade: NDArray[np.int32]  # from 1; what is not judged is 0

    @cached_property
    def n_relevant(self) -> NDArray[np.int32]:
        """Judged relevant documents of each query."""
        return np.diff(self.start).astype(np.int32)

    @cached_property
    def ideal_dcg_at_10(self) -> NDArray[np.float64]:
        """DCG@10 of the best possible ranking of each query."""
        query = np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))
        best_first = np.lexsort((-self.grade, query))
        rank = np.arange(len(query)) - self.start[query]
        top = rank < 10
        gains = self.grade[best_first][top] * _DISCOUNT[rank[top]]
        return np.bincount(query[top], gains, len(self.start) - 1).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Truth(Judgements):
    """The same, and where the collection's documents lie."""

    places: Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Per-query measures, shape (queries,)."""

    ndcg_at_10: NDArray[np.float64]
    recall_at_50: NDArray[np.float64]
    rr_at_10: NDArray[np.float64]
    success_at_10: NDArray[np.float64]
    correct: NDArray[np.bool_]  # the first hit is relevant
    file_credits: NDArray[np.int32]
    credits: NDArray[np.int32]
    total_hits: NDArray[np.int32]


def rank_hits(row: NDArray[np.int32], score: NDArray[np.float32], doc: NDArray[np.int32]) -> NDArray[np.intp]:
    """The order of hits: by row, then score descending, then document (ordinals follow ids) descending."""
    ahead, behind = slice(None, -1), slice(1, None)
    tie = (row[ahead] == row[behind]) & (score[ahead] == score[behind])
    falls = np.where(tie, doc[ahead] >= doc[behind], score[ahead] > score[behind])
    if np.all((row[ahead] < row[behind]) | ((row[ahead] == row[behind]) & falls)):
        return np.arange(len(row))  # answers mostly come ranked: to look costs a twentieth of to sort
    return np.lexsort((-doc, -score, row))


def grade_hits(
    query_ord: NDArray[np.int32], doc_ord: NDArray[np.int32], places: Places, truth: Truth
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Grade and credit of each hit, shapes (hits,).

    A hit that is a judged document earns its grade and `SPAN`. A hit in a judged file whose lines overlap the judged
    span without being it earns grade 0 and `FILE`. `doc_ord` is -1 where the collection has no document there.
    """
    grade = np.zeros(len(query_ord), dtype=np.int32)
    overlaps = np.zeros(len(query_ord), dtype=np.bool_)
    asked = np.zeros(len(truth.start) - 1, dtype=np.bool_)
    asked[query_ord] = True
    queries = np.flatnonzero(asked)
    row = np.cumsum(asked)[query_ord] - 1  # of the hit's query among those asked
    first, n_judged = truth.start[queries], truth.start[queries + 1] - truth.start[queries]
    for j in range(int(n_judged.max(initial=0))):
        has = j < n_judged
        judged_here = truth.doc_ord[np.where(has, first + j, 0)]
        # nothing is earned outside the judged file, and few hits lie in it; -2 is no file
        near = np.flatnonzero(places.file == np.where(has, truth.places.file[judged_here], -2)[row])
        at = (first + j)[row[near]]
        judged = truth.doc_ord[at]
        same = doc_ord[near] == judged
        grade[near[same]] = truth.grade[at[same]]
        overlaps[near] |= (places.line_start[near] <= truth.places.line_end[judged]) & (
            places.line_end[near] >= truth.places.line_start[judged]
        )
    credit = np.where(grade > 0, SPAN, np.where(overlaps, FILE, NONE)).astype(np.int8)
    return grade, credit


def measure(
    row: NDArray[np.int32],
    rank: NDArray[np.int16],
    grade: NDArray[np.int32],
    credit: NDArray[np.int8],
    *,
    n_relevant: NDArray[np.int32],
    ideal_dcg_at_10: NDArray[np.float64],
) -> Measures:
    """Per-query measures from ranked, graded hits. `row` is the query's position in the two per-query arrays."""
    n = len(n_relevant)
    found = (grade > 0) & (rank <= 50)
    top = found & (rank <= 10)
    dcg = np.bincount(row[top], grade[top] * _DISCOUNT[rank[top] - 1], n)
    recalled = np.bincount(row[found], minlength=n)
    best = np.full(n, np.inf)
    np.minimum.at(best, row[top], rank[top])
    credited = (credit != NONE) & (rank <= 50)
    with np.errstate(divide="ignore", invalid="ignore"):
        ndcg = np.where(ideal_dcg_at_10 > 0, dcg / ideal_dcg_at_10, 0.0)
        recall = np.where(n_relevant > 0, recalled / n_relevant, 0.0)
    return Measures(
        ndcg_at_10=ndcg,
        recall_at_50=recall,
        rr_at_10=np.where(np.isfinite(best), 1 / best, 0.0),
        success_at_10=np.isfinite(best).astype(np.float64),
        correct=best == 1,
        file_credits=np.bincount(row[credited & (credit == FILE)], minlength=n).astype(np.int32),
        credits=np.bincount(row[credited], minlength=n).astype(np.int32),
        total_hits=np.bincount(row, minlength=n).astype(np.int32),
    )


def by_ir_measures(
    name: str,
    query_ord: NDArray[np.int32],
    truth: Truth,
    row: NDArray[np.int32],
    rank: NDArray[np.int16],
    doc_ord: NDArray[np.int32],
) -> NDArray[np.float64]:
    """One of its measures for each query of a block; `row`, `rank` and `doc_ord` are of the hits.

    Documents are told apart by their place in the collection; a hit where it has none is one that nobody judged.
    """
    qrels = (
        (i, int(truth.doc_ord[at]), int(truth.grade[at]))
        for i, query in enumerate(query_ord.tolist())
        for at in range(truth.start[query], truth.start[query + 1])
    )
    hits = enumerate(zip(row.tolist(), rank.tolist(), doc_ord.tolist(), strict=True))
    return calculated(name, len(query_ord), qrels, ((i, d if d >= 0 else -1 - at, r) for at, (i, r, d) in hits))


def calculated(
    name: str, queries: int, judged: Iterable[tuple[int, int, int]], hits: Iterable[tuple[int, int, int]]
) -> NDArray[np.float64]:
    """One of its measures for each of so many queries, from (query, document, grade) and (query, document, rank).

    0 for a query that it says nothing of. Raises what ir-measures raises for what it does not know or cannot compute.
    """
    import ir_measures  # a second that policies without it need not wait

    qrels = [ir_measures.Qrel(str(query), str(document), grade) for query, document, grade in judged]
    run = [ir_measures.ScoredDoc(str(query), str(document), -float(rank)) for query, document, rank in hits]
    found = np.zeros(queries)
    for one in ir_measures.iter_calc([ir_measures.parse_measure(name)], qrels, run):
        found[int(one.query_id)] = one.value
    return found
