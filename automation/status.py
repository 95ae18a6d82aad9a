"""What runs next, what ran last, and what is late, running or failed? Lines for people, and whether all is well."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from automation.ledger import CLAIMED, UNSETTLED, Entry, Ledger
from automation.schedule import LOOK_BACK, Schedule, ScheduledJob, due_between, last_run, next_run
from automation.tick import LATE
from gates.place import HERE
from gates.status import NOT_EVIDENCED
from reports.model.dashboard import JobLine, JobStanding, Standing

INSTALL = "python -m automation install crontab"


def list_jobs(schedule: Schedule, ledger: Ledger | None, now: datetime) -> tuple[list[str], bool]:
    """One line for each job: its cron line, next and last run, owner and what it runs."""
    rows = [("JOB", "CRON", "NEXT", "LAST", "OWNER", "RUNS")]
    for job in schedule.jobs:
        running = ledger.entries(CLAIMED, job=job.name) if ledger else []
        last = running[-1] if running else ledger.last(job.name) if ledger else None
        shown = f"{'running' if running else last.state} {_local(last.due, job, now)}" if last else "never"
        runs = f"-m {job.marker}" if job.marker is not None else " ".join(job.command)
        rows.append((job.name, job.cron, _next(job, now), shown, job.owner, runs))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    zones = ", ".join(dict.fromkeys(job.zone for job in schedule.jobs))
    return [*lines, f"times of {zones}"], True


def report(schedule: Schedule, ledger: Ledger | None, now: datetime) -> tuple[list[str], bool]:
    """The heartbeat first, then each job's standing: that of its newest settled slot."""
    told = standing(schedule, ledger, now)
    lines = [f"{job.job}: {line.words}  ({job.owner})" for job in told.jobs for line in job.lines if ledger]
    return [f"heartbeat: {told.heartbeat.words}", *lines], told.fine


def standing(schedule: Schedule, ledger: Ledger | None, now: datetime, untold: tuple[str, ...] = ()) -> Standing:
    """How the schedule stands: what `report` prints and the dashboard shows."""
    last = ledger.heartbeat() if ledger else None
    beat = JobLine(mark="x", words=f"no tick was ever completed; {HERE.typed(INSTALL)}")
    if last is not None:
        ago = now - last
        well = -LATE <= ago <= LATE
        shown = f"{_whole(ago)} ago" if ago >= timedelta(0) else f"{_whole(-ago)} ahead of this clock"
        words = f"{'ok' if well else 'LATE'}, last tick {shown} (every minute expected)"
        beat = JobLine(mark="+" if well else "x", words=words)
    jobs = tuple(_standing(job, ledger, now) for job in schedule.jobs)
    return Standing(at=now, heartbeat=beat, jobs=jobs, untold=untold)


def _standing(job: ScheduledJob, ledger: Ledger | None, now: datetime) -> JobStanding:
    over = timedelta(minutes=job.max_lateness_minutes + job.timeout_minutes)
    due, coming = last_run(job, now - over), next_run(job, now - over)
    return JobStanding(
        job=job.name,
        marker=job.marker or "",
        owner=job.owner,
        lines=tuple(_lines(job, ledger, now)) if ledger else (),
        due=due.due if due else None,
        ends=coming.due + over if coming else None,
    )


def _lines(job: ScheduledJob, ledger: Ledger, now: datetime) -> Iterator[JobLine]:
    for entry in ledger.entries(UNSETTLED, job=job.name):
        yield _unsettled(job, entry, now)
    watch, last = ledger.watches().get(job.name), ledger.last(job.name)
    unseen = due_between(job, max(watch.looked, now - LOOK_BACK), now - LATE) if watch else []
    if unseen:  # due and in no ledger yet, though a tick should have looked by now
        count = "due" if len(unseen) == 1 else f"{len(unseen)} slots due"
        words = f"LATE, {count} since {_local(unseen[0].due, job, now)}, and no tick looked at it"
        yield JobLine(mark="x", words=words)
    if last is not None:
        yield _settled(job, last, ledger.path.parent, now)
    elif not unseen and not ledger.entries(UNSETTLED, job=job.name):
        yield JobLine(mark="", words=f"no run yet, next {_next(job, now)}")


def _settled(job: ScheduledJob, last: Entry, folder: Path, now: datetime) -> JobLine:
    when = _local(last.due, job, now)
    if last.state == "succeeded":
        took = _whole(last.finished - last.started) if last.finished and last.started else "?"
        return JobLine(mark="+", words=f"ok, {when} succeeded in {took}")
    if last.state == "missed":
        return JobLine(mark="x", words=f"MISSED, {when}: {last.reason}")
    how = "timed out" if last.state == "timed_out" else f"exit status {last.exit_status}"
    where = f"{when}: {how}, log {folder / (last.log or '')}"
    if last.exit_status == NOT_EVIDENCED:
        return JobLine(mark="?", words=f"NOT EVIDENCED, {where}")
    return JobLine(mark="x", words=f"FAILED, {where}")


def _unsettled(job: ScheduledJob, entry: Entry, now: datetime) -> JobLine:
    when = _local(entry.due, job, now)
    if entry.state == "claimed":
        since = entry.started or entry.claimed or entry.due
        over = now - since > timedelta(minutes=job.timeout_minutes) + LATE
        how = f"OVERDUE, {when} runs" if over else f"running, {when}"
        limit = f"at most {job.timeout_minutes:g} min"
        words = f"{how} for {_whole(now - since)} ({limit}), attempt {entry.attempts}"
        return JobLine(mark="x" if over else "", words=words)
    late = now - entry.due > LATE
    words = f"{'LATE' if late else 'due'}, {when}, {_whole(now - entry.due)} ago: waits for lane {job.lane}"
    return JobLine(mark="x" if late else "", words=words)


def _next(job: ScheduledJob, now: datetime) -> str:
    coming = next_run(job, now)
    return _local(coming.due, job, now) if coming else "never"


def _local(moment: datetime, job: ScheduledJob, now: datetime) -> str:
    """Short: the day of the week within six days, else the date."""
    near = abs(moment - now) < timedelta(days=6)
    return f"{job.local(moment):%a %H:%M}" if near else f"{job.local(moment):%Y-%m-%d %H:%M}"


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=int(span.total_seconds()))
