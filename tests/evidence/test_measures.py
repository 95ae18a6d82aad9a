"""Are the measures trec_eval's, ties included?"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import pytrec_eval

from evidence.measures import FILE, NONE, SPAN, Measures, Places, Truth, grade_hits, measure, rank_hits

DOCUMENTS = [f"pkg/m{i:04d}.py" for i in range(400)]  # sorted: ordinals follow ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Random answers to random queries, scored coarsely so that many hits tie."""

    query: np.ndarray
    doc: np.ndarray
    score: np.ndarray
    truth: Truth

    @classmethod
    def drawn(cls, seed: int, queries: int = 200) -> "Answers":
        rng = np.random.default_rng(seed)
        query, doc, judged_query, judged_doc = [], [], [], []
        for q in range(queries):
            found = rng.choice(len(DOCUMENTS), rng.integers(0, 70), replace=False)
            judged = np.sort(rng.choice(len(DOCUMENTS), rng.integers(1, 25), replace=False))
            query += [q] * len(found)
            doc += found.tolist()
            judged_query += [q] * len(judged)
            judged_doc += judged.tolist()
        n = len(DOCUMENTS)
        places = Places(
            file=np.arange(n, dtype=np.int32), line_start=np.ones(n, np.int32), line_end=np.full(n, 9, np.int32)
        )
        truth = Truth(
            start=np.searchsorted(judged_query, np.arange(queries + 1)).astype(np.int64),
            doc_ord=np.array(judged_doc, np.int32),
            grade=rng.integers(1, 4, len(judged_doc)).astype(np.int32),
            places=places,
        )
        score = rng.integers(0, 12, len(doc)) / 7
        return cls(query=np.array(query, np.int32), doc=np.array(doc, np.int32), score=score, truth=truth)

    def measured(self, ties: int = 1) -> Measures:
        """Our measures; `ties=-1` breaks ties the wrong way round."""
        order = rank_hits(self.query, self.score.astype(np.float32), ties * self.doc)
        query, doc = self.query[order], self.doc[order]
        starts = np.searchsorted(query, np.arange(len(self.truth.start) - 1))
        rank = (np.arange(len(query)) - starts[query] + 1).astype(np.int16)
        places = Places(**{f: getattr(self.truth.places, f)[doc] for f in ("file", "line_start", "line_end")})
        grade, credit = grade_hits(query, doc, places, self.truth)
        ideal = self.truth.ideal_dcg_at_10()
        return measure(query, rank, grade, credit, n_relevant=self.truth.n_relevant(), ideal_dcg_at_10=ideal)

    def by_trec_eval(self) -> list[dict[str, float]]:
        """What pytrec_eval says of the same answers."""
        start = self.truth.start
        qrels = {
            str(q): {DOCUMENTS[d]: int(g) for d, g in zip(self.truth.doc_ord[a:b], self.truth.grade[a:b], strict=True)}
            for q, (a, b) in enumerate(pairwise(start))
        }
        run: dict[str, dict[str, float]] = {}
        for q, d, s in zip(self.query, self.doc, self.score, strict=True):
            run.setdefault(str(q), {})[DOCUMENTS[d]] = float(s)
        evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.50", "recip_rank"})
        found = evaluator.evaluate(run)
        nothing = {"ndcg_cut_10": 0.0, "recall_50": 0.0, "recip_rank": 0.0}
        return [found.get(str(q), nothing) for q in range(len(start) - 1)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_equal_pytrec_eval(seed: int) -> None:
    answers = Answers.drawn(seed)
    ours, theirs = answers.measured(), answers.by_trec_eval()
    reciprocal = np.array([t["recip_rank"] for t in theirs])
    np.testing.assert_allclose(ours.ndcg_at_10, [t["ndcg_cut_10"] for t in theirs], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.recall_at_50, [t["recall_50"] for t in theirs], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.rr_at_10, np.where(reciprocal >= 0.1 - 1e-9, reciprocal, 0), rtol=0, atol=1e-9)


def test_ties_broken_the_other_way_are_another_ranking() -> None:
    answers = Answers.drawn(1)
    theirs = np.array([t["ndcg_cut_10"] for t in answers.by_trec_eval()])
    assert np.abs(answers.measured(ties=-1).ndcg_at_10 - theirs).max() > 0.01


def test_scores_that_differ_beyond_float32_tie() -> None:
    answers = Answers.drawn(4)
    noise = np.random.default_rng(5).uniform(0, 1e-10, len(answers.score))
    answers = Answers(query=answers.query, doc=answers.doc, score=1 + answers.score + noise, truth=answers.truth)
    theirs = [t["ndcg_cut_10"] for t in answers.by_trec_eval()]
    np.testing.assert_allclose(answers.measured().ndcg_at_10, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("ranks", "recall", "rr", "success", "correct"),
    [
        ([1], 0.5, 1.0, 1.0, True),
        ([10], 0.5, 0.1, 1.0, False),
        ([11], 0.5, 0.0, 0.0, False),
        ([2, 50], 1.0, 0.5, 1.0, False),
        ([51], 0.0, 0.0, 0.0, False),
        ([], 0.0, 0.0, 0.0, False),
    ],
)
def test_cuts_fall_where_the_names_say(
    ranks: list[int], recall: float, rr: float, success: float, correct: bool
) -> None:
    n = len(ranks)
    found = measure(
        np.zeros(n, np.int32), np.array(ranks, np.int16), np.full(n, 3, np.int8), np.full(n, SPAN, np.int8),
        n_relevant=np.array([2], np.int32), ideal_dcg_at_10=np.array([3 + 3 / np.log2(3)]),
    )  # fmt: skip
    assert (found.recall_at_50[0], found.rr_at_10[0], found.success_at_10[0]) == (recall, pytest.approx(rr), success)
    assert bool(found.correct[0]) == correct


def test_a_query_without_judgements_scores_nothing() -> None:
    empty = np.zeros(0, np.int32)
    found = measure(
        empty, empty.astype(np.int16), empty.astype(np.int8), empty.astype(np.int8),
        n_relevant=np.zeros(2, np.int32), ideal_dcg_at_10=np.zeros(2),
    )  # fmt: skip
    assert found.ndcg_at_10.tolist() == found.recall_at_50.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("document", "file", "lines", "grade", "credit"),
    [
        (1, 0, (10, 20), 3, SPAN),  # the judged document itself
        (2, 0, (5, 30), 0, FILE),  # encloses it
        (2, 0, (20, 25), 0, FILE),  # shares its last line
        (2, 0, (21, 25), 0, NONE),  # another function of the same file
        (2, 1, (10, 20), 0, NONE),  # the same lines of another file
        (-1, 0, (12, 22), 0, FILE),  # a stale index: no document of the collection stands there
        (-1, -1, (10, 20), 0, NONE),
    ],
)
def test_a_hit_earns_its_grade_or_file_credit(
    document: int, file: int, lines: tuple[int, int], grade: int, credit: int
) -> None:
    def places(*rows: tuple[int, int, int]) -> Places:
        file, first, last = (np.array(column, np.int32) for column in zip(*rows, strict=True))
        return Places(file=file, line_start=first, line_end=last)

    truth = Truth(
        start=np.array([0, 1]), doc_ord=np.array([1], np.int32), grade=np.array([3], np.int32),
        places=places((9, 1, 2), (0, 10, 20), (0, 21, 25)),
    )  # fmt: skip
    found = grade_hits(np.zeros(1, np.int32), np.array([document], np.int32), places((file, *lines)), truth)
    assert (found[0].tolist(), found[1].tolist()) == ([grade], [credit])
