"""How do both systems measure up, suite by suite? The two CSV tables of a hero's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evidence.files import write_whole
from gates.pairs import Arm
from gates.statistics import calibration
from gates.statistics.pvalues import Interval, mean_interval, quantile_interval, ratio_interval
from reports.escaping import csv_cell
from reports.model.story import Story
from reports.render.told import Told
from rollout.columns import DEPTH, Measured, codes, numbers, read_hits

SPANS, POOL = "hero_span_v22.csv", "pool_counts_by_system.csv"
ALL = "all"  # the name of the row over all suites
DRAWS = 2_000  # null simulations of one calibration interval
_METRICS = ("ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "ece", "file_credit")
_ENDS = ("", "_ci_lower", "_ci_upper")
_SPANS = ["system", "suite", *(f"{metric}{end}" for metric in _METRICS for end in _ENDS), "queries", "config_hash"]
_POOL = ["system", "suite", "pooled_judgments", "coverage_percent"]


def pytest_gate_told(told: Told) -> None:
    """Write the tables of each hero."""
    for story in told.stories:
        write_tables(story, told.home(story))


def write_tables(story: Story, folder: Path) -> None:
    """Write the spans and the pool counts; without evidence they hold their header only."""
    import pandas as pd  # half a second that processes without tables need not wait

    spans = pd.DataFrame(_span_rows(story), columns=_SPANS)
    write_whole(folder / SPANS, spans.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    pool = pd.DataFrame(_pool_rows(story, folder), columns=_POOL)
    write_whole(folder / POOL, pool.to_csv(index=False, float_format="%.4f", lineterminator="\n"))


def _suites(measured: Measured) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    names = sorted(set(measured.suite.tolist()))
    for suite in names if names != [ALL] else ():
        yield suite, measured.suite == suite
    yield ALL, np.ones(len(measured), dtype=np.bool_)


def _span_rows(story: Story) -> list[dict[str, object]]:
    """One row per system and suite. Means with the interval of the mean, p95 with its order statistics' interval,
    ECE with the errors that its null simulation does not exclude, file credit with the delta method's interval."""
    measured, subject = story.measured, story.outcome.subject
    if measured is None:
        return []
    edges = np.array(story.edges)
    noise = np.random.default_rng(story.seed).standard_normal((DRAWS, len(edges) + 1))
    rows: list[dict[str, object]] = []
    for system, config_hash, arm in (
        (subject.name, subject.config_hash, measured.hero),
        (subject.baseline_name, subject.baseline_config_hash, measured.baseline),
    ):
        for suite, at in _suites(measured):
            intervals = _intervals(arm.rows(np.flatnonzero(at)), edges, noise)
            row: dict[str, object] = {"system": system, "suite": csv_cell(suite), "queries": int(at.sum())}
            for metric, interval in intervals.items():
                row.update({f"{metric}{end}": value for end, value in zip(_ENDS, interval, strict=True)})
            rows.append({**row, "config_hash": config_hash})
    return rows


def _intervals(arm: Arm, edges: NDArray[np.float64], noise: NDArray[np.float64]) -> dict[str, Interval]:
    nothing = Interval(np.nan, np.nan, np.nan)
    has_latency, has_confidence = np.isfinite(arm.latency_ms).all(), np.isfinite(arm.confidence).all()
    calibrated = len(edges) and has_confidence
    return {
        "ndcg_at_10": mean_interval(arm.ndcg),
        "sla_recall_at_50": mean_interval(arm.recall),
        "p95_latency_ms": quantile_interval(arm.latency_ms, 0.95) if has_latency else nothing,
        "ece": calibration.error_interval(calibration.fill_bins(arm.confidence, arm.correct, edges), noise)
        if calibrated
        else nothing,
        "file_credit": ratio_interval(arm.file_credits, arm.credits),
    }


def _pool_rows(story: Story, folder: Path) -> list[dict[str, object]]:
    """How many of the pooled (query, document) pairs each system's in-SLA top 50 gave, and their share of the pool.

    Documents that the collection does not have (doc_ord -1, a stale index) cannot be judged and are not pooled.
    """
    measured, subject = story.measured, story.outcome.subject
    if measured is None or not (folder / "hits.parquet").exists():
        return []
    hits = read_hits(folder, ("system", "query_ord", "rank", "doc_ord"))
    query, document = (numbers(hits, name).astype(np.int64) for name in ("query_ord", "doc_ord"))
    shallow = numbers(hits, "rank") <= DEPTH
    system = codes(hits, "system", (subject.name, subject.baseline_name))
    pooled: dict[str, NDArray[np.int64]] = {}
    for i, (name, late) in enumerate(
        ((subject.name, measured.hero_late), (subject.baseline_name, measured.baseline_late))
    ):
        in_time = np.zeros(int(max(query.max(initial=0), measured.query_ord.max())) + 1, dtype=np.bool_)
        in_time[measured.query_ord[~late]] = True
        mine = (system == i) & shallow & (document >= 0) & in_time[query]
        pooled[name] = np.unique((query[mine] << 32) | document[mine])
    union = np.union1d(*pooled.values())
    rows: list[dict[str, object]] = []
    for name, keys in pooled.items():
        for suite, at in _suites(measured):
            inside = _is_in(measured.query_ord[at])
            count, whole = int(inside(keys).sum()), int(inside(union).sum())
            share = 100 * count / whole if whole else np.nan
            rows.append(
                {"system": name, "suite": csv_cell(suite), "pooled_judgments": count, "coverage_percent": share}
            )
    return rows


def _is_in(queries: NDArray[np.int32]) -> Callable[[NDArray[np.int64]], NDArray[np.bool_]]:
    member = np.zeros(int(queries.max(initial=0)) + 1, dtype=np.bool_)
    member[queries] = True

    def inside(keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        query = keys >> 32
        return np.asarray(member[np.minimum(query, len(member) - 1)] & (query < len(member)))

    return inside
