"""Hero health: is what serves as fast and as good as when it was accepted?

The next hundred of the accepted queries are asked, compared, and kept for the gate monitor. A hundred queries show
gross faults only, so each check is RED when it is shown at `alarm` and GREEN otherwise: "not shown broken", with what
was measured. Small drifts are the drift pack's to find, on 8,000 queries.
"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from evidence.schemas import SchemaDrift
from gates.checks.calibrator_p99 import CalibratorP99
from gates.checks.errors import Errors
from gates.checks.ndcg import Ndcg
from gates.checks.p95_latency import P95Latency
from gates.checks.p99_latency import P99Latency
from gates.documents import AtMost, Document
from gates.errors import EvidenceError
from gates.policy import Count
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import p_rate_above, quantile_interval
from gates.verdicts import Cell
from rollout.answered import Answered, joined, same_queries
from rollout.columns import answered
from rollout.jobs.accepted import DRIFT, Accepted, accepted_of, read_answers, write_answers
from rollout.jobs.check import JobCheck, NotShown, job_check, judge_all, slow_calls
from rollout.jobs.job import Jobs, by_name
from rollout.jobs.probe import Probe, ask_all
from rollout.jobs.settings import Factor, Positive, read_family

FOLDER = "health"
PERIOD = timedelta(minutes=5)  # between two probes: which hundred is asked follows from the time alone


class HealthLimits(Document):
    """Hero health: what is asked, and what is not healthy."""

    queries: Count
    p95_factor: Factor  # times the accepted quantile
    p99_factor: Factor
    floor_ms: Annotated[float, Field(ge=0)]  # no limit of latency lies below
    errors: AtMost
    ndcg: AtMost  # loss against the accepted answers
    calibrator_ms: Positive
    share: AtMost  # of calls that may take that long
    alarm: AtMost  # p-value at which something is shown
    keep_days: Count


class Probing(NamedTuple):
    """What a probe was answered, and what was accepted."""

    limits: HealthLimits
    now: Answered
    then: Answered  # the accepted answers to the same queries
    accepted_ms: dict[str, float]  # has p95 and p99


def _quantile(check: JobCheck, found: Probing, q: float) -> Cell:
    """RED where more answers are shown to be above the limit than may be."""
    latency_ms, limits, name = found.now.arm.latency_ms, found.limits, f"p{q * 100:.0f}"
    accepted, n = found.accepted_ms[name], len(latency_ms)
    limit = max(float(getattr(limits, f"{name}_factor")) * accepted, limits.floor_ms)
    over, measured = int((latency_ms > limit).sum()), quantile_interval(latency_ms, q)
    numbers = dict(zip(("observed", "ci_lower", "ci_upper"), (decimal(end, 4) for end in measured), strict=True))
    told = f"{over} of {n} answers above, {1 - q:.0%} may be; accepted {decimal(accepted, 3)} ms"
    return check.found(p_rate_above(over, n, 1 - q) <= limits.alarm, n, told, limit=decimal(limit, 4), **numbers)


@job_check(P95Latency.key, "ms", "free the machine, or roll back")
def p95(check: JobCheck, found: Probing) -> Cell:
    """Users wait: a twentieth of the answers takes far longer than when they were accepted."""
    return _quantile(check, found, 0.95)


@job_check(P99Latency.key, "ms", "free the machine, or roll back")
def p99(check: JobCheck, found: Probing) -> Cell:
    """The slowest answers take far longer than when they were accepted."""
    return _quantile(check, found, 0.99)


@job_check(Errors.key, "share of answers that fail", "see error_code of the failing queries; roll back if users see it")
def failing(check: JobCheck, found: Probing) -> Cell:
    """Users get errors."""
    return check.share(int(found.now.arm.error.sum()), len(found.now), found.limits.errors, found.limits.alarm)


@job_check(Ndcg.key, "loss of nDCG@10", "see what changed, or roll back")
def lost_ndcg(check: JobCheck, found: Probing) -> Cell:
    """What users look for stands lower, or is gone, and nobody changed anything on purpose."""
    here, there = same_queries(found.now, found.then)
    if not len(here):
        raise NotShown("no accepted answer is to one of these queries; run -m drift --write")
    accepted, current = (decimal(float(side.arm.ndcg.mean()), 3) for side in (there, here))
    told = f"{accepted} when accepted, {current} now, "
    return check.loss(there.arm.ndcg - here.arm.ndcg, found.limits.ndcg, found.limits.alarm, told)


@job_check(CalibratorP99.key, "", "free the machine, or roll the calibrator back")
def slow_calibrator(check: JobCheck, found: Probing) -> Cell:
    """The calibrator holds up answers."""
    limits = found.limits
    return slow_calls(check, found.now.arm.calibrator_ms, limits.calibrator_ms, limits.share, limits.alarm)


@job_check(
    "confidence_range",
    "confidences outside [0, 1]",
    "no such number may be served: roll back to the previous calibrator at once",
)
def confidence_range(check: JobCheck, found: Probing) -> Cell:
    """Users and the router are given numbers that are no confidence."""
    arm = found.now.arm
    outside = (~((arm.confidence >= 0) & (arm.confidence <= 1)))[arm.error == 0]
    return check.none_of(int(outside.sum()), len(found.now))


CHECKS = (p95, p99, failing, lost_ndcg, slow_calibrator, confidence_range)


def items(jobs: Jobs) -> list[str]:
    """One of each check."""
    return [f"{jobs.served(jobs.hero).name}-{check.key}" for check in CHECKS]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Ask what serves, or the hero that is named in its place, where answers are accepted to compare with."""
    file = read_family(jobs.configs, "continuous", health=HealthLimits)
    accepted = accepted_of(jobs.configs)
    if isinstance(accepted, str):
        system = jobs.served(jobs.hero).name
        return by_name({check.key: check.not_evidenced(system, accepted) for check in CHECKS})
    return by_name(run_health(jobs, jobs.probe(jobs.hero), file.health, accepted))


