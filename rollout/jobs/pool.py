"""Which documents does each system bring to the table? The pool of a week, and what changed in it since the last one.

The pool is the union over the incumbent and the policy's heroes of what each answers in time among its first 50, query
by query. Judgements are made of pools: one that shrinks or shifts unnoticed makes all later numbers incomparable.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from evidence.files import write_whole
from evidence.parts import write_table
from evidence.schemas import SchemaDrift, check
from gates.documents import AtMost, Document, Share
from gates.errors import EvidenceError
from gates.policy import Count
from gates.verdicts import Cell, Verdict
from rollout.jobs.accepted import facts_in, write_with_facts
from rollout.jobs.asked import WeeklyQueries, ask_suites
from rollout.jobs.check import WARNING, JobCheck, NotShown, job_check, judge_all
from rollout.jobs.job import Jobs, by_name
from rollout.jobs.probe import Probed
from rollout.jobs.settings import read_family

TEXT = pa.dictionary(pa.int32(), pa.string())
POOL = pa.schema([("suite", TEXT), ("query_id", TEXT), ("doc_id", TEXT), ("systems", TEXT)])
"""One row a pooled (query, document); `systems` are the names that gave it, sorted, with spaces between them."""
CHANGES = pa.schema([*POOL, ("change", TEXT)])  # "added" or "removed"

WHOLE = "pool"  # in place of a system's name, where a check is of the pool itself
ALL = "all"  # suites
LAST, DIFF, COUNTS = "pool.parquet", "pool_changes.parquet", "pool_counts_by_system.csv"


class PoolAuditLimits(Document):
    """The pool audit: what each system must bring."""

    depth: Annotated[int, Field(ge=1, le=50)]
    contribution: Share  # of the pool that each system gives
    churn: AtMost  # (added + removed) / last week's pool, under the same configurations
    in_sla: Count  # queries that each system answers in time


class PoolPart(NamedTuple):
    """What one system brings to one suite: pooled documents, those no other system gives, and the suite's pool."""

    system: str
    suite: str
    pooled: int
    unique: int
    pool: int


class PoolMove(NamedTuple):
    """What moved since the week before."""

    added: int
    removed: int
    before: int

    @property
    def share(self) -> float:
        """(added + removed) / before; 1 where there was nothing before."""
        return (self.added + self.removed) / self.before if self.before else 1.0


class Audit(NamedTuple):
    """What is known of one system of the pool, or of the pool itself."""

    name: str
    limits: PoolAuditLimits
    part: PoolPart  # of all suites
    in_time: int  # queries that it answered in time
    move: PoolMove | None  # since the week before; None where there was none
    now: Mapping[str, str]  # system -> its configuration's hash
    then: Mapping[str, str]  # the same of the week before


@job_check(
    "churn",
    "share of last week's pool",
    "configured as before: see what changed in index, corpus or libraries; --write accepts it",
)
def churn(check: JobCheck, audit: Audit) -> Cell:
    """Judgements would be made of another pool: numbers of this week and of the last could not be compared."""
    move, limit, now, then = audit.move, audit.limits.churn, audit.now, audit.then
    if move is None:
        raise NotShown("no pool of a week before; this one is kept, the next run is compared")
    told = f"{move.added:,} added, {move.removed:,} removed of {move.before:,} (net {move.added - move.removed:+,})"
    mine = sorted(now.keys() | then.keys()) if audit.name == WHOLE else [audit.name]
    other = [n for n in mine if now.get(n, "") not in then.values() and then.get(n, "") not in now.values()]
    above = move.share > limit
    if above and other:
        told = f"{WARNING}{told}, after another configuration of {', '.join(other)}"
    return check.found(above and not other, max(move.before, 1), told, observed=move.share, limit=limit)


@job_check("contribution", "share of the pool, at least", "see whether its index is whole and of this code")
def contribution(check: JobCheck, audit: Audit) -> Cell:
    """A system brings hardly anything that is judged: its index is not whole, or of other code."""
    part, limit = audit.part, audit.limits.contribution
    share = part.pooled / part.pool if part.pool else 0.0
    told = f"{part.pooled:,} of {part.pool:,} pooled documents, {part.unique:,} of them no other system gives"
    return check.found(share < limit, part.pool, told, observed=share, limit=limit)


