"""The gate monitor: reads what runs left behind; it asks no system anything."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

from fixtures.continuous import Continuous
from fixtures.served import Served
from gates.errors import EvidenceError
from gates.job_cells import not_evidenced
from gates.monitor import GATES, Decided, judge_gates, judge_overdue, judge_promoted
from gates.verdicts import Cell
from rollout.continuous.health import FOLDER, newest_health
from rollout.jobs.job import Job
from rollout.weekly.accepted import Accepted

JOB = "gate_monitor"


def run_monitor(
    job: Job, served: Served, continuous: Continuous, folders: list[Path], accepted: Accepted | str
) -> dict[str, Cell]:
    """The cell of each check. `folders` hold results; `accepted` is text where nothing is accepted: why."""
    limits, name = continuous.gate_monitor, served.name
    cells = {
        f"{family}_overdue": judge_overdue(name, limits, family, _age_hours(folders, family, job.at))
        for family in ("nightly", "weekly")
    }
    cells["promoted"] = judge_promoted(name, served.config_hash, newest_decisions(folders))
    return {**cells, **_gates(job, served, continuous, folders, accepted)}


def _gates(
    job: Job, served: Served, continuous: Continuous, folders: list[Path], accepted: Accepted | str
) -> dict[str, Cell]:
    asked = [check for check in GATES if check in served.policy.asked_gates]
    if isinstance(accepted, str):
        return {check: not_evidenced(served.name, check, accepted) for check in asked}
    places = [*(folder / "continuous" / FOLDER for folder in folders)]
    places += [path for folder in folders for path in folder.glob(f"jobs/*/continuous/{FOLDER}")]
    now = newest_health(places, served.config_hash, continuous.gate_monitor.probes)
    if now is None:
        why = "no health probe of what serves was kept; run python -m pytest -m health"
        return {check: not_evidenced(served.name, check, why) for check in asked}
    seed = int.from_bytes(hashlib.sha256(f"monitor:{served.config_hash}".encode()).digest()[:6])
    return judge_gates(served.name, continuous.gate_monitor, served.policy, now, accepted.answers, seed)


def _age_hours(folders: list[Path], family: str, at: datetime) -> float | None:
    """Hours since the newest findings of a family; None where there are none that can be read."""
    seen = []
    for path in (path for folder in folders for p in ("", "jobs/*/") for path in folder.glob(f"{p}{family}/*.json")):
        try:
            document = json.loads(path.read_bytes())
            if document["schema"] == "hero-gate/findings/v1":
                seen.append(datetime.fromisoformat(document["at"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return (at - max(seen)).total_seconds() / 3600 if seen else None


def newest_decisions(folders: list[Path]) -> list[Decided]:
    """What the newest attestation says of its heroes; [] where there is none. Raises EvidenceError."""
    paths = [path for folder in folders for path in (folder / "attestation.json",) if path.is_file()]
    if not paths:
        return []
    path = max(paths, key=lambda path: path.stat().st_mtime_ns)
    try:
        heroes = json.loads(path.read_bytes())["heroes"]
        return [
            Decided(
                hero=str(entry["hero"]),
                decision=str(entry["decision"]),
                config_hash=str(entry["config_hash"]),
                baseline_config_hash=str(
                    json.loads((path.parent / str(entry["attestation"])).read_bytes())["baseline_config_hash"]
                ),
            )
            for entry in heroes
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"{path}: cannot be read ({type(error).__name__}); run the canary again") from None
