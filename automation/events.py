"""What happened that somebody may have to hear of?

An event is raised in the same transaction as the transition that it tells of (`ledger.py`), and told afterwards: as one
line of `events.jsonl` beside the ledger, then to a callable, if one is given. A process killed in between leaves the
event untold, and the next tick tells it: every event is told at least once, and one told twice has the same `id`.

`events.jsonl`: one JSON object a line, keys sorted, UTF-8. Every line has `kind` (the class below), `id` and `at` (UTC,
ISO 8601), and the class's own fields. Lines are appended whole; one that a crash cut short is closed by the next
writer, and is to be skipped by who reads, as are repeated ids.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEvent:
    """What every event says of itself."""

    id: str
    at: str

    def to_json(self) -> str:
        """One line, without its end."""
        return json.dumps({"kind": type(self).__name__, **asdict(self)}, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent(ScheduleEvent):
    """An event of one run of one job."""

    job: str
    owner: str
    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed(RunEvent):
    """A run came to its end, and not to a good one. `exit_status` is negative for a signal."""

    attempt: int
    exit_status: int
    seconds: float
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTimedOut(RunEvent):
    """A run was stopped because it took too long."""

    attempt: int
    minutes: float
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLost(RunEvent):
    """A run died before its end was recorded (killed, machine down). It runs again unless it is too late by then."""

    attempt: int
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecovered(RunEvent):
    """A run succeeded after the one before it had failed, timed out or been missed."""

    before: str  # the state of the slot before


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMissed(ScheduleEvent):
    """Due slots that did not run and will not: `count` of them, from `first` to `last`, all for one reason."""

    job: str
    owner: str
    severity: str
    count: int
    first: str
    last: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatLate(ScheduleEvent):
    """No tick was completed for a while (machine down, cron stopped)."""

    last: str
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSteppedBack(ScheduleEvent):
    """The clock shows an earlier time than at the last tick. Slots called missed ahead of time are to come again."""

    last: str
    reopened: int


KINDS: dict[str, type[ScheduleEvent]] = {
    kind.__name__: kind
    for kind in (JobFailed, JobTimedOut, JobLost, JobRecovered, SlotMissed, HeartbeatLate, ClockSteppedBack)
}


def from_json(line: str | bytes) -> ScheduleEvent:
    """The event of a line. Raises ValueError, KeyError or TypeError when it is none."""
    document = json.loads(line)
    return KINDS[document.pop("kind")](**document)
