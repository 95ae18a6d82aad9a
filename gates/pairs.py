"""What the questions are asked of: the paired numbers of some queries, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from gates.statistics import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm's answers, one row a query. Booleans are 0 and 1; NaN where the system does not give the number."""

    ndcg: Array  # nDCG@10
    recall: Array  # recall@50, 0 where the answer came after the SLA
    found: Array  # recall@50, whatever the clock says
    latency_ms: Array
    wait_ms: Array  # of latency_ms, in which its threads waited for a processor; all of it where that is unknown
    calibrator_ms: Array
    confidence: Array
    correct: Array  # the first hit is relevant
    file_credits: Array  # hits credited only because their lines overlap the judged ones
    credits: Array  # all credited hits
    error: Array
    spend_ms: Array  # what a router spent on the dense side; 0 where there is none
    cut: Array  # it waited, and says that its time ran out: another answer might have come on a quiet machine
    more: Mapping[str, Array] = field(default_factory=dict)  # measures and columns that a policy's own checks read

    def __len__(self) -> int:
        return len(self.ndcg)

    def column(self, name: str) -> Array:
        """One number of every answer, by name. Raises KeyError where there is none."""
        return self.more[name] if name not in COLUMNS else np.asarray(getattr(self, name))

    def put(self, **columns: Array) -> Arm:
        """The same answers with other numbers in these columns."""
        own = {name: values for name, values in columns.items() if name in COLUMNS}
        more = {name: values for name, values in columns.items() if name not in COLUMNS}
        return replace(self, **own, more={**self.more, **more})

    def rows(self, at: NDArray[np.intp] | slice) -> Arm:
        """Some rows of this arm."""
        return Arm(**{name: getattr(self, name)[at] for name in COLUMNS}, more={k: v[at] for k, v in self.more.items()})


#: The columns that every arm has.
COLUMNS = tuple(f.name for f in fields(Arm) if f.name != "more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The same queries answered by both arms, in the order the gate saw them."""

    hero: Arm
    baseline: Arm
    repeat: Arm  # the baseline's second answers, for the rows in `repeated`
    repeated: NDArray[np.intp]
    intent: NDArray[np.int8]  # position in the policy's slices.intents, -1 for any other
    served: Array  # 1 where the user would see the hero's answer
    share: Array  # of traffic that the step gives the hero, 0..1

    def __len__(self) -> int:
        return len(self.hero)


def as_measured(pairs: Pairs) -> Pairs:
    """The pairs on the clock alone, as if nobody had waited; the same object where nobody did."""
    if not any(arm.wait_ms.any() for arm in (pairs.hero, pairs.baseline, pairs.repeat)):
        return pairs

    def hurried(arm: Arm) -> Arm:
        nothing = np.zeros(len(arm))
        return replace(arm, wait_ms=nothing, cut=nothing)

    return replace(pairs, hero=hurried(pairs.hero), baseline=hurried(pairs.baseline), repeat=hurried(pairs.repeat))


def join_arms(arms: list[Arm]) -> Arm:
    """Rows of several blocks as one."""
    named = (*COLUMNS, *arms[0].more)
    columns = {name: np.concatenate([arm.column(name) for arm in arms]) for name in named}
    own, more = ({n: c for n, c in columns.items() if (n in COLUMNS) is known} for known in (True, False))
    return Arm(**own, more=more)


def join(blocks: list[Pairs]) -> Pairs:
    """Several blocks as one, in their order."""
    offsets = np.cumsum([0] + [len(block) for block in blocks[:-1]])
    return Pairs(
        hero=join_arms([b.hero for b in blocks]),
        baseline=join_arms([b.baseline for b in blocks]),
        repeat=join_arms([b.repeat for b in blocks]),
        repeated=np.concatenate([b.repeated + o for b, o in zip(blocks, offsets, strict=True)]).astype(np.intp),
        intent=np.concatenate([b.intent for b in blocks]),
        served=np.concatenate([b.served for b in blocks]),
        share=np.concatenate([b.share for b in blocks]),
    )
