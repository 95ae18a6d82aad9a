"""Does a claimed slot come to an end that is recorded? One small process for each run, in a session of its own.

The supervisor is started by a tick (`Supervisors`), and goes on when that tick is long gone. It starts the job as the
leader of a process group, waits for it, stops the whole group when time is up, and records how it ended. The job does
not begin before its process stands in the ledger: if the supervisor is killed, the next tick knows what to stop.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from automation.events import JobFailed, JobRecovered, JobTimedOut, ScheduleEvent
from automation.ledger import Entry, Ledger
from automation.notify import write_events
from automation.processes import process, signal_group
from automation.schedule import ROOT
from automation.tick import Attempt

SUPERVISOR = (sys.executable, "-m", "automation.supervisor")
#: From a polite end (SIGTERM) to one that cannot be refused.
GRACE = 10.0
#: Logs of good runs that are kept for each job; those of bad ones stay as long as the ledger knows the slot.
GOOD_LOGS = 20
#: The shell waits for "go", then becomes the job. A supervisor that dies before closes the pipe, and nothing runs.
WAIT_FOR_GO = 'read -r go && [ "$go" = go ] && exec "$@" </dev/null'


class Supervisors:
    """Starts supervisors for attempts of one ledger, and remembers them for those who want to wait."""

    def __init__(self, ledger: Path) -> None:
        self.ledger = ledger.resolve()
        self.processes: list[subprocess.Popen[bytes]] = []

    def __call__(self, attempt: Attempt) -> None:
        """Start the supervisor of an attempt; it holds the lane from now on. Raises OSError."""
        log = self.ledger.parent / attempt.log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.processes.append(
                subprocess.Popen(
                    [*SUPERVISOR, str(self.ledger), json.dumps(asdict(attempt))],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(attempt.lane,),
                    start_new_session=True,
                )
            )


def supervise(path: Path, attempt: Attempt) -> None:
    """Run the slot to its end and record it."""
    with Ledger(path) as ledger:
        with ledger.transaction():
            if not ledger.take_over(attempt.slot, attempt.number, process(os.getpid())):
                return
        began = time.monotonic()
        read_end, write_end = os.pipe()
        child = subprocess.Popen(
            ["/bin/sh", "-c", WAIT_FOR_GO, "sh", *attempt.words],
            cwd=ROOT,
            stdin=read_end,
            pass_fds=(attempt.lane,),
            start_new_session=True,
        )
        os.close(read_end)
        with ledger.transaction():
            ledger.began(attempt.slot, attempt.number, process(child.pid), datetime.now(UTC))
        os.write(write_end, b"go\n")
        os.close(write_end)
        in_time = _waited(child, attempt.timeout_minutes * 60)
        signal_group(child.pid, signal.SIGKILL)  # what the job left behind in its group
        state = "timed_out" if not in_time else "succeeded" if child.returncode == 0 else "failed"
        record_end(ledger, attempt, state, child.returncode, time.monotonic() - began, datetime.now(UTC))
        write_events(ledger)


def _waited(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the job, and stop its group when the time is up; did it end by itself?"""
    for patience, number in ((seconds, signal.SIGTERM), (GRACE, signal.SIGKILL)):
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            signal_group(child.pid, number)
        else:
            return number is signal.SIGTERM
    child.wait()
    return False


def record_end(ledger: Ledger, attempt: Attempt, state: str, exit_status: int, seconds: float, now: datetime) -> None:
    """Record how a run ended, with what somebody may have to hear of it."""
    logs: list[str] = []
    with ledger.transaction():
        entry = ledger.entry(attempt.slot)
        if entry is not None and ledger.end(attempt.slot, attempt.number, state, exit_status, now):
            event = _event(entry, ledger.last(entry.job, before=entry.due), attempt, state, exit_status, seconds, now)
            if event is not None:
                ledger.raise_event(event)
            logs = ledger.spare_logs(entry.job, GOOD_LOGS)
    ledger.unlink(logs)


def _event(
    entry: Entry, before: Entry | None, attempt: Attempt, state: str, exit_status: int, seconds: float, now: datetime
) -> ScheduleEvent | None:
    """What of this end may somebody have to hear of?"""
    number, log = attempt.number, attempt.log
    if state == "failed":
        about = entry.of_run(f"failed/{entry.slot}/{number}", now)
        return JobFailed(**about, attempt=number, exit_status=exit_status, seconds=round(seconds, 1), log=log)
    if state == "timed_out":
        about = entry.of_run(f"timed_out/{entry.slot}/{number}", now)
        return JobTimedOut(**about, attempt=number, minutes=attempt.timeout_minutes, log=log)
    if before is None or before.state == "succeeded":
        return None
    return JobRecovered(**entry.of_run(f"recovered/{entry.slot}", now), before=before.state)


if __name__ == "__main__":
    supervise(Path(sys.argv[1]), Attempt(**json.loads(sys.argv[2])))
