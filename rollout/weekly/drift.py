"""The drift pack: the incumbent is asked its queries, compared with its accepted answers, and kept in the history."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fixtures.weekly import Weekly, asked_queries
from gates.answered import Answered
from gates.drift import bin_count, judge_drift, reliability_slope
from gates.errors import EvidenceError
from gates.statistics.calibration import calibration_error, equal_mass_edges, fill_bins
from gates.statistics.pvalues import Interval, mean_interval, rate_interval
from gates.verdicts import Cell, Verdict
from rollout.columns import answered
from rollout.jobs.job import Job, numbers
from rollout.probe import Probe, ask_all
from rollout.weekly.accepted import FILE, Accepted, read_answers, write_answers

JOB = "drift"
_NO_INTERVAL = math.nan


class Pack(NamedTuple):
    """What the drift pack found."""

    cells: dict[str, Cell]
    accepts: str  # why these answers are the accepted ones from now on; "" where they are not


def run_drift(job: Job, probe: Probe, weekly: Weekly, *, incumbent: bool) -> Pack:
    """Ask, compare, keep. `incumbent` is false where a hero was named: its answers are never accepted."""
    served, limits = probe.served, weekly.drift
    queries = asked_queries(limits.queries, probe.collection)
    now = answered(ask_all(probe, queries, job.run_id).agg)
    calibrator = served.system_kind.calibrator()
    kept = _kept(job)
    same = kept is not None and kept.facts["config_hash"] == served.config_hash
    compares = same and not (job.write and incumbent)
    then = kept if compares else None
    cells = judge_drift(
        served.name,
        limits,
        now,
        then.answers if then else None,
        (calibrator, then.facts["calibrator"] if then else {}),
        served.policy.sla_ms,
        seed=int.from_bytes(hashlib.sha256(f"drift:{served.config_hash}".encode()).digest()[:6]),
    )
    accepts = _accepts(job, same, cells) if incumbent else ""
    if accepts:
        facts = {
            "config_hash": served.config_hash,
            "system": served.name,
            "run_id": job.run_id,
            "at": job.at.isoformat(timespec="seconds"),
            "corpus": dict(probe.collection.digests),
            "calibrator": calibrator,
        }
        write_answers(job.folder / FILE, now, facts)
    job.keep(JOB, _metrics(probe, now, then.answers if then else now, limits.bins, calibrator))
    return Pack(cells, accepts)


def _kept(job: Job) -> Accepted | None:
    """The accepted answers; with --write what cannot be read is no obstacle, it is replaced."""
    path = job.folder / FILE
    if not path.exists():
        return None
    try:
        return read_answers(path)
    except EvidenceError:
        if job.write:
            return None
        raise


def _accepts(job: Job, same: bool, cells: Mapping[str, Cell]) -> str:
    if job.write:
        return "--write accepts them"
    if same or any(cell.verdict is Verdict.RED for cell in cells.values()):
        return ""
    return "no answers of this configuration were accepted yet"


def _metrics(
    probe: Probe, now: Answered, then: Answered, bins: int, calibrator: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """Rows of the history; errors without interval, since no interval of a biased value says anything."""
    held = np.flatnonzero((now.arm.confidence >= 0) & (now.arm.confidence <= 1))
    usable = now.rows(held)
    confidence, correct, n = usable.arm.confidence, usable.arm.correct, len(held)
    if not n:
        return [_row(probe, "answers", Interval(float(len(now)), _NO_INTERVAL, _NO_INTERVAL), len(now))]
    k = bin_count(n, bins)
    own = equal_mass_edges(confidence, k)
    frozen = equal_mass_edges(then.arm.confidence[np.isfinite(then.arm.confidence)], k)
    low, high = calibrator.get("held_within", (0.0, 1.0))
    clamped = int(((confidence <= low) | (confidence >= high)).sum())
    found = {
        "aece": _alone(calibration_error(fill_bins(confidence, correct, own))),
        "dece": _alone(calibration_error(fill_bins(confidence, correct, frozen))),
        "brier": mean_interval((confidence - correct) ** 2),
        "reliability_slope": _alone(reliability_slope(confidence, correct, frozen)),
        "output_clamp": rate_interval(clamped, n),
        "ndcg_at_10": mean_interval(now.arm.ndcg),
    }
    if calibrator:
        found["slope_clamp"] = _alone(calibrator["clamped"] / calibrator["slopes"])
        found["alpha"] = _alone(float(np.mean(list(calibrator["alpha"].values()))))
    return [_row(probe, metric, interval, n) for metric, interval in found.items()]


def _alone(value: float) -> Interval:
    return Interval(value, _NO_INTERVAL, _NO_INTERVAL)


def _row(probe: Probe, metric: str, interval: Interval, n: int) -> dict[str, Any]:
    served = probe.served
    return {
        "system": served.name,
        "config_hash": served.config_hash,
        "suite": "all",
        "metric": metric,
        **numbers(interval),
        "n": n,
        "release_fingerprint": "",
    }
