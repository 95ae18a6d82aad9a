"""What did one system answer, now and at another time? Its numbers by query, and the queries that both times share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.pairs import Arm, join_arms

Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One system's answers to some queries, asked alone; parallel columns, each query once."""

    query_id: Texts
    suite: Texts
    intent: Texts
    within_sla: NDArray[np.bool_]
    arm: Arm

    def __len__(self) -> int:
        return len(self.query_id)

    def rows(self, at: NDArray[np.intp]) -> Answered:
        """Some of the answers."""
        return Answered(
            query_id=self.query_id[at],
            suite=self.suite[at],
            intent=self.intent[at],
            within_sla=self.within_sla[at],
            arm=self.arm.rows(at),
        )

    def slices(self) -> dict[str, NDArray[np.intp]]:
        """Rows of each suite and each intent, by its name; where both bear one name and are the same, once."""
        found: dict[str, NDArray[np.intp]] = {}
        for kind, column in (("suite", self.suite), ("intent", self.intent)):
            for name in np.unique(column).tolist():
                at = np.flatnonzero(column == name)
                if not any(np.array_equal(at, other) for other in found.values()):
                    found[f"{kind} {name}"] = at
        return found


def same_queries(now: Answered, then: Answered) -> tuple[Answered, Answered]:
    """The answers to the queries that both times hold, side by side: drift is told from these alone."""
    _, here, there = np.intersect1d(now.query_id, then.query_id, assume_unique=True, return_indices=True)
    return now.rows(here), then.rows(there)


def joined(some: Sequence[Answered]) -> Answered:
    """Answers of several times, one after the other."""
    return Answered(
        query_id=np.concatenate([one.query_id for one in some]),
        suite=np.concatenate([one.suite for one in some]),
        intent=np.concatenate([one.intent for one in some]),
        within_sla=np.concatenate([one.within_sla for one in some]),
        arm=join_arms([one.arm for one in some]),
    )
