"""Which documents does each system bring to the table? The pool of a week, and what changed in it since the last one.

The pool is the union over the incumbent and the policy's heroes of what each answers in time among its first 50, query
by query. Judgements are made of pools: one that shrinks or shifts unnoticed makes all later numbers incomparable.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from evidence.files import write_whole
from evidence.parts import write_table
from evidence.schemas import TEXT, SchemaDrift, check
from gates.documents import AtMost, Document, Share
from gates.errors import EvidenceError
from gates.place import HERE
from gates.policy import Count
from gates.verdicts import Cell, Verdict
from rollout.jobs.accepted import facts_in, write_with_facts
from rollout.jobs.check import WARNING, JobCheck, NotShown, job_check, judge_all
from rollout.jobs.draw import WeeklyQueries, ask_suites
from rollout.jobs.job import Jobs, by_name
from rollout.jobs.probe import Probed
from rollout.jobs.settings import read_family

POOL = pa.schema([("suite", TEXT), ("query_id", TEXT), ("doc_id", TEXT), ("systems", TEXT)])
"""One row a pooled (query, document); `systems` are the names that gave it, sorted, with spaces between them."""
CHANGES = pa.schema([*POOL, ("change", TEXT)])  # "added" or "removed"

Pooled = dict[tuple[str, str, str], list[str]]  # (suite, query, document) -> the systems that gave it, sorted

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

    pool: Pooled
    facts: dict[str, Any]  # run_id, at, configs


def run_pool(
    jobs: Jobs, limits: PoolAuditLimits, configs: Mapping[str, str], ask: Callable[[str], Probed]
) -> dict[tuple[str, str], Cell]:
    """(system, check) -> cell. `configs` maps each pooled system to its configuration's hash.

    The pool becomes the one that the next week is compared with, unless something is RED and --write does not say so.
    """
    answers, folder = {name: ask(name) for name in configs}, jobs.folder("weekly")
    pool = pool_of({name: (found.hits, found.agg) for name, found in answers.items()}, limits.depth)
    last = None if jobs.write else _last(jobs.state / LAST)
    found = parts(pool, list(configs))
    cells = judge_pool(
        limits, pool, found, last, {name: len(in_time(probed.agg)) for name, probed in answers.items()}, configs
    )
    diff = changes(pool, last.pool) if last else []
    write_table(pa.Table.from_pylist(diff, schema=CHANGES), folder / DIFF)
    write_whole(folder / COUNTS, counts_csv(found))
    if jobs.write or all(cell.verdict is not Verdict.RED for cell in cells.values()):
        table = pa.Table.from_pylist([row(*one) for one in pool.items()], schema=POOL)
        write_with_facts(table, jobs.state / LAST, {**jobs.facts, "configs": dict(configs)})
    return cells


def judge_pool(
    limits: PoolAuditLimits,
    pool: Pooled,
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


def pool_of(answers: Mapping[str, tuple[pa.Table, pa.Table]], depth: int) -> Pooled:
    """The pool of each system's (hits, agg), in order; documents bear the collection's names, or the system's own.

    A late answer, a failed one and a hit below `depth` bring nothing.
    """
    pool: Pooled = {}
    for name, (hits, agg) in sorted(answers.items()):
        fine = set(in_time(agg))
        columns = (hits[column].to_pylist() for column in ("suite", "query_id", "doc_id", "rank"))
        for *key, rank in zip(*columns, strict=True):
            if key[1] in fine and rank <= depth:
                pool.setdefault(tuple(key), []).append(name)
    return dict(sorted(pool.items()))


def in_time(agg: pa.Table) -> list[str]:
    """The queries that were answered in time, without an error."""
    columns = (agg[column].to_pylist() for column in ("query_id", "within_sla", "error_code"))
    return [query for query, within, error in zip(*columns, strict=True) if within and not error]


def row(key: tuple[str, str, str], systems: Sequence[str]) -> dict[str, str]:
    """A row of the pool's file."""
    return dict(zip(POOL.names, (*key, " ".join(systems)), strict=True))


def changes(now: Pooled, then: Pooled) -> list[dict[str, str]]:
    """What was added to the pool since, and what was removed."""
    here, there = _keys(now), _keys(then)
    added = [{**row(*one), "change": "added"} for one in now.items() if one[0][1:] not in there]
    return added + [{**row(*one), "change": "removed"} for one in then.items() if one[0][1:] not in here]


def _keys(pool: Pooled, system: str = WHOLE) -> set[tuple[str, str]]:
    """The pooled documents of each query, or those that a system gave."""
    return {(query, document) for (_, query, document), who in pool.items() if system == WHOLE or system in who}


def same_system(now: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
    """System -> what it was called the week before: that of its configuration's hash, else of its own name."""
    called = {config_hash: name for name, config_hash in then.items()}
    return {name: called.get(config_hash, name) for name, config_hash in now.items()}


def moves_of(now: Pooled, then: Pooled, called: Mapping[str, str]) -> dict[str, PoolMove]:
    """What moved in the whole pool, and in what each system brings to it: where systems overlap, the union hides that
    one of them lost most of its answers. `called`: system -> its name the week before."""
    found = {}
    for name, before in {WHOLE: WHOLE, **called}.items():
        ours, theirs = _keys(now, name), _keys(then, before)
        found[name] = PoolMove(len(ours - theirs), len(theirs - ours), len(theirs))
    return found


def parts(pool: Pooled, systems: Sequence[str]) -> list[PoolPart]:
    """What each system brings to each suite, and to all of them ("all")."""
    suites = [*sorted({suite for suite, _, _ in pool}), ALL]
    gave = {suite: [who for (its, _, _), who in pool.items() if suite in (its, ALL)] for suite in suites}
    return [
        PoolPart(name, suite, sum(name in who for who in its), sum([name] == who for who in its), len(its))
        for name in systems
        for suite, its in gave.items()
    ]


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
        rows = zip(*(table[name].to_pylist() for name in POOL.names), strict=True)
        return Last({tuple(key): who.split(" ") for *key, who in rows}, facts_in(table.schema))
    except (OSError, ValueError, KeyError, pa.ArrowException, SchemaDrift) as error:
        way_out = HERE.typed("accept a new one: python -m pytest -m pool --write")
        raise EvidenceError(f"{path}: no pool of a week before ({type(error).__name__}); {way_out}") from None
