"""What is due now, and may it start? One look at schedule, ledger and clock; what is due is started, and left alone.

A tick keeps nothing in memory from one minute to the next, so that any timer will do, two ticks at once do no harm, and
a tick that is killed is simply followed by the next. In order:

1. *Look*: what came due since the last look is recorded as due, in one transaction with how far was looked.
2. *Turns*: for each lane that nothing runs in, slots whose process died become lost, what is too late or overtaken
   becomes missed, and the slot that has waited longest is claimed (one transaction) and its supervisor started,
   detached. Jobs of different lanes run side by side; a job that must wait says for whom.
3. *Notify*: events go to the listener, which appends them to the alerts.
4. *Beat*: the heartbeat says that a tick was completed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from automation.events import heartbeat_late, job_lost, slot_missed
from automation.ledger import OPEN, UNSETTLED, Entry, Ledger, Watch, text
from automation.processes import JOB, SUPERVISOR, mark, marked, stop, taken
from automation.schedule import LOOK_BACK, SECOND, Schedule, ScheduledJob, ScheduledRun, due_between
from reports.alerts.event import Event

#: A tick is expected every minute; after this long without one it is late.
LATE = timedelta(seconds=150)
#: A run that died this often is not repeated: whatever kills it would kill it again.
ATTEMPTS = 3
#: Time for the supervisor's processes to be gone after they were killed.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of one slot that a tick has claimed; `lane` is the open file that holds its lane."""

    slot: str
    number: int
    log: str
    lane: int
    timeout_minutes: float
    words: Sequence[str]
    marker: str | None


#: Takes events, those of one transition together: once in the ordinary case; after a crash the same may come again.
Listener = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One look: at which jobs, when, how a claimed attempt is started; and what it did, in lines for its log."""

    schedule: Schedule
    ledger: Ledger
    start: Callable[[Attempt], None]
    now: datetime
    listener: Listener
    started: list[str] = field(default_factory=list)  # slots
    notes: list[str] = field(default_factory=list)  # missed, lost, waiting
    problems: list[str] = field(default_factory=list)  # what keeps the schedule from being carried out

    @property
    def lanes(self) -> Path:
        """Where the lanes' files lie: beside the ledger."""
        return self.ledger.path.parent / "lanes"

    def known(self, name: str) -> ScheduledJob | None:
        """The job of this name; None where it left the schedule."""
        return next((job for job in self.schedule.jobs if job.name == name), None)

    def lane(self, entry: Entry) -> str:
        """Where a slot runs or is to run."""
        if entry.state == "claimed" and entry.lane is not None:
            return entry.lane
        job = self.known(entry.job)
        return job.lane if job else entry.job

    def run(self) -> Tick:
        """Carry the schedule out as it stands now."""
        look(self)
        turns(self)
        self.problems.extend(notify(self.ledger, self.listener))
        beat(self.ledger, self.now)
        return self


def look(tick: Tick) -> None:
    """Record what came due since the last look."""
    ledger, now = tick.ledger, tick.now
    with ledger.transaction():
        last = ledger.heartbeat()
        if last is not None and now - last > LATE:
            silent = f"{(now - last).total_seconds() / 60:.0f} min"
            ledger.tell(heartbeat_late("tick", f"no tick was completed for {silent}", silent, text(last), now))
            tick.notes.append(f"no tick was completed for {silent}, since {text(last)}")
        watches = {name: watch for name, watch in ledger.watches().items() if tick.known(name)}
        due, reopened = list[ScheduledRun](), 0
        for job in tick.schedule.jobs:
            runs, watches[job.name], again = _look_at(tick, job, watches.get(job.name))
            due, reopened = due + runs, reopened + again
        ledger.add_due(due)
        ledger.watched(watches)
        if last is not None and last - now > LATE:
            title = f"the clock stepped back to before {text(last)}; {reopened} slots come again"
            ledger.tell(heartbeat_late("clock", title, text(now), text(now), now))
            tick.notes.append(f"the clock shows an earlier time than at the last tick, {text(last)}")


def _look_at(tick: Tick, job: ScheduledJob, watch: Watch | None) -> tuple[list[ScheduledRun], Watch, int]:
    """What came due, how far was looked, and how many slots that were called missed are to come again."""
    ledger, now, reopened, cron = tick.ledger, tick.now, 0, f"{job.cron} {job.zone}"
    if watch is None or watch.cron != cron:
        # New here: what was due before it stood in the schedule was never promised. This minute's slot is.
        since = now.replace(second=0, microsecond=0)
        after = since - SECOND
    else:
        since, after = watch.since, max(watch.looked, now - LOOK_BACK)
        if now < watch.looked:  # the clock was ahead, or is behind now; what is in the ledger does not come again
            reopened = ledger.forget_ahead(job.name, now)
            since = min(since, now)
            after = max(ledger.newest_due(job.name, now) or since, now - LOOK_BACK)
    return due_between(job, after, now), Watch(cron=cron, since=since, looked=now), reopened


def turns(tick: Tick) -> None:
    """Give each lane with something unsettled its turn."""
    unsettled = tick.ledger.entries(UNSETTLED)
    for lane in dict.fromkeys(map(tick.lane, unsettled)):
        _stop_orphans(tick.lanes, lane, [e for e in unsettled if e.state == "claimed" and e.lane == lane])
        with taken(tick.lanes, lane) as file:
            attempt = _turn(tick, lane, file)
            if attempt is None:
                continue
            try:
                tick.start(attempt)
            except OSError as error:  # the slot stays claimed without a process: the next tick finds it lost
                tick.problems.append(
                    f"{attempt.slot}: cannot be started ({error}); it is tried again with the next tick"
                )
            else:
                tick.started.append(attempt.slot)


