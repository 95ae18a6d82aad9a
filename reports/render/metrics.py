"""What does the history keep of a canary? Every number of its tables with its interval, and what the hero gives."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from evidence.history import HistoryError, append
from gates.release import Release
from reports.model.story import Story
from reports.render.tables import SPANS
from reports.render.told import Told
from rollout.jobs.job import METRICS
from rollout.jobs.numbers import METRICS as SPAN_METRICS


def pytest_gate_signed(told: Told) -> str:
    """Add the run to the history."""
    return keep_metrics(told.release, told.stories)


def keep_metrics(release: Release, stories: Sequence[Story]) -> str:
    """Add the metrics of a run to `<artifacts>/metrics`; why they could not be added, "" where they were.

    A history that cannot be added to must not undo a decision, so nothing is raised.
    """
    rows = [row for story in stories if story.measured is not None for row in _rows(release, story)]
    try:
        if rows:
            append(release.artifacts / METRICS, release.run_id, "canary", rows)
    except (HistoryError, OSError) as error:
        return f"{release.artifacts / METRICS}: this run is not kept: {error}"
    return ""


def _rows(release: Release, story: Story) -> Iterator[Mapping[str, Any]]:
    fingerprint = story.outcome.climbed.fingerprint
    common = {"at": datetime.fromisoformat(release.finished_at), "release_fingerprint": fingerprint}
    content = (release.artifacts / story.hero / SPANS).read_text(encoding="utf-8")
    for row in csv.DictReader(content.splitlines()):
        for metric in SPAN_METRICS:
            if row[metric]:
                yield {
                    **common,
                    "system": row["system"],
                    "config_hash": row["config_hash"],
                    "suite": row["suite"],
                    "intent": "",
                    "metric": metric,
                    "value": float(row[metric]),
                    "ci_lower": float(row[f"{metric}_ci_lower"] or "nan"),
                    "ci_upper": float(row[f"{metric}_ci_upper"] or "nan"),
                    "n": int(row["queries"]),
                }
    for gains in (story.gains, *story.by_intent.values()):
        for gain in gains.values():
            yield {
                **common,
                "system": story.hero,
                "config_hash": story.outcome.subject.config_hash,
                "suite": "all",
                "intent": gain.intent,
                "metric": f"{gain.metric}_difference",
                "value": gain.difference.value,
                "ci_lower": gain.difference.lower,
                "ci_upper": gain.difference.upper,
                "n": gain.n,
            }
