"""What does the history keep of a canary? Every number of its tables with its interval, and what the hero gives."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from evidence.history import HistoryError, append
from gates.archive import mark, state_of
from gates.release import Release
from reports.model.story import Story
from reports.render.told import Told
from rollout.jobs.job import METRICS, metric_row
from rollout.jobs.numbers import ALL, SPANS, of_suite


def pytest_gate_signed(told: Told) -> str:
    """Add the run to the history."""
    return keep_metrics(told.release, told.stories)


def keep_metrics(release: Release, stories: Sequence[Story]) -> str:
    """Add the metrics of a run to `<configs>/state/metrics`; why they could not be added, "" where they were.

    A history that cannot be added to must not undo a decision, so nothing is raised.
    """
    rows = [row for story in stories if story.measured is not None for row in _rows(release, story)]
    try:
        if rows:
            append(mark(state_of(release.configs)) / METRICS, release.run_id, "canary", rows)
    except (HistoryError, OSError) as error:
        return f"{state_of(release.configs) / METRICS}: this run is not kept: {error}"
    return ""


def _rows(release: Release, story: Story) -> Iterator[Mapping[str, Any]]:
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
