"""Do cuts, ties and credits fall where their names say? That measures are trec_eval's: fixtures/test_recorded.py."""

import numpy as np
import pytest

from evidence.measures import FILE, NONE, SPAN, Places, Truth, grade_hits, measure, rank_hits


@pytest.mark.parametrize(
    ("score", "doc", "ranked"), [([1, 1, 2], [4, 7, 1], [2, 1, 0]), ([2, 1, 1], [1, 4, 7], [0, 2, 1])]
)
def test_equal_scores_rank_by_document_descending(score: list[float], doc: list[int], ranked: list[int]) -> None:
    assert rank_hits(np.zeros(3, np.int32), np.array(score, np.float32), np.array(doc, np.int32)).tolist() == ranked


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
