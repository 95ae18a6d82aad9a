"""What happened that somebody may have to hear of? Each is an event of an alert, raised with what it tells of.

An event is written to the ledger in the transaction of its transition, and appended to `alerts.jsonl` afterwards. A
process killed in between leaves it untold, and the next tick tells it: each is told at least once, and one that comes
again is told apart from another by its moment (reports/alerts/log.py).

A run of jobs leaves its findings in the file that `FINDINGS` names: each of them is an alert of its own. What is shown
broken is of the kind of its job (drift, parity, ...), what is not evidenced and what could not be asked are of theirs.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from automation.ledger import Entry, text
from automation.schedule import ScheduledJob
from gates.status import BROKEN, NOT_EVIDENCED
from gates.verdicts import Cell, Verdict
from reports.alerts.event import ALL, Event, module, typed_here
from reports.escaping import cut

if TYPE_CHECKING:
    from rollout.jobs.findings import JobFindings

STATUS = module("automation", "status")
#: Jobs whose alerts bear another name than their file.
_KINDS = {"tripwires": "tripwire"}
_LAST_LINES, _LINE_LENGTH = 3, 300
#: Begins what a supervisor says in the log of its job.
OURS = "hero-gate: "


def heartbeat_late(check: str, title: str, observed: str, since: str, now: datetime) -> Event:
    """No tick was completed for a while, or the clock stepped back."""
    said = {"title": title, "observed": observed, "since": since, "seen_at": text(now), "command": STATUS}
    return Event(kind="heartbeat_late", check=check, **said)  # type: ignore[arg-type]  # all of these are text


def slot_missed(job: ScheduledJob | None, entries: Sequence[Entry], reason: str, now: datetime) -> Event:
    """Due slots of one job, the earliest first, that did not run and will not, all for one reason."""
    first, last = entries[0], entries[-1]
    count = f"{len(entries)} slot{'s' if len(entries) > 1 else ''}"
    missed = _of_job(
        last, now, kind="slot_missed", title=f"{last.job}: {count} missed ({reason})", limit="0", command=STATUS,
        observed=f"{count} did not run", text=f"from {first.slot} to {last.slot}", severity="P3",
    )  # fmt: skip
    return replace(missed, owner=job.owner, severity=job.severity) if job else missed


def job_lost(entry: Entry, folder: Path, now: datetime) -> Event:
    """A run died before its end was recorded. It runs again unless it is too late by then."""
    return _of_run(entry, now, folder, "job_lost", "died before its end was recorded", "")


def job_over(entry: Entry, now: datetime) -> Event:
    """A run came to its end: all that its job had found, and what had kept it from looking, is over."""
    title, why = f"{entry.job} succeeded", f"slot {entry.slot} says so"
    return _of_job(entry, now, kind=ALL, title=title, text=why, command=STATUS)


def bad_end(
    entry: Entry, state: str, exit_status: int, words: Sequence[str], marker: str | None, minutes: float, folder: Path,
    now: datetime,
) -> list[Event]:  # fmt: skip
    """What of the end of a run that failed or took too long somebody has to hear of."""
    if state == "timed_out":
        return [_of_run(entry, now, folder, "job_failed", "not finished", f"{minutes:g} min")]
    where = f"slot {entry.slot}, log {folder / str(entry.log)}"
    found = [_of_job(entry, now, command=typed_here(*words), **said) for said in _findings(entry, folder)]
    if found:
        return [*(replace(one, text="\n".join(filter(None, (one.text, where)))) for one in found), job_over(entry, now)]
    if marker == "canary" and exit_status in (BROKEN, NOT_EVIDENCED):
        return []  # a rollback or a hold: the run has told it
    how = f"killed by signal {-exit_status}" if exit_status < 0 else f"exit status {exit_status}"
    return [_of_run(entry, now, folder, "job_failed", how, "exit status 0")]


def findings_file(log: str) -> str:
    """Where a run leaves its findings: beside its log."""
    return f"{log.removesuffix('.log')}.json"


def _findings(entry: Entry, folder: Path) -> list[dict[str, str]]:
    """What is to be said of each finding of a run's jobs; nothing where it left none that can be read."""
    try:
        from rollout.jobs.findings import read_all  # brings pydantic, for which a good run need not wait

        found = read_all(folder / findings_file(str(entry.log)))
        return [said for one in found for said in _of_findings(one)]
    except (OSError, ValueError, RecursionError):
        return []


def _of_findings(found: "JobFindings") -> Iterator[dict[str, str]]:
    """One for each cell that says something, and one for all that could not be asked."""
    from reports.alerts.rules import RULES  # a tenth of a second, for which a good run need not wait

    job = found.job
    kind = _KINDS.get(job, job)
    for cell in found.cells:
        if cell.verdict is Verdict.RED:
            yield _broken(cell, kind if kind in RULES else "job_failed")
        elif cell.verdict is Verdict.INCONCLUSIVE:
            why = cell.note.removeprefix("not evidenced: ")
            title = f"{cell.check} of {cell.hero} is not evidenced: {why}"
            yield {"kind": "not_evidenced", "hero": cell.hero, "check": cell.check, "title": title, "text": why}
    reasons = list(dict.fromkeys(one.partition(": ")[2] or one for one in found.broken))
    if reasons:
        title, why = f"{job} could not be asked: {reasons[0]}", "\n".join(reasons[:_LAST_LINES])
        yield {"kind": "not_asked", "check": job, "title": title, "text": why}


def _broken(cell: Cell, kind: str) -> dict[str, str]:
    """What is shown broken, in the unit of its own row."""
    from gates.names import told  # with all checks: a fifth of a second, for which a good run need not wait

    numbers = (cell.observed, cell.limit, cell.ci_lower, cell.ci_upper)
    observed, limit, *ends = (told(cell.check, n) if n and not cell.unit else n for n in numbers)
    interval = f", interval [{ends[0]}, {ends[1]}]" if cell.ci_lower else ""
    # a unit that is a sentence is said once
    shown = (
        f" {observed} {cell.unit}".rstrip() + (f", limit {limit}" if limit else "") if observed else f": {cell.note}"
    )
    return {
        "kind": kind, "hero": cell.hero, "check": cell.check,
        "observed": f"{observed} {cell.unit}".rstrip() if observed else "",
        "limit": f"{limit} {cell.unit}".rstrip() if limit else "",
        "title": f"{kind.replace('_', ' ').upper()} {cell.hero}: {cell.check}{shown}",
        "text": "\n".join(filter(None, (cell.note, f"n {cell.n:,}{interval}" if cell.n else ""))),
    }  # fmt: skip


def _of_run(entry: Entry, now: datetime, folder: Path, kind: str, observed: str, limit: str) -> Event:
    path = folder / str(entry.log)
    lines = _last_lines(path)
    return _of_job(
        entry, now, kind=kind, title=f"{entry.job}: {': '.join([observed, *lines[-1:]])}", observed=observed,
        limit=limit, text="\n".join((f"slot {entry.slot}, attempt {entry.attempts}", *lines)),
        command=f"tail -n 50 {shlex.quote(str(path))}",
    )  # fmt: skip


def _of_job(entry: Entry, now: datetime, **said: str) -> Event:
    about = {"job": entry.job, "check": entry.job, "owner": entry.owner or "", "since": text(now), "seen_at": text(now)}
    return Event(**{**about, **said})  # type: ignore[arg-type]  # all of these are text


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
