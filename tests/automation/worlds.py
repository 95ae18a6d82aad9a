"""A schedule that is carried out in made-up time: clocks step, ticks fire twice, processes die at any transaction.

Everything but the processes is real: slots, ledger, lanes (flock), tick, what a supervisor records, events. A process
here is an object that holds a copy of the lane's open file, as a real one would.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from automation.ledger import ENDED, UNSETTLED, Entry, Ledger
from automation.schedule import Schedule, ScheduledJob
from automation.supervisor import record_end
from automation.tick import Attempt, Tick
from reports.alerts.event import Event

STATES = (*UNSETTLED, *ENDED, "missed")
#: 2027-06-01T02:15 in New York.
DUE = datetime(2027, 6, 1, 6, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NAME = "nightly/2027-06-01T02:15 America/New_York"


def job(name: str = "nightly", cron: str = "15 2 * * *", **changes: object) -> ScheduledJob:
    """A job of New York with stand-in settings."""
    settings: dict[str, object] = {
        "zone": "America/New_York",
        "marker": None,
        "command": ("true",),
        "owner": "search-engineering",
        "lane": name,
        "max_lateness_minutes": 60,
        "timeout_minutes": 10,
        "catch_up": "latest",
        "severity": "P2",
        **changes,
    }
    return ScheduledJob(name=name, cron=cron, **settings)  # type: ignore[arg-type]


def attempt(slot: str, number: int = 1, **changes: object) -> Attempt:
    """One that a supervisor may end."""
    settings: dict[str, object] = {"log": "x", "lane": 0, "timeout_minutes": 1, "words": (), "marker": None} | changes
    return Attempt(slot=slot, number=number, **settings)  # type: ignore[arg-type]


def wait_for(what: Callable[[], object], seconds: float = 10) -> bool:
    """Is it so within so many seconds?"""
    deadline = time.monotonic() + seconds
    while not (seen := what()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(seen)


class Killed(BaseException):
    """SIGKILL, as far as code can tell: nothing after it is carried out, and no handler stops it."""


class MortalLedger(Ledger):
    """A ledger at whose transactions' boundaries a process dies when `dies` says so."""

    def __init__(self, path: Path, dies: random.Random | None = None, chance: float = 0.0) -> None:
        super().__init__(path)
        self.dies, self.chance = dies, chance
        self._db.execute("PRAGMA synchronous = OFF")  # the machine itself stays up here

    def perhaps_die(self) -> None:
        if self.dies is not None and self.dies.random() < self.chance:
            raise Killed

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.perhaps_die()
        with super().transaction():
            yield
            self.perhaps_die()
        self.perhaps_die()

    def every_slot(self, since: datetime) -> list[Entry]:
        return [entry for entry in self.entries(STATES) if entry.due >= since]


@dataclass(slots=True)
class Run:
    """A supervisor and its job."""

    attempt: Attempt
    job_lane: str
    lane: int
    ends: datetime
    dies: bool


