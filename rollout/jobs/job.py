"""In which folder, for which night and under which run does a job work?"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from filelock import FileLock, Timeout

from evidence.history import append
from gates.errors import ConfigError, EvidenceError
from gates.statistics.pvalues import Interval

METRICS = "metrics"  # folder of the history below the artifacts; history/ holds old canaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of the jobs of a family ("nightly", "weekly", ...), alone in its folder."""

    family: str
    folder: Path  # <artifacts>/<family>
    artifacts: Path
    configs: Path
    run_id: str
    at: datetime  # UTC, begun
    write: bool  # --write was given

    def day(self, timezone: str) -> date:
        """The day of this run by the calendar of a timezone. Raises ConfigError where there is none of that name."""
        try:
            return self.at.astimezone(ZoneInfo(timezone)).date()
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigError([f"timezone: {timezone!r}, but should be a name such as America/New_York"]) from None

    def keep(self, job: str, rows: list[Mapping[str, Any]]) -> None:
        """Add metrics to the history (evidence.history). Raises HistoryError."""
        append(self.artifacts / METRICS, self.run_id, job, [{"at": self.at, "intent": "", **row} for row in rows])


def own(job: Job) -> FileLock:
    """Take the folder of the job's family, or raise EvidenceError where another run works there."""
    lock = FileLock(job.folder / ".lock")
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except OSError as error:
        why = "cannot be written; name another folder by --artifacts"
        if isinstance(error, Timeout):
            why = f"another {job.family} run is working there; wait for it (a run of jobs takes no -n)"
        raise EvidenceError(f"{job.folder}: {why}") from None
    return lock


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def machine() -> str:
    """What answers here: latency that was measured on another kind of machine is no latency of this one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} processors"


def numbers(interval: Interval) -> dict[str, float]:
    """An interval in the columns of the history."""
    return {"value": interval.value, "ci_lower": interval.lower, "ci_upper": interval.upper}
