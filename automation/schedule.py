"""Which jobs are there, when is each due, whose is it, and how late may it be?

`configs/schedule.yaml` is read strictly by `schedule_file` (pydantic and PyYAML: a quarter of a second). A tick every
minute must not pay for that, so what was read is kept beside the ledger under the digest of the file and of the
reader, and only a changed file is read anew: that is when its warnings are told.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from automation.lanes import taken
from evidence.files import write_whole
from gates.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]  # the checkout: jobs run here


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One line of the schedule. `zone` says in which local time `cron` is meant."""

    name: str
    cron: str
    zone: str
    marker: str | None  # which checks it runs; None: no pytest run
    command: tuple[str, ...]  # how; empty: pytest -m MARKER
    owner: str
    lane: str  # jobs of one lane never run at the same time
    max_lateness_minutes: int
    timeout_minutes: float
    catch_up: str  # latest: only the newest of several due slots runs; every: each of them does, oldest first
    severity: str  # of a missed slot

    def words(self) -> tuple[str, ...]:
        """What is run, as words of a command line; the working folder is the checkout."""
        if not self.command:
            return (sys.executable, "-m", "pytest", "-m", str(self.marker))
        first, *others = self.command
        return (sys.executable if first == "python" else first, *others)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Every job, in the order of the file."""

    jobs: tuple[Job, ...]

    def job(self, name: str) -> Job:
        """The job of this name. Raises ConfigError naming those there are."""
        for job in self.jobs:
            if job.name == name:
                return job
        there = ", ".join(job.name for job in self.jobs)
        raise ConfigError([f"{name}: no such job in the schedule; there are {there}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A schedule, and whether the file is another one than at the last reading."""

    schedule: Schedule
    changed: bool


def quick_schedule(path: Path, folder: Path) -> Reading:
    """The schedule as it was last read strictly, or read strictly now. Raises ConfigError with every mistake."""
    kept = folder / "schedule.json"
    digest = _digest(path)
    if digest is not None:
        try:
            document = json.loads(kept.read_bytes())
            if document["digest"] == digest:
                return Reading(schedule=_from_json(document["jobs"]), changed=False)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not there, or written by an older checkout: the file itself says it all
    from automation.schedule_file import load_schedule

    schedule = load_schedule(path)
    with taken(folder / "lanes", ".schedule") as file:
        if digest is not None and file is not None:  # else another tick keeps it just now
            write_whole(kept, json.dumps({"digest": digest, "jobs": [asdict(job) for job in schedule.jobs]}, indent=1))
    return Reading(schedule=schedule, changed=True)


def _digest(path: Path) -> str | None:
    here = Path(__file__)
    try:
        parts = [path.read_bytes(), here.read_bytes(), here.with_name("schedule_file.py").read_bytes()]
    except OSError:
        return None  # the strict reader says what is wrong with it
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _from_json(jobs: list[dict[str, object]]) -> Schedule:
    values = [{**job, "command": tuple(job["command"])} for job in jobs]  # type: ignore[arg-type]
    return Schedule(jobs=tuple(Job(**job) for job in values))  # type: ignore[arg-type]
