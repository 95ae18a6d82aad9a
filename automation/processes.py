"""Is anything of this lane running right now, and how is what is left of a run stopped?

A lane (a concurrency group) is an flock on a file of its own. The tick that starts a job takes it, the supervisor and
the job inherit the same open file, so there is no moment between two of them at which it is free; a SIGKILL at any
point leaves the empty file and no lock. Whoever holds a lane knows that every slot still recorded as claimed in it has
lost its process.

A process id says little: ids are used again, and children leave their group. So the processes of a run bear its mark
in their environment, where /proc shows it. Where there is none (macOS), what a dead supervisor left runs to its end.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reports.escaping import cut

PROC = Path("/proc")
#: The variables that bear the mark of a run: of the supervisor, and of the job with all that it starts.
SUPERVISOR, JOB = "HERO_GATE_SUPERVISES", "HERO_GATE_RUN"
_LENGTH = 80


@contextmanager
def taken(folder: Path, lane: str, *, patience: float = 0.0) -> Iterator[int | None]:
    """The lane's open file, or None while something else holds it after `patience` seconds. Closed at the end.

    Closing frees the lane only if no started process has inherited the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / f"{lane}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    until, held = time.monotonic() + patience, False
    try:
        while not held:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                if time.monotonic() >= until:
                    break
                time.sleep(0.02)
        yield file if held else None
    finally:
        os.close(file)


def mark(folder: Path, slot: str, attempt: int) -> str:
    """What the processes of one attempt bear; `folder` is that of its ledger."""
    return f"{folder}: {slot}#{attempt}"


def marked(variable: str, value: str) -> list[int]:
    """The processes that bear a mark."""
    wanted, found = f"{variable}={value}".encode(), []
    for path in PROC.glob("[0-9]*"):
        with suppress(OSError):  # gone, or another user's
            if wanted in (path / "environ").read_bytes().split(b"\0") and int(path.name) != os.getpid():
                found.append(int(path.name))
    return found


def stop(pids: list[int]) -> list[str]:
    """Kill processes; each in words."""
    told = []
    for pid in pids:
        with suppress(OSError):
            words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            told.append(f"process {pid} ({cut(words.strip(), _LENGTH)})")
            os.kill(pid, signal.SIGKILL)
    return told


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group, if there is one."""
    with suppress(ProcessLookupError, PermissionError):  # gone, or (macOS) only a zombie is left
        os.killpg(group, number)
