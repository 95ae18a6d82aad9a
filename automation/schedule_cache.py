"""Must a tick read the schedule strictly again? Only when the file, or its reader, is another one than last time.

pydantic and PyYAML take a quarter of a second, which a tick every minute must not pay for. So what was read is kept
beside the ledger under the digest of the file and of the reader; a changed file is read anew, and its warnings told.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from automation.processes import taken
from automation.schedule import Schedule, ScheduledJob
from evidence.files import write_whole


def quick_schedule(path: Path, folder: Path) -> tuple[Schedule, bool]:
    """The schedule, and was it read strictly now? Raises ConfigError with every mistake."""
    kept, digest = folder / "schedule.json", _digest(path)
    if digest is not None:
        try:
            document = json.loads(kept.read_bytes())
            if document["digest"] == digest:
                jobs = [ScheduledJob(**{**job, "command": tuple(job["command"])}) for job in document["jobs"]]
                return Schedule(jobs=tuple(jobs)), False
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not there, or written by an older checkout: the file itself says it all
    from automation.schedule_file import load_schedule

    schedule = load_schedule(path)
    with taken(folder / "lanes", ".schedule") as file:
        if digest is not None and file is not None:  # else another tick keeps it just now
            write_whole(kept, json.dumps({"digest": digest, "jobs": [asdict(job) for job in schedule.jobs]}, indent=1))
    return schedule, True


def _digest(path: Path) -> str | None:
    here = Path(__file__)
    try:
        parts = [
            path.read_bytes(),
            *(here.with_name(name).read_bytes() for name in ("schedule.py", "schedule_file.py")),
        ]
    except OSError:
        return None  # the strict reader says what is wrong with it
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
