"""What did one system answer, now and at another time? Its numbers by query, and the queries that both times share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

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
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        some: dict[str, Any] = {n: c.rows(at) if isinstance(c, Arm) else c[at] for n, c in columns.items()}
        return Answered(**some)

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
    columns = [field.name for field in fields(Answered) if field.name != "arm"]
    whole: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in some]) for name in columns}
    return Answered(**whole, arm=join_arms([one.arm for one in some]))
