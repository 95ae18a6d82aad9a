"""Does the incumbent still give the numbers it was promoted on?

The same queries every night, asked of the incumbent alone. Both numbers have an interval, and they are of different
queries, so the interval of their difference is that of two independent samples (MOVER: Zou and Donner 2008, which
takes intervals that are not symmetric). ECE is compared by the errors that null simulations do not exclude: the plug-in
error of few answers is larger than that of many, of the same system.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fixtures.nightly import Nightly, Performance
from fixtures.served import Served
from fixtures.suites import pool_of
from fixtures.systems.protocol import Query, SearchSystem
from gates.checks.machine import waiting_share
from gates.errors import EvidenceError
from gates.job_cells import job_cell, not_evidenced
from gates.policy import Policy
from gates.statistics.calibration import equal_mass_edges
from gates.statistics.decimals import decimal
from gates.statistics.pvalues import Z95, Interval
from gates.verdicts import Cell, Verdict
from gates.whiskers import Resamples, levels
from rollout import order
from rollout.columns import answered
from rollout.jobs.job import Job, machine, numbers
from rollout.nightly.draw import draw
from rollout.nightly.numbers import ALL, METRICS, Number, Numbers, as_numbers
from rollout.probe import Probe, Probed, ask_all
from rollout.replay import ask

BETTER_IF_MORE = ("ndcg_at_10", "sla_recall_at_50")
UNITS = {"p95_latency_ms": "ms"}
_Z90 = 1.2815515655446004
#: Metric -> the policy's check that asks about it, and may leave it out.
_CHECKS = {"p95_latency_ms": "p95_latency", "ece": "ece", "file_credit": "file_credit"}


class Night(NamedTuple):
    """What the incumbent gives tonight."""

    probed: Probed
    metrics: dict[str, dict[str, Interval]]  # suite -> metric
    queries: dict[str, int]
    edges: tuple[float, ...]
    clocked: bool  # latency was measured here, by the clock
    waited: float  # share of the time in which the answers waited for a processor, NaN where it does not matter


def asked_metrics(policy: Policy) -> tuple[str, ...]:
    """The metrics that a policy asks about."""
    return tuple(metric for metric in METRICS if _CHECKS.get(metric) not in policy.left_out)


def reference_queries(probe: Probe, nightly: Nightly) -> list[Query]:
    """The queries that every night asks: which ones, only their ids say."""
    asked = nightly.performance.queries
    pool = pool_of(asked, probe.collection, "nightly.yaml: performance.queries")
    if len(pool) < asked.size:
        short = f"{len(pool):,} queries, but performance.queries.size is {asked.size:,}"
        raise EvidenceError(f"nightly.yaml: {short}; name more parts, or ask fewer")
    return [query for query, _ in draw("reference", "reference", pool, asked.size, {})]


def ask_incumbent(probe: Probe, nightly: Nightly, run_id: str, edges: Sequence[float]) -> Night:
    """Ask, and measure by suite. `edges` are those of the numbers on record; without any, tonight's own."""
    queries = reference_queries(probe, nightly)
    probed = ask_all(probe, queries, run_id)
    clocked = _clocked(probe.contender.system, queries[0])
    found = answered(probed.agg)
    confidence = found.arm.confidence
    inner = np.array(edges) if len(edges) else np.zeros(0)
    if not len(inner) and np.isfinite(confidence).all() and len(confidence):
        inner = equal_mass_edges(confidence, probe.served.policy.bins)
    rows = {ALL: np.arange(len(found))} | {
        suite: np.flatnonzero(found.suite == suite) for suite in sorted(set(found.suite.tolist()) - {ALL})
    }
    whiskers = nightly.whiskers
    metrics = {}
    for suite, at in rows.items():
        arm = found.arm.rows(at)
        resamples = Resamples.draw(len(at), whiskers.resamples, len(inner) + 1, order.seed(probe.fingerprint))
        metrics[suite] = {m: w.interval for m, w in levels(arm, inner, resamples, whiskers.few).items()}
    return Night(
        probed=probed,
        metrics=metrics,
        queries={suite: len(at) for suite, at in rows.items()},
        edges=tuple(inner.tolist()),
        clocked=clocked,
        waited=waiting_share(found.arm) if clocked else math.nan,
    )


