"""Which faults may the measuring have: its data, its clock, its traffic, its A/A answers, its evidence files?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial, update_wrapper
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.measures import Measures
from fixtures.systems.faults import Fault, break_system
from fixtures.systems.protocol import Documents, SearchSystem
from gates.checks.aa_dispersion import AaDispersion
from gates.checks.aa_shadow import AaShadow
from gates.checks.index_integrity import IndexIntegrity
from gates.checks.known_answers import KnownAnswers
from gates.checks.oracle_queries import OracleQueries
from gates.checks.preflight import PreflightCheck
from gates.checks.recall_slice import RecallSlice
from gates.checks.stop_rule import StopRule
from gates.checks.traffic_share import TrafficShare
from proof.mutants.mutant import Mutant, instead_of, result_of, seeded
from rollout.comparison import Contest
from rollout.replay import NOTHING, Answers, Timed

_wrong = partial(result_of, check=KnownAnswers)  # the self-test of the evaluator must see it

# --- index and data ---


@result_of("fixtures.systems.lens:_documents", "index", OracleQueries)
def lines_are_one_off(right: Documents) -> Documents:
    """Both arms show lines that are one off, so no comparison sees it."""
    return replace(right, line_start=right.line_start + 1, line_end=right.line_end + 1)


@result_of("lens.index:open_index", "index", IndexIntegrity)
def vectors_cut(index: Any) -> Any:
    """The exact vectors end one document early."""
    return replace(index, vectors=index.vectors[:-1])


@instead_of("fixtures.systems.lens:LensKind.open_system", "hero", StopRule, hero="lexical")
def configuration_not_applied(open_system: Any) -> Any:
    """Another configuration is announced, but one system answers for both arms."""
    opened: list[SearchSystem] = []

    def first(*given: Any) -> SearchSystem:
        opened.extend([] if opened else [open_system(*given)])
        return opened[0]

    return first


def _with_incumbent(contest: Contest, fault: Fault) -> Contest:
    system = break_system(contest.incumbent.system, fault)
    return replace(contest, incumbent=contest.incumbent._replace(system=system))


@result_of("rollout.comparison:open_contest", "hero", f"{RecallSlice.key}_error", pack=seeded("empty", intent="error"))
def one_intent_lost(contest: Contest) -> Contest:
    """Error messages find nothing any more, while the mean gains because the incumbent is worse elsewhere."""
    return _with_incumbent(contest, Fault(kind="truncated", keep=1, share=0.6))


@result_of("rollout.comparison:open_contest", "data", PreflightCheck)
def incumbent_fails(contest: Contest) -> Contest:
    """The incumbent itself fails one query in ten, so that any hero looks good."""
    return _with_incumbent(contest, Fault(kind="failing", share=0.1))


@instead_of("rollout.replay:judge_collection", "data", PreflightCheck)
def judgements_shifted(judge_collection: Any) -> Any:
    """Each query is judged by the next one's judgements."""

    def shifted(collection: Any) -> Any:
        right = collection.judgements
        return judge_collection(replace(collection, judgements=replace(right, doc_ord=np.roll(right.doc_ord, -1))))

    return shifted


@result_of("evidence.measures:measure", "data", StopRule)
def everything_is_right(found: Measures) -> Measures:
    """The scorer is fed its own answers: each is perfect."""
    return replace(found, ndcg_at_10=np.ones(len(found.ndcg_at_10)))


@instead_of("rollout.ladder:Ladder._window", "data", "evidence", says="distinct queries")
def window_replayed(window: Any) -> Any:
    """Every window asks the queries of the first one again."""

    def again(ladder: Any, percent: int) -> Any:
        ladder._pairs = 0
        return window(ladder, percent)

    return again


@_wrong("rollout.replay:ask", "data", pack=seeded("failing", share=0.005))
def failures_not_recorded(timed: Timed) -> Timed:
    """What goes wrong in a search is taken for an empty answer."""
    return timed._replace(error_code="")


# --- units and clocks ---


@_wrong("rollout.replay:measure_answers", "data", pack=seeded("slow", milliseconds=160, share=0.012))
def late_counts_as_found(answers: Answers) -> Answers:
    """Answers that came after users left count as found."""
    return replace(answers, arm=replace(answers.arm, recall=answers.arm.found))


@_wrong("rollout.replay:ask", "clock")
def clock_stands_still(timed: Timed) -> Timed:
    """Every answer takes no time."""
    return timed._replace(latency_ms=0.0)


