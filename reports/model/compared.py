"""What is told of two run files beside a release's card? Every number with its interval, wins and losses, in points."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fixtures.judged import JudgedPair
from fixtures.systems.protocol import Query
from gates.rule.compared import look_interval

MOVED = 3  # queries that are told of the biggest wins, and of the biggest losses


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One measure over all queries or those of an intent."""

    measure: str
    intent: str  # "" for all
    n: int
    baseline: str
    hero: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedQuery:
    """A query whose first measure changed a lot."""

    query: Query
    baseline: str
    hero: str
    difference: float


def rows_of_pair(pair: JudgedPair) -> Iterator[ComparedRow]:
    """Each measure over all queries, then by intent."""
    intents = np.array([query.intent for query in pair.queries])
    named = sorted(set(intents.tolist()))
    for of in pair.stakes:
        for intent in ("", *(named if len(named) > 1 else ())):
            rows = np.flatnonzero(intents == intent) if intent else np.arange(len(intents))
            change = look_interval(of.difference[rows])
            means = [float(np.mean(arm.values[of.measure][rows])) for arm in (pair.baseline, pair.hero)]
            yield ComparedRow(
                measure=of.measure, intent=intent, n=len(rows), baseline=points(means[0]), hero=points(means[1]),
                difference=100 * change.value, low=100 * change.lower, high=100 * change.upper,
            )  # fmt: skip


def moved_most(pair: JudgedPair) -> tuple[list[MovedQuery], list[MovedQuery]]:
    """The biggest losses and the biggest wins of the first measure."""
    change = pair.stakes[0].difference
    order = np.argsort(change, kind="stable")
    losses = [_moved(pair, int(i)) for i in order[:MOVED] if change[i] < 0]
    return losses, [_moved(pair, int(i)) for i in order[::-1][:MOVED] if change[i] > 0]


def points(value: float) -> str:
    """A share in points, to a tenth."""
    return f"{100 * value + 0.0:.1f}"


def _moved(pair: JudgedPair, i: int) -> MovedQuery:
    of = pair.stakes[0]
    return MovedQuery(
        query=pair.queries[i],
        baseline=points(float(pair.baseline.values[of.measure][i])),
        hero=points(float(pair.hero.values[of.measure][i])),
        difference=100 * float(of.difference[i]),
    )
