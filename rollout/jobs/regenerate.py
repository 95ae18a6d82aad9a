"""Are agg.parquet and hits.parquet of the night whole, and of the queries that were drawn?

The drawn suites are asked of the incumbent and of every hero of the policy, and written as the two evidence files; then
the files are read back as anybody would read them. What is checked is what lies there, not what was in memory.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import pyarrow as pa
from pydantic import Field, ValidationError

from evidence.digests import file_digest
from evidence.files import write_whole
from evidence.parts import merge_parts, write_part
from evidence.schemas import SchemaDrift
from gates.documents import Document
from gates.errors import EvidenceError
from gates.verdicts import Cell, Verdict
from rollout.columns import read_agg, read_hits
from rollout.jobs.check import JobCheck, job_check, judge_all
from rollout.jobs.draw import queries_of, read_drawn
from rollout.jobs.job import Jobs
from rollout.jobs.probe import Probe, ask_in_turn
from rollout.jobs.settings import read_family

_FILES = ("hits.parquet", "agg.parquet")
_NIGHT = "night.json"
_KEY = ["system", "window", "query_id"]  # of an answer
ByWindow = Mapping[int, Sequence[str]]  # window -> its query ids, each once


class NightWritten(Document):
    """What the files are of."""

    schema_: Literal["hero-gate/night/v1"] = Field(default="hero-gate/night/v1", alias="schema")
    night: str
    run_id: str
    systems: Annotated[tuple[str, ...], Field(min_length=1)]
    suites: tuple[str, ...]  # of the windows 1, 2, ...
    sha256: dict[str, str]  # file -> digest


class Files(NamedTuple):
    """What lies in the folder, read back."""

    hits: pa.Table
    agg: pa.Table
    systems: Sequence[str]
    drawn: ByWindow


_AGAIN = "run -m regenerate again; if it stays, what writes the files is broken"


@job_check("schema", "answers", "run -m regenerate again")
def schema(check: JobCheck, found: Files) -> Cell:
    """Whoever reads the night's evidence would read other columns, or none."""
    # the files were read, so it holds; where they cannot be, `run` says so
    n = found.agg.num_rows
    note = f"{found.hits.num_rows:,} hits of {n:,} answers, {len(found.systems)} systems"
    return check.cell(Verdict.GREEN if n else Verdict.INCONCLUSIVE, n, note=note)


@job_check("rows", "systems", _AGAIN)
def rows(check: JobCheck, found: Files) -> Cell:
    """Whoever reads the night's evidence would count hits twice, or miss some."""
    lines = row_disagreements(found.hits, found.agg)
    return check.none_of(len(lines), found.agg.num_rows, "; ".join(lines[:2]))


@job_check("queries", "systems", _AGAIN)
def queries(check: JobCheck, found: Files) -> Cell:
    """The night's numbers would be of other queries than those that were drawn for it."""
    lines = query_disagreements(found.agg, found.drawn, found.systems)
    return check.none_of(len(lines), found.agg.num_rows, "; ".join(lines[:2]))


CHECKS = (schema, rows, queries)


