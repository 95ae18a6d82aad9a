"""How does a scheduled job say what it found? In cells of kind "job": no hero climbs, and no decision rests on them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gates.statistics.decimals import decimal, interval_numbers
from gates.statistics.gaffke import lower, tail, upper
from gates.statistics.pvalues import Interval
from gates.verdicts import Cell, Kind, Verdict

WARNING = "warning: "  # begins the note of what is told and fails nothing
ALPHA = 0.025  # p-value at which a weekly look shows something; of a 95 % interval, one side


def job_cell(
    system: str, check: str, verdict: Verdict, n: int, *, unit: str = "", note: str = "", on_red: str = "alert",
    required: str = "not_red", **numbers: str,
) -> Cell:  # fmt: skip
    """A cell about what serves. `numbers` are decimal strings: observed, limit, headroom, ci_lower, ci_upper."""
    cell = Cell(
        hero=system, step=0, check=check, kind=Kind.JOB, verdict=verdict, required=required, on_red=on_red,
        unit=unit, n=n, note=note,
    )  # fmt: skip
    return replace(cell, **numbers)  # type: ignore[arg-type]  # none of them is a field of another type


def not_evidenced(system: str, check: str, why: str, on_red: str = "alert") -> Cell:
    """Nothing could be asked: a check that says so is skipped, and the job ends with 10."""
    return job_cell(system, check, Verdict.INCONCLUSIVE, 0, note=f"not evidenced: {why}", on_red=on_red)


def change_cell(
    system: str, check: str, change: Interval, limit: float, n: int, *, shown: bool, unit: str, red: str
) -> Cell:
    """Did something move by more than `limit`, either way? RED where that is `shown`, GREEN by the interval.

    `red` is the way out; what is neither shown is INCONCLUSIVE and says what would be found.
    """
    if not all(math.isfinite(value) for value in change):
        return not_evidenced(system, check, "nothing was measured that could have moved")
    numbers = interval_numbers(change, limit, two_sided=True)
    if shown:
        return job_cell(system, check, Verdict.RED, n, unit=unit, note=red, **numbers)
    if -limit < change.lower and change.upper < limit:
        return job_cell(system, check, Verdict.GREEN, n, unit=unit, **numbers)
    half = (change.upper - change.lower) / 2
    note = f"neither a move beyond {limit:g} nor one below it is shown; ask more queries (the interval is ±{half:.2g})"
    return job_cell(system, check, Verdict.INCONCLUSIVE, n, unit=unit, note=note, **numbers)


def loss_cell(
    system: str, check: str, loss: NDArray[np.float64], limit: float, alarm: float, *, unit: str, told: str, red: str
) -> Cell:
    """RED where the mean of paired losses in [-1, 1] is shown to be above its limit: Gaffke's p-value, at `alarm`.

    Most losses are 0, so their standard deviation says nothing of the rare ones that nobody saw.
    """
    p = tail(-loss, limit)
    broken = p <= alarm
    note = f"{told}p {decimal(p, 2)}"
    return job_cell(
        system, check, Verdict.RED if broken else Verdict.GREEN, len(loss), unit=unit,
        observed=decimal(float(loss.mean())), limit=decimal(limit), ci_lower=decimal(lower(loss, ALPHA)),
        ci_upper=decimal(upper(loss, ALPHA)), note=f"{note}; {red}" if broken else note,
    )  # fmt: skip


def count_cell(system: str, check: str, wrong: int, n: int, *, unit: str, red: str) -> Cell:
    """Is there none of what must not be?"""
    if not n:
        return not_evidenced(system, check, "no answer was looked at")
    verdict = Verdict.RED if wrong else Verdict.GREEN
    return job_cell(system, check, verdict, n, unit=unit, note=red if wrong else "", observed=str(wrong), limit="0")


def alarm_cell(system: str, check: str, raised: str, n: int, *, unit: str, note: str, **numbers: float) -> Cell:
    """Something that is shown and told, and fails nothing: `raised` says what is alarming, "" where nothing is."""
    if not n:
        return not_evidenced(system, check, "no answer was looked at")
    shown = {name: decimal(value) for name, value in numbers.items()}
    told = f"{WARNING}{raised}; {note}" if raised else note
    return job_cell(system, check, Verdict.GREEN, n, unit=unit, note=told, required="shown", **shown)
