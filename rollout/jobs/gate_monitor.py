"""Does what was decided still hold? Overdue runs, a baseline nobody decided on, and the gates by health's eyes.

The monitor reads what runs left behind; it asks no system anything. The four gates are those of the canary, with its
limits, asked of the newest health probes against the accepted answers to the same queries. They are not the canary's
own processes: a monitor looks again and again for weeks, so it only says RED where one look shows it at `alarm`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from fixtures.packs import Served
from gates.attestation import ATTESTATION, Attestation, AttestationError, ReleaseAttestation
from gates.checks.aece_tau import AeceTau
from gates.checks.calibrator_p99 import CalibratorP99
from gates.checks.confidence_shift import ConfidenceShift
from gates.checks.sla_recall import SlaRecall
from gates.documents import AtMost, Document
from gates.errors import EvidenceError
from gates.place import HERE
from gates.policy import Count, Policy
from gates.statistics.calibration import DRAWS, calibration_error, equal_mass_edges, fill_bins, p_error_at_most
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import p_rate_above
from gates.verdicts import Cell, Kind
from rollout.answered import Answered, same_queries
from rollout.jobs.accepted import Accepted, accepted_of, left_behind, result_folders
from rollout.jobs.check import JobCheck, NotShown, job_check, judge_all
from rollout.jobs.findings import read_findings
from rollout.jobs.health import FOLDER, newest_health
from rollout.jobs.job import Jobs, by_name
from rollout.jobs.settings import Positive, read_family


class MonitorLimits(Document):
    """The gate monitor: when a run is overdue, and how much health evidence its gates take."""

    nightly_hours: Positive
    weekly_hours: Positive
    probes: Count  # newest health probes
    least: Count  # answers in them
    alarm: AtMost  # p-value at which a gate is shown to be broken


@dataclass(frozen=True, kw_only=True)
class Left:
    """What runs left behind of what serves."""

    limits: MonitorLimits
    policy: Policy
    config_hash: str
    hours: dict[str, float | None]  # family -> age of its newest run, None where there was none
    decided: Sequence[Attestation]
    health: Answered | str  # the newest health answers, or why there are none
    accepted: Answered | str

    @cached_property
    def both(self) -> tuple[Answered, Answered]:
        """The health answers and the accepted ones to the same queries. Raises NotShown where they are too few."""
        if isinstance(self.accepted, str) or isinstance(self.health, str):
            raise NotShown(self.accepted if isinstance(self.accepted, str) else str(self.health))
        here, there = same_queries(self.health, self.accepted)
        n, least = len(here), self.limits.least
        if n < least:
            probes = f"in the newest {self.limits.probes} health probes"
            raise NotShown(f"{n} queries {probes}, but {least} are needed; wait for more")
        return here, there


def _overdue(check: JobCheck, left: Left, family: str) -> Cell:
    """RED where the newest run is older than it may be."""
    hours, limit = left.hours[family], float(getattr(left.limits, f"{family}_hours"))
    if hours is None:
        raise NotShown(f"no {family} run was ever kept; run make {family}")
    told = f"run make {family} now, and see why the schedule did not" if hours > limit else ""
    return check.found(hours > limit, 1, told, observed=decimal(hours, 4), limit=decimal(limit, 4))


@job_check("nightly_overdue", "hours since the newest run")
def nightly_overdue(check: JobCheck, left: Left) -> Cell:
    """Nobody has looked at what serves for more than a night."""
    return _overdue(check, left, "nightly")


@job_check("weekly_overdue", "hours since the newest run")
def weekly_overdue(check: JobCheck, left: Left) -> Cell:
    """Nobody has looked at what serves for more than a week."""
    return _overdue(check, left, "weekly")


@job_check("promoted", "configurations nobody decided on")
def promoted(check: JobCheck, left: Left) -> Cell:
    """Something serves that nobody decided on: no baseline of the newest decisions, and no hero that they promote."""
    config_hash, decided = left.config_hash, left.decided
    if not decided:
        raise NotShown(HERE.typed("no decision is on record; run make canary"))
    known = {d.baseline_config_hash: f"the baseline of {d.hero}'s decision" for d in decided}
    known |= {d.config_hash: f"{d.hero}, which was promoted" for d in decided if d.promotes}
    fine = config_hash in known
    told = f"{config_hash} is {known.get(config_hash)}"
    if not fine:
        told = (
            f"{config_hash} serves, but decisions are about {', '.join(sorted(known))}: nobody decided on it; "
            "put the baseline back, or run the canary against it"
        )
    return check.found(not fine, len(decided), told, observed="0" if fine else "1", limit="0")


def _again(key: str) -> str:
    return f"the canary's {key} would no longer hold: run the canary again, roll back if it agrees"


def _shown(check: JobCheck, left: Left, p: float, observed: float, limit: float) -> Cell:
    """RED where one look shows it."""
    n = len(left.both[0])
    return check.found(p <= left.limits.alarm, n, f"p {decimal(p, 2)}", observed=observed, limit=limit)


@job_check(CalibratorP99.key, "", "free the machine, or roll back")
def calibrator_gate(check: JobCheck, left: Left) -> Cell:
    """The calibrator holds up answers: the canary would stop it now."""
    gate, ms = left.policy.limits(CalibratorP99), left.both[0].arm.calibrator_ms
    calls = ms[np.isfinite(ms)]
    if not len(calls):
        raise NotShown("no answer called a calibrator")
    unit = f"share of calls over {gate.limit_ms:g} ms"
    return check.share(int((calls > gate.limit_ms).sum()), len(calls), gate.share, left.limits.alarm, unit=unit)


@job_check(AeceTau.key, "calibration error", _again(AeceTau.key))
def calibration_gate(check: JobCheck, left: Left) -> Cell:
    """Confidences no longer come true: the canary would stop it now."""
    (here, there), gate = left.both, left.policy.limits(AeceTau)
    bins = fill_bins(here.arm.confidence, here.arm.correct, equal_mass_edges(there.arm.confidence, gate.bins))
    seed = int.from_bytes(hashlib.sha256(f"monitor:{left.config_hash}".encode()).digest()[:6])
    draws = np.random.default_rng(seed).standard_normal((DRAWS, len(bins.gap)))
    return _shown(check, left, p_error_at_most(bins, gate.red_above, draws), calibration_error(bins), gate.red_above)


@job_check(ConfidenceShift.key, "shift of the median", _again(ConfidenceShift.key))
def shift_gate(check: JobCheck, left: Left) -> Cell:
    """More than half of the answers are surer, or less sure, by more than the limit than when they were accepted."""
    (here, there), limit = left.both, float(left.policy.limits(ConfidenceShift).limit)
    median, now = float(np.median(there.arm.confidence)), here.arm.confidence
    beyond = (int((now > median + limit).sum()), int((now < median - limit).sum()))
    p = 2 * min(p_rate_above(n, len(now), 0.5) for n in beyond)
    return _shown(check, left, min(p, 1.0), abs(float(np.median(now)) - median), limit)


@job_check(SlaRecall.key, "loss of SLA-Recall@50", _again(SlaRecall.key))
def recall_gate(check: JobCheck, left: Left) -> Cell:
    """What users look for is no longer found in time: the canary would stop it now."""
    # a loss at all is what the canary calls RED; here one beyond its last margin: answers were accepted once
    (here, there), limits = left.both, left.policy.limits(SlaRecall)
    return check.loss(there.arm.recall - here.arm.recall, limits.final_margin, left.limits.alarm)


CHECKS = (nightly_overdue, weekly_overdue, promoted)
GATES = (calibrator_gate, calibration_gate, shift_gate, recall_gate)


def asked_checks(policy: Policy) -> list[JobCheck]:
    """Those of every policy, and of the gates those that this one asks."""
    return [*CHECKS, *(gate for gate in GATES if gate.key in policy.asked(Kind.GATE))]


def items(jobs: Jobs) -> list[str]:
    """One of each check."""
    served = jobs.served(jobs.hero)
    return [f"{served.name}-{check.key}" for check in asked_checks(served.policy)]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Look at what runs left behind of what serves, or of the hero that is named in its place."""
    file = read_family(jobs.configs, "continuous", gate_monitor=MonitorLimits)
    jobs.folder("continuous")
    folders = result_folders(jobs, file)
    served, accepted = jobs.served(jobs.hero), accepted_of(jobs.configs)
    return by_name(run_monitor(jobs.at, served, file.gate_monitor, folders, accepted))


