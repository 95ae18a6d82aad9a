"""Are agg.parquet and hits.parquet of the night whole, and of the queries that were drawn?

The drawn suites are asked of the incumbent and of every hero of the policy, and written as the two evidence files; then
the files are read back as anybody would read them. What is checked is what lies there, not what was in memory.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evidence.digests import file_digest
from evidence.files import write_whole
from evidence.parts import merge_parts, write_part
from evidence.regenerated import query_disagreements, row_disagreements
from evidence.schemas import AGG, HITS, SchemaDrift, check
from gates.errors import EvidenceError
from gates.job_cells import count_cell, job_cell, not_evidenced
from gates.verdicts import Cell, Verdict
from rollout.nightly.draw import queries_of, read_drawn
from rollout.probe import Probe, ask_in_turn

CHECKS = ("schema", "rows", "queries")
_FILES = {"hits.parquet": HITS, "agg.parquet": AGG}
_NIGHT, _SCHEMA = "night.json", "hero-gate/night/v1"


def regenerate(folder: Path, night: date, probes: Sequence[Probe], run_id: str) -> None:
    """Ask every system the night's suites and write the two files, and beside them what they are of.

    Raises EvidenceError where nothing was drawn for the night, or another night's collection is there.
    """
    suites = queries_of(read_drawn(folder, night.isoformat()), probes[0].collection.queries)
    parts = folder / ".parts"
    shutil.rmtree(parts, ignore_errors=True)
    for window, queries in enumerate(suites.values(), start=1):
        for probe, found in zip(probes, ask_in_turn(probes, queries, run_id, window), strict=True):
            write_part(parts, f"{probe.served.name}-{window:03d}", found.hits, found.agg)
    merge_parts(parts, folder)
    shutil.rmtree(parts)
    said = {
        "schema": _SCHEMA,
        "night": night.isoformat(),
        "run_id": run_id,
        "systems": [probe.served.name for probe in probes],
        "suites": list(suites),
        "sha256": {name: file_digest(folder / name) for name in _FILES},
    }
    write_whole(folder / _NIGHT, json.dumps(said, indent=1, sort_keys=True) + "\n")


def judge_files(folder: Path, night: date, incumbent: str) -> dict[str, Cell]:
    """The cell of each check, from what lies in the folder. What needs a file that another check refuses is skipped."""
    try:
        hits, agg = read_files(folder)
    except (EvidenceError, SchemaDrift) as error:
        return {
            "schema": job_cell(incumbent, "schema", Verdict.RED, 0, note=f"{error}; run -m regenerate again"),
            **{name: not_evidenced(incumbent, name, "the files do not keep the schema") for name in CHECKS[1:]},
        }
    said = read_night(folder, night)
    asked = read_drawn(folder, night.isoformat())
    drawn: dict[int, list[str]] = {i: [] for i in range(1, len(said["suites"]) + 1)}
    for suite, query_id in zip(asked["suite"].to_pylist(), asked["query_id"].to_pylist(), strict=True):
        drawn[said["suites"].index(suite) + 1].append(query_id)
    n = agg.num_rows
    rows = row_disagreements(hits, agg)
    queries = query_disagreements(agg, drawn, said["systems"])
    way_out = "run -m regenerate again; if it stays, what writes the files is broken"
    return {
        "schema": job_cell(
            incumbent, "schema", Verdict.GREEN if n else Verdict.INCONCLUSIVE, n, unit="answers",
            note=f"{hits.num_rows:,} hits of {n:,} answers, {len(said['systems'])} systems",
        ),
        "rows": count_cell(
            incumbent, "rows", len(rows), n, unit="systems", red=f"{'; '.join(rows[:2])}; {way_out}"
        ),
        "queries": count_cell(
            incumbent, "queries", len(queries), n, unit="systems", red=f"{'; '.join(queries[:2])}; {way_out}"
        ),
    }  # fmt: skip


def read_files(folder: Path) -> tuple[pa.Table, pa.Table]:
    """hits and agg. Raises EvidenceError where one cannot be read, SchemaDrift where it has other columns."""
    tables = []
    for name, schema in _FILES.items():
        try:
            table = pq.read_table(folder / name, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            raise EvidenceError(f"{folder / name}: cannot be read: {str(error).splitlines()[0]}") from None
        check(table, schema, name)
        tables.append(table)
    return tables[0], tables[1]


def read_night(folder: Path, night: date) -> Mapping[str, Any]:
    """What the files are of. Raises EvidenceError where they are of another night, or there are none."""
    try:
        said = json.loads((folder / _NIGHT).read_bytes())
        fine = said["schema"] == _SCHEMA and said["night"] == night.isoformat() and bool(said["systems"])
    except (OSError, ValueError, KeyError, TypeError):
        said, fine = {}, False
    if not fine:
        of = said.get("night", "no night") if isinstance(said, dict) else "no night"
        should = f"should be of {night.isoformat()}; run -m regenerate first"
        raise EvidenceError(f"{folder / _NIGHT}: of {of}, but {should}")
    return dict(said)


def unchanged(folder: Path, night: date) -> Mapping[str, Any]:
    """The same, after a look at the files' digests: they are what `regenerate` wrote. Raises EvidenceError."""
    said = read_night(folder, night)
    for name in _FILES:
        if not (folder / name).is_file() or file_digest(folder / name) != said["sha256"].get(name):
            raise EvidenceError(f"{folder / name}: not what the night of {night.isoformat()} wrote; run -m regenerate")
    return said
