"""In which worlds is mode `offline` tried? How differences are distributed, and what a lossy hero loses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates.rule.offline import ALPHA, least_margin

Array = NDArray[np.float64]
#: Margin by number of queries: about what an equal hero with a standard deviation of .2 is promoted at with .8.
MARGINS: Mapping[int, float] = {50: 0.10, 200: 0.04, 500: 0.025, 2_000: 0.012, 7_000: 0.006}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Differences of an equal hero (mean 0) with their chances, and the difference on a query that is lost."""

    what: str
    chances: Mapping[float, float]  # what is left of 1 does not differ
    lost: float = -1.0
    at_least_margin: bool = False  # tried with a loss of 1.1 times the least margin that the queries can reach

    @property
    def values(self) -> Array:
        """All differences that occur, with losses or without."""
        return np.array(sorted({0.0, self.lost, *self.chances}))

    def weights(self, loss: float) -> Array:
        """The chance of each value where the mean is -loss: so many queries are lost as that takes."""
        equal = {0.0: 1 - sum(self.chances.values())} | dict(self.chances)
        share = loss / -self.lost
        weights = np.array([equal.get(value, 0.0) for value in self.values.tolist()]) * (1 - share)
        weights[self.values == self.lost] += share
        return weights

    def margin(self, n: int) -> float:
        """The margin at which n queries are tried."""
        return 1.1 * least_margin(n, ALPHA) if self.at_least_margin else MARGINS[n]


def _both_ways(chances: Mapping[float, float]) -> dict[float, float]:
    """Each size up and down, half of its chance each."""
    return {sign * size: chance / 2 for size, chance in chances.items() for sign in (1.0, -1.0)}


# One relevant document: nDCG@10 is 1, .63, .5, .43, .39 at ranks 1 to 5.
SLIPS = _both_ways({0.37: 0.1, 0.13: 0.1, 0.07: 0.1})
GRADED = _both_ways({0.02: 0.12, 0.05: 0.12, 0.1: 0.14, 0.15: 0.1, 0.2: 0.06, 0.3: 0.04, 0.5: 0.02})
GRADED_MORE = _both_ways({0.1: 0.1, 0.3: 0.15, 0.5: 0.15, 0.8: 0.1})
CHURN_5, CHURN_20 = _both_ways({1.0: 0.05}), _both_ways({1.0: 0.2})

WORLDS = (
    World(what="whole answers are lost, nothing else differs", chances={}),
    World(what="... at 1.1 times the least margin", chances={}, at_least_margin=True),
    World(what="whole answers churn, 5 %", chances=CHURN_5),
    World(what="... at 1.1 times the least margin", chances=CHURN_5, at_least_margin=True),
    World(what="whole answers churn, 20 %", chances=CHURN_20),
    World(what="ranks slip on 30 %, one relevant document", chances=SLIPS, lost=-0.37),
    World(what="graded nDCG churns on 60 %, sd .12", chances=GRADED, lost=-0.2),
    World(what="graded nDCG churns on 50 %, sd .34", chances=GRADED_MORE, lost=-0.5),
    World(what="heavy tails: .01 on half, whole answers on 1 %", chances=_both_ways({0.01: 0.5, 1.0: 0.01})),
    World(what="many small gains, rare whole losses", chances={0.02: 0.5, -1.0: 0.01}),
    World(what="many small slips, rare whole rescues", chances={-0.02: 0.05, 1.0: 0.001}, lost=-0.2),
)