@_wrong("rollout.replay:replay_block", "clock", pack=seeded("slow", milliseconds=30))
def clocks_swapped(found: dict[str, list[Timed]]) -> dict[str, list[Timed]]:
    """The hero is timed with the baseline's clock."""
    both = list(zip(found["hero"], found["baseline"], strict=True))
    hero = [one._replace(latency_ms=other.latency_ms) for one, other in both]
    return {**found, "hero": hero, "baseline": [other._replace(latency_ms=one.latency_ms) for one, other in both]}


# --- traffic, and the baseline against itself ---


@instead_of("rollout.order:arm_served", "traffic split", TrafficShare)
def split_ignores_step(arm_served: Any) -> Any:
    """Half of the users get the hero at 5 %."""
    return lambda fingerprint, query, percent: arm_served(fingerprint, query, 50)


@instead_of("rollout.order:arm_served", "traffic split", TrafficShare)
def split_stops_short(arm_served: Any) -> Any:
    """One user in twenty still gets the baseline at 100 %."""
    return lambda fingerprint, query, percent: arm_served(fingerprint, query, min(percent, 95))


@result_of("rollout.replay:replay_block", "A/A", AaShadow)
def repeats_lost(found: dict[str, list[Timed]]) -> dict[str, list[Timed]]:
    """The baseline answers worse than it did a moment ago."""
    return {**found, "repeat": [t._replace(answer=NOTHING) if i % 2 else t for i, t in enumerate(found["repeat"])]}


@instead_of("rollout.blocks:ask_block", "A/A", AaDispersion)
def windows_share_shocks(ask_block: Any) -> Any:
    """The baseline is worse in one window and better in the next, so pairs are not independent."""

    def shocked(contest: Any, queries: Any, begun: int, *more: Any, **named: Any) -> Any:
        block = ask_block(contest, queries, begun, *more, **named)
        first = begun // contest.policy.ladder.window % 2 == 0
        name = "baseline" if first else "repeat"
        rows = block.repeated[::12] if first else np.arange(0, len(block.repeated), 12)
        arm = block.answers[name].arm
        nothing = {column: getattr(arm, column).copy() for column in ("recall", "found", "ndcg")}
        for values in nothing.values():
            values[rows] = 0.0
        worse = replace(block.answers[name], arm=replace(arm, **nothing))
        return block._replace(answers={**block.answers, name: worse})

    return shocked


# --- evidence files: something befalls the parts in a hero's folder before they are merged ---


def _files(says: str = "is not what was judged") -> Callable[[Callable[[Path], object]], Mutant]:
    def mutant(change: Callable[[Path], object]) -> Mutant:
        def replaced(merge_parts: Any) -> Any:
            return lambda folder, into: (change(folder), merge_parts(folder, into))[1]

        decorate = instead_of("evidence.parts:merge_parts", "evidence files", "evidence", says=says)
        return decorate(update_wrapper(replaced, change))

    return mutant


def _rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path, partitioning=None)), path)


def _with(table: pa.Table, column: str, values: Any) -> pa.Table:
    at = table.schema.get_field_index(column)
    return table.set_column(at, table.schema.field(at), values)


@_files()
def part_lost(folder: Path) -> None:
    """A window's evidence was not written."""
    for path in folder.glob("window-003-*"):
        path.unlink()


@_files()
def parts_swapped(folder: Path) -> None:
    """The numbers of two windows are exchanged: every sum is as it was."""
    paths = sorted(folder.glob("window-*-agg.parquet"))[1:3]  # the first one is of before the climb
    tables = [pq.read_table(path, partitioning=None) for path in paths]
    if len(tables[0]) == len(tables[1]):
        for path, table, other in zip(paths, tables, tables[::-1], strict=True):
            pq.write_table(_with(table, "ndcg_at_10", other["ndcg_at_10"]), path)


@_files()
def result_improved_by_hand(folder: Path) -> None:
    """What was judged bad is reported as good."""
    path = folder / "window-001-agg.parquet"
    _rewrite(path, lambda table: _with(table, "sla_recall_at_50", pa.array(np.ones(table.num_rows))))


@_files(says="column spend_ms is missing")
def column_lost(folder: Path) -> None:
    """A writer of another version leaves out a column."""
    _rewrite(folder / "window-001-agg.parquet", lambda table: table.drop_columns(["spend_ms"]))


MEASURING = tuple(mutant for mutant in list(globals().values()) if isinstance(mutant, Mutant))
