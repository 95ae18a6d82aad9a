"""Does what serves still answer at all? The emergency tripwire's four checks, from a second's worth of answers.

- calibrator_p99: is it shown that more than `share` of the calls take `calibrator_ms` or longer?
- errors: is it shown that more than `errors` of the answers fail?
- latency: the median of all answers against `factor` times the accepted p95, and never below `floor_ms`. A median: one
  stall is no spike, nor are ten.
- zero_results: a sentinel that finds nothing in any round. It is known to have an answer: nothing is left to chance.

The probe runs every minute, so a share counts as shown at `alarm` only: at .0001 (7 of 100 calls over a limit of 1 %)
a system exactly at its limit raises a false alarm once a week, and one below it never.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gates.documents import Document
from gates.job_cells import job_cell, not_evidenced
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import p_rate_above, rate_interval
from gates.verdicts import Cell, Verdict

CHECKS = ("calibrator_p99", "errors", "latency", "zero_results")
_SHOWN = 3

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Array = NDArray[np.float64]


class Emergency(Document):
    """The emergency tripwire: what is asked, and what is an emergency."""

    intents: tuple[str, ...]  # of the known answers (oracles.json) that are asked as sentinels
    rounds: Count  # each sentinel is asked so often; one more round comes first and is not timed
    calibrator_ms: Positive
    share: Share  # of calls that may take that long
    errors: Share  # of answers that may fail
    factor: Positive  # times the accepted p95
    floor_ms: Positive  # no median below it is a spike
    alarm: Share  # p-value at which a share is shown to be above its limit


class Rounds(NamedTuple):
    """What the sentinels were answered; shapes (rounds, sentinels)."""

    sentinels: Sequence[str]
    latency_ms: Array
    calibrator_ms: Array  # NaN where no calibrator was called
    error: NDArray[np.bool_]
    hits: NDArray[np.int64]


def judge_emergency(system: str, limits: Emergency, found: Rounds, accepted_p95_ms: float) -> dict[str, Cell]:
    """The four cells. `accepted_p95_ms` is NaN where nothing is accepted yet."""
    return {
        "calibrator_p99": _calibrator(system, limits, found),
        "errors": _errors(system, limits, found),
        "latency": _latency(system, limits, found, accepted_p95_ms),
        "zero_results": _zero_results(system, found),
    }


def nobody_answers(system: str, why: str) -> dict[str, Cell]:
    """The four cells where what serves cannot even be asked: every answer that a user waits for fails."""
    cells = {check: not_evidenced(system, check, "nobody answers") for check in CHECKS}
    return {**cells, "errors": job_cell(system, "errors", Verdict.RED, 0, note=f"nobody answers: {why}")}


def _calibrator(system: str, limits: Emergency, found: Rounds) -> Cell:
    calls = found.calibrator_ms[np.isfinite(found.calibrator_ms)]
    if not len(calls):
        return not_evidenced(system, "calibrator_p99", "no answer called a calibrator")
    slow = int((calls >= limits.calibrator_ms).sum())
    red = "switch the calibrator off, or roll back to the previous one"
    unit = f"share of calls from {limits.calibrator_ms:g} ms on"
    return share_cell(system, "calibrator_p99", slow, len(calls), limits.share, limits.alarm, unit=unit, red=red)


def _errors(system: str, limits: Emergency, found: Rounds) -> Cell:
    red = "roll back now, then see error_code in the log of what serves"
    return share_cell(
        system, "errors", int(found.error.sum()), found.error.size, limits.errors, limits.alarm,
        unit="share of answers that fail", red=red,
    )  # fmt: skip


def share_cell(system: str, check: str, hits: int, n: int, limit: float, alarm: float, *, unit: str, red: str) -> Cell:
    """RED where the share is shown to be above its limit: exact binomial tail, at `alarm`."""
    share = rate_interval(hits, n)
    p = p_rate_above(hits, n, limit)
    broken = p <= alarm
    note = f"{hits} of {n}, p {decimal(p, 2)}"
    return job_cell(
        system, check, Verdict.RED if broken else Verdict.GREEN, n, unit=unit, observed=decimal(share.value),
        limit=decimal(limit), ci_lower=decimal(share.lower), ci_upper=decimal(share.upper),
        note=f"{note}; {red}" if broken else note,
    )  # fmt: skip


def _latency(system: str, limits: Emergency, found: Rounds, accepted_p95_ms: float) -> Cell:
    answered = found.latency_ms[~found.error]
    if not answered.size:
        return not_evidenced(system, "latency", "every answer failed")
    known = math.isfinite(accepted_p95_ms)
    limit = max(limits.factor * accepted_p95_ms, limits.floor_ms) if known else limits.floor_ms
    median = float(np.median(answered))
    told = (
        f"accepted p95 {decimal(accepted_p95_ms, 3)} ms" if known else "no p95 is accepted yet: against the floor alone"
    )
    broken = median > limit
    red = "roll back, or free the machine: see what else runs on it"
    return job_cell(
        system, "latency", Verdict.RED if broken else Verdict.GREEN, int(answered.size), unit="ms, median",
        observed=decimal(median, 4), limit=decimal(limit, 4), note=f"{told}; {red}" if broken else told,
    )  # fmt: skip


def _zero_results(system: str, found: Rounds) -> Cell:
    n = len(found.sentinels)
    if not n:
        return not_evidenced(system, "zero_results", "there are no sentinels of these intents; see oracles.json")
    silent = [name for name, hits in zip(found.sentinels, found.hits.max(axis=0).tolist(), strict=True) if not hits]
    more = f" and {len(silent) - _SHOWN} more" if len(silent) > _SHOWN else ""
    red = f"nothing found for {', '.join(silent[:_SHOWN])}{more}: the index is empty or of other code; roll back now"
    return job_cell(
        system, "zero_results", Verdict.RED if silent else Verdict.GREEN, n, unit="sentinels without a result",
        observed=str(len(silent)), limit="0", note=red if silent else "",
    )  # fmt: skip