def run_monitor(
    at: datetime, served: Served, limits: MonitorLimits, folders: list[Path], accepted: Accepted | str
) -> dict[str, Cell]:
    """The cell of each check. `folders` hold results; `accepted` is text where nothing is accepted: why."""
    places = list(left_behind(folders, f"continuous/{FOLDER}"))
    left = Left(
        limits=limits,
        policy=served.policy,
        config_hash=served.config_hash,
        hours={family: _age_hours(folders, family, at) for family in ("nightly", "weekly")},
        decided=newest_decisions(folders),
        health=newest_health(places, served.config_hash, limits.probes)
        or HERE.typed("no health probe of what serves was kept; run python -m pytest -m health"),
        accepted=accepted if isinstance(accepted, str) else accepted.answers,
    )
    return judge_all(asked_checks(served.policy), served.name, left)


def _age_hours(folders: list[Path], family: str, at: datetime) -> float | None:
    """Hours since the newest findings of a family; None where there are none that can be read."""
    seen = []
    for path in left_behind(folders, f"{family}/*.json"):
        try:
            seen.append(read_findings(path).at)
        except EvidenceError:
            continue
    return (at - max(seen)).total_seconds() / 3600 if seen else None


def newest_decisions(folders: list[Path]) -> list[Attestation]:
    """What the newest attestation says of its heroes; [] where there is none. Raises EvidenceError."""
    paths = [path for folder in folders for path in (folder / ATTESTATION,) if path.is_file()]
    if not paths:
        return []
    path = max(paths, key=lambda path: path.stat().st_mtime_ns)
    try:
        return [Attestation.read_file(path.parent / e.attestation) for e in ReleaseAttestation.read_file(path).heroes]
    except (OSError, AttestationError) as error:
        raise EvidenceError(f"{path}: cannot be read ({error}); run the canary again") from None
