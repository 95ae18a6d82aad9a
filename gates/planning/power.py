"""What can a canary of this hero still show? Foreseen after its first window, from how much its pairs differ.

An equal hero that differs on as many queries by as much is what is foreseen: which arm was the better one is left out,
so no decision can rest on it: `either_way` takes from pairs what says so, and `streams_of` what is left, from which
gates/planning/attainability.py simulates a policy. Stored pairs are told in the same way (proof/simulate/streams.py).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.checks.against import Shift, Tail
from gates.checks.confidence_shift import ConfidenceShift
from gates.checks.file_credit import FileCredit, FileCreditShare
from gates.checks.forms import Loss, Rate
from gates.checks.question import Constants
from gates.pairs import COLUMNS, Arm, Pairs, join
from gates.planning.attainability import ENOUGH, Task, tasks
from gates.planning.characteristics import Atoms, Bin, Streams
from gates.policy import Policy
from gates.rule.questions import asked_checks
from gates.statistics.calibration import fill_bins
from gates.statistics.decimals import decimal

Array = NDArray[np.float64]
SHIFTS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # limits that a policy may set for the confidence shift
CELLS = 63  # odd: a loss of exactly 0 has one of its own


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


def either_way(pairs: Pairs) -> Pairs:
    """Each pair once as it is and once with its arms exchanged."""
    return join([pairs, replace(pairs, hero=pairs.baseline, baseline=pairs.hero)])


def streams_of(pairs: Pairs, policy: Policy, constants: Constants, source: str) -> Streams:
    """The streams of these pairs."""
    hero, baseline = pairs.hero, pairs.baseline
    forms = [asked.form for asked in asked_checks(policy, constants)]
    credit = policy.limits(FileCredit)
    lost = dict.fromkeys(["recall", "ndcg", *(form.column for form in forms if isinstance(form, Loss))])
    rates = dict.fromkeys(["calibrator_ms", "latency_ms", *(form.column for form in forms if isinstance(form, Rate))])
    gap = (hero.confidence - hero.correct) - (baseline.confidence - baseline.correct)
    bins = fill_bins(hero.confidence, hero.correct, np.array(constants.bin_edges))
    return Streams(
        source=source,
        atoms={
            **{f"{c}_lost": cells_of(baseline.column(c) - hero.column(c)) for c in lost},
            "gap_moved": cells_of(gap, most=2.0),
            "file_excess": exactly(np.round(FileCreditShare(limit=credit.limit, margin=credit.margin).excess(hero), 3)),
            **{column: quantiles_of(hero.column(column)) for column in rates if column != "spend_ms"},
        },
        tails={
            (form.column, form.quantile): exactly(form.more(pairs, *form.fix(form.net(baseline))))
            for form in forms
            if isinstance(form, Tail)
        },
        shift={
            limit: (exactly(form.above(pairs)), exactly(form.below(pairs)))
            for limit in sorted({*SHIFTS, policy.limits(ConfidenceShift).limit})
            for form in [Shift(column="confidence", median=constants.median_confidence, limit=limit, seed=0)]
        },
        calibration=tuple(
            Bin(weight=float(w), gap=float(gap), variance=float(error**2 * w * len(pairs)))
            for w, gap, error in zip(*bins, strict=True)
        ),
        credits=float(hero.credits.mean()),
        intents={name: float((pairs.intent == i).mean()) for i, name in enumerate(policy.slices.intents)},
        ms_per_pair=float(hero.latency_ms.mean() + baseline.latency_ms.mean()),
    )


def exactly(x: Array) -> Atoms:
    """Every value that occurs, with its share."""
    values, counts = np.unique(x, return_counts=True)
    return Atoms(value=values, weight=counts / len(x))


def cells_of(x: Array, most: float = 1.0) -> Atoms:
    """Values in [-most, most] drawn together into CELLS cells, each at its own mean: the mean stays as it is."""
    half = CELLS // 2
    cell = np.rint(x / most * half).astype(np.intp) + half
    counts = np.bincount(cell, minlength=CELLS)
    filled = counts > 0
    return Atoms(value=np.bincount(cell, x, CELLS)[filled] / counts[filled], weight=counts[filled] / len(x))


def quantiles_of(x: Array) -> Atoms:
    """Quantiles, closer together in the upper tail, each with the share of what lies just below it."""
    at = np.concatenate([np.linspace(0.02, 0.96, 48), np.linspace(0.965, 0.995, 7), np.linspace(0.996, 1, 9)])
    return Atoms(value=np.quantile(x, at), weight=np.diff(at, prepend=0.0))
