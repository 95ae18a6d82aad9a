"""What is told of two recorded runs that were compared? Once, for terminal, page and record; numbers are in points."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from evidence.unjudged import UnjudgedHits, furthest_first, reach
from fixtures.judged import TOP, JudgedArm, JudgedPair
from fixtures.systems.protocol import Query
from gates.rule.compared import Differences, OneLook, compare, decision_of, fewest, interval, queries_for, rates_for
from gates.rule.offline import MOST, POWER
from gates.statistics.decimals import decimal
from gates.verdicts import Decision

MOVED = 10  # queries that are told of the biggest wins, and of the biggest losses
MOST_LISTED = 1_000  # unjudged hits
FEWEST = 40  # unjudged hits that are listed where fewer would decide


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One measure over all queries or those of an intent."""

    measure: str
    intent: str  # "" for all
    n: int
    baseline: str
    hero: str
    difference: str
    low: str
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedQuery:
    """A query whose first measure changed a lot, with the top ten of both arms as (document, grade or "?")."""

    query: Query
    baseline: str
    hero: str
    difference: str
    tops: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToJudge:
    """Unjudged hits in the order in which they should be judged, and how many of them would decide."""

    hits: UnjudgedHits
    rows: tuple[int, ...]  # of the hits
    moves: tuple[float, ...]  # how far each alone could move its query's measures, beside the rows
    needed: int  # 0 where nothing hangs on them
    then: Decision  # with so many judged not relevant


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedStory:
    """All that is told."""

    decision: Decision
    final: bool
    reasons: tuple[str, ...]
    understood: tuple[str, ...]
    margins: tuple[str, ...]
    unjudged: tuple[str, ...]
    rows: tuple[ComparedRow, ...]
    wins: tuple[MovedQuery, ...]
    losses: tuple[MovedQuery, ...]


def differences_of(pair: JudgedPair) -> tuple[Differences, ...]:
    """What the rule looks at, by measure."""
    found = []
    for of in pair.stakes:
        worst, best = reach(of, pair.unjudged)
        found.append(Differences(check=of.measure, judged=of.difference, worst=worst, best=best))
    return tuple(found)


def judged_and_compared(pair: JudgedPair, mu: float | None, *, bounded: bool) -> tuple[OneLook, ToJudge]:
    """The decision about a pair, and which hits should be judged first. Raises ConfigError for a mu nobody meets."""
    compared = compare(differences_of(pair), mu, bounded=bounded)
    order, moves = furthest_first(pair.stakes, pair.unjudged)
    margins = [one.margin for one in compared.outcome.shown]
    rates = rates_for(len(margins))

    def decided(count: int) -> bool:
        left = pair.unjudged.at(order[count:])  # what was judged not relevant counts as it did
        reached = [reach(of, left) for of in pair.stakes]
        return all(
            decision_of([d[side] for d in reached], margins, rates) is compared.outcome.decision for side in (0, 1)
        )

    needed = fewest(len(order), decided) if compared.hangs else 0
    listed = order[: min(max(needed, FEWEST), MOST_LISTED)]
    return compared, ToJudge(
        hits=pair.unjudged, rows=tuple(listed.tolist()), moves=tuple(moves[listed].tolist()), needed=needed,
        then=compared.outcome.decision,
    )  # fmt: skip


def tell_compared(
    pair: JudgedPair, names: tuple[str, str], compared: OneLook, first: ToJudge, *, asked: bool, bounded: bool
) -> ComparedStory:
    """The story of a pair. names: of the baseline's file and the hero's; asked: was a margin?"""
    change = pair.stakes[0].difference
    order = np.argsort(change, kind="stable")
    losses = [int(i) for i in order[:MOVED] if change[i] < 0]
    wins = [int(i) for i in order[::-1][:MOVED] if change[i] > 0]
    return ComparedStory(
        decision=compared.decision,
        final=compared.final,
        reasons=compared.reasons,
        understood=tuple(_understood(pair, names)),
        margins=tuple(_margins(pair, compared, asked)),
        unjudged=tuple(_unjudged(pair, names, compared, first, bounded=bounded)),
        rows=tuple(_rows(pair)),
        wins=tuple(_moved(pair, i) for i in wins),
        losses=tuple(_moved(pair, i) for i in losses),
    )


def points(value: float) -> str:
    """A share in points, to a tenth."""
    return f"{100 * value + 0.0:.1f}"


