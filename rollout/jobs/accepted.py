"""Which answers of the incumbent were accepted? The file that drift, health and the emergency tripwire compare with.

One parquet file: a row a query, and in its metadata whose answers they are. It stands until another configuration
serves, or until somebody accepts a new state with --write: a reference that followed the last week would let a drift
of .009 a week pass for ever.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.files import regular
from evidence.parts import write_table
from evidence.schemas import SchemaDrift, check
from gates.archive import state_of
from gates.errors import EvidenceError
from gates.pairs import COLUMNS, Arm
from gates.place import HERE
from rollout.answered import Answered
from rollout.jobs.job import Jobs
from rollout.jobs.settings import ContinuousFile

FILE = "accepted.parquet"
DRIFT = HERE.typed("python -m pytest -m drift")  # accepts the answers of what serves
_TEXTS = ("query_id", "suite", "intent")
_SCHEMA, _KEY = "hero-gate/accepted/v1", b"hero-gate"
ACCEPTED = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("within_sla", pa.bool_()),
        *((name, pa.float64()) for name in COLUMNS),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Kept answers, and what is known of them: config_hash, run_id, at, calibrator, latency_ms."""

    answers: Answered
    facts: dict[str, Any]


def write_answers(path: Path, answers: Answered, facts: dict[str, Any]) -> None:
    """Keep these answers. `facts` is JSON; the schema, the count and the quantiles of latency are added."""
    told = {
        "schema": _SCHEMA,
        **facts,
        "n": len(answers),
        "latency_ms": {f"p{q}": float(np.percentile(answers.arm.latency_ms, q)) for q in (50, 95, 99)},
    }
    columns = {
        **{name: getattr(answers, name) for name in (*_TEXTS, "within_sla")},
        **{name: getattr(answers.arm, name) for name in COLUMNS},
    }
    table = pa.table([columns[name].tolist() if name in _TEXTS else columns[name] for name in ACCEPTED.names], ACCEPTED)
    write_with_facts(table, path, told)


def write_with_facts(table: pa.Table, path: Path, facts: dict[str, Any]) -> None:
    """Write a table, and in its metadata what is known of it."""
    write_table(table.replace_schema_metadata({_KEY: json.dumps(facts, sort_keys=True).encode()}), path)


def facts_in(schema: pa.Schema) -> dict[str, Any]:
    """What is known of a table. Raises KeyError, ValueError where nothing is."""
    facts: dict[str, Any] = json.loads((schema.metadata or {})[_KEY])
    return facts


def read_facts(path: Path) -> dict[str, Any]:
    """What is known of the accepted answers, without reading them. Raises EvidenceError where there are none."""
    try:
        facts = facts_in(pq.ParquetFile(regular(path)).schema_arrow)
        if facts["schema"] != _SCHEMA:
            raise KeyError("schema")
    except FileNotFoundError:
        raise EvidenceError(f"{path}: no answers are accepted; run {DRIFT}") from None
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        way_out = f"accept a new state: {DRIFT} --write"
        raise EvidenceError(f"{path}: cannot be read ({type(error).__name__}); {way_out}") from None
    return facts


def read_answers(path: Path) -> Accepted:
    """Kept answers. Raises EvidenceError where there are none, or other columns."""
    facts = read_facts(path)
    table = pq.ParquetFile(path).read()
    try:
        check(table, ACCEPTED, path.name)
    except SchemaDrift as error:
        raise EvidenceError(f"{error}; accept a new state: {DRIFT} --write") from None
    texts = {name: np.array(table[name].to_pylist(), dtype=np.str_) for name in _TEXTS}
    numbers: dict[str, Any] = {name: np.array(table[name].to_numpy()) for name in COLUMNS}
    within = np.asarray(table["within_sla"].to_numpy(), dtype=np.bool_)
    return Accepted(answers=Answered(**texts, within_sla=within, arm=Arm(**numbers)), facts=facts)


def read_kept(jobs: Jobs) -> Accepted | None:
    """Those of what serves, None where there are none; with --write what cannot be read is in nobody's way."""
    path = jobs.state / FILE
    if not path.exists():
        return None
    try:
        return read_answers(path)
    except EvidenceError:
        if jobs.write:
            return None
        raise


def accepted_of(configs: Path) -> Accepted | str:
    """The accepted answers, or why there are none."""
    try:
        return read_answers(state_of(configs) / FILE)
    except EvidenceError as error:
        return str(error)


def result_folders(jobs: Jobs, file: ContinuousFile) -> list[Path]:
    """Where results are looked for: the folders that continuous.yaml names, and this run's artifacts."""
    return list(dict.fromkeys([*(jobs.root / folder for folder in file.results), jobs.artifacts]))


def left_behind(folders: list[Path], name: str) -> Iterator[Path]:
    """Files or folders of that name that runs left behind."""
    for folder in folders:
        for pattern in (name, f"jobs/*/{name}"):
            yield from folder.glob(pattern)
