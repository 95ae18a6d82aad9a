"""Which jobs are there, at which instants is each due, and by which name is each of these known for ever?

A slot is one firing of one job: `nightly_refresh/2027-03-14T02:15 America/New_York`. Its name is the *local* time that
the schedule names, so a double fire, a catch-up or a clock that is set back meets the same name and runs nothing twice.
cronsim reads the five fields; what happens in a night whose clock changes is decided here, since every engine that was
measured loses something (cronsim and croniter run 02:00, 02:15, 02:30 and 02:45 all at 03:00, systemd and Kubernetes
skip them until the next day):

* A local time in the gap of spring fires at the instant that the old offset gives: 02:15 runs when clocks show 03:15,
  so the stagger between jobs stays. If the job is due at that instant anyway, there is no second slot.
* A local time that happens twice in autumn fires once, the first time, for a job at a fixed time. A job with a star in
  its minute or hour field (Debian's cron draws the line there, too) fires at each instant, since an hour without an
  emergency tripwire is no hour to save; the second passage is marked as in PEP 495: `T01:30[fold=1]`.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from gates.errors import ConfigError
from gates.place import HERE

#: How far back slots are looked for after an outage: a week's job is among them, and a minute's are not too many to
#: record at once. What lies before is told by HeartbeatLate alone.
LOOK_BACK = timedelta(days=8)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJob:
    """One line of the schedule. `zone` says in which local time `cron` is meant."""

    name: str
    cron: str
    zone: str
    marker: str | None  # which checks it runs; None: no pytest run
    command: tuple[str, ...]  # how; empty: pytest -m MARKER
    owner: str
    lane: str  # its concurrency group: jobs of one lane never run at the same time
    max_lateness_minutes: int
    timeout_minutes: float
    catch_up: str  # latest: only the newest of several due slots runs; every: each of them does, oldest first
    severity: str  # of a missed slot

    def words(self) -> tuple[str, ...]:
        """What is run, as words of a command line; the working folder is where configs/ lies."""
        return HERE.argv(*(self.command or ("python", "-m", "pytest", "-m", str(self.marker))))

    def local(self, moment: datetime) -> datetime:
        """A moment as the clocks of its zone show it."""
        return moment.astimezone(ZoneInfo(self.zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Every job, in the order of the file."""

    jobs: tuple[ScheduledJob, ...]

    def job(self, name: str) -> ScheduledJob:
        """The job of this name. Raises ConfigError naming those there are."""
        for job in self.jobs:
            if job.name == name:
                return job
        there = ", ".join(job.name for job in self.jobs)
        raise ConfigError([f"{name}: no such job in the schedule; there are {there}"])


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """One firing of one job; `due` is in UTC."""

    slot: str
    job: str
    due: datetime


@lru_cache(maxsize=64)
def parsed(cron: str) -> CronSim:
    """The five fields as sets. Raises CronSimError."""
    return CronSim(cron, datetime(2000, 1, 1))  # noqa: DTZ001 - cronsim sees local times only, without any zone


def due_between(job: ScheduledJob, after: datetime, until: datetime) -> list[ScheduledRun]:
    """The runs with after < due <= until, the earliest first."""
    if until <= after:
        return []
    zone = ZoneInfo(job.zone)
    # Local times leave the window's own local ends by as much as clocks change, and only where they change that near.
    margin = _change(zone, (after, until), _change(zone, (after, until), DAY))
    first, last = (end.astimezone(zone).replace(tzinfo=None) for end in (after, until))
    runs = (run for local in _local_times(job, first - margin, last + margin) for run in _runs(job, local, zone))
    return sorted((run for run in runs if after < run.due <= until), key=lambda run: (run.due, run.slot))


def next_run(job: ScheduledJob, after: datetime) -> ScheduledRun | None:
    """The first run after this instant; None when the cron line names a day that does not come in nine years."""
    for days in (1, 8, 32, 370, 9 * 366):
        runs = due_between(job, after, after + timedelta(days=days))
        if runs:
            return runs[0]
    return None


def last_run(job: ScheduledJob, until: datetime) -> ScheduledRun | None:
    """The newest run up to this instant; None where there was none within eight days."""
    for hours in (1, 24, 8 * 24):  # a job of every minute has thousands
        runs = due_between(job, until - timedelta(hours=hours), until)
        if runs:
            return runs[-1]
    return None


def runs_each_instant(cron: str) -> bool:
    """Does the job run by elapsed time, or at a fixed time of the day?"""
    return any(field.startswith("*") for field in cron.split()[:2])


def _change(zone: ZoneInfo, moments: tuple[datetime, ...], reach: timedelta) -> timedelta:
    """By how much clocks change from so long before to so long after these moments."""
    offsets = [(m + step).astimezone(zone).utcoffset() or timedelta(0) for m in moments for step in (-reach, reach)]
    return max(offsets) - min(offsets)


def _local_times(job: ScheduledJob, first: datetime, last: datetime) -> Iterator[datetime]:
    simulated = copy(parsed(job.cron))  # reading the five fields again would cost more than all the rest
    simulated.dt = first.replace(microsecond=0) - SECOND
    return takewhile(lambda local: local <= last, simulated)


def _runs(job: ScheduledJob, local: datetime, zone: ZoneInfo) -> Iterator[ScheduledRun]:
    first, second = _passages(local, zone)
    name = f"{job.name}/{local:%Y-%m-%dT%H:%M}"
    if first > second and _matches(job, first.astimezone(zone)):
        return  # in the gap, and the job is due at that instant under its own name
    yield ScheduledRun(slot=f"{name} {job.zone}", job=job.name, due=first)
    if first < second and runs_each_instant(job.cron):
        yield ScheduledRun(slot=f"{name}[fold=1] {job.zone}", job=job.name, due=second)


def _passages(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants that the offsets before and after a change give: equal on most days, first > second in a gap."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return first, local.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _matches(job: ScheduledJob, moment: datetime) -> bool:
    local = moment.replace(tzinfo=None, fold=0)
    return next(_local_times(job, local, local), None) is not None
