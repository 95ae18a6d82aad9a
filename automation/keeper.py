"""Does a claimed slot come to an end that is recorded? One small process for each run, in a session of its own.

The keeper is started by a tick (`detach`), and goes on when that tick is long gone. It starts the job as the leader of
a process group, waits for it, stops the whole group when time is up, and records how it ended. The job does not
begin before its process stands in the ledger: if the keeper is killed, the next tick knows what to stop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from automation.events import Event, JobFailed, JobRecovered, JobTimedOut
from automation.ledger import Ledger, text, unlink_logs
from automation.processes import process, signal_group
from automation.schedule import ROOT
from automation.tell import write_events
from automation.tick import Claim

KEEPER = (sys.executable, "-m", "automation.keeper")
#: From a polite end (SIGTERM) to one that cannot be refused.
GRACE = 10.0
#: Logs of good runs that are kept for each job; those of bad ones stay as long as the ledger knows the slot.
GOOD_LOGS = 20
#: The shell waits for "go", then becomes the job. A keeper that dies before closes the pipe, and nothing runs.
WAIT_FOR_GO = 'read -r go && [ "$go" = go ] && exec "$@" </dev/null'


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a keeper is told on its command line."""

    ledger: Path
    slot: str
    attempt: int
    lane: int
    timeout_minutes: float
    log: str
    words: tuple[str, ...]

    def to_words(self) -> list[str]:
        """As words of a command line."""
        values = (self.ledger, self.slot, self.attempt, self.lane, self.timeout_minutes, self.log)
        return [*(str(value) for value in values), *self.words]


def task_of(words: Sequence[str]) -> Task:
    """The task of a command line."""
    ledger, slot, attempt, lane, minutes, log, *others = words
    return Task(
        ledger=Path(ledger),
        slot=slot,
        attempt=int(attempt),
        lane=int(lane),
        timeout_minutes=float(minutes),
        log=log,
        words=tuple(others),
    )


class Detach:
    """Starts keepers for claims of one ledger, and remembers them for those who want to wait."""

    def __init__(self, ledger: Path) -> None:
        self.ledger = ledger.resolve()
        self.keepers: list[subprocess.Popen[bytes]] = []

    def __call__(self, claim: Claim) -> None:
        """Start the keeper of a claim; it holds the lane from now on. Raises OSError."""
        task = Task(
            ledger=self.ledger,
            slot=claim.slot,
            attempt=claim.attempt,
            lane=claim.lane,
            timeout_minutes=claim.job.timeout_minutes,
            log=claim.log,
            words=claim.job.words(),
        )
        log = self.ledger.parent / claim.log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.keepers.append(
                subprocess.Popen(
                    [*KEEPER, *task.to_words()],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(claim.lane,),
                    start_new_session=True,
                )
            )


def keep(task: Task) -> None:
    """Run the slot to its end and record it."""
    with Ledger(task.ledger) as ledger:
        with ledger.transaction():
            if not ledger.take_over(task.slot, task.attempt, process(os.getpid())):
                return
        began = time.monotonic()
        read_end, write_end = os.pipe()
        child = subprocess.Popen(
            ["/bin/sh", "-c", WAIT_FOR_GO, "sh", *task.words],
            cwd=ROOT,
            stdin=read_end,
            pass_fds=(task.lane,),
            start_new_session=True,
        )
        os.close(read_end)
        with ledger.transaction():
            ledger.began(task.slot, task.attempt, process(child.pid), datetime.now(UTC))
        os.write(write_end, b"go\n")
        os.close(write_end)
        in_time = _waited(child, task.timeout_minutes * 60)
        signal_group(child.pid, signal.SIGKILL)  # what the job left behind in its group
        state = "timed_out" if not in_time else "succeeded" if child.returncode == 0 else "failed"
        record_end(ledger, task, state, child.returncode, time.monotonic() - began, datetime.now(UTC))
        write_events(ledger)


def _waited(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the job, and stop its group when the time is up; did it end by itself?"""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, ring)
    for patience, number in ((seconds, signal.SIGTERM), (GRACE, signal.SIGKILL)):
        signal.setitimer(signal.ITIMER_REAL, patience)
        try:
            child.wait()
        except TimeoutError:
            signal_group(child.pid, number)
        else:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return number is signal.SIGTERM
    child.wait()
    return False


def record_end(ledger: Ledger, task: Task, state: str, exit_status: int, seconds: float, now: datetime) -> None:
    """Record how a run ended, with what somebody may have to hear of it."""
    logs: list[str] = []
    with ledger.transaction():
        if ledger.end(task.slot, task.attempt, state, exit_status, now):
            for event in _events(ledger, task, state, exit_status, seconds, text(now)):
                ledger.raise_event(event)
            logs = ledger.spare_logs(task.slot.partition("/")[0], GOOD_LOGS)
    unlink_logs(ledger.path.parent, logs)


def _events(ledger: Ledger, task: Task, state: str, exit_status: int, seconds: float, at: str) -> list[Event]:
    """What of this end may somebody have to hear of?"""
    entry = ledger.entry(task.slot)
    if entry is None:
        return []
    owner = entry.owner or ""
    if state == "failed":
        return [
            JobFailed(
                id=f"failed/{task.slot}/{task.attempt}",
                at=at,
                job=entry.job,
                owner=owner,
                slot=task.slot,
                attempt=task.attempt,
                exit_status=exit_status,
                seconds=round(seconds, 1),
                log=task.log,
            )
        ]
    if state == "timed_out":
        return [
            JobTimedOut(
                id=f"timed_out/{task.slot}/{task.attempt}",
                at=at,
                job=entry.job,
                owner=owner,
                slot=task.slot,
                attempt=task.attempt,
                minutes=task.timeout_minutes,
                log=task.log,
            )
        ]
    before = ledger.last(entry.job, before=entry.due)
    if before is None or before.state == "succeeded":
        return []
    name = f"recovered/{task.slot}"
    return [JobRecovered(id=name, at=at, job=entry.job, owner=owner, slot=task.slot, before=before.state)]


if __name__ == "__main__":
    keep(task_of(sys.argv[1:]))
