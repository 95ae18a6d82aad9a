"""Is anything of this lane running right now, is that process still the one that was recorded, how is a job stopped?

A lane (a concurrency group) is an flock on a file of its own. The tick that starts a job takes it, the supervisor and
the job inherit the same open file, so there is no moment between two of them at which it is free; a SIGKILL at any
point leaves the empty file and no lock. Whoever holds a lane knows that every slot still recorded as claimed in it has
lost its process.

A process id alone says little: ids are used again. With the time at which the process started, and the machine and
boot in which it did, it names one process.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")


@contextmanager
def taken(folder: Path, lane: str, *, patience: float = 0.0) -> Iterator[int | None]:
    """The lane's open file, or None while something else holds it after `patience` seconds. Closed at the end.

    Closing frees the lane only if no started process has inherited the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / f"{lane}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield file if _lock(file, time.monotonic() + patience) else None
    finally:
        os.close(file)


def _lock(file: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        else:
            return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedProcess:
    """One process of one boot of one machine."""

    host: str
    pid: int
    started: str


@cache
def this_host() -> str:
    """This machine since its last boot (a container: itself, by its host name)."""
    boot = PROC / "sys/kernel/random/boot_id"
    return f"{socket.gethostname()}/{boot.read_text()[:8] if boot.exists() else ''}"


def process(pid: int) -> RecordedProcess:
    """The process that has this id now. `started` is empty when there is none."""
    return RecordedProcess(host=this_host(), pid=pid, started=_started(pid))


def is_dead(recorded: RecordedProcess) -> bool:
    """Is this process of this machine surely gone? One of another machine never is, as far as can be seen from here."""
    return recorded.host == this_host() and recorded.started != _started(recorded.pid)


def stop_group(leader: RecordedProcess) -> None:
    """Kill what is left of the process group that this process leads or led.

    An id that is still a group's is not given to a new process; so one that is in use by another process says that
    the group is gone.
    """
    if leader.host == this_host() and _started(leader.pid) in ("", leader.started):
        signal_group(leader.pid, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group, if there is one."""
    with suppress(ProcessLookupError, PermissionError):  # gone, or (macOS) only a zombie is left
        os.killpg(group, number)


def _started(pid: int) -> str:
    """When the process was started, as its system says it; empty when it is none, or a zombie."""
    if (PROC / "self").exists():
        try:
            fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] in "ZX" else fields[19]
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = told.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()
