"""Is that process still the one that was recorded, and how is a whole job stopped?

A process id alone says little: ids are used again. With the time at which the process started, and the machine and
boot in which it did, it names one process.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of one boot of one machine."""

    host: str
    pid: int
    started: str


@cache
def this_host() -> str:
    """This machine since its last boot (a container: itself, by its host name)."""
    boot = PROC / "sys/kernel/random/boot_id"
    return f"{socket.gethostname()}/{boot.read_text()[:8] if boot.exists() else ''}"


def process(pid: int) -> Process:
    """The process that has this id now. `started` is empty when there is none."""
    return Process(host=this_host(), pid=pid, started=_started(pid))


def is_dead(recorded: Process) -> bool:
    """Is this process of this machine surely gone? One of another machine never is, as far as can be seen from here."""
    return recorded.host == this_host() and recorded.started != _started(recorded.pid)


def stop_group(leader: Process) -> None:
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
