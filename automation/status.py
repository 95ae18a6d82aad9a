"""What runs next, what ran last, and what is late, running or failed?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from automation.ledger import OPEN, Entry, Ledger
from automation.schedule import Job, Schedule
from automation.slots import LOOK_BACK, Slot, due_between, next_slot
from automation.tick import LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Lines for people, and whether all is well."""

    lines: tuple[str, ...]
    well: bool


def list_jobs(schedule: Schedule, ledger: Ledger | None, now: datetime) -> list[str]:
    """One line for each job: its cron line, next and last run, owner and what it runs."""
    rows = [("JOB", "CRON", "NEXT", "LAST", "OWNER", "RUNS")]
    for job in schedule.jobs:
        coming = next_slot(job, now)
        running = ledger.entries(("claimed",), job=job.name) if ledger else []
        last = running[-1] if running else ledger.last(job.name) if ledger else None
        shown = f"{'running' if running else last.state} {_local(last.due, job, now)}" if last else "never"
        runs = f"-m {job.marker}" if job.marker is not None else " ".join(job.command)
        rows.append((job.name, job.cron, _local(coming.due, job, now) if coming else "never", shown, job.owner, runs))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    zones = ", ".join(dict.fromkeys(job.zone for job in schedule.jobs))
    return [
        *("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
        f"times of {zones}",
    ]


def report(schedule: Schedule, ledger: Ledger | None, now: datetime) -> Report:
    """The heartbeat first, then each job's standing: that of its newest settled slot."""
    lines, well = _heart(ledger, now)
    for job in schedule.jobs:
        if ledger is None:
            break
        for line, fine in _standing(job, ledger, now):
            lines.append(f"{line}  ({job.owner})")
            well = well and fine
    return Report(lines=tuple(lines), well=well)


def open_ledger(path: Path) -> Ledger | None:
    """The ledger, if there is one: a look must not make it."""
    return Ledger(path) if path.exists() else None


def _heart(ledger: Ledger | None, now: datetime) -> tuple[list[str], bool]:
    last = ledger.heartbeat() if ledger else None
    if last is None:
        return ["heartbeat: no tick was ever completed; python -m automation install crontab"], False
    ago = now - last
    fine = -LATE <= ago <= LATE
    shown = f"{_span(ago)} ago" if ago >= timedelta(0) else f"{_span(-ago)} ahead of this clock"
    return [f"heartbeat: {'ok' if fine else 'LATE'}, last tick {shown} (every minute expected)"], fine


def _standing(job: Job, ledger: Ledger, now: datetime) -> list[tuple[str, bool]]:
    found = []
    for entry in ledger.entries((*OPEN, "claimed"), job=job.name):
        found.append(_unsettled(job, entry, now))
    unseen = _unseen(job, ledger, now)
    if unseen:
        first = _local(unseen[0].due, job, now)
        found.append((f"{job.name}: LATE, {_count(unseen)} since {first}, and no tick looked at it", False))
    last = ledger.last(job.name)
    if last is None:
        if not found:
            coming = next_slot(job, now)
            found.append((f"{job.name}: no run yet, next {_local(coming.due, job, now) if coming else 'never'}", True))
        return found
    when, fine = _local(last.due, job, now), last.state == "succeeded"
    if fine:
        took = _span(last.finished - last.started) if last.finished and last.started else "?"
        found.append((f"{job.name}: ok, {when} succeeded in {took}", True))
    elif last.state == "missed":
        found.append((f"{job.name}: MISSED, {when}: {last.reason}", False))
    else:
        how = "timed out" if last.state == "timed_out" else f"exit status {last.exit_status}"
        found.append((f"{job.name}: FAILED, {when}: {how}, log {ledger.path.parent / (last.log or '')}", False))
    return found


def _unsettled(job: Job, entry: Entry, now: datetime) -> tuple[str, bool]:
    when = _local(entry.due, job, now)
    if entry.state == "claimed":
        since = entry.started or entry.claimed or entry.due
        over = now - since > timedelta(minutes=job.timeout_minutes) + LATE
        how = f"OVERDUE, {when} runs" if over else f"running, {when}"
        limit = f"at most {job.timeout_minutes:g} min"
        return f"{job.name}: {how} for {_span(now - since)} ({limit}), attempt {entry.attempts}", not over
    late = now - entry.due > LATE
    how = "its run died and is to be repeated" if entry.state == "lost" else f"waits for lane {job.lane}"
    return f"{job.name}: {'LATE' if late else 'due'}, {when}, {_span(now - entry.due)} ago: {how}", not late


def _unseen(job: Job, ledger: Ledger, now: datetime) -> list[Slot]:
    """What came due and is in no ledger yet, though a tick should have looked by now."""
    watch = ledger.watches().get(job.name)
    return due_between(job, max(watch.looked, now - LOOK_BACK), now - LATE) if watch else []


def _count(slots: list[Slot]) -> str:
    return "due" if len(slots) == 1 else f"{len(slots)} slots due"


def _local(moment: datetime, job: Job, now: datetime) -> str:
    """Short: the day of the week within six days, else the date."""
    local = moment.astimezone(ZoneInfo(job.zone))
    near = abs(moment - now) < timedelta(days=6)
    return f"{local:%a %H:%M}" if near else f"{local:%Y-%m-%d %H:%M}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} days"
