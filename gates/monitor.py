"""Does what was decided still hold? Overdue runs, a baseline nobody decided on, and the gates by health's eyes.

The four gates are those of the canary, with its limits, asked of the newest health probes against the accepted answers
to the same queries. They are not the canary's own processes: a monitor looks again and again for weeks, so it only
says RED where one look shows it at `alarm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gates.answered import Answered, same_queries
from gates.documents import Document
from gates.emergency import Count, Positive, Share, share_cell
from gates.job_cells import job_cell, loss_cell, not_evidenced
from gates.policy import Policy
from gates.statistics.calibration import DRAWS, calibration_error, equal_mass_edges, fill_bins, p_error_at_most
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import p_rate_above
from gates.verdicts import Cell, Verdict

RUNS = ("nightly_overdue", "weekly_overdue")
GATES = ("calibrator_p99", "aece_tau", "confidence_shift", "sla_recall_at_50_delta")
CHECKS = (*RUNS, "promoted", *GATES)


class Monitor(Document):
    """The gate monitor: when a run is overdue, and how much health evidence its gates take."""

    nightly_hours: Positive
    weekly_hours: Positive
    probes: Count  # newest health probes
    least: Count  # answers in them
    alarm: Share  # p-value at which a gate is shown to be broken


class Decided(NamedTuple):
    """What the newest attestation says of one hero."""

    hero: str
    decision: str
    config_hash: str
    baseline_config_hash: str


def judge_overdue(system: str, limits: Monitor, family: str, hours: float | None) -> Cell:
    """Is the newest run of a family too old? `hours` is its age, None where there was none."""
    limit = limits.nightly_hours if family == "nightly" else limits.weekly_hours
    check = f"{family}_overdue"
    if hours is None:
        return not_evidenced(system, check, f"no {family} run was ever kept; run make {family}")
    late = hours > limit
    return job_cell(
        system, check, Verdict.RED if late else Verdict.GREEN, 1, unit="hours since the newest run",
        observed=decimal(hours, 4), limit=decimal(limit, 4),
        note=f"run make {family} now, and see why the schedule did not" if late else "",
    )  # fmt: skip


def judge_promoted(system: str, config_hash: str, decided: Sequence[Decided]) -> Cell:
    """Is what serves either the baseline of the newest decisions, or a hero that they promote?"""
    if not decided:
        return not_evidenced(system, "promoted", "no decision is on record; run make canary")
    known = {d.baseline_config_hash: f"the baseline of {d.hero}'s decision" for d in decided}
    known |= {d.config_hash: f"{d.hero}, which was promoted" for d in decided if d.decision == "PROMOTE"}
    fine = config_hash in known
    red = (
        f"{config_hash} serves, but decisions are about {', '.join(sorted(known))}: nobody decided on it; "
        "put the baseline back, or run the canary against it"
    )
    return job_cell(
        system, "promoted", Verdict.GREEN if fine else Verdict.RED, len(decided),
        unit="configurations nobody decided on",
        observed="0" if fine else "1", limit="0", note=f"{config_hash} is {known[config_hash]}" if fine else red,
    )  # fmt: skip


def judge_gates(
    system: str, limits: Monitor, policy: Policy, now: Answered, then: Answered, seed: int
) -> dict[str, Cell]:
    """The four gates of the policy on the newest health answers, `then` being the accepted ones."""
    here, there = same_queries(now, then)
    n = len(here)
    if n < limits.least:
        why = f"{n} queries in the newest {limits.probes} health probes, but {limits.least} are needed; wait for more"
        return {check: not_evidenced(system, check, why) for check in GATES if check in policy.asked_gates}
    cells = {
        "calibrator_p99": _calibrator(system, limits, policy, here),
        "aece_tau": _aece(system, limits, policy, here, there, seed),
        "confidence_shift": _shift(system, limits, policy, here, there),
        "sla_recall_at_50_delta": _recall(system, limits, policy, here, there),
    }
    return {check: cells[check] for check in GATES if check in policy.asked_gates}


def _calibrator(system: str, limits: Monitor, policy: Policy, here: Answered) -> Cell:
    gate, calls = policy.gates.calibrator_p99, here.arm.calibrator_ms[np.isfinite(here.arm.calibrator_ms)]
    if not len(calls):
        return not_evidenced(system, "calibrator_p99", "no answer called a calibrator")
    return share_cell(
        system, "calibrator_p99", int((calls > gate.limit_ms).sum()), len(calls), gate.share, limits.alarm,
        unit=f"share of calls over {gate.limit_ms:g} ms", red="free the machine, or roll back",
    )  # fmt: skip


def _aece(system: str, limits: Monitor, policy: Policy, here: Answered, there: Answered, seed: int) -> Cell:
    gate = policy.gates.aece_tau
    bins = fill_bins(here.arm.confidence, here.arm.correct, equal_mass_edges(there.arm.confidence, gate.bins))
    p = p_error_at_most(bins, gate.red_above, np.random.default_rng(seed).standard_normal((DRAWS, len(bins.gap))))
    return _shown(
        system, "aece_tau", p, limits, len(here), unit="calibration error", observed=calibration_error(bins),
        limit=gate.red_above,
    )  # fmt: skip


def _shift(system: str, limits: Monitor, policy: Policy, here: Answered, there: Answered) -> Cell:
    """More than half of the answers are beyond the accepted median by more than the limit, one way or the other."""
    limit, n = policy.gates.confidence_shift.limit, len(here)
    median = float(np.median(there.arm.confidence))
    p = 2 * min(
        p_rate_above(int((here.arm.confidence > median + limit).sum()), n, 0.5),
        p_rate_above(int((here.arm.confidence < median - limit).sum()), n, 0.5),
    )
    moved = float(np.median(here.arm.confidence)) - median
    return _shown(
        system, "confidence_shift", min(p, 1.0), limits, n, unit="shift of the median", observed=abs(moved), limit=limit
    )


def _recall(system: str, limits: Monitor, policy: Policy, here: Answered, there: Answered) -> Cell:
    """A loss at all is what the canary calls RED; here one beyond its last margin, since answers were accepted once."""
    check, margin = "sla_recall_at_50_delta", policy.gates.sla_recall_at_50_delta.final_margin
    loss = there.arm.recall - here.arm.recall
    return loss_cell(
        system, check, loss, margin, limits.alarm, unit="loss of SLA-Recall@50", told="", red=_way_out(check)
    )


def _shown(
    system: str, check: str, p: float, limits: Monitor, n: int, *, unit: str, observed: float, limit: float
) -> Cell:
    broken = p <= limits.alarm
    told = f"p {decimal(p, 2)}"
    return job_cell(
        system, check, Verdict.RED if broken else Verdict.GREEN, n, unit=unit, observed=decimal(observed),
        limit=decimal(limit), note=f"{told}; {_way_out(check)}" if broken else told,
    )  # fmt: skip


def _way_out(check: str) -> str:
    return f"the canary's {check} would no longer hold: run the canary again, roll back if it agrees"
