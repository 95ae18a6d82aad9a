"""How far could hits that nobody judged move the difference of a measure on each query, and which of them furthest?

A hit counts 0 until it is judged, as in trec_eval. Here each may turn out not relevant, or as relevant as the best that
is judged anywhere; what lies between is not tried. A relevant hit also joins the ideal ranking, which both arms share.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ranks = NDArray[np.int32]

#: The depth of each measure that is known here, by the name that ir_measures gives it.
MEASURES = {"nDCG@10": 10, "R@50": 50, "P@10": 10}
_DISCOUNT = np.concatenate([[0.0], 1 / np.log2(np.arange(2, 12))])  # at rank 0 there is no hit


@dataclass(frozen=True, slots=True, kw_only=True)
class UnjudgedHits:
    """One row a query and document, in the order of the queries: its rank in both answers, 0 where it is not there."""

    query: Ranks
    document: NDArray[np.object_]
    baseline: Ranks
    hero: Ranks

    def __len__(self) -> int:
        return len(self.query)

    def at(self, rows: NDArray[np.intp]) -> "UnjudgedHits":
        """Some of them, in the order of the queries."""
        rows = np.sort(rows)
        return UnjudgedHits(
            query=self.query[rows], document=self.document[rows], baseline=self.baseline[rows], hero=self.hero[rows]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakes:
    """What a measure is computed from, one row a query."""

    measure: str
    difference: Array  # hero minus baseline, with every unjudged hit as not relevant
    best_grades: Array  # the ten best that are judged, best first, and 0 after them; shape (queries, 10)
    relevant: Array  # how many are judged relevant
    grade: int  # of the best document that is judged anywhere

    @property
    def ideals(self) -> Array:
        """The measure's denominator when 0, 1, ..., 10 more documents had the best grade; shape (queries, 11)."""
        if self.measure == "R@50":
            return self.relevant[:, None] + np.arange(11)
        if self.measure == "P@10":
            return np.full((len(self.difference), 11), 10.0)
        more = np.arange(11)[:, None]
        rank = np.arange(1, 11)[None, :] + more  # of the judged ones, behind so many more
        behind = np.where(rank <= 10, _DISCOUNT[np.minimum(rank, 10)], 0.0)
        return np.asarray(self.grade * np.cumsum(_DISCOUNT)[None, :] + self.best_grades @ behind.T)


def reach(stakes: Stakes, hits: UnjudgedHits) -> tuple[Array, Array]:
    """The difference on each query with the worst and with the best grades for the hero; shapes (queries,).

    Of a measure that is not in MEASURES nobody knows: twice the difference as it is judged.
    """
    if stakes.measure not in MEASURES:
        return stakes.difference, stakes.difference
    weight = _weight(stakes.measure, hits)
    ideals = stakes.ideals
    down = _highest(-stakes.difference, -weight, hits.query, stakes, ideals)
    up = _highest(stakes.difference, weight, hits.query, stakes, ideals)
    return np.maximum(-down, -1), np.minimum(up, 1)  # beyond them by rounding alone


def furthest_first(stakes: Sequence[Stakes], hits: UnjudgedHits) -> tuple[NDArray[np.intp], Array]:
    """Rows in the order in which they should be judged, and how far each alone could move the measures, in all."""
    moves = np.zeros(len(hits))
    for one in stakes:
        if one.measure not in MEASURES:
            continue
        graded = one.grade if one.measure == "nDCG@10" else 1
        moves += graded * np.abs(_weight(one.measure, hits)) / one.ideals[hits.query, 1]
    return np.argsort(-moves, kind="stable"), moves


def _weight(measure: str, hits: UnjudgedHits) -> Array:
    """What a relevant hit adds to the hero's measure more than to the baseline's, before the ideal divides it."""
    depth = MEASURES[measure]
    hero, baseline = (np.where(rank <= depth, rank, 0) for rank in (hits.hero, hits.baseline))
    if measure != "nDCG@10":
        return (hero > 0).astype(np.float64) - (baseline > 0)
    return np.asarray(_DISCOUNT[hero] - _DISCOUNT[baseline])


def _highest(difference: Array, weight: Array, query: Ranks, stakes: Stakes, ideals: Array) -> Array:
    """The largest difference: of any number of relevant hits the weightiest reach most, so each number is tried."""
    best, graded = difference.copy(), stakes.grade if stakes.measure == "nDCG@10" else 1
    order = np.lexsort((-weight, query))
    of, summed = query[order], np.cumsum(graded * weight[order])
    first = np.searchsorted(of, of)
    number = np.arange(len(of)) - first + 1
    before = np.concatenate([[0.0], summed])[first]
    ideal = ideals[of, np.minimum(number, 10)]
    if stakes.measure == "R@50":
        ideal = stakes.relevant[of] + number
    reached = (difference[of] * ideals[of, 0] + summed - before) / ideal
    np.maximum.at(best, of, reached)
    return best
