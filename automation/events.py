"""What happened that somebody may have to hear of?

An event is raised in the same transaction as the transition that it tells of (`ledger.py`), and told afterwards: as one
line of `events.jsonl` beside the ledger, then to a callable, if one is given. A process killed in between leaves the
event untold, and the next tick tells it: every event is told at least once, and one told twice has the same `id`.

`events.jsonl`: one JSON object a line, keys sorted, UTF-8. Every line has `kind` (the class below), `id` and `at` (UTC,
ISO 8601), and the class's own fields. Lines are appended whole (O_APPEND, then fsync) under an flock on the file; a
line that a crash cut short is closed by the next writer and skipped by `read_events`, which also drops repeated ids.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """A run came to its end, and not to a good one. `exit_status` is negative for a signal."""

    id: str
    at: str
    job: str
    owner: str
    slot: str
    attempt: int
    exit_status: int
    seconds: float
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTimedOut:
    """A run was stopped because it took too long."""

    id: str
    at: str
    job: str
    owner: str
    slot: str
    attempt: int
    minutes: float
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLost:
    """A run died before its end was recorded (killed, machine down). It runs again unless it is too late by then."""

    id: str
    at: str
    job: str
    owner: str
    slot: str
    attempt: int
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecovered:
    """A run succeeded after the one before it had failed, timed out or been missed."""

    id: str
    at: str
    job: str
    owner: str
    slot: str
    before: str  # the state of the slot before


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMissed:
    """Due slots that did not run and will not: `count` of them, from `first` to `last`, all for one reason."""

    id: str
    at: str
    job: str
    owner: str
    severity: str
    count: int
    first: str
    last: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatLate:
    """No tick was completed for a while (machine down, cron stopped)."""

    id: str
    at: str
    last: str
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSteppedBack:
    """The clock shows an earlier time than at the last tick. Slots called missed ahead of time are to come again."""

    id: str
    at: str
    last: str
    reopened: int


Event = JobFailed | JobTimedOut | JobLost | JobRecovered | SlotMissed | HeartbeatLate | ClockSteppedBack
KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (JobFailed, JobTimedOut, JobLost, JobRecovered, SlotMissed, HeartbeatLate, ClockSteppedBack)
}
#: Takes events once each in the ordinary case; after a crash the same ids may come again.
Told = Callable[[Sequence[Event]], None]


def to_json(event: Event) -> str:
    """One line, without its end."""
    return json.dumps({"kind": type(event).__name__, **asdict(event)}, sort_keys=True, ensure_ascii=False)


def from_json(line: str) -> Event:
    """The event of a line. Raises ValueError, KeyError or TypeError when it is none."""
    document = json.loads(line)
    return KINDS[document.pop("kind")](**document)


def append_events(path: Path, events: Sequence[Event]) -> None:
    """Append the events durably; call it with the file's lock held (`writing`)."""
    lines = "".join(to_json(event) + "\n" for event in events).encode()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(file).st_size
        if size and os.pread(file, 1, size - 1) != b"\n":
            lines = b"\n" + lines  # a crash cut the last line short: it must not swallow the next one
        while lines:
            lines = lines[os.write(file, lines) :]
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Hold the file's lock, so that two processes do not tell the same event at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def read_events(path: Path) -> list[Event]:
    """Every event that was told, once each, in the order of the file."""
    try:
        lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return []
    found: dict[str, Event] = {}
    for line in lines:
        try:
            event = from_json(line)
        except (ValueError, KeyError, TypeError):
            continue  # an empty line, or one that a crash cut short; the event follows whole
        found.setdefault(event.id, event)
    return list(found.values())