@dataclass(slots=True)
class World:
    """One machine. `true` is what an exact clock would show, `skew` what this machine's clock adds."""

    jobs: Sequence[ScheduledJob]
    ledger: MortalLedger
    luck: random.Random
    true: datetime
    skew: timedelta = timedelta(0)
    runs: list[Run] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)  # slot -> recorded ends
    told: list[Event] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.true + self.skew

    def start(self, attempt: Attempt) -> None:
        """What `Supervisors` does with real processes."""
        self.ledger.perhaps_die()
        minutes = self.luck.expovariate(1 / (0.1 * attempt.timeout_minutes))
        (lane,) = (job.lane for job in self.jobs if job.name == attempt.slot.partition("/")[0])
        assert not [run for run in self.runs if run.job_lane == lane], "two runs in one lane"
        run = Run(
            attempt=attempt,
            job_lane=lane,
            lane=os.dup(attempt.lane),
            ends=self.true + timedelta(minutes=min(minutes, attempt.timeout_minutes)),
            dies=self.luck.random() < 0.02,
        )
        try:
            with self.ledger.transaction():
                assert self.ledger.take_over(attempt.slot, attempt.number, self.clock())
        except Killed:
            self.counts["supervisor killed at its start"] += 1
            os.close(run.lane)
            return
        self.runs.append(run)
        self.ledger.perhaps_die()

    def let_runs_end(self) -> None:
        for run in [run for run in self.runs if run.ends <= self.true]:
            self.runs.remove(run)
            slot = run.attempt.slot
            try:
                if run.dies:
                    raise Killed
                state = self.luck.choices(("succeeded", "failed", "timed_out"), (8, 1, 1))[0]
                before, status = self.ledger.entry(slot), 0 if state == "succeeded" else 1
                assert before is not None
                assert (before.state, before.attempts) == ("claimed", run.attempt.number), "given up, but it still runs"
                record_end(self.ledger, run.attempt, state, status, self.clock())
            except Killed:
                self.counts["supervisor killed"] += 1
            finally:
                os.close(run.lane)
                after = self.ledger.entry(slot)
                assert after is not None
                self.ended[slot] += after.state in ENDED

    def tick(self) -> None:
        self.counts["ticks"] += 1
        now = self.clock().replace(microsecond=0)
        schedule = Schedule(jobs=tuple(self.jobs))
        try:
            Tick(schedule=schedule, ledger=self.ledger, start=self.start, now=now, listener=self.told.extend).run()
        except Killed:
            self.counts["tick killed"] += 1

    def go_on(self, until: datetime, step: timedelta) -> None:
        """One step of time, with whatever luck brings."""
        self.true = min(self.true + step, until)
        self.let_runs_end()
        chance = self.luck.random()
        if self.skew and chance < 0.2:
            self.skew = timedelta(0)
            self.counts["clock steps"] += 1
        elif not self.skew and chance < 0.004:
            self.skew = timedelta(minutes=self.luck.choice((-90, -7, -1, 1, 7, 90)))
            self.counts["clock steps"] += 1
        self.tick()
        if self.luck.random() < 0.05:
            self.counts["double fires"] += 1
            self.tick()

    def come_to_rest(self, ends: datetime) -> None:
        """No more mishaps: what came due until then comes to its end."""
        self.ledger.chance, self.skew = 0.0, timedelta(0)
        for run in self.runs:
            run.dies = False
        while any(entry.due <= ends for entry in self.ledger.entries(UNSETTLED)) or self.true - ends < timedelta(
            hours=4
        ):
            self.true += timedelta(minutes=1)
            self.let_runs_end()
            self.tick()


class Machine:
    """Jobs, a ledger, and runs that last until they are told to end."""

    def __init__(self, folder: Path, *jobs: ScheduledJob) -> None:
        self.jobs, self.ledger = list(jobs), Ledger(folder / "automation" / "slots.sqlite")
        self.lanes: dict[str, int] = {}  # slot -> open file
        self.told: list[Event] = []
        self.fails: Exception | None = None

    def start(self, started: Attempt) -> None:
        if self.fails is not None:
            raise self.fails
        self.lanes[started.slot] = os.dup(started.lane)

    def hear(self, events: Sequence[Event]) -> None:
        self.told += events

    def tick(self, now: datetime) -> Tick:
        schedule = Schedule(jobs=tuple(self.jobs))
        return Tick(schedule=schedule, ledger=self.ledger, start=self.start, now=now, listener=self.hear).run()

    def end(self, slot: str, now: datetime, state: str = "succeeded") -> None:
        entry = self.ledger.entry(slot)
        assert entry is not None
        record_end(self.ledger, attempt(slot, entry.attempts), state, 0 if state == "succeeded" else 3, now)
        self.die(slot)

    def die(self, slot: str) -> None:
        """SIGKILL for the supervisor and its job: the lane is free, and nothing is recorded."""
        os.close(self.lanes.pop(slot))

    def states(self) -> dict[str, str]:
        return {entry.slot.partition("T")[2][:5]: entry.state for entry in self.ledger.entries(STATES)}

    def close(self) -> None:
        for file in self.lanes.values():
            os.close(file)
        self.ledger.close()