def compare(served: Served, metric: str, night: Night, limits: Performance, record: Numbers) -> Cell:
    """One metric tonight against the number on record: RED where a worsening beyond the margin is shown."""
    name, limit, busy = served.name, limits.limit(metric), limits.busy
    if record.config_hash != served.config_hash:
        other = f"the numbers on record are of configuration {record.config_hash}, but {served.config_hash} serves"
        return not_evidenced(name, metric, f"{other}; make promote writes them, or -m performance --write")
    then, now = record.suites[ALL].metrics.get(metric), night.metrics[ALL].get(metric)
    if then is None or now is None:
        who = "the numbers on record have none" if then is None else f"{name} gives none"
        return not_evidenced(name, metric, f"{who}; leave it out in policy.yaml, or record it")
    if metric == "p95_latency_ms" and (why := _incomparable(night, record, busy)):
        return not_evidenced(name, metric, f"{why}; take it anew: python -m pytest -m performance --write")
    worse = _worsening(metric, now, then)
    n, unit = night.queries[ALL], UNITS.get(metric, "")
    finds = limit.margin + (Z95 + _Z90) * max(worse.value - worse.lower, worse.upper - worse.value) / Z95
    shown = {
        "observed": decimal(worse.value),
        "limit": decimal(limit.margin),
        "headroom": decimal((limit.margin - worse.value) / limit.margin, 3),
        "ci_lower": decimal(worse.lower),
        "ci_upper": decimal(worse.upper),
    }
    told = f"{now.value:.4g} tonight, {then.value:.4g} on record ({record.source} {record.run_id})"
    if metric == "p95_latency_ms" and night.waited > busy and worse.upper >= limit.margin:
        note = (
            f"not evidenced: {told}, but answers waited {night.waited:.0%} of the time for a processor; ask again later"
        )
        return job_cell(name, metric, Verdict.INCONCLUSIVE, n, unit=unit, note=note, **shown)
    if worse.lower > limit.margin:
        way_out = "roll back (make rollback), or find what changed: the configuration did not"
        return job_cell(name, metric, Verdict.RED, n, unit=unit, note=f"{told}: worse than allowed; {way_out}", **shown)
    if worse.upper < limit.margin:
        return job_cell(name, metric, Verdict.GREEN, n, unit=unit, note=told, **shown)
    if finds > limit.finds:
        note = f"not evidenced: {told}; {n:,} queries find a worsening of {finds:.3g}, but should of {limit.finds:g}"
        return job_cell(name, metric, Verdict.INCONCLUSIVE, n, unit=unit, note=note, **shown)
    note = f"{told}; not shown broken, a worsening of {finds:.3g} would have been"
    return job_cell(name, metric, Verdict.GREEN, n, unit=unit, note=note, **shown)


def numbers_of_night(probe: Probe, night: Night, job: Job) -> dict[str, Any]:
    """Tonight's numbers in the form of `baseline.numbers.json`."""
    return {
        "schema": "hero-gate/numbers/v1",
        "system": probe.served.name,
        "config_hash": probe.served.config_hash,
        "source": "probe",
        "run_id": job.run_id,
        "measured_at": job.at.isoformat(timespec="seconds"),
        "release_fingerprint": probe.fingerprint,
        "machine": machine(),
        "waited": night.waited if math.isfinite(night.waited) else None,
        "bin_edges": list(night.edges),
        "suites": {
            suite: {
                "queries": night.queries[suite],
                "metrics": as_numbers({m: i for m, i in found.items() if m in METRICS}),
            }
            for suite, found in night.metrics.items()
        },
    }


def history_rows(probe: Probe, night: Night) -> list[Mapping[str, Any]]:
    """What the history keeps of the night."""
    return [
        {
            "system": probe.served.name,
            "config_hash": probe.served.config_hash,
            "suite": suite,
            "metric": metric,
            "n": night.queries[suite],
            "release_fingerprint": probe.fingerprint,
            **numbers(interval),
        }
        for suite, found in night.metrics.items()
        for metric, interval in found.items()
    ]


def _incomparable(night: Night, record: Numbers, busy: float) -> str:
    """Why the latency on record says nothing of tonight's; "" where it does."""
    if night.clocked and record.machine != machine():
        return f"on record is the latency of {record.machine!r}, but this is {machine()!r}"
    if (record.waited or 0.0) > busy:
        return f"answers waited {record.waited:.0%} of the time for a processor when the latency on record was taken"
    return ""


def _clocked(system: SearchSystem, query: Query) -> bool:
    """Is latency measured here, not recorded with the answers?"""
    return ask(system, query).answer.latency_ms is None


def _worsening(metric: str, now: Interval, then: Number) -> Interval:
    """By how much tonight is worse, with the interval of two independent samples."""
    (a, al, au), (b, bl, bu) = (then.interval, now) if metric in BETTER_IF_MORE else (now, then.interval)
    difference = a - b
    return Interval(
        difference, difference - math.hypot(a - al, bu - b), difference + math.hypot(au - a, b - bl)
    )  # fmt: skip
