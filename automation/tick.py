"""What is due now, and may it start? One look at schedule, ledger and clock; what is due is started, and left alone.

A tick keeps nothing in memory from one minute to the next, so that any timer will do, two ticks at once do no harm, and
a tick that is killed is simply followed by the next. In order:

1. *Look*: what came due since the last look is recorded as due, in one transaction with how far was looked.
2. *Turns*: for each lane that nothing runs in, slots whose process died become lost, what is too late or overtaken
   becomes missed, and the slot that has waited longest is claimed (one transaction) and its keeper started, detached.
   Jobs of different lanes run side by side; a job that must wait says for whom.
3. *Tell*: events go to `events.jsonl` and to the listener.
4. *Beat*: the heartbeat says that a tick was completed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from automation.events import ClockSteppedBack, HeartbeatLate, JobLost, SlotMissed, Told
from automation.lanes import taken
from automation.ledger import OPEN, Entry, Ledger, Watch, text, unlink_logs
from automation.processes import is_dead, process, stop_group
from automation.schedule import Job, Schedule
from automation.slots import LOOK_BACK, SECOND, Slot, due_between
from automation.tell import tell

#: A tick is expected every minute; after this long without one it is late.
LATE = timedelta(seconds=150)
#: A run that died this often is not repeated: whatever kills it would kill it again.
ATTEMPTS = 3
#: Time for the keeper's processes to be gone after they were killed.
PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One attempt of one slot that this process has claimed; `lane` is the open file that holds its lane."""

    job: Job
    slot: str
    attempt: int
    log: str
    lane: int


Start = Callable[[Claim], None]


@dataclass(slots=True)
class Ticked:
    """What one tick did, in lines for its log."""

    started: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # missed, lost, waiting
    problems: list[str] = field(default_factory=list)  # what keeps the schedule from being carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Automation:
    """Where a schedule is carried out: its jobs, its ledger, and how a claimed slot is started."""

    schedule: Schedule
    ledger: Ledger
    start: Start
    told: Told | None = None

    @property
    def folder(self) -> Path:
        """Ledger, lanes, logs and events lie together."""
        return self.ledger.path.parent


def tick(automation: Automation, now: datetime, jobs: Sequence[Job] | None = None) -> Ticked:
    """Carry the schedule out as it stands now, for all jobs or, where a job has a timer of its own, for these alone."""
    chosen = automation.schedule.jobs if jobs is None else tuple(jobs)
    done = Ticked()
    look(automation, now, chosen, done, own_timer=jobs is not None)
    turns(automation, now, chosen, done)
    done.problems += tell(automation.ledger, automation.told)
    _beat(automation, now)
    return done


def look(automation: Automation, now: datetime, jobs: Sequence[Job], done: Ticked, *, own_timer: bool = False) -> None:
    """Record what came due since the last look."""
    ledger = automation.ledger
    with ledger.transaction():
        last = ledger.heartbeat()
        if last is not None and now - last > LATE:
            silent = (now - last).total_seconds() / 60
            late = HeartbeatLate(id=f"late/{text(last)}", at=text(now), last=text(last), minutes=round(silent, 1))
            ledger.raise_event(late)
            done.notes.append(f"no tick was completed for {silent:.0f} minutes, since {text(last)}")
        known = {job.name for job in automation.schedule.jobs}
        watches, reopened = {name: watch for name, watch in ledger.watches().items() if name in known}, 0
        due: list[Slot] = []
        for job in jobs:
            slots, watches[job.name], again = _look_at(ledger, job, watches.get(job.name), now, own_timer)
            due, reopened = due + slots, reopened + again
        ledger.add_due(due)
        ledger.watched(watches)
        if last is not None and last - now > LATE:
            name = f"back/{text(last)}/{text(now)}"
            ledger.raise_event(ClockSteppedBack(id=name, at=text(now), last=text(last), reopened=reopened))
            done.notes.append(f"the clock shows an earlier time than at the last tick, {text(last)}")


def _look_at(
    ledger: Ledger, job: Job, watch: Watch | None, now: datetime, own_timer: bool
) -> tuple[list[Slot], Watch, int]:
    """What came due, how far was looked, and how many slots that were called missed are to come again."""
    reopened, cron = 0, f"{job.cron} {job.zone}"
    if watch is None or watch.cron != cron:
        # New here: what was due before it stood in the schedule was never promised. This minute's slot is.
        since = now.replace(second=0, microsecond=0)
        after = since - SECOND
        if own_timer:  # it fires for this job alone, perhaps late: what it fired for is the newest slot
            recent = due_between(job, now - timedelta(minutes=job.max_lateness_minutes), now)
            after = recent[-1].due - SECOND if recent else after
    else:
        since, after = watch.since, max(watch.looked, now - LOOK_BACK)
        if now < watch.looked:  # the clock was ahead, or is behind now; what is in the ledger does not come again
            reopened = ledger.forget_ahead(job.name, now)
            since = min(since, now)
            after = max(ledger.newest_due(job.name, now) or since, now - LOOK_BACK)
    return due_between(job, after, now), Watch(cron=cron, since=since, looked=now), reopened


