"""Does the incumbent still give the numbers it was promoted on?

The same queries every night, asked of the incumbent alone. Both numbers have an interval, and they are of different
queries, so the interval of their difference is that of two independent samples (MOVER: Zou and Donner 2008, which
takes intervals that are not symmetric). ECE is compared by the errors that null simulations do not exclude: the plug-in
error of few answers is larger than that of many, of the same system.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import model_validator

from evidence.files import write_whole
from fixtures.packs import Served
from fixtures.suites import Queries, pool_of
from fixtures.systems.protocol import Query, SearchSystem
from gates.checks.machine import waiting_share
from gates.checks.p95_latency import P95Latency
from gates.documents import AtMost, Document, read_model
from gates.errors import EvidenceError
from gates.place import HERE
from gates.policy import Policy
from gates.statistics.calibration import equal_mass_edges
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import Z95, Interval
from gates.statistics.reliability import Z90
from gates.statistics.whiskers import Resamples, levels
from gates.verdicts import Cell, Verdict
from rollout import order
from rollout.columns import answered
from rollout.jobs.check import JobCheck, NotShown
from rollout.jobs.draw import draw
from rollout.jobs.job import Jobs, metric_row
from rollout.jobs.numbers import ALL, METRICS, Numbers, numbers_file, numbers_of, numbers_text
from rollout.jobs.probe import Probe, ask_all
from rollout.jobs.settings import Positive, read_family
from rollout.jobs.whiskers import WhiskerLimits
from rollout.replay import ask

NDCG, RECALL, P95, ECE, FILE_CREDIT = METRICS


class MetricLimit(Document):
    """How much worse a metric may be than the number on record, and the worsening that a night must be able to show."""

    margin: Positive
    finds: Positive

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.finds <= self.margin:
            raise ValueError(f"finds {self.finds:g} should be above margin {self.margin:g}: less is never shown")
        return self


class ShareLimit(MetricLimit):
    """The same of what lies between 0 and 1."""

    margin: AtMost
    finds: AtMost


class PerformanceLimits(Document):
    """The incumbent against the numbers on record, on the same queries every night."""

    queries: Queries
    busy: AtMost  # of the time in which answers wait for a processor: beyond, a slow night says nothing of the system
    ndcg_at_10: ShareLimit
    sla_recall_at_50: ShareLimit
    p95_latency_ms: MetricLimit
    ece: ShareLimit
    file_credit: ShareLimit


class Night(NamedTuple):
    """What the incumbent gives tonight."""

    numbers: Numbers
    metrics: dict[str, dict[str, Interval]]  # suite -> metric, those too that are not on record
    clocked: bool  # latency was measured here, by the clock


class Compared(NamedTuple):
    """Tonight and the numbers on record, of what serves."""

    served: Served
    night: Night
    limits: PerformanceLimits
    record: Numbers


class NumberCheck(JobCheck):
    """Users get worse answers than those the incumbent was promoted for, though nobody changed its configuration."""

    asked_by: ClassVar[str] = ""  # the policy's check that asks about it, and may leave it out
    more: ClassVar[bool] = False  # is more of it better?
    way_out = HERE.typed("roll back (make rollback), or find what changed: the configuration did not")

    def judge(self, found: Compared) -> Cell:
        """RED where a worsening beyond the margin is shown."""
        served, night, limits, record = found
        limit: MetricLimit = getattr(limits, self.key)
        if record.config_hash != served.config_hash:
            other = f"the numbers on record are of configuration {record.config_hash}, but {served.config_hash} serves"
            raise NotShown(HERE.typed(f"{other}; make promote writes them, or -m performance --write"))
        then, now = (one.suites[ALL].metrics.get(self.key) for one in (record, night.numbers))
        if then is None or now is None:
            who = "the numbers on record have none" if then is None else f"{served.name} gives none"
            raise NotShown(f"{who}; leave it out in policy.yaml, or record it")
        clock = self.key == P95  # then it may be the machine that is worse
        if clock and (why := _incomparable(night, record, limits.busy)):
            raise NotShown(f"{why}; take it anew: {TAKE}")
        worse, n = self.worsening(now.interval, then.interval), night.numbers.suites[ALL].queries
        finds = limit.margin + (Z95 + Z90) * max(worse.value - worse.lower, worse.upper - worse.value) / Z95
        left = decimal((limit.margin - worse.value) / limit.margin, 3)
        numbers: dict[str, Any] = {"limit": limit.margin, "headroom": left, "ends": worse}
        told = f"{now.value:.4g} tonight, {then.value:.4g} on record ({record.source} {record.run_id})"
        if worse.upper < limit.margin:
            return self.cell(Verdict.GREEN, n, note=told, **numbers)
        if clock and (night.numbers.waited or 0.0) > limits.busy:
            why = f", but answers waited {night.numbers.waited:.0%} of the time for a processor; ask again later"
        elif worse.lower > limit.margin:
            return self.found(True, n, f"{told}: worse than allowed", **numbers)
        elif finds > limit.finds:
            why = f"; {n:,} queries find a worsening of {finds:.3g}, but should of {limit.finds:g}"
        else:
            told += f"; not shown broken, a worsening of {finds:.3g} would have been"
            return self.cell(Verdict.GREEN, n, note=told, **numbers)
        return self.cell(Verdict.INCONCLUSIVE, n, note=f"not evidenced: {told}{why}", **numbers)

    def worsening(self, now: Interval, then: Interval) -> Interval:
        """By how much tonight is worse, with the interval of two independent samples."""
        (a, al, au), (b, bl, bu) = (then, now) if self.more else (now, then)
        difference = a - b
        return Interval(difference, difference - math.hypot(a - al, bu - b), difference + math.hypot(au - a, b - bl))


def _incomparable(night: Night, record: Numbers, busy: float) -> str:
    """Why the latency on record says nothing of tonight's; "" where it does."""
    if night.clocked and record.machine != night.numbers.machine:
        return f"on record is the latency of {record.machine!r}, but this is {night.numbers.machine!r}"
    waited = f"answers waited {record.waited or 0.0:.0%} of the time for a processor"
    return f"{waited} when the latency on record was taken" if (record.waited or 0.0) > busy else ""


