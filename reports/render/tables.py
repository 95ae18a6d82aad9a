"""How do both systems measure up, suite by suite? The two CSV tables of a hero's folder, and what the history keeps."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.files import write_whole
from evidence.history import HistoryError, append
from fixtures.foreseen import TO_JUDGE
from fixtures.systems.protocol import DEPTH
from gates.archive import mark, state_of
from gates.pairs import Arm
from gates.release import Release
from gates.statistics import calibration
from gates.statistics.pvalues import Interval, mean_interval, quantile_interval, ratio_interval
from reports.escaping import csv_cell
from reports.model.pictures import POOL
from reports.model.story import Story
from reports.render.told import Told
from rollout.columns import Measured, codes, numbers, read_hits
from rollout.jobs.job import METRICS as FOLDER
from rollout.jobs.job import metric_row
from rollout.jobs.numbers import ALL, ENDS, METRICS, SPANS, of_suite

JUDGE_FIRST = "judge-first.csv"  # hits that nobody judged, of mode offline
DRAWS = 2_000  # null simulations of one calibration interval
SPAN_COLUMNS = ("system", "suite", *(f"{metric}{end}" for metric in METRICS for end in ENDS), "queries", "config_hash")
_POOL = ("system", "suite", "pooled_judgments", "coverage_percent")


def pytest_gate_told(told: Told) -> None:
    """Write the tables of each hero."""
    for story in told.stories:
        write_tables(story, told.home(story))
        listed = told.release.run_folder / story.hero / TO_JUDGE
        if listed.exists():
            write_whole(told.home(story) / JUDGE_FIRST, _cells(json.loads(listed.read_bytes())))


def pytest_gate_signed(told: Told) -> str:
    """Add the run to the history."""
    return keep_metrics(told.release, told.stories)


def write_tables(story: Story, folder: Path) -> None:
    """Write the spans and the pool counts; without evidence they hold their header only."""
    write_csv(folder / SPANS, _span_rows(story), SPAN_COLUMNS)
    write_csv(folder / POOL, _pool_rows(story, folder), _POOL, "%.4f")


def _cells(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(map(csv_cell, row) for row in rows)
    return out.getvalue()


def write_csv(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str], digits: str = "%.6g") -> None:
    """Rows as CSV, whole or not at all; what is no number is left empty."""
    import pandas as pd  # half a second that processes without tables need not wait

    table = pd.DataFrame([*rows], columns=[*columns])
    write_whole(path, table.to_csv(index=False, float_format=digits, lineterminator="\n"))


def span(system: str, config_hash: str, suite: str, queries: int, found: Mapping[str, Interval]) -> dict[str, object]:
    """The row of one system on one suite: each metric with its interval."""
    metrics = {f"{m}{end}": value for m in found for end, value in zip(ENDS, found[m], strict=True)}
    return {"system": system, "suite": csv_cell(suite), "queries": queries, "config_hash": config_hash, **metrics}


def _suites(measured: Measured) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    names = sorted(set(measured.suite.tolist()))
    for suite in names if names != [ALL] else ():
        yield suite, measured.suite == suite
    yield ALL, np.ones(len(measured), dtype=np.bool_)


def _span_rows(story: Story) -> Iterator[dict[str, object]]:
    """One row per system and suite. Means with the interval of the mean, p95 with its order statistics' interval,
    ECE with the errors that its null simulation does not exclude, file credit with the delta method's interval."""
    measured, subject = story.measured, story.outcome.subject
    if measured is None:
        return
    edges = np.array(story.edges)
    noise = np.random.default_rng(story.seed).standard_normal((DRAWS, len(edges) + 1))
    for system, config_hash, arm in (
        (subject.name, subject.config_hash, measured.hero),
        (subject.baseline_name, subject.baseline_config_hash, measured.baseline),
    ):
        for suite, at in _suites(measured):
            found = _intervals(arm.rows(np.flatnonzero(at)), edges, noise)
            yield span(system, config_hash, suite, int(at.sum()), found)


def _intervals(arm: Arm, edges: NDArray[np.float64], noise: NDArray[np.float64]) -> dict[str, Interval]:
    found = {
        "ndcg_at_10": mean_interval(arm.ndcg),
        "sla_recall_at_50": mean_interval(arm.recall),
        "file_credit": ratio_interval(arm.file_credits, arm.credits),
    }
    if np.isfinite(arm.latency_ms).all():
        found["p95_latency_ms"] = quantile_interval(arm.latency_ms, 0.95)
    if len(edges) and np.isfinite(arm.confidence).all():
        bins = calibration.fill_bins(arm.confidence, arm.correct, edges)
        found["ece"] = calibration.error_interval(bins, noise)
    return found


def _pool_rows(story: Story, folder: Path) -> Iterator[dict[str, object]]:
    """How many of the pooled (query, document) pairs each system's in-SLA top 50 gave, and their share of the pool.

    Documents that the collection does not have (doc_ord -1, a stale index) cannot be judged and are not pooled.
    """
    measured, subject = story.measured, story.outcome.subject
    if measured is None or not (folder / "hits.parquet").exists():
        return
    hits = read_hits(folder, ("system", "query_ord", "rank", "doc_ord"))
    query, document = (numbers(hits, name).astype(np.int64) for name in ("query_ord", "doc_ord"))
    judged = (numbers(hits, "rank") <= DEPTH) & (document >= 0)
    names = (subject.name, subject.baseline_name)
    system = codes(hits, "system", names)
    pooled = []
    for i, late in enumerate((measured.hero_late, measured.baseline_late)):
        mine = (system == i) & judged & np.isin(query, measured.query_ord[~late])
        pooled.append(np.unique((query[mine] << 32) | document[mine]))
    union = np.union1d(*pooled)
    for name, keys in zip(names, pooled, strict=True):
        for suite, at in _suites(measured):
            count, whole = (int(np.isin(k >> 32, measured.query_ord[at]).sum()) for k in (keys, union))
            share = 100 * count / whole if whole else np.nan
            yield {"system": name, "suite": csv_cell(suite), "pooled_judgments": count, "coverage_percent": share}


def keep_metrics(release: Release, stories: Sequence[Story]) -> str:
    """Add the metrics of a run to `<configs>/state/metrics`; why they could not be added, "" where they were.

    A history that cannot be added to must not undo a decision, so nothing is raised.
    """
    rows = [row for story in stories if story.measured is not None for row in _metrics(release, story)]
    try:
        if rows:
            append(mark(state_of(release.configs)) / FOLDER, release.run_id, "canary", rows)
    except (HistoryError, OSError) as error:
        return f"{state_of(release.configs) / FOLDER}: this run is not kept: {error}"
    return ""


def _metrics(release: Release, story: Story) -> Iterator[Mapping[str, Any]]:
    fingerprint, ours = story.outcome.climbed.fingerprint, story.outcome.subject.config_hash
    common = {"at": datetime.fromisoformat(release.finished_at), "intent": ""}
    content = (release.artifacts / story.hero / SPANS).read_text(encoding="utf-8")
    for row in csv.DictReader(content.splitlines()):
        n, found = of_suite(row)
        for metric, interval in found.items():
            if row[metric]:
                of = (row["system"], row["config_hash"], row["suite"], metric)
                yield {**common, **metric_row(*of, interval, n, fingerprint)}
    for gains in (story.gains, *story.by_intent.values()):
        for gain in gains.values():
            difference = (f"{gain.metric}_difference", gain.difference, gain.n, fingerprint)
            yield {**common, "intent": gain.intent, **metric_row(story.hero, ours, ALL, *difference)}
