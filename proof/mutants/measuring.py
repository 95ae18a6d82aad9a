"""Which faults may the measuring have: its data, its clock, its traffic, its A/A answers, its evidence files?"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fixtures.systems.faults import Fault, break_system
from fixtures.systems.protocol import NOTHING, SearchSystem
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
from rollout.replay import Timed

_wrong = partial(result_of, check=KnownAnswers)  # the self-test of the evaluator must see it
_ASK, _BLOCK, _WINDOW = "rollout.replay:ask", "rollout.replay:replay_block", "rollout.ladder:Ladder._window"

# --- index, data and clocks ---


def _one_for_both(open_system: Any) -> Any:
    opened: list[SearchSystem] = []

    def first(*given: Any) -> SearchSystem:
        opened.extend([] if opened else [open_system(*given)])
        return opened[0]

    return first


def _worse_incumbent(contest: Contest) -> Contest:
    system = break_system(contest.incumbent.system, Fault(kind="truncated", keep=1, share=0.6))
    return replace(contest, incumbent=contest.incumbent._replace(system=system))


def _shifted(judge_collection: Any) -> Any:
    def shifted(collection: Any) -> Any:
        right = collection.judgements
        return judge_collection(replace(collection, judgements=replace(right, doc_ord=np.roll(right.doc_ord, -1))))

    return shifted


def _again(window: Any) -> Any:
    def again(ladder: Any, percent: int) -> Any:
        ladder._pairs = 0
        return window(ladder, percent)

    return again


# --- the baseline against itself ---


def _repeats_lost(found: dict[str, list[Timed]]) -> dict[str, list[Timed]]:
    return {**found, "repeat": [t._replace(answer=NOTHING) if i % 2 else t for i, t in enumerate(found["repeat"])]}


def _shocked(ask_block: Any) -> Any:
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


def _files(name: str, what: str, change: Callable[[Path], object]) -> Mutant:
    def replaced(merge_parts: Any) -> Any:
        return lambda folder, into: (change(folder), merge_parts(folder, into))[1]

    of, says = "evidence.parts:merge_parts", "is not what was judged"
    return instead_of(name, what, of, replaced, area="evidence files", check="evidence", says=says)


def _with(table: pa.Table, column: str, values: Any) -> pa.Table:
    at = table.schema.get_field_index(column)
    return table.set_column(at, table.schema.field(at), values)


def _lose_part(folder: Path) -> None:
    for path in folder.glob("window-003-*"):
        path.unlink()


def _swap_parts(folder: Path) -> None:
    paths = sorted(folder.glob("window-*-agg.parquet"))[1:3]  # the first one is of before the climb
    tables = [pq.read_table(path, partitioning=None) for path in paths]
    if len(tables[0]) == len(tables[1]):
        for path, table, other in zip(paths, tables, tables[::-1], strict=True):
            pq.write_table(_with(table, "ndcg_at_10", other["ndcg_at_10"]), path)


def _improve(folder: Path) -> None:
    path = folder / "window-001-agg.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(_with(table, "sla_recall_at_50", pa.array(np.ones(table.num_rows))), path)


MEASURING: tuple[Mutant, ...] = (
    result_of("lines_are_one_off", "Both arms show lines that are one off, so no comparison sees it",
              "fixtures.systems.lens:_documents",
              lambda right: replace(right, line_start=right.line_start + 1, line_end=right.line_end + 1),
              area="index", check=OracleQueries),
    result_of("vectors_cut", "The exact vectors end one document early", "lens.index:open_index",
              lambda index: replace(index, vectors=index.vectors[:-1]), area="index", check=IndexIntegrity),
    instead_of("configuration_not_applied", "Another configuration is announced, but one system answers for both arms",
               "fixtures.systems.lens:LensKind.open_system", _one_for_both,
               area="hero", check=StopRule, hero="lexical"),
    result_of("one_intent_lost",
              "Error messages find nothing any more, while the mean gains because the incumbent is worse elsewhere",
              "rollout.comparison:open_contest", _worse_incumbent,
              area="hero", check=f"{RecallSlice.key}_error", pack=seeded("empty", intent="error")),
    instead_of("judgements_shifted", "Each query is judged by the next one's judgements",
               "rollout.replay:judge_collection", _shifted, area="data", check=PreflightCheck),
    result_of("everything_is_right", "The scorer is fed its own answers: each is perfect", "evidence.measures:measure",
              lambda found: replace(found, ndcg_at_10=np.ones(len(found.ndcg_at_10))), area="data", check=StopRule),
    instead_of("window_replayed", "Every window asks the queries of the first one again", _WINDOW, _again,
               area="data", check="evidence", says="distinct queries"),
    _wrong("failures_not_recorded", "What goes wrong in a search is taken for an empty answer", _ASK,
           lambda timed: timed._replace(error_code=""), area="data", pack=seeded("failing", share=0.005)),
    _wrong("late_counts_as_found", "Answers that came after users left count as found",
           "rollout.replay:measure_answers",
           lambda answers: replace(answers, arm=replace(answers.arm, recall=answers.arm.found)),
           area="data", pack=seeded("slow", milliseconds=160, share=0.012)),
    _wrong("clock_stands_still", "Every answer takes no time", _ASK, lambda timed: timed._replace(latency_ms=0.0),
           area="clock"),
    instead_of("split_stops_short", "One user in twenty still gets the baseline at 100 %", "rollout.order:arm_served",
               lambda served: lambda fingerprint, query, percent: served(fingerprint, query, min(percent, 95)),
               area="traffic split", check=TrafficShare),
    result_of("repeats_lost", "The baseline answers worse than it did a moment ago", _BLOCK, _repeats_lost,
              area="A/A", check=AaShadow),
    instead_of("windows_share_shocks",
               "The baseline is worse in one window and better in the next, so pairs are not independent",
               "rollout.comparison:ask_block", _shocked, area="A/A", check=AaDispersion),
    _files("part_lost", "A window's evidence was not written", _lose_part),
    _files("parts_swapped", "The numbers of two windows are exchanged: every sum is as it was", _swap_parts),
    _files("result_improved_by_hand", "What was judged bad is reported as good", _improve),
)  # fmt: skip
