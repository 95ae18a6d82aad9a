"""Which queries does a suite ask tonight, and which are asked every week?

Tonight those that were not asked lately, in an order that only the date draws. Every week the same ones, so that what
differs is the system.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from evidence.digests import file_digest
from evidence.files import write_whole
from evidence.parts import read_table, write_table
from fixtures.suites import Queries, pool_of
from fixtures.systems.protocol import Collection, Query
from gates.errors import EvidenceError
from gates.policy import Count
from rollout.jobs.job import Jobs
from rollout.jobs.probe import Probed, ask_all

DRAWN = pa.schema(
    [
        ("suite", pa.string()),
        ("place", pa.int32()),  # in the order it is asked
        ("query_ord", pa.int32()),
        ("query_id", pa.string()),
        ("last_drawn", pa.string()),  # the night that asked it last, "" for a fresh one
    ]
)
_FOLDER, _SCHEMA = "drawn", "hero-gate/drawn/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One suite of a night."""

    suite: str
    queries: tuple[Query, ...]
    last_drawn: tuple[str, ...]  # the night that asked each last, "" for a fresh one
    pool: int  # queries that it could draw from

    @property
    def fresh(self) -> int:
        """Queries that no remembered night has asked."""
        return sum(not night for night in self.last_drawn)


def draw(night: str, suite: str, pool: Sequence[Query], size: int, used: Mapping[str, str]) -> Drawn:
    """The first `size` queries: those never drawn, then those drawn longest ago, each in the order of HMAC(night, id).

    `used`: query id -> the night that drew it last.
    """

    def turn(query: Query) -> tuple[str, bytes]:
        digest = hmac.digest(night.encode(), f"{suite}:{query.query_id}".encode(), hashlib.sha256)
        return used.get(query.query_id, ""), digest

    queries = tuple(sorted(pool, key=turn)[:size])
    last = tuple(used.get(query.query_id, "") for query in queries)
    return Drawn(suite=suite, queries=queries, last_drawn=last, pool=len(pool))


def remembered(folder: Path, night: date, remember: int) -> dict[str, dict[str, str]]:
    """suite -> query id -> the last night before this one that drew it, of the last `remember` refreshes.

    Raises EvidenceError where one of their files is not what was written.
    """
    before = sorted(path for path in (folder / _FOLDER).glob("*.json") if path.stem < night.isoformat())[-remember:]
    used: dict[str, dict[str, str]] = {}
    for path in before:
        for suite, query_id in zip(*(read_drawn(folder, path.stem)[c].to_pylist() for c in ("suite", "query_id")),
                                   strict=True):  # fmt: skip
            used.setdefault(suite, {})[query_id] = path.stem
    return used


def write_drawn(folder: Path, night: date, drawn: Sequence[Drawn], remember: int) -> None:
    """Write the suites of a night and their digest; forget what is older than is remembered."""
    rows = [
        {"suite": one.suite, "place": i, "query_ord": query.query_ord, "query_id": query.query_id, "last_drawn": last}
        for one in drawn
        for i, (query, last) in enumerate(zip(one.queries, one.last_drawn, strict=True))
    ]
    path = _path(folder, night.isoformat())
    write_table(pa.Table.from_pylist(rows, schema=DRAWN), path)
    said = {
        "schema": _SCHEMA,
        "night": night.isoformat(),
        "sha256": file_digest(path),
        "suites": {one.suite: {"queries": len(one.queries), "fresh": one.fresh, "pool": one.pool} for one in drawn},
    }
    write_whole(path.with_suffix(".json"), json.dumps(said, indent=1, sort_keys=True) + "\n")
    for old in sorted((folder / _FOLDER).glob("*.json"))[: -remember - 1]:
        old.unlink()
        old.with_suffix(".parquet").unlink(missing_ok=True)


def read_drawn(folder: Path, night: str) -> pa.Table:
    """The suites that were drawn for a night. Raises EvidenceError where there are none, or other ones by now."""
    path = _path(folder, night)
    try:
        said = json.loads(path.with_suffix(".json").read_bytes())
        if said["schema"] != _SCHEMA or said["sha256"] != file_digest(path):
            raise EvidenceError(f"{path}: not what was drawn for {night}: its digest differs; run -m refresh again")
        return read_table(path, DRAWN)
    except FileNotFoundError:
        raise EvidenceError(f"{path}: nothing was drawn for {night}; run -m refresh first") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError, pa.ArrowException) as error:
        raise EvidenceError(f"{path}: cannot be read ({type(error).__name__}); run -m refresh again") from None


def queries_of(drawn: pa.Table, queries: Sequence[Query]) -> dict[str, list[Query]]:
    """suite -> its queries in the order drawn. Raises EvidenceError where the collection has others by now."""
    found: dict[str, list[Query]] = {}
    rows = drawn.take(np.lexsort((drawn["place"].to_numpy(),)))
    for suite, query_ord, query_id in zip(*(rows[c].to_pylist() for c in ("suite", "query_ord", "query_id")),
                                          strict=True):  # fmt: skip
        if not 0 <= query_ord < len(queries) or queries[query_ord].query_id != query_id:
            raise EvidenceError(f"drawn query {query_id} is none of the collection's any more; run -m refresh again")
        found.setdefault(suite, []).append(queries[query_ord])
    return found


def _path(folder: Path, night: str) -> Path:
    return folder / _FOLDER / f"{night}.parquet"


class WeeklyQueries(Queries):
    """The queries of a week."""

    size: Count  # of the drift pack, or of each suite of the collection


def ask_suites(jobs: Jobs, name: str, asked: WeeklyQueries) -> Probed:
    """What a system answers to the week's suites; asked once for all jobs of the week."""

    def ask() -> Probed:
        probe = jobs.probe(name)
        return ask_all(probe, asked_of_suites(asked, probe.collection), jobs.run_id)

    return jobs.once(("suites", name), ask)


def asked_queries(asked: WeeklyQueries, collection: Collection) -> list[Query]:
    """The queries with the smallest hashes, as many as there are up to `size`. Raises EvidenceError."""
    return _smallest(pool_of(asked, collection, "weekly.yaml"))[: asked.size]


def asked_of_suites(asked: WeeklyQueries, collection: Collection) -> list[Query]:
    """The same of each suite of the collection, suite by suite."""
    queries = _smallest(pool_of(asked, collection, "weekly.yaml"))
    suites = sorted({query.suite for query in queries})
    return [q for suite in suites for q in [q for q in queries if q.suite == suite][: asked.size]]


def _smallest(queries: Sequence[Query]) -> list[Query]:
    return sorted(queries, key=lambda query: hashlib.sha256(f"weekly:{query.query_id}".encode()).digest())
