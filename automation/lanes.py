"""Is anything of this lane running right now? The kernel knows, and forgets when the last of its processes dies.

A lane is an flock on a file of its own. The tick that starts a job takes it, the keeper and the job inherit the same
open file, so there is no moment between two of them at which it is free; a SIGKILL at any point leaves the empty file
and no lock. Whoever holds a lane knows that every slot still recorded as claimed in it has lost its process.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
