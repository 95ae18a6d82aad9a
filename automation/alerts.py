"""What should be told that no gate run tells? Decisions without an alert, reviews that are due, jobs that failed.

Each function here turns what lies on disk into events and may be asked at every tick: reports.alerts.log tells an
event once, however often it is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from automation.events import (
    ClockSteppedBack,
    HeartbeatLate,
    JobFailed,
    JobLost,
    JobRecovered,
    JobTimedOut,
    ScheduleEvent,
    SlotMissed,
)
from gates.attestation import ATTESTATION, Attestation, AttestationError
from gates.documents import read_yaml
from gates.errors import ConfigError
from gates.status import BROKEN, NOT_EVIDENCED
from gates.verdicts import Decision
from reports.alerts.log import Event, Log, read_log
from reports.alerts.rules import DECISIONS, KINDS, NOTICES

#: Decisions older than this are news to nobody.
_RECENT = timedelta(days=7)
#: What gates.plugin records before anything is decided.
_UNFINISHED = "run started, not finished"
_BUNDLES = "bundles"
_STATUS = "python -m automation status"


def find_events(artifacts: Path, configs: Path, now: datetime) -> list[Event]:
    """What the files of one artifacts folder say at this moment."""
    log = read_log(artifacts)
    return [*untold_decisions(artifacts, log, configs, now), *due_reviews(log, now), *over(log, now)]


def untold_decisions(artifacts: Path, log: Log, configs: Path, now: datetime) -> list[Event]:
    """Recent decisions that no alert tells of: the run was killed between the decision and its alert."""
    told = {alert.decision for alert in log.alerts if alert.kind in DECISIONS}
    found = []
    for place in ("history/*/*", "*"):  # put away since, and of the last run
        for path in sorted(artifacts.glob(f"{place}/{ATTESTATION}")):
            try:
                attestation = Attestation.read_file(path)
            except (OSError, AttestationError):
                continue  # of another version, or no attestation: `reports.attestation verify` says so
            decision = (attestation.run_id, attestation.hero, str(attestation.decision).lower())
            recent = now - datetime.fromisoformat(attestation.finished_at) < _RECENT
            if recent and decision not in told and _stands(attestation, artifacts):
                from reports.alerts.decisions import decision_event  # half a second that most ticks need not wait

                found.append(decision_event(attestation, owner_of(attestation.hero, configs), artifacts))
    return found


def _stands(attestation: Attestation, artifacts: Path) -> bool:
    """Was it decided? Not by a run that only began, nor by one that was killed before it signed its promotion."""
    if any(_UNFINISHED in reason for reason in attestation.reasons):
        return False
    return attestation.decision is not Decision.PROMOTE or (artifacts / _BUNDLES / str(attestation.bundle)).is_file()


def owner_of(hero: str, configs: Path) -> str:
    """Whom the hero's pack names; "" where policy or pack cannot be read, as an alert is told all the same."""
    try:
        return str(read_yaml(configs / str(read_yaml(configs / "policy.yaml")["heroes"][hero])).get("owner", ""))
    except (ConfigError, KeyError, TypeError):
        return ""


def due_reviews(log: Log, now: datetime) -> list[Event]:
    """A promotion must be looked at again 7 days later, unless the hero was promoted anew or rolled back since.

    From what was told and not from the attestations: those of old runs are deleted after a while.
    """
    found = []
    stamp = now.isoformat(timespec="seconds")
    for alert in log.alerts:
        if alert.kind != "promote" or not alert.firing or not alert.review_due:
            continue
        done = any(
            later.hero == alert.hero and later.kind in ("promote", "rollback") and later.firing
            and later.run_id != alert.run_id
            and datetime.fromisoformat(later.seen_at) > datetime.fromisoformat(alert.seen_at)
            for later in log.alerts
        )  # fmt: skip
        if done or now >= datetime.fromisoformat(alert.review_due):
            said = alert.facts(
                kind="review_due",
                check=alert.run_id,
                observed="not reviewed",
                limit=f"review by {alert.review_due}",
                title=f"review of {alert.hero} is due: promoted by run {alert.run_id}",
                text="a later decision about the hero takes its place" if done else "does it still stand?",
                since=alert.review_due,
                seen_at=stamp,
                config="",
                severity="",
                review_due="",
            )
            found.append(Event(**said, resolved=done))
    return found


def over(log: Log, now: datetime) -> list[Event]:
    """Notices that fire no longer than there was time to act on them."""
    said = {"text": "the time to act on it is over", "seen_at": now.isoformat(timespec="seconds")}
    return [
        Event(**alert.facts(**said), resolved=True)
        for alert in log.open
        if alert.kind in NOTICES and now >= datetime.fromisoformat(alert.act_by)
    ]


def from_schedule(event: ScheduleEvent, markers: Mapping[str, str | None]) -> list[Event]:
    """What an event of the schedule means for people. `markers` is job -> the one that it runs, None for a command.

    A job that showed something broken is an alert of its kind (drift, parity, ...); one that could not is job_failed.
    """
    match event:
        case JobFailed():
            return _failed(event, markers.get(event.job))
        case JobTimedOut():
            return [_of_run(event, "job_failed", "not finished", f"{event.minutes:g} min")]
        case JobLost():
            return [_of_run(event, "job_lost", "died before its end was recorded", "")]
        case SlotMissed():
            return [
                _event(
                    event,
                    "slot_missed",
                    event.job,
                    f"{event.job}: {event.count} slots missed ({event.reason})",
                    observed=f"{event.count} slots did not run",
                    limit="0",
                    text=f"from {event.first} to {event.last}",
                    owner=event.owner,
                    severity=event.severity,
                    run_id=event.id,
                )
            ]
        case JobRecovered():
            marker, slot = markers.get(event.job), f"slot {event.slot} succeeded"
            kinds = ("job_failed", "job_lost", "slot_missed", *((marker,) if marker in KINDS else ()))
            return [_event(event, k, event.job, f"{event.job} succeeded", text=slot, resolved=True) for k in kinds]
        case HeartbeatLate():
            late = f"{event.minutes:.0f}"
            title = f"no tick for {late} minutes"
            return [_event(event, "heartbeat_late", "tick", title, observed=f"{late} min", since=event.last)]
        case ClockSteppedBack():
            title = f"the clock stepped back to before {event.last}; {event.reopened} slots come again"
            return [_event(event, "heartbeat_late", "clock", title, observed=event.at)]
    raise TypeError(f"{type(event).__name__}: no event of the schedule")


def _failed(event: JobFailed, marker: str | None) -> list[Event]:
    status = event.exit_status
    if marker == "canary" and status in (BROKEN, NOT_EVIDENCED):
        return []  # a rollback or a hold: the run has told it
    how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    if status == NOT_EVIDENCED:
        how += " (not evidenced)"
    checked = marker if marker in KINDS and status == BROKEN else None
    return [_of_run(event, checked or "job_failed", how, "exit status 0")]


def _of_run(event: JobFailed | JobTimedOut | JobLost, kind: str, observed: str, limit: str) -> Event:
    text = f"slot {event.slot}, attempt {event.attempt}, log {event.log}"
    said = {"observed": observed, "limit": limit, "text": text, "owner": event.owner, "run_id": event.id}
    return _event(event, kind, event.job, f"{event.job}: {observed}", **said)


def _event(event: ScheduleEvent, kind: str, check: str, title: str, **more: Any) -> Event:
    return Event(
        **{"kind": kind, "check": check, "title": title, "since": event.at, "seen_at": event.at, "command": _STATUS}
        | more
    )
