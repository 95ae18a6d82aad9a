"""What is known of a hero's one look beside its pairs? Mode `offline`: recorded runs, a few judged queries.

How far hits that nobody judged could move the decision, which of them to judge first, and what was charged.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidence.unjudged import UnjudgedHits, furthest_first, reach
from fixtures.foreseen import count, differences_of, measures_of, pair_of
from fixtures.judged import JudgedPair
from fixtures.packs import Hero
from gates.errors import ConfigError, EvidenceError
from gates.policy import Policy
from gates.rule.climbed import LookFacts
from gates.rule.compared import OneLook, WithMargin, compare, decision_of, margin_lines
from gates.rule.offline import Rates, require_attainable
from gates.rule.one_look import margins_of, policy_rates
from gates.statistics.decimals import decimal

TO_JUDGE = "to-judge.json"  # in a hero's folder of the run, for those who tell it
MOST_LISTED = 1_000  # unjudged hits
FEWEST = 40  # unjudged hits that are listed where fewer would decide


@dataclass(frozen=True, slots=True, kw_only=True)
class ToJudge:
    """Unjudged hits in the order in which they should be judged, and how many of them would decide."""

    hits: UnjudgedHits
    rows: tuple[int, ...]  # of the hits
    moves: tuple[float, ...]  # how far each alone could move its query's measures, beside the rows
    needed: int  # 0 where nothing hangs on them


def look_at(hero: Hero, policy: Policy) -> tuple[LookFacts, list[tuple[str, ...]]]:
    """The facts that are attested, and the hits that should be judged first: rows of a table, its heads first.

    Raises EvidenceError, a line, where no hero whatsoever could be shown to keep a margin.
    """
    measures = measures_of(policy)
    pair, (k, again) = pair_of(hero, measures), count(hero, policy, write=True)
    by_measure = {of.check: of for of in differences_of(pair)}
    margins, rates = margins_of(policy, again=again), policy_rates(policy, k)
    asked = [(by_measure[measure], margins[key]) for key, measure in measures.items()]
    for key, margin in margins.items():
        try:
            require_attainable(key, margin.mu, len(pair.queries), rates.green)
        except ConfigError as error:
            raise EvidenceError(error.mistakes[0]) from None
    bounded = policy.offline is None or policy.offline.unjudged == "bounded"
    compared = compare(asked, rates, bounded=bounded)
    first = _first(pair, compared, asked, rates)
    shares = (pair.baseline.judged_at_10, pair.hero.judged_at_10)
    names = hero.subject.baseline_name, hero.subject.name
    facts = LookFacts(
        k=k,
        again=again,
        judged=compared.decision,
        worst=compared.worst,
        best=compared.best,
        unjudged=len(pair.unjudged),
        judged_at_10=(decimal(shares[0], 4), decimal(shares[1], 4)),
        understood=tuple(_understood(pair)),
        margins=tuple(margin_lines(asked, rates, k)),
        on_unjudged=tuple(_on_unjudged(pair, names, compared, first, bounded=bounded)),
    )
    return facts, list(_table(pair, first))


def _first(pair: JudgedPair, compared: OneLook, asked: Sequence[WithMargin], rates: Rates) -> ToJudge:
    """Which hits should be judged first, and how many of them would decide."""
    order, moves = furthest_first(pair.stakes, pair.unjudged)
    stakes = {of.measure: of for of in pair.stakes}

    def decided(count: int) -> bool:
        left = pair.unjudged.at(order[count:])  # what was judged not relevant counts as it did
        reached = [(reach(stakes[of.check], left), margin) for of, margin in asked]
        either = (decision_of([(d[side], margin) for d, margin in reached], rates) for side in (0, 1))
        return all(decision is compared.decision for decision in either)

    needed = 1 + bisect_left(range(1, len(order)), True, key=decided) if compared.hangs else 0
    listed = order[: min(max(needed, FEWEST), MOST_LISTED)]
    return ToJudge(hits=pair.unjudged, rows=tuple(listed.tolist()), moves=tuple(moves[listed].tolist()), needed=needed)


def _understood(pair: JudgedPair) -> Iterator[str]:
    """What was read, and what is left out and why, a line each."""
    if not any(of.difference.any() for of in pair.stakes):
        yield "nothing differs: both runs score alike on every query"
    n, measures = len(pair.queries), ", ".join(of.measure for of in pair.stakes)
    yield f"{n:,} judged queries, a query without a line found nothing; {measures} as trec_eval has it"
    yield from (*pair.told, *pair.baseline.told, *pair.hero.told)
    if len({query.intent for query in pair.queries}) == 1:
        yield "by intent: left out, all queries have the same one; a queries file names them"
    yield "latency, calibration, index: left out, run files of rankings do not show them"


def _on_unjudged(
    pair: JudgedPair, names: tuple[str, str], compared: OneLook, first: ToJudge, *, bounded: bool
) -> Iterator[str]:
    shares = ", ".join(
        f"{name} {100 * arm.judged_at_10:.1f} %" for name, arm in zip(names, (pair.baseline, pair.hero), strict=True)
    )
    yield f"judged@10: {shares}; {len(pair.unjudged):,} hits that count were not judged"
    if not bounded:
        yield "not-relevant: you say that none of them is relevant"
    elif len(pair.unjudged):
        yield (
            f"with the worst grades for them {compared.worst}, as not relevant {compared.decision}, "
            f"with the best {compared.best}"
        )
    if first.needed:
        more = f" (the first {MOST_LISTED:,} are listed)" if first.needed > MOST_LISTED else ""
        then = compared.decision
        yield f"judge {first.needed:,} of them first{more}: if none is relevant, it is a {then}"


def _table(pair: JudgedPair, first: ToJudge) -> Iterator[tuple[str, ...]]:
    """The list as rows of a table, its heads first."""
    yield "query", "document", "baseline_rank", "hero_rank", "could_move_points", "text"
    for row, moves in zip(first.rows, first.moves, strict=True):
        query = pair.queries[int(first.hits.query[row])]
        ranks = [str(ranks[row]) if ranks[row] else "" for ranks in (first.hits.baseline, first.hits.hero)]
        yield query.query_id, str(first.hits.document[row]), *ranks, f"{100 * moves:.1f}", query.text