class NdcgNumber(NumberCheck):
    """What users look for stands lower, or is gone, though nobody changed the configuration."""

    key, more = NDCG, True


class RecallNumber(NumberCheck):
    """What users look for is not found in time, though nobody changed the configuration."""

    key, more = RECALL, True


class P95Number(NumberCheck):
    """Users wait longer than when the incumbent was promoted, though nobody changed the configuration."""

    key, unit, asked_by = P95, "ms", P95Latency.key


class EceNumber(NumberCheck):
    """Confidences come true less often than when the incumbent was promoted."""

    key = asked_by = ECE


class FileCreditNumber(NumberCheck):
    """More answers name the right file, but other lines, than when the incumbent was promoted."""

    key = asked_by = FILE_CREDIT


TAKE = HERE.typed("python -m pytest -m performance --write")
CHECKS = (NdcgNumber(), RecallNumber(), P95Number(), EceNumber(), FileCreditNumber())


def asked_checks(policy: Policy) -> list[NumberCheck]:
    """Of the metrics that a policy asks about."""
    return [check for check in CHECKS if check.asked_by not in policy.left_out]


def items(jobs: Jobs) -> list[str]:
    """One of each metric of the incumbent."""
    served = jobs.served()
    return [f"{served.name}-{check.key}" for check in asked_checks(served.policy)]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Ask the incumbent and compare. With --write its numbers become those on record."""
    nightly = read_family(jobs.configs, "nightly", performance=PerformanceLimits, whiskers=WhiskerLimits)
    jobs.night(nightly)
    probe = jobs.probe()
    path = numbers_file(jobs.configs, nightly.numbers, probe.served.config_hash)
    record = read_model(path, Numbers) if path.exists() and not jobs.write else None
    found = ask_incumbent(probe, nightly, jobs, record.bin_edges if record else ())
    jobs.keep("performance", history_rows(found))
    if jobs.write:
        record = found.numbers
        write_whole(path, numbers_text(record))
    served, missing = probe.served, f"no numbers on record at {path.name}"
    return {
        f"{served.name}-{check.key}": check.about(served.name, Compared(served, found, nightly.performance, record))
        if record
        else check.not_evidenced(served.name, f"{missing}; take them: {TAKE}")
        for check in asked_checks(served.policy)
    }


def reference_queries(probe: Probe, nightly: Any) -> list[Query]:
    """The queries that every night asks: which ones, only their ids say."""
    asked = nightly.performance.queries
    pool = pool_of(asked, probe.collection, "nightly.yaml: performance.queries")
    if len(pool) < asked.size:
        short = f"{len(pool):,} queries, but performance.queries.size is {asked.size:,}"
        raise EvidenceError(f"nightly.yaml: {short}; name more parts, or ask fewer")
    return list(draw("reference", "reference", pool, asked.size, {}).queries)


def ask_incumbent(probe: Probe, nightly: Any, jobs: Jobs, edges: Sequence[float]) -> Night:
    """Ask, and measure by suite. `edges` are those of the numbers on record; without any, tonight's own."""
    served, queries, whiskers = probe.served, reference_queries(probe, nightly), nightly.whiskers
    found = answered(ask_all(probe, queries, jobs.run_id).agg)
    clocked = _clocked(probe.contender.system, queries[0])
    confidence = found.arm.confidence
    inner = np.array(edges) if len(edges) else np.zeros(0)
    if not len(inner) and np.isfinite(confidence).all() and len(confidence):
        inner = equal_mass_edges(confidence, served.policy.bins)
    rows = {ALL: np.arange(len(found))} | {
        suite: np.flatnonzero(found.suite == suite) for suite in sorted(set(found.suite.tolist()) - {ALL})
    }
    metrics = {}
    for suite, at in rows.items():
        resamples = Resamples.draw(len(at), whiskers.resamples, len(inner) + 1, order.seed(probe.fingerprint))
        whisker = levels(found.arm.rows(at), inner, resamples, whiskers.few)
        metrics[suite] = {metric: one.interval for metric, one in whisker.items()}
    waited = waiting_share(found.arm) if clocked else math.nan
    numbers = numbers_of(
        {suite: (len(at), metrics[suite]) for suite, at in rows.items()}, system=served.name,
        config_hash=served.config_hash, source="probe", run_id=jobs.run_id, measured_at=jobs.facts["at"],
        release_fingerprint=probe.fingerprint, waited=waited if math.isfinite(waited) else None,
        bin_edges=inner.tolist(),
    )  # fmt: skip
    return Night(numbers, metrics, clocked)


def history_rows(night: Night) -> list[Mapping[str, Any]]:
    """What the history keeps of the night."""
    told = night.numbers
    return [
        metric_row(told.system, told.config_hash, suite, m, interval, told.suites[suite].queries,
                   told.release_fingerprint)
        for suite, found in night.metrics.items()
        for m, interval in found.items()
    ]  # fmt: skip


def _clocked(system: SearchSystem, query: Query) -> bool:
    """Is latency measured here, not recorded with the answers?"""
    return ask(system, query).answer.latency_ms is None
