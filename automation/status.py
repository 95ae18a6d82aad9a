"""What runs next, what ran last, and what is late, running or failed? Lines for people, and whether all is well."""

from datetime import datetime, timedelta

from automation.ledger import CLAIMED, UNSETTLED, Entry, Ledger
from automation.schedule import LOOK_BACK, Schedule, ScheduledJob, due_between, next_run
from automation.tick import LATE
from gates.place import HERE
from gates.status import NOT_EVIDENCED

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
    last = ledger.heartbeat() if ledger else None
    lines, well = [f"heartbeat: no tick was ever completed; {HERE.typed(INSTALL)}"], False
    if last is not None:
        ago = now - last
        well = -LATE <= ago <= LATE
        shown = f"{_whole(ago)} ago" if ago >= timedelta(0) else f"{_whole(-ago)} ahead of this clock"
        lines = [f"heartbeat: {'ok' if well else 'LATE'}, last tick {shown} (every minute expected)"]
    for job in schedule.jobs:
        for line, fine in _standing(job, ledger, now) if ledger else ():
            lines.append(f"{job.name}: {line}  ({job.owner})")
            well = well and fine
    return lines, well


def _standing(job: ScheduledJob, ledger: Ledger, now: datetime) -> list[tuple[str, bool]]:
    found = [_unsettled(job, entry, now) for entry in ledger.entries(UNSETTLED, job=job.name)]
    watch = ledger.watches().get(job.name)
    unseen = due_between(job, max(watch.looked, now - LOOK_BACK), now - LATE) if watch else []
    if unseen:  # due and in no ledger yet, though a tick should have looked by now
        count = "due" if len(unseen) == 1 else f"{len(unseen)} slots due"
        found.append((f"LATE, {count} since {_local(unseen[0].due, job, now)}, and no tick looked at it", False))
    last = ledger.last(job.name)
    if last is None:
        return found or [(f"no run yet, next {_next(job, now)}", True)]
    when = _local(last.due, job, now)
    if last.state == "succeeded":
        took = _whole(last.finished - last.started) if last.finished and last.started else "?"
        return [*found, (f"ok, {when} succeeded in {took}", True)]
    if last.state == "missed":
        return [*found, (f"MISSED, {when}: {last.reason}", False)]
    how = "timed out" if last.state == "timed_out" else f"exit status {last.exit_status}"
    what = "NOT EVIDENCED" if last.exit_status == NOT_EVIDENCED else "FAILED"
    return [*found, (f"{what}, {when}: {how}, log {ledger.path.parent / (last.log or '')}", False)]


def _unsettled(job: ScheduledJob, entry: Entry, now: datetime) -> tuple[str, bool]:
    when = _local(entry.due, job, now)
    if entry.state == "claimed":
        since = entry.started or entry.claimed or entry.due
        over = now - since > timedelta(minutes=job.timeout_minutes) + LATE
        how = f"OVERDUE, {when} runs" if over else f"running, {when}"
        limit = f"at most {job.timeout_minutes:g} min"
        return f"{how} for {_whole(now - since)} ({limit}), attempt {entry.attempts}", not over
    late = now - entry.due > LATE
    return f"{'LATE' if late else 'due'}, {when}, {_whole(now - entry.due)} ago: waits for lane {job.lane}", not late


def _next(job: ScheduledJob, now: datetime) -> str:
    coming = next_run(job, now)
    return _local(coming.due, job, now) if coming else "never"


def _local(moment: datetime, job: ScheduledJob, now: datetime) -> str:
    """Short: the day of the week within six days, else the date."""
    near = abs(moment - now) < timedelta(days=6)
    return f"{job.local(moment):%a %H:%M}" if near else f"{job.local(moment):%Y-%m-%d %H:%M}"


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=int(span.total_seconds()))
