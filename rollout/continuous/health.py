"""Hero health: the next hundred of the accepted queries are asked, compared, and kept for the gate monitor."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from evidence.schemas import SchemaDrift
from fixtures.continuous import Continuous
from gates.answered import Answered
from gates.errors import EvidenceError
from gates.health import judge_health
from gates.pairs import join_arms
from gates.verdicts import Cell
from rollout.columns import answered
from rollout.jobs.job import Job
from rollout.probe import Probe, ask_all
from rollout.weekly.accepted import Accepted, read_answers, write_answers

JOB, FOLDER = "health", "health"
PERIOD = timedelta(minutes=5)  # between two probes: which hundred is asked follows from the time alone


def run_health(job: Job, probe: Probe, continuous: Continuous, accepted: Accepted) -> dict[str, Cell]:
    """Ask, compare, keep. Raises EvidenceError where other answers are accepted than what serves would give."""
    served, limits = probe.served, continuous.health
    if accepted.facts["config_hash"] != served.config_hash:
        raise EvidenceError(
            f"accepted answers are of configuration {accepted.facts['config_hash']}, but {served.config_hash} serves; "
            "run python -m pytest -m drift, which accepts those of what serves"
        )
    turn = int(job.at.timestamp() // PERIOD.total_seconds()) * limits.queries
    wanted = [str(accepted.answers.query_id[(turn + i) % len(accepted.answers)]) for i in range(limits.queries)]
    there = {query.query_id: query for query in probe.collection.queries}
    queries = [there[name] for name in dict.fromkeys(wanted) if name in there]
    now = answered(ask_all(probe, queries, job.run_id).agg)
    facts = {"config_hash": served.config_hash, "run_id": job.run_id, "at": job.at.isoformat(timespec="seconds")}
    folder = job.folder / FOLDER
    write_answers(folder / f"{job.at:%Y%m%dT%H%M%SZ}.parquet", now, facts)
    _forget(folder, job.at - timedelta(days=limits.keep_days))
    return judge_health(served.name, limits, now, accepted.answers, accepted.facts["latency_ms"])


def newest_health(folders: list[Path], config_hash: str, probes: int) -> Answered | None:
    """The answers of the newest probes of a configuration, each query's newest; None where there is no probe."""
    paths = [path for folder in folders for path in folder.glob("*.parquet")]
    found: list[Answered] = []
    for path in sorted(paths, key=lambda path: path.name, reverse=True)[:probes]:
        try:
            kept = read_answers(path)
        except (EvidenceError, SchemaDrift):  # of another checkout, or half of one: fewer answers are judged
            continue
        if kept.facts["config_hash"] == config_hash:
            found.append(kept.answers)
    if not found:
        return None
    whole = _joined(found)
    _, first = np.unique(whole.query_id, return_index=True)
    return whole.rows(first)


def _joined(found: list[Answered]) -> Answered:
    return Answered(
        query_id=np.concatenate([one.query_id for one in found]),
        suite=np.concatenate([one.suite for one in found]),
        intent=np.concatenate([one.intent for one in found]),
        within_sla=np.concatenate([one.within_sla for one in found]),
        arm=join_arms([one.arm for one in found]),
    )


def _forget(folder: Path, before: datetime) -> None:
    for path in folder.glob("*.parquet"):
        if path.name < f"{before:%Y%m%dT%H%M%SZ}":
            path.unlink(missing_ok=True)
