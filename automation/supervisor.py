"""Does a claimed slot come to an end that is recorded? One small process for each run, in a session of its own.

The supervisor is started by a tick (`Supervisors`), and goes on when that tick is long gone. It starts the job as the
leader of a process group, waits for it, stops the whole group when time is up, and records how it ended. Both bear the
mark of the attempt: if the supervisor is killed, the next tick knows what to stop.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from automation.events import OURS, bad_end, findings_file, job_over
from automation.ledger import Ledger
from automation.processes import JOB, SUPERVISOR, mark, marked, signal_group, stop
from automation.tick import Attempt
from gates.place import HERE
from gates.status import FINDINGS

COMMAND = (sys.executable, "-m", "automation.supervisor")
#: From a polite end (SIGTERM) to one that cannot be refused.
GRACE = 10.0
#: Logs of good runs that are kept for each job; those of bad ones stay as long as the ledger knows the slot.
GOOD_LOGS = 20


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
                    [*COMMAND, str(self.ledger), json.dumps(asdict(attempt))],
                    cwd=HERE.home,
                    env={**os.environ, SUPERVISOR: mark(self.ledger.parent, attempt.slot, attempt.number)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(attempt.lane,),
                    start_new_session=True,
                )
            )


def supervise(path: Path, attempt: Attempt) -> None:
    """Run the slot to its end and record it."""
    its = mark(path.parent, attempt.slot, attempt.number)
    with Ledger(path) as ledger:
        with ledger.transaction():
            if not ledger.take_over(attempt.slot, attempt.number, datetime.now(UTC)):
                return
        findings = str(path.parent / findings_file(attempt.log))
        environment = {name: value for name, value in os.environ.items() if name != SUPERVISOR}
        child = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$@"', "sh", *attempt.words],  # one that is not there ends with 127
            cwd=HERE.home,
            env={**environment, JOB: its, FINDINGS: findings},
            stdin=subprocess.DEVNULL,
            pass_fds=(attempt.lane,),
            start_new_session=True,
        )
        in_time = _waited(child, attempt.timeout_minutes * 60)
        signal_group(child.pid, signal.SIGKILL)  # what the job left behind in its group ...
        for left in stop(marked(JOB, its)):  # ... and elsewhere: it would hold the lane
            print(f"{OURS}stopped what the job left running: {left}", flush=True)
        state = "timed_out" if not in_time else "succeeded" if child.returncode == 0 else "failed"
        record_end(ledger, attempt, state, child.returncode, datetime.now(UTC))


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


def record_end(ledger: Ledger, attempt: Attempt, state: str, exit_status: int, now: datetime) -> None:
    """Record how a run ended, with what somebody may have to hear of it."""
    logs, folder = list[str](), ledger.path.parent
    with ledger.transaction():
        entry = ledger.entry(attempt.slot)
        if entry is not None and ledger.end(attempt.slot, attempt.number, state, exit_status, now):
            before = ledger.last(entry.job, before=entry.due)
            if state != "succeeded":
                how = (state, exit_status, attempt.words, attempt.marker, attempt.timeout_minutes)
                ledger.tell(*bad_end(entry, *how, folder, now))
            elif before is not None and before.state != "succeeded":
                ledger.tell(job_over(entry, now))
            logs = ledger.spare_logs(entry.job, GOOD_LOGS)
    ledger.unlink(logs)
    (folder / findings_file(attempt.log)).unlink(missing_ok=True)


if __name__ == "__main__":
    supervise(Path(sys.argv[1]), Attempt(**json.loads(sys.argv[2])))