def items(jobs: Jobs) -> list[str]:
    """One of each check."""
    return [check.key for check in CHECKS]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Write the files of the night and read them back."""
    folder, night = jobs.night(read_family(jobs.configs, "nightly"))
    incumbent = jobs.probe()
    regenerate(folder, night, [incumbent, *map(jobs.probe, incumbent.served.policy.heroes)], jobs.run_id)
    return judge_files(folder, night, incumbent.served.name)


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
    said = NightWritten(
        night=night.isoformat(),
        run_id=run_id,
        systems=tuple(probe.served.name for probe in probes),
        suites=tuple(suites),
        sha256={name: file_digest(folder / name) for name in _FILES},
    )
    document = said.model_dump(mode="json", by_alias=True)
    write_whole(folder / _NIGHT, json.dumps(document, indent=1, sort_keys=True) + "\n")


def judge_files(folder: Path, night: date, incumbent: str) -> dict[str, Cell]:
    """The cell of each check, from what lies in the folder. What needs a file that another check refuses is skipped."""
    try:
        hits, agg = read_hits(folder), read_agg(folder)
    except (EvidenceError, SchemaDrift) as error:
        unread = {check.key: check.not_evidenced(incumbent, "the files do not keep the schema") for check in CHECKS}
        return {**unread, schema.key: replace(schema.found(True, 0, str(error)), hero=incumbent)}
    said = read_night(folder, night)
    asked = read_drawn(folder, night.isoformat())
    suites, ids = (asked[column].to_pylist() for column in ("suite", "query_id"))
    drawn = {
        window: [query_id for its, query_id in zip(suites, ids, strict=True) if its == suite]
        for window, suite in enumerate(dict.fromkeys([*said.suites, *suites]), start=1)
    }
    return judge_all(CHECKS, incumbent, Files(hits, agg, said.systems, drawn))


def read_night(folder: Path, night: date) -> NightWritten:
    """What the files are of. Raises EvidenceError where they are of another night, or there are none."""
    of = "no night"
    with suppress(OSError, ValidationError):
        said = NightWritten.model_validate_json((folder / _NIGHT).read_bytes())
        if said.night == night.isoformat():
            return said
        of = said.night
    should = f"should be of {night.isoformat()}; run -m regenerate first"
    raise EvidenceError(f"{folder / _NIGHT}: of {of}, but {should}")


def unchanged(folder: Path, night: date) -> NightWritten:
    """The same, after a look at the files' digests: they are what `regenerate` wrote. Raises EvidenceError."""
    said = read_night(folder, night)
    for name in _FILES:
        if not (folder / name).is_file() or file_digest(folder / name) != said.sha256.get(name):
            raise EvidenceError(f"{folder / name}: not what the night of {night.isoformat()} wrote; run -m regenerate")
    return said


def row_disagreements(hits: pa.Table, agg: pa.Table) -> list[str]:
    """Where hits.parquet has not as many rows of an answer as agg.parquet says, system by system."""
    wrong = []
    counted = dict(hits.select(_KEY).to_pandas().groupby(_KEY, observed=True).size())
    for key, total in zip(_answers(agg), agg["total_hits"].to_pylist(), strict=True):
        there = counted.pop(key, 0)
        if there != total:
            wrong.append((key[0], f"query {key[2]} has {there} rows in hits.parquet, but agg.parquet says {total}"))
    wrong += [
        (str(system), f"query {query} has {n} rows in hits.parquet, but none in agg.parquet")
        for (system, _, query), n in counted.items()
    ]
    return _told(wrong)


def query_disagreements(agg: pa.Table, drawn: ByWindow, systems: Sequence[str]) -> list[str]:
    """Where a system was not asked each drawn query exactly once, in its window."""
    seen = Counter(_answers(agg))
    wanted = {(system, window, query) for system in systems for window, ids in drawn.items() for query in ids}
    asked = {answer: n for answer, n in seen.items() if answer[0] in systems}
    found = [(answer, "has no answer") for answer in sorted(wanted - asked.keys())]
    found += [(answer, "was not drawn") for answer in sorted(asked.keys() - wanted)]
    found += [(answer, "was answered more than once") for answer in sorted(a for a, n in asked.items() if n > 1)]
    wrong = [(system, f"query {query} of suite {window} {what}") for (system, window, query), what in found]
    others = Counter(system for system, _, _ in (seen - Counter(asked)).elements())
    return _told(wrong + [(other, f"{n} answers of a system that was not asked") for other, n in others.items()])


def _answers(agg: pa.Table) -> Iterator[tuple[str, int, str]]:
    return zip(*(agg[column].to_pylist() for column in _KEY), strict=True)


def _told(wrong: Sequence[tuple[str, str]]) -> list[str]:
    """The first difference of each system, and how many more there are."""
    told = []
    for system in dict.fromkeys(system for system, _ in wrong):
        lines = [line for other, line in wrong if other == system]
        told.append(f"{system}: {lines[0]}" + (f" (and {len(lines) - 1:,} more)" if len(lines) > 1 else ""))
    return told