@job_check("in_sla", "queries in time, at least", "too few to be pooled: see why its answers are late or failing")
def in_sla(check: JobCheck, audit: Audit) -> Cell:
    """A system answers too late to be judged."""
    n, least = audit.in_time, audit.limits.in_sla
    return check.found(n < least, n, observed=str(n), limit=str(least))


CHECKS: tuple[JobCheck, ...] = (contribution, churn, in_sla)  # of each system; of the pool itself churn alone


def items(jobs: Jobs) -> list[str]:
    """One of the pool, and three of each pooled system."""
    return [f"{WHOLE}-{churn.key}", *(f"{system}-{check.key}" for system in _pooled(jobs) for check in CHECKS)]


def run(jobs: Jobs) -> dict[str, Cell]:
    """Ask all systems of the policy, what serves or is named in its place first."""
    weekly = read_family(jobs.configs, "weekly", suites=WeeklyQueries, pool=PoolAuditLimits)
    names = _pooled(jobs)
    hashes = {name: jobs.served(word).config_hash for name, word in names.items()}
    return by_name(run_pool(
        jobs, weekly.pool, hashes, lambda name: ask_suites(jobs, names[name], weekly.suites)
    ))  # fmt: skip


def _pooled(jobs: Jobs) -> dict[str, str]:
    """What is pooled: the name of each system -> how it is asked for ("" or --hero's word: what serves)."""
    served = jobs.served(jobs.hero)
    return {served.name: jobs.hero, **{hero: hero for hero in served.policy.heroes if hero != served.name}}


class Last(NamedTuple):
    """The pool of the week before, and whose it was."""

    pool: pa.Table
    facts: dict[str, Any]  # run_id, at, configs


def run_pool(
    jobs: Jobs, limits: PoolAuditLimits, configs: Mapping[str, str], ask: Callable[[str], Probed]
) -> dict[tuple[str, str], Cell]:
    """(system, check) -> cell. `configs` maps each pooled system to its configuration's hash.

    The pool becomes the one that the next week is compared with, unless something is RED and --write does not say so.
    """
    answers, folder = {name: ask(name) for name in configs}, jobs.folder("weekly")
    pool = pool_of({name: (found.hits, found.agg) for name, found in answers.items()}, limits.depth)
    last = None if jobs.write else _last(folder / LAST)
    found = parts(pool, list(configs))
    cells = judge_pool(
        limits, pool, found, last, {name: in_time(probed.agg) for name, probed in answers.items()}, configs
    )
    write_table(changes(pool, last.pool) if last else CHANGES.empty_table(), folder / DIFF)
    write_whole(folder / COUNTS, counts_csv(found))
    if jobs.write or all(cell.verdict is not Verdict.RED for cell in cells.values()):
        write_with_facts(pool, folder / LAST, {**jobs.facts, "configs": dict(configs)})
    return cells


def judge_pool(
    limits: PoolAuditLimits,
    pool: pa.Table,
    found: Sequence[PoolPart],
    last: Last | None,
    answered: Mapping[str, int],
    configs: Mapping[str, str],
) -> dict[tuple[str, str], Cell]:
    """(system, check) -> cell. `found` are the parts of the pool, `answered` counts each system's queries in time."""
    then = last.facts["configs"] if last else {}
    moves = moves_of(pool, last.pool, same_system(configs, then)) if last else {}
    cells: dict[tuple[str, str], Cell] = {}
    whole = PoolPart(WHOLE, ALL, len(pool), len(pool), len(pool))
    for part in (whole, *(part for part in found if part.suite == ALL)):
        name = part.system
        audit = Audit(name, limits, part, answered.get(name, 0), moves.get(name), configs, then)
        asked = (churn,) if part is whole else CHECKS
        cells |= {(name, key): cell for key, cell in judge_all(asked, name, audit).items()}
    return cells


def pool_of(answers: Mapping[str, tuple[pa.Table, pa.Table]], depth: int) -> pa.Table:
    """The pool of each system's (hits, agg); documents are named as the collection names them, or as the system does.

    A late answer, a failed one and a hit below `depth` bring nothing.
    """
    rows = [_brought(name, *tables, depth) for name, tables in sorted(answers.items())]
    if not any(len(table) for table in rows):
        return POOL.empty_table()
    joined = pa.concat_tables(rows).group_by(["suite", "query_id", "doc_id"], use_threads=False)
    table = joined.aggregate([("systems", "list")])
    names = pc.binary_join(table["systems_list"], " ")
    table = pa.table([table["suite"], table["query_id"], table["doc_id"], names], names=POOL.names)
    return table.sort_by([(name, "ascending") for name in POOL.names[:3]]).cast(POOL)


