"""Which documents does each system bring to the table? The pool of a week, and what changed in it since the last one.

The pool is the union over the incumbent and the policy's heroes of what each answers in time among its first 50, query
by query. Judgements are made of pools: one that shrinks or shifts unnoticed makes all later numbers incomparable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from gates.documents import Document, Share
from gates.job_cells import WARNING, job_cell, not_evidenced
from gates.policy import Count
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Verdict

TEXT = pa.dictionary(pa.int32(), pa.string())
POOL = pa.schema([("suite", TEXT), ("query_id", TEXT), ("doc_id", TEXT), ("systems", TEXT)])
"""One row a pooled (query, document); `systems` are the names that gave it, sorted, with spaces between them."""
CHANGES = pa.schema([*POOL, ("change", TEXT)])  # "added" or "removed"

CHURN, CONTRIBUTION, IN_SLA = "churn", "contribution", "in_sla"
WHOLE = "pool"  # in place of a system's name, where a check is of the pool itself


class Pool(Document):
    """The pool audit: what each system must bring."""

    depth: Annotated[int, Field(ge=1, le=50)]
    contribution: Share  # of the pool that each system gives
    churn: Share  # (added + removed) / last week's pool, under the same configurations
    in_sla: Count  # queries that each system answers in time


class Part(NamedTuple):
    """What one system brings to one suite: pooled documents, those no other system gives, and the suite's pool."""

    system: str
    suite: str
    pooled: int
    unique: int
    pool: int


class Move(NamedTuple):
    """What moved since the week before."""

    added: int
    removed: int
    before: int

    @property
    def share(self) -> float:
        """(added + removed) / before; 1 where there was nothing before."""
        return (self.added + self.removed) / self.before if self.before else 1.0


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
    fine = pc.and_(agg["within_sla"], pc.equal(agg["error_code"].cast(pa.string()), ""))
    in_time = agg.filter(fine)["query_id"].combine_chunks()
    query_id = hits["query_id"].cast(pa.string())
    mine = hits.filter(pc.and_(pc.is_in(query_id, in_time), pc.less_equal(hits["rank"], depth)))
    columns = {column: mine[column].cast(pa.string()) for column in ("suite", "query_id", "doc_id")}
    return pa.table({**columns, "systems": pa.array([name] * len(mine), pa.string())})


def in_time(agg: pa.Table) -> int:
    """Queries that were answered in time, without an error."""
    fine = pc.and_(agg["within_sla"], pc.equal(agg["error_code"].cast(pa.string()), ""))
    return int(pc.sum(fine).as_py() or 0)


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


def moves_of(now: pa.Table, then: pa.Table, called: Mapping[str, str]) -> dict[str, Move]:
    """What moved in the whole pool, and in what each system brings to it: where systems overlap, the union hides that
    one of them lost most of its answers. `called`: system -> its name the week before."""
    found = {}
    for name in (WHOLE, *called):
        here = now if name == WHOLE else _given_by(now, name)
        there = then if name == WHOLE else _given_by(then, called[name])
        ours, theirs = _keys(here), _keys(there)
        kept = int(pc.sum(pc.is_in(ours, theirs)).as_py() or 0)
        found[name] = Move(len(ours) - kept, len(theirs) - kept, len(theirs))
    return found


def _given_by(pool: pa.Table, system: str) -> pa.Table:
    return pool.filter(pa.array([system in names.split(" ") for names in pool["systems"].to_pylist()], pa.bool_()))


def parts(pool: pa.Table, systems: Sequence[str]) -> list[Part]:
    """What each system brings to each suite, and to all of them ("all")."""
    suite = np.asarray(pool["suite"].to_pylist(), dtype=np.str_)
    who = pool["systems"].to_pylist()
    gave = {name: np.array([name in names.split(" ") for names in who], dtype=np.bool_) for name in systems}
    alone = np.array([" " not in names for names in who], dtype=np.bool_)
    found = []
    for name in systems:
        for label in (*np.unique(suite).tolist(), "all"):
            at = suite == label if label != "all" else np.ones(len(suite), dtype=np.bool_)
            found.append(
                Part(
                    name, str(label), int((gave[name] & at).sum()), int((gave[name] & alone & at).sum()), int(at.sum())
                )
            )
    return found


def judge_pool(
    limits: Pool,
    found: Sequence[Part],
    answered: Mapping[str, int],
    moves: Mapping[str, Move] | None,
    configs: tuple[Mapping[str, str], Mapping[str, str]],
) -> dict[tuple[str, str], Cell]:
    """(system, check) -> cell. `answered` counts each system's queries in time; `moves` are those of each system and
    of WHOLE since the week before, None where there was none; `configs` map systems to the hashes of both weeks."""
    cells = {(WHOLE, CHURN): _churn(WHOLE, limits, moves, *configs)}
    for part in found:
        if part.suite != "all":
            continue
        n, share = answered[part.system], part.pooled / part.pool if part.pool else 0.0
        few = n < limits.in_sla
        cells[part.system, CHURN] = _churn(part.system, limits, moves, *configs)
        cells[part.system, IN_SLA] = job_cell(
            part.system, IN_SLA, Verdict.RED if few else Verdict.GREEN, n, unit="queries in time, at least",
            observed=str(n), limit=str(limits.in_sla),
            note="too few to be pooled: see why its answers are late or failing" if few else "",
        )  # fmt: skip
        little = share < limits.contribution
        told = f"{part.pooled:,} of {part.pool:,} pooled documents, {part.unique:,} of them no other system gives"
        cells[part.system, CONTRIBUTION] = job_cell(
            part.system, CONTRIBUTION, Verdict.RED if little else Verdict.GREEN, part.pool,
            unit="share of the pool, at least", observed=decimal(share), limit=decimal(limits.contribution),
            note=f"{told}; see whether its index is whole and of this code" if little else told,
        )  # fmt: skip
    return cells


def _churn(
    system: str, limits: Pool, moves: Mapping[str, Move] | None, now: Mapping[str, str], then: Mapping[str, str]
) -> Cell:
    if moves is None:
        return not_evidenced(system, CHURN, "no pool of a week before; this one is kept, the next run is compared")
    move = moves[system]
    told = f"{move.added:,} added, {move.removed:,} removed of {move.before:,} (net {move.added - move.removed:+,})"
    mine = sorted(now.keys() | then.keys()) if system == WHOLE else [system]
    other = [name for name in mine if now.get(name, "") not in then.values() and then.get(name, "") not in now.values()]
    above = move.share > limits.churn
    broken = above and not other
    note = told
    if broken:
        note = f"{told}, configured as before: see what changed in index, corpus or libraries; --write accepts it"
    elif above:
        note = f"{WARNING}{told}, after another configuration of {', '.join(other)}"
    return job_cell(
        system, CHURN, Verdict.RED if broken else Verdict.GREEN, max(move.before, 1), unit="share of last week's pool",
        observed=decimal(move.share), limit=decimal(limits.churn), note=note,
    )  # fmt: skip