def _understood(pair: JudgedPair, names: tuple[str, str]) -> Iterator[str]:
    """What was read, and what is left out and why, a line each."""
    n, measures = len(pair.queries), ", ".join(of.measure for of in pair.stakes)
    yield f"{names[0]} is what serves (baseline), {names[1]} the candidate (hero); mode offline, one look"
    yield f"{n:,} judged queries, a query without a line found nothing; {measures} as trec_eval has it"
    yield from (*pair.told, *pair.baseline.told, *pair.hero.told)
    if len({query.intent for query in pair.queries}) == 1:
        yield "by intent: left out, all queries have the same one; --queries=FILE names them"
    yield "latency, calibration, index: left out, run files of rankings do not show them"


def _margins(pair: JudgedPair, compared: OneLook, asked: bool) -> Iterator[str]:
    for of, shown, power in zip(pair.stakes, compared.outcome.shown, compared.powers, strict=True):
        if asked and power.power >= POWER:
            yield power.sentence()
        elif asked:
            enough = queries_for(of.difference, power.mu, power.alpha)
            yield f"{power.sentence()}, or {f'about {enough:,}' if enough else f'more than {MOST:,}'} such queries"
        else:
            carried = decimal(100 * shown.margin.mu, 4)
            yield (
                f"{shown.check}: {carried} points is what {shown.n:,} queries can carry: an equal hero that changes as "
                "much is promoted at it with .8. It was chosen after looking, so a PROMOTE by it is not final: decide "
                "what may be lost, judge fresh queries, and say --margin=POINTS"
            )
    yield "heroes on these judgements are uncounted: each is charged as the first one (half of .05 and of .01)"


def _unjudged(
    pair: JudgedPair, names: tuple[str, str], compared: OneLook, first: ToJudge, *, bounded: bool
) -> Iterator[str]:
    shares = ", ".join(
        f"{name} {points(arm.judged_at_10)} %" for name, arm in zip(names, (pair.baseline, pair.hero), strict=True)
    )
    yield f"judged@10: {shares}; {len(pair.unjudged):,} hits that count were not judged"
    if not bounded:
        yield "--unjudged=not-relevant: you say that none of them is relevant"
    elif len(pair.unjudged):
        yield (
            f"with the worst grades for them {compared.worst}, as not relevant {compared.outcome.decision}, "
            f"with the best {compared.best}"
        )
    if first.needed:
        more = f" (the first {MOST_LISTED:,} are listed)" if first.needed > MOST_LISTED else ""
        yield f"judge {first.needed:,} of them first{more}: if none is relevant, it is a {first.then}"


def _rows(pair: JudgedPair) -> Iterator[ComparedRow]:
    intents = np.array([query.intent for query in pair.queries])
    named = sorted(set(intents.tolist()))
    for of in pair.stakes:
        for intent in ("", *(named if len(named) > 1 else ())):
            rows = np.flatnonzero(intents == intent) if intent else np.arange(len(intents))
            low, high = interval(of.difference[rows])
            means = [float(np.mean(arm.values[of.measure][rows])) for arm in (pair.baseline, pair.hero)]
            yield ComparedRow(
                measure=of.measure, intent=intent, n=len(rows), baseline=points(means[0]), hero=points(means[1]),
                difference=points(float(of.difference[rows].mean())), low=points(low), high=points(high),
            )  # fmt: skip


def _moved(pair: JudgedPair, i: int) -> MovedQuery:
    of = pair.stakes[0]
    return MovedQuery(
        query=pair.queries[i],
        baseline=points(float(pair.baseline.values[of.measure][i])),
        hero=points(float(pair.hero.values[of.measure][i])),
        difference=points(float(of.difference[i])),
        tops=(_top(pair, pair.baseline, i), _top(pair, pair.hero, i)),
    )


def _top(pair: JudgedPair, arm: JudgedArm, i: int) -> tuple[tuple[str, str], ...]:
    return tuple((document, str(pair.grades[i].get(document, "?"))) for document in arm.answers[i][:TOP])


def to_judge_lines(pair: JudgedPair, first: ToJudge) -> Sequence[tuple[str, ...]]:
    """The list as rows of a table, its heads first."""
    heads = ("query", "document", "baseline_rank", "hero_rank", "could_move_points", "text")
    lines: list[tuple[str, ...]] = [heads]
    for row, moves in zip(first.rows, first.moves, strict=True):
        query = pair.queries[int(first.hits.query[row])]
        ranks = [str(ranks[row]) if ranks[row] else "" for ranks in (first.hits.baseline, first.hits.hero)]
        lines.append((query.query_id, str(first.hits.document[row]), *ranks, points(moves), query.text))
    return lines
