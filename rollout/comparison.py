"""Who is compared with whom, about what? Hero and baseline opened on one collection, under one fingerprint.

They are asked in blocks, some pairs in a row, which are measured and laid down as rows of evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evidence.measures import Truth
from evidence.parts import concat
from fixtures.fingerprint import fingerprint
from fixtures.lock import lock_material
from fixtures.packs import Hero
from fixtures.systems.faults import break_system
from fixtures.systems.protocol import ANY, Collection, Query, SearchSystem
from gates.checks.registry import needs_of
from gates.errors import EvidenceError
from gates.offline import OFFLINE
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.questions import missing_inputs
from rollout import order
from rollout.columns import positions
from rollout.replay import Answers, Locator, Timed, judge_collection, measure_answers, replay_block
from rollout.tables import Label, agg_table, hits_table

SHOWN = 5  # intents that a message names


class Contender(NamedTuple):
    """One side of the comparison."""

    name: str  # the pack's
    config_hash: str
    system: SearchSystem
    locator: Locator

    @classmethod
    def of(cls, name: str, config_hash: str, system: SearchSystem, collection: Collection) -> Contender:
        """A system that answers about a collection."""
        return cls(name, config_hash, system, Locator(system.documents, collection.documents))

    def measured(self, timed: Sequence[Timed], queries: Sequence[Query], judged: Truth, policy: Policy) -> Answers:
        """Its answers, ranked, graded and measured; a look-up's CPU time is not that of what was recorded."""
        answers = measure_answers(timed, queries, self.locator, judged, policy.sla_ms, policy.latency, policy.more)
        if "cpu_ms" in self.system.lacks:
            return replace(answers, columns={**answers.columns, "cpu_ms": np.full(len(queries), np.nan)})
        return answers

    def label(self, run_id: str, hero: str, stream: str, step: int, window: int) -> Label:
        """What all rows of its answers have in common."""
        return Label(run_id, self.name, self.config_hash, hero, stream, step, window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Both sides, the collection they answer about, and what the release is."""

    hero: Hero
    collection: Collection
    judged: Truth
    material: dict[str, Any]  # of the lock, as it is now
    fingerprint: str
    challenger: Contender
    incumbent: Contender
    missing: dict[str, str]  # asked check -> why neither system gives its input
    notes: tuple[str, ...]  # what of the files does not meet, but is counted

    @property
    def policy(self) -> Policy:
        """What is asked."""
        return self.hero.subject.policy

    def ordered(self, part: str) -> list[Query]:
        """The queries of a part in the order of this release."""
        chosen = [self.collection.queries[i] for i in self.collection.part[part]]
        return order.query_order(self.fingerprint, chosen)

    def served(self, queries: Sequence[Query], percent: int) -> list[str]:
        """Whose answer each user would see."""
        return [order.arm_served(self.fingerprint, query, percent) for query in queries]

    def intents(self, queries: Sequence[Query]) -> NDArray[np.int8]:
        """Each query's position in the policy's intents; ALL for any other."""
        return positions([q.intent for q in queries], self.policy.slices.intents)


def lacks_of(system: SearchSystem, policy: Policy) -> dict[str, str]:
    """What a system cannot give: evidence column -> why. Of latency that is the clock that the policy judges by."""
    lacks = dict(system.lacks)
    if policy.latency == "server":
        lacks.pop("latency_ms", None)
        if "server_ms" in lacks:
            lacks["latency_ms"] = lacks["server_ms"]
    return lacks


def open_contest(hero: Hero, root: Path, tell: Callable[[str], None]) -> Contest:
    """Open both sides. Raises EvidenceError where the policy and what the systems give do not fit."""
    subject = hero.subject
    collection = hero.baseline_kind.open_collection(tell)
    if subject.policy.mode == OFFLINE:  # nothing is kept back: one look is at all that there is
        every = np.arange(len(collection.queries), dtype=np.int32)
        collection = replace(collection, part={"calibration": every, "canary": every})
    _require_asked(subject.policy, collection)
    challenger = break_system(hero.system_kind.open_system(collection), hero.fault)
    incumbent = hero.baseline_kind.open_system(collection)

    given_by = [lacks_of(system, subject.policy) for system in (incumbent, challenger)]
    lacks, gaps = {**given_by[0], **given_by[1]}, {**incumbent.gaps, **challenger.gaps}
    given = sorted(check for check in hero.left_out if needs_of(check) not in lacks)
    if given:
        few = dict.fromkeys(gaps[needs_of(check)] for check in given if needs_of(check) in gaps)
        why = f"{', '.join(few)}; " if few else ""
        but = "a pack may only where there is none; give it for all" if few else "both systems give them; ask them"
        raise EvidenceError(
            f"{why}policy.left_out of {subject.source} names {', '.join(given)}, but {but}, "
            "or leave them out in the policy of --configs"
        )
    notes = tuple(dict.fromkeys((*collection.notes, *incumbent.gaps.values(), *challenger.gaps.values())))
    for note in notes:
        tell(note)
    material = lock_material(hero, collection, root)
    return Contest(
        hero=hero,
        collection=collection,
        judged=judge_collection(collection),
        material=material,
        fingerprint=fingerprint(material),
        challenger=Contender.of(subject.name, subject.config_hash, challenger, collection),
        incumbent=Contender.of(subject.baseline_name, subject.baseline_config_hash, incumbent, collection),
        missing=missing_inputs(subject.policy, {**{c: f"{gap}; give {c} for all" for c, gap in gaps.items()}, **lacks}),
        notes=notes,
    )


def _require_asked(policy: Policy, collection: Collection) -> None:
    """Whatever is lost on a mistyped intent, no slice says so. Where no query names an intent, the slices hold."""
    asked, found = policy.slices.intents, Counter(query.intent for query in collection.queries)
    others = [f"{i} ({n:,} of {found.total():,} queries)" for i, n in found.most_common() if i not in asked]
    if asked and others and set(found) != {ANY}:
        told = ", ".join(others[:SHOWN]) + (f" and {len(others) - SHOWN} more" if len(others) > SHOWN else "")
        raise EvidenceError(
            f"nobody asks about intent {told}; the policy asks about {', '.join(asked)}; "
            "name it under slices.intents, or mend the queries file"
        )
    if lacking := [intent for intent in asked if intent not in found and set(found) != {ANY}]:
        raise EvidenceError(
            f"no query is about intent {', '.join(lacking)}, which the policy asks about; there are "
            f"{', '.join(sorted(found))}: mend slices.intents, or the queries file"
        )


class Block(NamedTuple):
    """Queries that were answered by both sides, and by the incumbent once more where `repeated` says so."""

    challenger: Contender
    queries: Sequence[Query]
    begun: int  # position of the first one
    percent: int  # of traffic that the step gives the challenger
    answers: dict[str, Answers]  # "hero", "baseline", "repeat"
    repeated: NDArray[np.intp]


def ask_block(
    contest: Contest,
    queries: Sequence[Query],
    begun: int,
    percent: int,
    challenger: Contender | None = None,
    *,
    repeats: bool = True,
) -> Block:
    """Ask both sides. `challenger` is another one than the hero where it is not the hero that is tried.

    Without `repeats` the incumbent is asked nothing twice.
    """
    side = challenger or contest.challenger
    twice = [repeats and (begun + i) % contest.policy.ladder.aa_every == 0 for i in range(len(queries))]
    found = replay_block(
        queries, side.system, contest.incumbent.system, partial(order.arm_order, contest.fingerprint), twice
    )
    repeated = np.flatnonzero(twice)
    again = [queries[i] for i in repeated.tolist()]
    asked = {"hero": (side, queries), "baseline": (contest.incumbent, queries), "repeat": (contest.incumbent, again)}
    answers = {name: who.measured(found[name], of, contest.judged, contest.policy) for name, (who, of) in asked.items()}
    return Block(side, queries, begun, percent, answers, repeated)


def pairs_of(contest: Contest, block: Block) -> Pairs:
    """What the evaluator sees of a block."""
    served = contest.served(block.queries, block.percent)
    return Pairs(
        **{name: answers.arm for name, answers in block.answers.items()},
        repeated=block.repeated,
        intent=contest.intents(block.queries),
        served=np.array([who == "hero" for who in served], dtype=np.float64),
        share=np.full(len(block.queries), block.percent / 100),
    )


def rows_of(
    contest: Contest, run_id: str, block: Block, window: int, streams: tuple[str, str] = ("pair", "aa")
) -> tuple[pa.Table, pa.Table]:
    """The hits and the agg rows of a block; `streams` name the rows of the pairs and of the second answers."""
    served = contest.served(block.queries, block.percent)

    def label(side: Contender, stream: str) -> Label:
        return side.label(run_id, contest.hero.subject.name, stream, block.percent, window)

    def agg(side: Contender, arm: str, at: Sequence[int], stream: str) -> pa.Table:
        some, who = [block.queries[i] for i in at], [served[i] for i in at]
        return agg_table(label(side, stream), some, block.answers[arm], who, [block.begun + i for i in at])

    everyone, (pair, again) = range(len(block.queries)), streams
    sides = (("hero", block.challenger), ("baseline", contest.incumbent))
    hits = [hits_table(label(side, pair), block.queries, block.answers[arm], side.locator) for arm, side in sides]
    rows = [agg(side, arm, everyone, pair) for arm, side in sides]
    rows.append(agg(contest.incumbent, "repeat", block.repeated.tolist(), again))
    return concat(hits), concat(rows)
