"""The pool audit: every system is asked the same queries, and what is pooled is held against the week before."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from evidence.files import replacing, write_whole
from evidence.schemas import SchemaDrift, check
from fixtures.weekly import Weekly
from gates.errors import EvidenceError
from gates.pool import CHANGES, POOL, Part, changes, in_time, judge_pool, moves_of, parts, pool_of, same_system
from gates.verdicts import Cell, Verdict
from rollout.jobs.job import Job
from rollout.probe import Probed

LAST, DIFF, COUNTS = "pool.parquet", "pool_changes.parquet", "pool_counts_by_system.csv"
_KEY = b"hero-gate"


class Last(NamedTuple):
    """The pool of the week before, and whose it was."""

    pool: pa.Table
    facts: dict[str, Any]  # run_id, at, configs


def run_pool(
    job: Job, weekly: Weekly, configs: Mapping[str, str], ask: Callable[[str], Probed]
) -> dict[tuple[str, str], Cell]:
    """(system, check) -> cell. `configs` maps each pooled system to its configuration's hash.

    The pool becomes the one that the next week is compared with, unless something is RED and --write does not say so.
    """
    answers = {name: ask(name) for name in configs}
    pool = pool_of({name: (found.hits, found.agg) for name, found in answers.items()}, weekly.pool.depth)
    last = None if job.write else _last(job.folder / LAST)
    diff = changes(pool, last.pool) if last else None
    found = parts(pool, list(configs))
    answered = {name: in_time(probed.agg) for name, probed in answers.items()}
    moves = moves_of(pool, last.pool, same_system(configs, last.facts["configs"])) if last else None
    cells = judge_pool(weekly.pool, found, answered, moves, (configs, last.facts["configs"] if last else {}))
    _write(diff if diff is not None else CHANGES.empty_table(), job.folder / DIFF)
    write_whole(job.folder / COUNTS, counts_csv(found))
    if job.write or all(cell.verdict is not Verdict.RED for cell in cells.values()):
        facts = {"run_id": job.run_id, "at": job.at.isoformat(timespec="seconds"), "configs": dict(configs)}
        told = json.dumps(facts, sort_keys=True).encode()
        _write(pool.replace_schema_metadata({_KEY: told}), job.folder / LAST)
    return cells


def counts_csv(found: Sequence[Part]) -> str:
    """system, suite, pooled_judgments, coverage_percent: the table of the contract."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("system", "suite", "pooled_judgments", "coverage_percent"))
    for part in found:
        share = 100 * part.pooled / part.pool if part.pool else 0.0
        rows.writerow((part.system, part.suite, part.pooled, f"{share:.4f}"))
    return text.getvalue()


def _last(path: Path) -> Last | None:
    if not path.exists():
        return None
    try:
        table = pq.ParquetFile(path).read()
        check(table, POOL, path.name)
        return Last(table, json.loads((table.schema.metadata or {})[_KEY]))
    except (OSError, ValueError, KeyError, pa.ArrowException, SchemaDrift) as error:
        way_out = "accept a new one: python -m pytest -m pool --write"
        raise EvidenceError(f"{path}: no pool of a week before ({type(error).__name__}); {way_out}") from None


def _write(table: pa.Table, path: Path) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
