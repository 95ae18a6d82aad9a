"""At which instants is a job due, and by which name is each of them known for ever?

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

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from automation.schedule import Job, Schedule

#: How far back slots are looked for after an outage: a week's job is among them, and a minute's are not too many to
#: record at once. What lies before is told by HeartbeatLate alone.
LOOK_BACK = timedelta(days=8)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One firing of one job; `due` is in UTC."""

    id: str
    job: str
    due: datetime


@lru_cache(maxsize=64)
def parsed(cron: str) -> CronSim:
    """The five fields as sets. Raises CronSimError."""
    return CronSim(cron, datetime(2000, 1, 1))  # noqa: DTZ001 - cronsim sees local times only, without any zone


def due_between(job: Job, after: datetime, until: datetime) -> list[Slot]:
    """The slots with after < due <= until, the earliest first."""
    if until <= after:
        return []
    zone = ZoneInfo(job.zone)
    margin = _margin(zone, after, until)
    first = after.astimezone(zone).replace(tzinfo=None) - margin
    last = until.astimezone(zone).replace(tzinfo=None) + margin
    slots = (slot for local in _local_times(job, first, last) for slot in _slots(job, local, zone))
    return sorted((slot for slot in slots if after < slot.due <= until), key=lambda slot: (slot.due, slot.id))


def next_slot(job: Job, after: datetime) -> Slot | None:
    """The first slot after this instant; None when the cron line names a day that does not come in nine years."""
    for days in (1, 8, 32, 370, 9 * 366):
        slots = due_between(job, after, after + timedelta(days=days))
        if slots:
            return slots[0]
    return None


def dst_warnings(schedule: Schedule, now: datetime) -> list[str]:
    """One line for each job and night of the coming year in which a local time of it does not exist or comes twice."""
    lines = []
    for job in schedule.jobs:
        zone = ZoneInfo(job.zone)
        days = [now + n * DAY for n in range(365)]
        for day in days:
            if day.astimezone(zone).utcoffset() == (day + DAY).astimezone(zone).utcoffset():
                continue
            start = day.astimezone(zone).replace(tzinfo=None)
            around = timedelta(hours=3)  # more than any clock was ever changed by
            lines += _warnings(job, zone, list(_local_times(job, start - around, start + DAY + around)))
    return lines


def runs_each_instant(cron: str) -> bool:
    """Does the job run by elapsed time, or at a fixed time of the day?"""
    minute, hour = cron.split()[:2]
    return minute.startswith("*") or hour.startswith("*")


@lru_cache(maxsize=64)
def _margin(zone: ZoneInfo, after: datetime, until: datetime) -> timedelta:
    """How far local times may leave the window's own local ends: only where an offset changes near an end of it."""
    moments = [end + step for end in (after, until) for step in (-DAY, timedelta(0), DAY)]
    offsets = [moment.astimezone(zone).utcoffset() or timedelta(0) for moment in moments]
    return max(offsets) - min(offsets)


def _local_times(job: Job, first: datetime, last: datetime) -> Iterator[datetime]:
    simulated = copy(parsed(job.cron))  # reading the five fields again would cost more than all the rest
    simulated.dt = first.replace(microsecond=0) - SECOND
    return takewhile(lambda local: local <= last, simulated)


def _slots(job: Job, local: datetime, zone: ZoneInfo) -> Iterator[Slot]:
    first, second = _passages(local, zone)
    name = f"{job.name}/{local:%Y-%m-%dT%H:%M}"
    if first > second and _matches(job, first.astimezone(zone)):
        return  # in the gap, and the job is due at that instant under its own name
    yield Slot(id=f"{name} {job.zone}", job=job.name, due=first)
    if first < second and runs_each_instant(job.cron):
        yield Slot(id=f"{name}[fold=1] {job.zone}", job=job.name, due=second)


def _passages(local: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants that the offsets before and after a change give: equal on most days, first > second in a gap."""
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return first, local.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _matches(job: Job, moment: datetime) -> bool:
    local = moment.replace(tzinfo=None, fold=0)
    return next(iter(_local_times(job, local, local)), None) is not None


def _warnings(job: Job, zone: ZoneInfo, times: list[datetime]) -> list[str]:
    gone, twice = [], []
    for local in times:
        first, second = _passages(local, zone)
        if first > second and not _matches(job, first.astimezone(zone)):
            gone.append((local, first.astimezone(zone)))
        if first < second and not runs_each_instant(job.cron):
            twice.append((local, first.astimezone(zone)))
    lines = []
    if gone:
        (local, runs), more = gone[0], _more(len(gone))
        lines.append(
            f"{job.name}: {local:%H:%M}{more} does not exist on {local:%Y-%m-%d} in {job.zone}; it runs at {runs:%H:%M}"
        )
    if twice:
        (local, runs), more = twice[0], _more(len(twice))
        lines.append(
            f"{job.name}: {local:%H:%M}{more} happens twice on {local:%Y-%m-%d} in {job.zone}; "
            f"it runs once, at {runs:%H:%M %Z}"
        )
    return lines


def _more(count: int) -> str:
    return "" if count == 1 else f" (and {count - 1} more)"
