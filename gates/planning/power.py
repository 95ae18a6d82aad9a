"""What can a canary of this hero still show? Foreseen after its first window, from how much its pairs differ.

An equal hero that differs on as many queries by as much is what is foreseen: which arm was the better one is left out,
so no decision can rest on it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gates.checks.question import Constants
from gates.pairs import COLUMNS, Arm, Pairs
from gates.planning.attainability import ENOUGH, Task, tasks
from gates.planning.equal_hero import either_way, streams_of
from gates.policy import Policy
from gates.statistics.decimals import decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The chance that such an equal hero is shown to hold, over all checks that must be, and what stands against it."""

    chance: float
    doubtful: tuple[Task, ...]  # the least likely first

    def line(self) -> str:
        """What is told of it."""
        told = f"an equal hero that differs as much as this one is promoted with {100 * self.chance:.0f} %"
        if not self.doubtful:
            return told
        pairs = [
            f"{t.check} {t.where} needs {t.pairs:,.0f} pairs of {t.budget:,}" if math.isfinite(t.pairs)
            else f"{t.check} {t.where} is never shown"
            for t in self.doubtful[:2]
        ]  # fmt: skip
        more = f", {len(self.doubtful) - 2} more in doubt" if len(self.doubtful) > 2 else ""
        return f"{told}: {'; '.join(pairs)}{more}"

    def record(self) -> dict[str, Any]:
        """As JSON, numbers as decimal strings."""
        return {
            "chance": decimal(self.chance, 3),
            "line": self.line(),
            "doubtful": [
                {
                    "check": t.check,
                    "where": t.where,
                    "pairs": decimal(t.pairs, 6),
                    "given": str(t.budget),
                    "chance": decimal(t.chance, 3),
                }
                for t in self.doubtful
            ],
        }


def power_of(policy: Policy, constants: Constants, window: Pairs, missing: Mapping[str, str]) -> Power:
    """Foreseen from the first window. By the letter nothing is: points have no power."""
    numbers = replace(window, hero=_numbers(window.hero), baseline=_numbers(window.baseline))
    streams = streams_of(either_way(numbers), policy, constants, "the first window of this run")
    found = [task for task in tasks(policy, streams) if task.check not in missing]
    doubtful = sorted((t for t in found if t.chance < ENOUGH), key=lambda t: t.chance)
    return Power(chance=max(0.0, 1 - sum(1 - t.chance for t in found)), doubtful=tuple(doubtful))


def _numbers(arm: Arm) -> Arm:
    """Columns that a system does not give are of missing checks, which are not asked."""
    return arm.put(**{name: np.nan_to_num(arm.column(name)) for name in (*COLUMNS, *arm.more)})