def _brought(name: str, hits: pa.Table, agg: pa.Table, depth: int) -> pa.Table:
    in_time = agg.filter(_fine(agg))["query_id"].combine_chunks()
    query_id = hits["query_id"].cast(pa.string())
    mine = hits.filter(pc.and_(pc.is_in(query_id, in_time), pc.less_equal(hits["rank"], depth)))
    columns = {column: mine[column].cast(pa.string()) for column in ("suite", "query_id", "doc_id")}
    return pa.table({**columns, "systems": pa.array([name] * len(mine), pa.string())})


def in_time(agg: pa.Table) -> int:
    """Queries that were answered in time, without an error."""
    return int(pc.sum(_fine(agg)).as_py() or 0)


def _fine(agg: pa.Table) -> pa.ChunkedArray:
    return pc.and_(agg["within_sla"], pc.equal(agg["error_code"].cast(pa.string()), ""))


def changes(now: pa.Table, then: pa.Table) -> pa.Table:
    """What was added to the pool since, and what was removed."""
    here, there = _keys(now), _keys(then)
    parts = []
    for table, ours, theirs, change in ((now, here, there, "added"), (then, there, here, "removed")):
        rows = table.filter(pc.invert(pc.is_in(ours, theirs)))
        parts.append(rows.append_column("change", pa.array([change] * len(rows), pa.string()).cast(TEXT)))
    return pa.concat_tables([part.cast(CHANGES) for part in parts]).unify_dictionaries()


def _keys(pool: pa.Table) -> pa.Array:
    # not as numpy's strings, which are wide: to sort 170,000 of them takes a second
    joined = pc.binary_join_element_wise(pool["query_id"].cast(pa.string()), pool["doc_id"].cast(pa.string()), "\0")
    return pa.concat_arrays(joined.chunks) if joined.num_chunks else pa.array([], pa.string())


def same_system(now: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
    """System -> what it was called the week before: that of its configuration's hash, else of its own name."""
    called = {config_hash: name for name, config_hash in then.items()}
    return {name: called.get(config_hash, name) for name, config_hash in now.items()}


def moves_of(now: pa.Table, then: pa.Table, called: Mapping[str, str]) -> dict[str, PoolMove]:
    """What moved in the whole pool, and in what each system brings to it: where systems overlap, the union hides that
    one of them lost most of its answers. `called`: system -> its name the week before."""
    found = {}
    for name in (WHOLE, *called):
        here = now if name == WHOLE else _given_by(now, name)
        there = then if name == WHOLE else _given_by(then, called[name])
        ours, theirs = _keys(here), _keys(there)
        kept = int(pc.sum(pc.is_in(ours, theirs)).as_py() or 0)
        found[name] = PoolMove(len(ours) - kept, len(theirs) - kept, len(theirs))
    return found


def _given_by(pool: pa.Table, system: str) -> pa.Table:
    return pool.filter(pa.array([system in names.split(" ") for names in pool["systems"].to_pylist()], pa.bool_()))


def parts(pool: pa.Table, systems: Sequence[str]) -> list[PoolPart]:
    """What each system brings to each suite, and to all of them ("all")."""
    suite = np.asarray(pool["suite"].to_pylist(), dtype=np.str_)
    who = pool["systems"].to_pylist()
    gave = {name: np.array([name in names.split(" ") for names in who], dtype=np.bool_) for name in systems}
    alone = np.array([" " not in names for names in who], dtype=np.bool_)
    found = []
    for name in systems:
        for label in (*np.unique(suite).tolist(), ALL):
            at = suite == label if label != ALL else np.ones(len(suite), dtype=np.bool_)
            found.append(
                PoolPart(
                    name, str(label), int((gave[name] & at).sum()), int((gave[name] & alone & at).sum()), int(at.sum())
                )
            )
    return found


def counts_csv(found: Sequence[PoolPart]) -> str:
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
        return Last(table, facts_in(table.schema))
    except (OSError, ValueError, KeyError, pa.ArrowException, SchemaDrift) as error:
        way_out = "accept a new one: python -m pytest -m pool --write"
        raise EvidenceError(f"{path}: no pool of a week before ({type(error).__name__}); {way_out}") from None