def run_health(jobs: Jobs, probe: Probe, limits: HealthLimits, accepted: Accepted) -> dict[str, Cell]:
    """Ask, compare, keep. Raises EvidenceError where other answers are accepted than what serves would give."""
    served, then = probe.served, accepted.answers
    if accepted.facts["config_hash"] != served.config_hash:
        raise EvidenceError(
            f"accepted answers are of configuration {accepted.facts['config_hash']}, but {served.config_hash} serves; "
            f"run {DRIFT}, which accepts those of what serves"
        )
    turn = int(jobs.at.timestamp() // PERIOD.total_seconds()) * limits.queries
    wanted = [str(then.query_id[(turn + i) % len(then)]) for i in range(limits.queries)]
    there = {query.query_id: query for query in probe.collection.queries}
    queries = [there[name] for name in dict.fromkeys(wanted) if name in there]
    now = answered(ask_all(probe, queries, jobs.run_id).agg)
    folder = jobs.folder("continuous") / FOLDER
    path = folder / f"{jobs.at:%Y%m%dT%H%M%SZ}.parquet"
    write_answers(path, now, {**jobs.facts, "config_hash": served.config_hash})
    _forget(folder, jobs.at - timedelta(days=limits.keep_days))
    return judge_all(CHECKS, served.name, Probing(limits, now, then, accepted.facts["latency_ms"]))


def newest_health(folders: list[Path], config_hash: str, probes: int) -> Answered | None:
    """The answers of the newest probes of a configuration, each query's newest; None where there is no probe."""
    paths = [path for folder in folders for path in folder.glob("*.parquet")]
    found: list[Answered] = []
    for path in sorted(paths, key=lambda path: path.name, reverse=True)[:probes]:
        try:
            kept = read_answers(path)
        except (EvidenceError, SchemaDrift):  # of another checkout, or half of one: fewer answers are judged
            continue
        if kept.facts["config_hash"] == config_hash:
            found.append(kept.answers)
    if not found:
        return None
    whole = joined(found)
    _, first = np.unique(whole.query_id, return_index=True)
    return whole.rows(first)


def _forget(folder: Path, before: datetime) -> None:
    for path in folder.glob("*.parquet"):
        if path.name < f"{before:%Y%m%dT%H%M%SZ}":
            path.unlink(missing_ok=True)
