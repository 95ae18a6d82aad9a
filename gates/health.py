"""Is what serves as fast and as good as when it was accepted? A quick probe's six checks.

A hundred queries show gross faults only, so each check is RED when it is shown at `alarm` and GREEN otherwise: "not
shown broken", with what was measured. Small drifts are the drift pack's to find, on 8,000 queries.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gates.answered import Answered, same_queries
from gates.documents import Document
from gates.emergency import Count, Positive, Share, share_cell
from gates.job_cells import count_cell, job_cell, loss_cell, not_evidenced
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import quantile_interval
from gates.verdicts import Cell, Verdict

CHECKS = ("p95_latency", "p99_latency", "errors", "ndcg_at_10", "calibrator_p99", "confidence_range")


class Health(Document):
    """Hero health: what is asked, and what is not healthy."""

    queries: Count
    p95_factor: Positive  # times the accepted quantile
    p99_factor: Positive
    floor_ms: Annotated[float, Field(ge=0)]  # no limit of latency lies below
    errors: Share
    ndcg: Share  # loss against the accepted answers
    calibrator_ms: Positive
    share: Share  # of calls that may take that long
    alarm: Share  # p-value at which something is shown
    keep_days: Count


def judge_health(
    system: str, limits: Health, now: Answered, then: Answered, accepted_ms: dict[str, float]
) -> dict[str, Cell]:
    """The cell of each check. `then` are the accepted answers to the same queries, `accepted_ms` has p95 and p99."""
    arm, n = now.arm, len(now)
    calls = arm.calibrator_ms[np.isfinite(arm.calibrator_ms)]
    outside = int((~((arm.confidence >= 0) & (arm.confidence <= 1)))[arm.error == 0].sum())
    return {
        "p95_latency": _quantile(system, "p95_latency", limits, arm.latency_ms, 0.95, accepted_ms["p95"]),
        "p99_latency": _quantile(system, "p99_latency", limits, arm.latency_ms, 0.99, accepted_ms["p99"]),
        "errors": share_cell(
            system, "errors", int(arm.error.sum()), n, limits.errors, limits.alarm,
            unit="share of answers that fail", red="see error_code of the failing queries; roll back if users see it",
        ),
        "ndcg_at_10": _ndcg(system, limits, now, then),
        "calibrator_p99": share_cell(
            system, "calibrator_p99", int((calls >= limits.calibrator_ms).sum()), len(calls), limits.share,
            limits.alarm, unit=f"share of calls from {limits.calibrator_ms:g} ms on",
            red="free the machine, or roll the calibrator back",
        )
        if len(calls)
        else not_evidenced(system, "calibrator_p99", "no answer called a calibrator"),
        "confidence_range": count_cell(
            system, "confidence_range", outside, n, unit="confidences outside [0, 1]",
            red="no such number may be served: roll back to the previous calibrator at once",
        ),
    }  # fmt: skip


def _quantile(
    system: str, check: str, limits: Health, latency_ms: NDArray[np.float64], q: float, accepted_ms: float
) -> Cell:
    factor = limits.p95_factor if q == 0.95 else limits.p99_factor
    limit = max(factor * accepted_ms, limits.floor_ms)
    over = int((latency_ms > limit).sum())
    shown = share_cell(
        system, check, over, len(latency_ms), 1 - q, limits.alarm, unit="", red="free the machine, or roll back"
    )
    found = quantile_interval(latency_ms, q)
    note = f"{over} of {len(latency_ms)} answers above, {1 - q:.0%} may be; accepted {decimal(accepted_ms, 3)} ms"
    return job_cell(
        system, check, shown.verdict, len(latency_ms), unit="ms", observed=decimal(found.value, 4),
        limit=decimal(limit, 4), ci_lower=decimal(found.lower, 4), ci_upper=decimal(found.upper, 4),
        note=f"{note}; free the machine, or roll back" if shown.verdict is Verdict.RED else note,
    )  # fmt: skip


def _ndcg(system: str, limits: Health, now: Answered, then: Answered) -> Cell:
    here, there = same_queries(now, then)
    if not len(here):
        return not_evidenced(
            system, "ndcg_at_10", "no accepted answer is to one of these queries; run -m drift --write"
        )
    accepted, current = (decimal(float(side.arm.ndcg.mean()), 3) for side in (there, here))
    return loss_cell(
        system, "ndcg_at_10", there.arm.ndcg - here.arm.ndcg, limits.ndcg, limits.alarm, unit="loss of nDCG@10",
        told=f"{accepted} when accepted, {current} now, ", red="see what changed, or roll back",
    )  # fmt: skip
