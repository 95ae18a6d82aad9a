"""What is an alert, when is it worth telling, and how is it kept so that none is lost? `alerts.jsonl`.

Each line of `alerts.jsonl` is one alert that was told: firing, or resolved. A gate run and every tick append to it and
nobody changes it; who has been notified stands in another file (automation/outbox.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from evidence.files import append_lines, read_lines
from reports.alerts.event import ALL, Event
from reports.alerts.rules import DECISIONS, OWNER, WITHIN, AlertRules
from reports.escaping import clean, cut

LOG = "alerts.jsonl"
FIRING, RESOLVED = "firing", "resolved"
_TITLE_LENGTH = 200
#: Seconds to wait for whoever appends at this moment: milliseconds, unless the disk hangs.
_PATIENCE = 5.0
#: What was seen so much later than now was seen by a clock that was put back since: it must not silence anything.
_SKEW = timedelta(minutes=5)
_TIMES = ("since", "seen_at", "told_at", "act_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Event):
    """One line of alerts.jsonl."""

    id: str  # the dedup key: receivers fold what bears the same
    told_at: str
    act_by: str
    runbook: str

    @property
    def firing(self) -> bool:
        """Is this the news that it is so, not that it is over?"""
        return not self.resolved

    @property
    def status(self) -> str:
        """The same in a word."""
        return FIRING if self.firing else RESOLVED

    def to_json(self) -> str:
        """One line. What earlier versions did not know is left out where it is empty: the digest stays theirs."""
        said = {name: value for name, value in asdict(self).items() if value or name not in ("job", "serves")}
        del said["resolved"]
        return json.dumps({**said, "status": self.status}, sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str | bytes) -> Alert:
        """Read `to_json` back. Raises ValueError or TypeError for half a line, another schema, no time."""
        raw = json.loads(line)
        if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
            raise ValueError("not the text of an alert's fields")
        status = raw.pop("status", "")
        if status not in (FIRING, RESOLVED):
            raise ValueError(f"{status!r} is no status of an alert")
        alert = cls(**raw, resolved=status == RESOLVED)
        if alert.severity not in WITHIN:
            raise ValueError(f"{alert.severity!r} is no severity")
        times = [*_TIMES, "review_due"] if alert.review_due else _TIMES
        if any(_time(getattr(alert, name)).tzinfo is None for name in times):
            raise ValueError("a time of an alert has no offset")
        return alert

    @property
    def digest(self) -> str:
        """Which line this is, whatever stands around it."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What was told so far, the oldest first."""

    alerts: tuple[Alert, ...] = ()
    unreadable: int = 0  # lines that are no alert: a killed writer leaves half of one

    @property
    def trouble(self) -> list[str]:
        """What somebody should mend."""
        count = self.unreadable
        return [f"{count} lines of {LOG} cannot be read (half written by a killed process?)"] if count else []

    @property
    def last(self) -> dict[str, Alert]:
        """The last word on each key."""
        return {alert.id: alert for alert in self.alerts}

    @property
    def open(self) -> tuple[Alert, ...]:
        """What is firing."""
        return tuple(alert for alert in self.last.values() if alert.firing)

    @property
    def promoted(self) -> tuple[Alert, ...]:
        """Promotions, each of which must be looked at again by its `review_due`."""
        return tuple(a for a in self.alerts if a.kind == "promote" and a.firing and a.review_due)

    def reviewed(self, promoted: Alert) -> bool:
        """Has a later decision about its hero taken the place of a review?"""
        return any(
            later.hero == promoted.hero
            and later.kind in ("promote", "rollback")
            and later.firing
            and later.run_id != promoted.run_id
            and _time(later.seen_at) > _time(promoted.seen_at)
            for later in self.alerts
        )


def emit(events: Iterable[Event], artifacts: Path, rules: AlertRules, now: datetime) -> tuple[Alert, ...]:
    """Append to `artifacts`/alerts.jsonl what of these events is worth telling; returns what was appended.

    The same events may be given again, in part or in whole: what was told is not told twice, so a caller that was
    killed just starts over. Nothing is delivered here. Raises OSError where the file cannot be written.
    """
    artifacts.mkdir(parents=True, exist_ok=True)
    with FileLock(artifacts / ".alerts.lock", timeout=_PATIENCE):
        before = log = read_log(artifacts)
        events = list(events)
        for event in sorted(events, key=lambda e: _time(e.seen_at)):
            still = {e.key for e in events if (e.job, e.seen_at) == (event.job, event.seen_at)}
            fresh = _over(event, still, log, now) if event.kind == ALL else _worth_telling(event, log, rules, now)
            append_lines(artifacts / LOG, [alert.to_json() for alert in fresh])
            log = replace(log, alerts=(*log.alerts, *fresh))
    return log.alerts[len(before.alerts) :]


