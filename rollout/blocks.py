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
    answers = {
        "hero": contest.measured(found["hero"], queries, side),
        "baseline": contest.measured(found["baseline"], queries, contest.incumbent),
        "repeat": contest.measured(found["repeat"], again, contest.incumbent),
    }
    return Block(side, queries, begun, percent, answers, repeated)


def pairs_of(contest: Contest, block: Block) -> Pairs:
    """What the evaluator sees of a block."""
    return contest.pairs(block.queries, block.answers, block.repeated, block.percent)


def rows_of(
    contest: Contest, run_id: str, block: Block, window: int, streams: tuple[str, str] = ("pair", "aa")
) -> tuple[pa.Table, pa.Table]:
    """The hits and the agg rows of a block; `streams` name the rows of the pairs and of the second answers."""
    served = contest.served(block.queries, block.percent)
    position = range(block.begun, block.begun + len(block.queries))

    def agg(side: Contender, arm: str, at: Sequence[int], stream: str) -> pa.Table:
        return agg_table(
            label(contest, run_id, side, stream, block.percent, window),
            [block.queries[i] for i in at],
            block.answers[arm],
            contest.judged,
            [served[i] for i in at],
            [position[i] for i in at],
        )

    everyone, (pair, again) = range(len(block.queries)), streams
    sides = (("hero", block.challenger), ("baseline", contest.incumbent))
    hits = [
        hits_table(
            label(contest, run_id, side, pair, block.percent, window), block.queries, block.answers[arm], side.names
        )
        for arm, side in sides
    ]
    rows = [agg(side, arm, everyone, pair) for arm, side in sides]
    rows.append(agg(contest.incumbent, "repeat", block.repeated.tolist(), again))
    return concat(hits), concat(rows)


def label(contest: Contest, run_id: str, side: Contender, stream: str, percent: int, window: int) -> Label:
    """What all rows of one side have in common."""
    return Label(
        run_id=run_id,
        system=side.name,
        config_hash=side.config_hash,
        hero=contest.hero.subject.name,
        stream=stream,
        step=percent,
        window=window,
    )
