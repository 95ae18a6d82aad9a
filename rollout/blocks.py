"""Some pairs in a row: asked, measured, and laid down as rows of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evidence.parts import concat
from fixtures.systems.protocol import Query
from gates.pairs import Pairs
from rollout.comparison import Contender, Contest
from rollout.replay import Answers, replay_block
from rollout.tables import Label, agg_table, hits_table


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
    found = replay_block(queries, side.system, contest.incumbent.system, contest.arm_order, twice)
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