def _stop_orphans(lanes: Path, lane: str, claimed: Sequence[Entry]) -> None:
    """A job whose supervisor was killed has nobody to record its end: it is stopped, and runs again."""
    marks = [mark(lanes.parent, entry.slot, entry.attempts) for entry in claimed]
    if any(marked(SUPERVISOR, its) for its in marks):
        return
    if [told for its in marks for told in stop(marked(JOB, its))]:
        with taken(lanes, lane, patience=PATIENCE):
            pass


def _turn(tick: Tick, lane: str, file: int | None) -> Attempt | None:
    """Settle what can be settled in a lane and, if it is held (`file`), claim what comes next."""
    ledger = tick.ledger
    with ledger.transaction():
        mine = [entry for entry in ledger.entries(UNSETTLED) if tick.lane(entry) == lane]
        claimed = [entry for entry in mine if entry.state == "claimed"]
        waiting, busy = mine, ""
        if file is None:
            waiting = [entry for entry in mine if entry.state in OPEN]
            since = {entry.slot: text(entry.started or entry.claimed or entry.due) for entry in claimed}
            busy = ", ".join(f"{slot} runs since {at}" for slot, at in since.items())
            busy = busy or f"held; fuser {tick.lanes / lane}.lock says by whom"
        else:
            for entry in claimed:  # nothing holds the lane, so nothing is left of this run
                ledger.lose(entry)
                ledger.tell(job_lost(entry, ledger.path.parent, tick.now))
                tick.notes.append(f"{entry.slot}: attempt {entry.attempts} died before its end was recorded")
        rest = [
            entry
            for name in dict.fromkeys(entry.job for entry in waiting)
            for entry in _give_up(tick, tick.known(name), [e for e in waiting if e.job == name], busy)
        ]
        rest = sorted(rest, key=lambda entry: (entry.due, entry.slot))
        if file is None:
            tick.notes.extend(f"{entry.slot}: waits for lane {lane}: {busy}" for entry in rest)
            return None
        if not rest:
            return None
        first, *others = rest
        job, number = tick.schedule.job(first.job), first.attempts + 1
        log = f"logs/{job.name}/{first.slot.partition('/')[2].split()[0].replace(':', '')}.{number}.log"
        ledger.claim(first, lane=lane, owner=job.owner, now=tick.now, log=log)
        tick.notes.extend(f"{entry.slot}: waits for lane {lane}: {first.slot} was due first" for entry in others)
        return Attempt(
            slot=first.slot,
            number=number,
            log=log,
            lane=file,
            timeout_minutes=job.timeout_minutes,
            words=job.words(),
            marker=job.marker,
        )


def _give_up(tick: Tick, job: ScheduledJob | None, waiting: list[Entry], busy: str) -> list[Entry]:
    """Call missed what of these slots of one job, the earliest first, will not run any more; the rest."""
    reasons: dict[str, list[Entry]] = {}
    rest = []
    for entry in waiting:
        if job is None:
            reasons.setdefault("its job is no longer in the schedule", []).append(entry)
        elif tick.now - entry.due > timedelta(minutes=job.max_lateness_minutes):
            why = f"lane {job.lane}: {busy}" if busy else "no tick came in time"
            why = "its run had died" if entry.attempts else why
            reason = f"not run within {job.max_lateness_minutes} minutes: {why}"
            reasons.setdefault(reason, []).append(entry)
        elif entry.attempts >= ATTEMPTS:
            reasons.setdefault(f"its run died {ATTEMPTS} times", []).append(entry)
        else:
            rest.append(entry)
    if job is not None and job.catch_up == "latest" and len(rest) > 1:
        reasons[f"overtaken by {rest[-1].slot}"] = rest[:-1]
        rest = rest[-1:]
    for reason, entries in reasons.items():
        tick.ledger.miss(entries, reason, tick.now)
        tick.ledger.tell(slot_missed(job, entries, reason, tick.now))
        several = f" and {len(entries) - 1} before it" if len(entries) > 1 else ""
        tick.notes.append(f"{entries[-1].slot}{several}: missed, {reason}")
    return rest


def notify(ledger: Ledger, listener: Listener) -> list[str]:
    """Tell every event that is not yet told; the problems met, in lines.

    A listener that raises an error must not stop the schedule: the next tick calls it again with the same events.
    """
    for number, events in ledger.untold():
        try:
            listener(events)
        except Exception as error:
            name = f"{type(error).__name__}: {error}".partition("\n")[0]
            return [f"events could not be told ({name}); they are told again with the next tick"]
        with ledger.transaction():
            ledger.told(number)
    return []


def beat(ledger: Ledger, now: datetime) -> None:
    """Record that a tick was completed, and once a day forget what is long over."""
    with ledger.transaction():
        last = ledger.heartbeat()
        ledger.beat(now)
        # Not when the clock has leapt: it may leap back, to slots that must still be known then.
        daily = last is not None and last.date() != now.date() and abs(now - last) < timedelta(days=2)
        logs = ledger.prune(now) if daily else []
    ledger.unlink(logs)