def close(key: str, why: str, artifacts: Path, now: datetime) -> Alert | None:
    """Append that somebody ended an alert; None where nothing of this key is firing."""
    with FileLock(artifacts / ".alerts.lock", timeout=_PATIENCE):
        alert = next((alert for alert in read_log(artifacts).open if alert.id == key), None)
        if alert is None:
            return None
        ended = _ended(alert, now.isoformat(timespec="seconds"), now, why)
        append_lines(artifacts / LOG, [ended.to_json()])
        return ended


def read_log(artifacts: Path) -> Log:
    """What alerts.jsonl holds. A line that is no alert is counted and skipped."""
    alerts, unreadable = [], 0
    for line in read_lines(artifacts / LOG):
        try:
            alerts.append(Alert.from_json(line))
        except (ValueError, TypeError, RecursionError):
            unreadable += 1
    return Log(alerts=tuple(alerts), unreadable=unreadable)


def _over(event: Event, still: set[str], log: Log, now: datetime) -> list[Alert]:
    """What a job had found and does not find any more. What was seen later is no business of an earlier run."""
    return [
        _ended(alert, event.seen_at, now, event.text)
        for alert in log.open
        if alert.job == event.job
        and alert.id not in still
        and not _time(event.seen_at) < _time(alert.seen_at) <= now + _SKEW
    ]


def _worth_telling(event: Event, log: Log, rules: AlertRules, now: datetime) -> list[Alert]:
    """What this event has to say that was not said, in the order in which it is kept.

    What ends stands before what begins: a writer killed between the two is called with the same event again.
    """
    before = log.last.get(event.key)
    ahead = before is not None and _time(before.seen_at) > now + _SKEW
    if before is not None and (
        event.seen_at == before.seen_at or (not ahead and _time(event.seen_at) <= _time(before.seen_at))
    ):
        return []  # looked at before
    if event.resolved:
        return [_ended(before, event.seen_at, now, event.text)] if before is not None and before.firing else []
    if event.kind in DECISIONS and any(told.firing and told.decision == event.decision for told in log.alerts):
        return []  # the run has told it, maybe by another of its checks
    if before is not None and not ahead and not _news(event, before, rules):
        return []
    over: list[Alert] = []
    if event.kind in DECISIONS:
        why = f"run {event.run_id} decided anew: {event.kind}"
        over = [_ended(alert, event.seen_at, now, why) for alert in log.open if _overtaken(alert, event)]
    return [*over, _alert(event, before if before is not None and before.firing else None, rules, now)]


def _news(event: Event, last: Alert, rules: AlertRules) -> bool:
    """Is it worth telling again that this is so? Repeating what goes on is Alertmanager's."""
    if not last.firing:  # it was over, or somebody closed it: only what began later is another occurrence
        return _time(event.since) > _time(last.since)
    return _urgency(event, rules) < last.severity or _who(event, rules) != last.owner


def _overtaken(alert: Alert, event: Event) -> bool:
    """Does a decision take the place of what an earlier run decided about the hero? No replay ends a live alert."""
    return (
        alert.kind in DECISIONS
        and (alert.hero, alert.exposure) == (event.hero, event.exposure)
        and alert.run_id != event.run_id
        and alert.id != event.key
        and _time(alert.seen_at) < _time(event.seen_at)
    )


def _alert(event: Event, going_on: Alert | None, rules: AlertRules, now: datetime) -> Alert:
    """The alert of an event. What goes on keeps its beginning and its deadline, unless it became more urgent."""
    severity = _urgency(event, rules)
    act_by = rules.act_by(severity, now).isoformat(timespec="seconds")
    if going_on is not None and going_on.severity <= severity:
        act_by = going_on.act_by
    said = {field.name: getattr(event, field.name) for field in fields(Event)} | {
        "severity": severity,
        "check": clean(event.check),
        "since": going_on.since if going_on is not None else event.since,
        "owner": _who(event, rules),
        "title": cut(event.title, _TITLE_LENGTH),
    }
    runbook, told_at = f"{rules.runbook}#{event.kind}", now.isoformat(timespec="seconds")
    return Alert(id=event.key, told_at=told_at, act_by=act_by, runbook=runbook, **said)


def _urgency(event: Event, rules: AlertRules) -> str:
    rule = rules.rule(event.kind)
    return event.severity or (event.exposure == "live" and rule.live) or rule.severity


def _who(event: Event, rules: AlertRules) -> str:
    who = rules.rule(event.kind).who
    return (event.owner or rules.no_owner) if who == OWNER else who


def _ended(alert: Alert, seen_at: str, now: datetime, why: str) -> Alert:
    return replace(alert, resolved=True, seen_at=seen_at, told_at=now.isoformat(timespec="seconds"), text=why)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def words_of(error: OSError) -> str:
    """Why nothing could be told, without the folders of this machine."""
    if isinstance(error, Timeout):
        return f"another process has been writing for {_PATIENCE:.0f} s"
    return error.strerror or str(error)
