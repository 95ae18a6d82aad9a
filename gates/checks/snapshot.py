"""What do the answers of before the climb say? Both arms' answers to the sanity queries, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One arm's answers, one row a query. What can be counted from the hits is counted from the hits."""

    name: str  # of the system
    ndcg: Floats  # nDCG@10, whenever it came
    recall: Floats  # recall@50 counted from the hits, whenever the answer came
    sla_recall: Floats  # as recorded: 0 where the answer came late
    latency_ms: Floats
    within_sla: Flags
    confidence: Floats
    hits: Counts
    known: Counts  # hits at a place where the collection has a document
    credits: Counts
    file_credits: Counts
    pooled: int  # places of its answers that came in time
    decision: NDArray[np.str_]  # the router's, "" where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Both arms' answers to the same queries, in the same order."""

    hero: Side
    baseline: Side
    intent: NDArray[np.str_]
    pool: int  # places that at least one arm gave in time

    def __len__(self) -> int:
        return len(self.intent)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Hero, then baseline."""
        return self.hero, self.baseline
