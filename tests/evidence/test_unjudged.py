"""Is the range of a measure over grades of unjudged hits what trying all of them finds?"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.unjudged import MEASURES, Stakes, UnjudgedHits, furthest_first, reach

Answer = tuple[str, ...]


def value(measure: str, answer: Answer, grades: dict[str, int]) -> float:
    """The measure of one answer, as its definition has it."""
    if measure == "P@10":
        return sum(grades.get(d, 0) > 0 for d in answer[:10]) / 10
    if measure == "R@50":
        relevant = [d for d, grade in grades.items() if grade > 0]
        return sum(d in answer[:50] for d in relevant) / len(relevant) if relevant else 0.0

    def dcg(found: list[int]) -> float:
        return float(sum(grade / np.log2(rank + 1) for rank, grade in enumerate(found[:10], start=1)))

    ideal = dcg(sorted(grades.values(), reverse=True))
    return dcg([grades.get(d, 0) for d in answer]) / ideal if ideal else 0.0


def asked(measure: str, baseline: Answer, hero: Answer, grades: dict[str, int]) -> tuple[Stakes, UnjudgedHits]:
    """One query as the module takes it."""
    best = sorted((g for g in grades.values() if g > 0), reverse=True)[:10]
    unjudged = [d for d in dict.fromkeys((*baseline, *hero)) if d not in grades]
    ranks = [[one.index(d) + 1 if d in one else 0 for d in unjudged] for one in (baseline, hero)]
    stakes = Stakes(
        measure=measure,
        difference=np.array([value(measure, hero, grades) - value(measure, baseline, grades)]),
        best_grades=np.array([best + [0] * (10 - len(best))], dtype=np.float64),
        relevant=np.array([float(len([g for g in grades.values() if g > 0]))]),
        grade=max(grades.values()),
    )
    hits = UnjudgedHits(
        query=np.zeros(len(unjudged), dtype=np.int32), document=np.array(unjudged, dtype=np.object_),
        baseline=np.array(ranks[0], dtype=np.int32), hero=np.array(ranks[1], dtype=np.int32),
    )  # fmt: skip
    return stakes, hits


@settings(max_examples=60, deadline=None)
@given(
    baseline=st.permutations("abcdefgh"),
    hero=st.permutations("cdefghij"),
    grades=st.fixed_dictionaries({"a": st.just(2), "c": st.integers(0, 2), "f": st.integers(0, 2)}),
    measure=st.sampled_from(sorted(MEASURES)),
)
def test_it_is_what_trying_every_choice_finds(
    baseline: list[str], hero: list[str], grades: dict[str, int], measure: str
) -> None:
    one, other = tuple(baseline[:5]), tuple(hero[:5])
    stakes, hits = asked(measure, one, other, grades)
    tried = []
    for choice in product((0, stakes.grade), repeat=len(hits)):
        told = grades | dict(zip(hits.document.tolist(), choice, strict=True))
        tried.append(value(measure, other, told) - value(measure, one, told))
    worst, best = reach(stakes, hits)
    assert worst[0] == pytest.approx(min(tried), abs=1e-12)
    assert best[0] == pytest.approx(max(tried), abs=1e-12)


def test_where_all_is_judged_nothing_moves() -> None:
    stakes, hits = asked("nDCG@10", ("a", "b"), ("b", "a"), {"a": 1, "b": 0})
    worst, best = reach(stakes, hits)
    assert worst.tolist() == best.tolist() == stakes.difference.tolist()
    assert furthest_first([stakes], hits)[0].tolist() == []


def test_what_moves_furthest_comes_first() -> None:
    stakes, hits = asked("nDCG@10", ("a", "both", "late"), ("early", "both", "a"), {"a": 1})
    order, moves = furthest_first([stakes], hits)
    assert hits.document[order].tolist() == ["early", "late", "both"]
    assert moves[order[-1]] == 0


def test_a_measure_that_nobody_bounds_counts_them_as_not_relevant() -> None:
    stakes, hits = asked("nDCG@10", ("a", "b"), ("c", "a"), {"a": 1})
    other = replace(stakes, measure="AP")
    worst, best = reach(other, hits)
    assert worst.tolist() == best.tolist() == stakes.difference.tolist()
    assert furthest_first([other, stakes], hits)[1].tolist() == furthest_first([stakes], hits)[1].tolist()
