"""What happened that somebody may have to hear of? Each is an event of an alert, raised with what it tells of.

An event is written to the ledger in the transaction of its transition, and appended to `alerts.jsonl` afterwards. A
process killed in between leaves it untold, and the next tick tells it: each is told at least once, and one that comes
again is told apart from another by its moment (reports/alerts/log.py).

A run of jobs leaves its findings in the file that `FINDINGS` names: each of them is an alert of its own. What is shown
broken is of the kind of its job (drift, parity, ...), what is not evidenced and what could not be asked are of theirs.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from automation.ledger import Entry, text
from automation.schedule import ROOT, ScheduledJob
from gates.status import BROKEN, NOT_EVIDENCED
from gates.verdicts import Cell, Verdict
from reports.alerts.event import ALL, Event, module, typed_here
from reports.escaping import cut

STATUS = module("automation", "status", folder=ROOT)
#: Jobs whose alerts bear another name than their file.
_KINDS = {"tripwires": "tripwire"}
_LAST_LINES, _LINE_LENGTH = 3, 300
#: Begins what a supervisor says in the log of its job.
OURS = "hero-gate: "


def heartbeat_late(check: str, title: str, observed: str, since: str, now: datetime) -> Event:
    """No tick was completed for a while, or the clock stepped back."""
    return Event(
        kind="heartbeat_late", check=check, title=title, observed=observed, since=since, seen_at=text(now),
        command=STATUS,
    )  # fmt: skip


def slot_missed(job: ScheduledJob | None, entries: Sequence[Entry], reason: str, now: datetime) -> Event:
    """Due slots of one job, the earliest first, that did not run and will not, all for one reason."""
    first, last = entries[0], entries[-1]
    count = f"{len(entries)} slot{'s' if len(entries) > 1 else ''}"
    return Event(
        kind="slot_missed", check=last.job, job=last.job, title=f"{last.job}: {count} missed ({reason})",
        observed=f"{count} did not run", limit="0", text=f"from {first.slot} to {last.slot}", since=text(now),
        seen_at=text(now), owner=job.owner if job else last.owner or "", severity=job.severity if job else "P3",
        command=STATUS,
    )  # fmt: skip


def job_lost(entry: Entry, folder: Path, now: datetime) -> Event:
    """A run died before its end was recorded. It runs again unless it is too late by then."""
    return _of_run(entry, "job_lost", "died before its end was recorded", "", folder, now)


def job_over(entry: Entry, now: datetime) -> Event:
    """A run came to its end: all that its job had found, and what had kept it from looking, is over."""
    return Event(
        kind=ALL, check=entry.job, job=entry.job, title=f"{entry.job} succeeded", text=f"slot {entry.slot} says so",
        since=text(now), seen_at=text(now), command=STATUS,
    )  # fmt: skip


def bad_end(
    entry: Entry, state: str, exit_status: int, words: Sequence[str], marker: str | None, minutes: float, folder: Path,
    now: datetime,
) -> list[Event]:  # fmt: skip
    """What of the end of a run that failed or took too long somebody has to hear of."""
    if state == "timed_out":
        return [_of_run(entry, "job_failed", "not finished", f"{minutes:g} min", folder, now)]
    found = read_findings(folder / findings_file(entry.log or ""))
    events = [
        event for one in found for event in _of_findings(one, entry, typed_here(*words, folder=ROOT), folder, now)
    ]
    if events:
        return [*events, job_over(entry, now)]
    if marker == "canary" and exit_status in (BROKEN, NOT_EVIDENCED):
        return []  # a rollback or a hold: the run has told it
    how = f"killed by signal {-exit_status}" if exit_status < 0 else f"exit status {exit_status}"
    return [_of_run(entry, "job_failed", how, "exit status 0", folder, now)]


def findings_file(log: str) -> str:
    """Where a run leaves its findings: beside its log."""
    return f"{log.removesuffix('.log')}.json"


def read_findings(path: Path) -> list[Mapping[str, Any]]:
    """What a run found, a document for each job of it; nothing where it left none."""
    try:
        found = json.loads(path.read_bytes())
        return [one for one in found if one["schema"] == "hero-gate/findings/v1"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _of_findings(found: Mapping[str, Any], entry: Entry, command: str, folder: Path, now: datetime) -> list[Event]:
    """An event for each finding of a job, and one for all that could not be asked for the same reason."""
    from reports.alerts.rules import RULES  # a tenth of a second, for which a good run need not wait

    job = str(found["job"])
    kind = _KINDS.get(job, job)
    at = text(now)
    said: dict[str, Any] = {
        "job": entry.job,
        "owner": entry.owner or "",
        "since": at,
        "seen_at": at,
        "command": command,
    }
    where = f"slot {entry.slot}, log {folder / str(entry.log)}"
    events = []
    for cell in (Cell.from_json(json.dumps(one)) for one in found["cells"]):
        if cell.verdict is Verdict.RED:
            event = _broken(cell, kind if kind in RULES else "job_failed", said)
        elif cell.verdict is Verdict.INCONCLUSIVE:
            why = cell.note.removeprefix("not evidenced: ")
            title = f"{cell.check} of {cell.hero} is not evidenced: {why}"
            event = Event(kind="not_evidenced", hero=cell.hero, check=cell.check, title=title, text=why, **said)
        else:
            continue
        events.append(replace(event, text="\n".join(filter(None, (event.text, where)))))
    reasons = list(dict.fromkeys(str(one).partition(": ")[2] or str(one) for one in found["broken"]))
    if reasons:
        asked = f"{job} could not be asked: {reasons[0]}"
        events.append(
            Event(kind="not_asked", check=job, title=asked, text="\n".join((*reasons[:_LAST_LINES], where)), **said)
        )
    return events


def _broken(cell: Cell, kind: str, said: Mapping[str, Any]) -> Event:
    """What is shown broken, in the unit of its own row."""
    from gates.names import told  # with all checks: a fifth of a second, for which a good run need not wait

    numbers = (cell.observed, cell.limit)
    observed, limit = (f"{n} {cell.unit}" if n and cell.unit else told(cell.check, n) if n else "" for n in numbers)
    limited = f", limit {cell.limit if cell.unit else limit}" if limit else ""  # a unit that is a sentence is said once
    shown = f" {observed}{limited}" if observed else ""
    ends = [told(cell.check, n) if n and not cell.unit else n for n in (cell.ci_lower, cell.ci_upper)]
    interval = f", interval [{ends[0]}, {ends[1]}]" if cell.ci_lower else ""
    return Event(
        kind=kind, hero=cell.hero, check=cell.check, observed=observed, limit=limit,
        title=f"{kind.replace('_', ' ').upper()} {cell.hero}: {cell.check}{shown or f': {cell.note}'}",
        text="\n".join(filter(None, (cell.note, f"n {cell.n:,}{interval}" if cell.n else ""))), **said,
    )  # fmt: skip


def _of_run(entry: Entry, kind: str, observed: str, limit: str, folder: Path, now: datetime) -> Event:
    path = folder / str(entry.log)
    lines = _last_lines(path)
    return Event(
        kind=kind, check=entry.job, job=entry.job, title=f"{entry.job}: {': '.join([observed, *lines[-1:]])}",
        observed=observed, limit=limit, text="\n".join((f"slot {entry.slot}, attempt {entry.attempts}", *lines)),
        owner=entry.owner or "", since=text(now), seen_at=text(now), command=f"tail -n 50 {shlex.quote(str(path))}",
    )  # fmt: skip


def _last_lines(path: Path) -> list[str]:
    """What a run has said last, without what its environment keeps secret."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 10_000))
            said = log.read().decode(errors="replace")
    except OSError:
        return []
    for name, value in os.environ.items():
        if name.startswith("HERO_GATE_") and len(value) > 7 and name != "HERO_GATE_CACHE":
            said = said.replace(value, f"${name}")
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith(OURS)]
    return [cut(line, _LINE_LENGTH) for line in lines[-_LAST_LINES:]]