def turns(automation: Automation, now: datetime, jobs: Sequence[Job], done: Ticked) -> None:
    """Give each lane with something unsettled its turn."""
    ledger, known = automation.ledger, {job.name: job for job in automation.schedule.jobs}
    chosen = {job.name for job in jobs}
    unsettled = ledger.unsettled()
    lanes = [_lane(entry, known) for entry in unsettled if entry.job in chosen or entry.job not in known]
    for lane in dict.fromkeys(lanes):
        _stop_orphans(automation.folder, lane, [e for e in unsettled if e.state == "claimed" and e.lane == lane])
        with taken(automation.folder / "lanes", lane) as file:
            claim = _turn(automation, now, lane, chosen, done, file)
            if claim is None:
                continue
            try:
                automation.start(claim)
            except OSError as error:  # the slot stays claimed without a process: the next tick finds it lost
                done.problems.append(f"{claim.slot}: cannot be started ({error}); it is tried again with the next tick")
            else:
                done.started.append(claim.slot)


def _lane(entry: Entry, known: dict[str, Job]) -> str:
    if entry.state == "claimed" and entry.lane is not None:
        return entry.lane
    return known[entry.job].lane if entry.job in known else entry.job


def _stop_orphans(folder: Path, lane: str, claimed: Sequence[Entry]) -> None:
    """A job whose keeper was killed has nobody to record its end: it is stopped, and runs again."""
    orphans = [entry for entry in claimed if entry.keeper is not None and is_dead(entry.keeper)]
    if not orphans or len(orphans) < len(claimed):
        return
    with taken(folder / "lanes", lane) as file:
        if file is not None:
            return  # nothing of it is left
    for entry in orphans:
        if entry.child is not None:
            stop_group(entry.child)
    with taken(folder / "lanes", lane, patience=PATIENCE):
        pass


def _turn(
    automation: Automation, now: datetime, lane: str, chosen: set[str], done: Ticked, file: int | None
) -> Claim | None:
    """Settle what can be settled in a lane and, if it is held (`file`), claim what comes next."""
    ledger, known = automation.ledger, {job.name: job for job in automation.schedule.jobs}
    with ledger.transaction():
        mine = [entry for entry in ledger.unsettled() if _lane(entry, known) == lane]
        claimed = [entry for entry in mine if entry.state == "claimed"]
        waiting = [entry for entry in mine if entry.state in OPEN]
        busy = ""
        if file is None:
            busy = ", ".join(_running(entry) for entry in claimed) or "another tick is starting a job"
        else:
            for entry in claimed:
                _lose(ledger, entry, now, done)
            waiting = mine
        rest = [
            entry
            for name in dict.fromkeys(entry.job for entry in waiting)
            for entry in _give_up(ledger, known.get(name), [e for e in waiting if e.job == name], now, done, busy)
        ]
        waiting = sorted((e for e in rest if e.job in chosen), key=lambda entry: (entry.due, entry.slot))
        if file is None:
            done.notes += [f"{entry.slot}: waits for lane {lane}: {busy}" for entry in waiting]
            return None
        if not waiting:
            return None
        first, *others = waiting
        job, attempt = known[first.job], first.attempts + 1
        log = f"logs/{job.name}/{first.slot.partition('/')[2].split()[0].replace(':', '')}.{attempt}.log"
        if not ledger.claim(first, lane=lane, owner=job.owner, by=process(os.getpid()), now=now, log=log):
            return None
        done.notes += [f"{entry.slot}: waits for lane {lane}: {first.slot} was due first" for entry in others]
        return Claim(job=job, slot=first.slot, attempt=attempt, log=log, lane=file)


def _running(entry: Entry) -> str:
    return f"{entry.slot} runs since {text(entry.started or entry.claimed or entry.due)}"


def _lose(ledger: Ledger, entry: Entry, now: datetime, done: Ticked) -> None:
    """Nothing holds the lane, so nothing is left of this run."""
    ledger.lose(entry)
    ledger.raise_event(
        JobLost(
            id=f"lost/{entry.slot}/{entry.attempts}",
            at=text(now),
            job=entry.job,
            owner=entry.owner or "",
            slot=entry.slot,
            attempt=entry.attempts,
            log=entry.log or "",
        )
    )
    done.notes.append(f"{entry.slot}: attempt {entry.attempts} died before its end was recorded")


def _give_up(
    ledger: Ledger, job: Job | None, waiting: list[Entry], now: datetime, done: Ticked, busy: str
) -> list[Entry]:
    """Call missed what of these slots of one job, the earliest first, will not run any more; the rest."""
    reasons: dict[str, list[Entry]] = {}
    rest = []
    for entry in waiting:
        if job is None:
            reasons.setdefault("its job is no longer in the schedule", []).append(entry)
        elif now - entry.due > timedelta(minutes=job.max_lateness_minutes):
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
        ledger.miss(entries, reason, now)
        last = entries[-1]
        ledger.raise_event(
            SlotMissed(
                id=f"missed/{last.slot}",
                at=text(now),
                job=last.job,
                owner=job.owner if job else last.owner or "",
                severity=job.severity if job else "P3",
                count=len(entries),
                first=entries[0].slot,
                last=last.slot,
                reason=reason,
            )
        )
        several = f" and {len(entries) - 1} before it" if len(entries) > 1 else ""
        done.notes.append(f"{last.slot}{several}: missed, {reason}")
    return rest


def _beat(automation: Automation, now: datetime) -> None:
    ledger = automation.ledger
    logs: list[str] = []
    with ledger.transaction():
        last = ledger.heartbeat()
        ledger.beat(now)
        # Once a day, and not when the clock has leapt: it may leap back, to slots that must still be known then.
        if last is not None and last.date() != now.date() and abs(now - last) < timedelta(days=2):
            logs = ledger.prune(now)
    unlink_logs(automation.folder, logs)
