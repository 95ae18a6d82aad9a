"""How a hero climbs: step by step over replayed windows, until it is through, shown broken, or out of budget.

A ladder is claimed once per run: a replacement worker must not climb again after a crash, and a replay that broke
stays broken, because rolling the dice again until it is green is no evidence.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evidence.files import write_whole
from evidence.parts import concat, write_part
from evidence.schemas import HITS
from fixtures import kinds
from fixtures.faults import break_system
from fixtures.fingerprint import fingerprint, lock_material
from fixtures.packs import Hero
from fixtures.systems import Query, SearchSystem
from gates.budget import Next, next_move
from gates.decimals import decimal
from gates.errors import EvidenceError
from gates.judge import Judge
from gates.known_answers import judge_known_answers
from gates.observations import Pairs
from gates.preflight import fix_constants, judge_preflight
from gates.questions import ALL, input_of, missing_inputs
from gates.verdicts import Cell, Kind, Verdict
from rollout import order
from rollout.made_up import MadeUp
from rollout.replay import Answers, Judged, Locator, Timed, ask, judge_collection, measure_answers, quiet, replay_block
from rollout.tables import Label, Names, agg_table, hits_table

KNOWN = 50  # queries that a system with known faults is asked before the climb


class Contender(NamedTuple):
    """One side of the comparison."""

    name: str  # the pack's
    config_hash: str
    system: SearchSystem
    locator: Locator
    names: Names


class Ladder:
    """One hero's climb. `reach(step)` climbs all earlier steps first, so neither order nor -k matters."""

    def __init__(self, hero: Hero, folder: Path, run_id: str, root: Path, tell: Callable[[str], None]) -> None:
        self.hero, self.folder, self.run_id, self._tell = hero, folder, run_id, tell
        self.policy = hero.subject.policy
        self.broken = ""
        self.ended = ""
        self.waiting = False
        _claim(folder, hero.subject.name)
        self._begun = time.monotonic()
        self.collection = kinds.open_collection(hero.baseline_system, hero.folder, tell)
        self._judged: Judged = judge_collection(self.collection)
        self.material = lock_material(hero, self.collection, root)
        self.fingerprint = fingerprint(self.material)
        self._hero, self._baseline = self._open_arms()
        lacks = {**self._baseline.system.lacks, **self._hero.system.lacks}
        self.missing = missing_inputs(self.policy, lacks)
        given = sorted(check for check in hero.left_out if input_of(check) not in lacks)
        if given:
            raise EvidenceError(
                f"policy.left_out of {hero.subject.source} names {', '.join(given)}, but both systems give them; "
                "ask them, or leave them out in the policy of --configs"
            )
        self._queries = self._ordered("canary")
        self._cells: dict[tuple[int, str], Cell] = {}
        self._steps: list[dict[str, int]] = []
        self._pairs = 0
        self._climb_seconds = 0.0
        self._preflight()

    def reach(self, step: int) -> None:
        """Climb until this step is decided, or the ladder ends before it."""
        for percent in self.policy.ladder.steps:
            if self.broken:
                raise EvidenceError(self.broken)
            if percent > step:
                return
            if not self.ended and (percent, self.policy.asked_gates[0]) not in self._cells:
                try:
                    self._climb(percent)
                except Exception as error:
                    why = str(error) if isinstance(error, EvidenceError) else repr(error)
                    self.broken = f"{self.hero.subject.name}: the replay broke at {percent} %: {why}"
                    raise

    def gate(self, step: int, check: str) -> Cell:
        """The cell of a gate at a step."""
        self.reach(step)
        cell = self._cells.get((step, check))
        if cell is None:
            cell = self._not_reached(step, check)
        return replace(cell, ended=self.ended)

    def whole(self, check: str) -> Cell:
        """The cell of a guard or an instrument, after the whole climb."""
        if (0, check) in self._cells:  # of before the climb
            return replace(self._cells[0, check], ended=self.ended)
        self.reach(self.policy.ladder.steps[-1])
        return self._judge.cell(check, self.ended)

    def _open_arms(self) -> tuple[Contender, Contender]:
        subject, folder = self.hero.subject, self.hero.folder
        hero = break_system(kinds.open_system(self.hero.system, folder, self.collection), self.hero.fault)
        baseline = kinds.open_system(self.hero.baseline_system, folder, self.collection)

        def arm(name: str, config_hash: str, system: SearchSystem) -> Contender:
            documents = system.documents
            return Contender(
                name, config_hash, system, Locator(documents, self.collection.documents), Names.of(documents)
            )

        return (
            arm(subject.name, subject.config_hash, hero),
            arm(subject.baseline_name, subject.baseline_config_hash, baseline),
        )

    def _ordered(self, part: str) -> list[Query]:
        chosen = [self.collection.queries[i] for i in self.collection.part[part]]
        return order.query_order(self.fingerprint, chosen)

    def _preflight(self) -> None:
        ladder = self.policy.ladder
        queries = self._ordered("calibration")[: ladder.preflight]
        if len(queries) < ladder.preflight:
            raise EvidenceError(
                f"{len(queries):,} calibration queries, but the policy's preflight needs {ladder.preflight:,}; "
                "give more queries, or lower ladder.preflight"
            )
        for query in queries[:20]:  # caches and lazy imports are nobody's latency
            _quietly(self._baseline.system, query)
            _quietly(self._hero.system, query)
        with quiet():
            timed = [ask(self._baseline.system, query) for query in queries]
        answers = self._measured(timed, queries, self._baseline)
        self._constants = fix_constants(self.policy, answers.arm, order.seed(self.fingerprint), self.missing)
        name = self.hero.subject.name
        cell = judge_preflight(name, self.policy, answers.arm, self._constants, self.missing)
        if "preflight" in self.policy.asked_instruments:
            self._hold_before(cell)
        if "known_answers" in self.policy.asked_instruments:
            made_up = self._made_up(queries)
            self._hold_before(judge_known_answers(name, self.policy, self._constants, self.missing, made_up))
        label = self._label(self._baseline, "preflight", 0, 0)
        served = ["baseline"] * len(queries)
        agg = agg_table(label, queries, answers, self.collection, self._judged, served, range(len(queries)))
        write_part(self.folder, "window-000", HITS.empty_table(), agg)
        self._judge = Judge(hero=name, policy=self.policy, constants=self._constants, missing=self.missing)
        self._record()
        self._tell(f"preflight: {len(queries)} baseline answers, p95 {self._constants.q95_ms:.2f} ms")

    def _hold_before(self, cell: Cell) -> None:
        """Keep the cell of an instrument; one that is RED ends the climb before it begins."""
        self._cells[0, cell.check] = cell
        if cell.verdict is Verdict.RED and not self.ended:
            self.ended = f"held before {self.policy.ladder.steps[0]} %: {cell.note}"

    def _made_up(self, queries: Sequence[Query]) -> Pairs:
        """A hero with known faults, asked and measured as the hero will be."""
        block = queries[:KNOWN]
        twice = [i % self.policy.ladder.aa_every == 0 for i in range(len(block))]
        found = replay_block(block, MadeUp(self._baseline.system), self._baseline.system, self._arm_order, twice)
        return self._compare(block, found, np.flatnonzero(twice), self.policy.ladder.steps[0], self._baseline)

    def _climb(self, percent: int) -> None:
        judge, begun = self._judge, time.monotonic()
        judge.begin_step(percent)
        while not self.ended:
            move = next_move(judge, windows=self.hero.subject.windows, fresh=len(self._queries) - self._pairs)
            if move.next is Next.ADVANCE:
                break
            if move.holds:
                self.waiting = move.next is Next.WAITING
                self._hold(percent, move.why)
                break
            red = self._window(percent)
            if red:
                self._end(percent, red)
        self._climb_seconds += time.monotonic() - begun
        if judge.step_windows or judge.open_window:
            for check in self.policy.asked_gates:
                self._cells[percent, check] = judge.cell(check)
            self._steps.append({"percent": percent, "windows": judge.step_windows + judge.open_window})
        self._record()

    def _end(self, percent: int, red: Sequence[str]) -> None:
        rolls_back = [check for check in red if self.policy.on_red(check) == "rollback"]
        if rolls_back:
            self.ended = f"rolled back at {percent} % by {', '.join(rolls_back)}"
            self._tell(f"{self.ended}: the baseline serves 100 %")
        else:
            self._hold(percent, f"{', '.join(red)} shown broken")

    def _hold(self, percent: int, why: str) -> None:
        self.ended = f"held at {percent} %: {why}"
        self._tell(self.ended)

    def _window(self, percent: int) -> tuple[str, ...]:
        """Replay one window, look for RED after every `red_every` pairs, and write its evidence."""
        ladder = self.policy.ladder
        number = self._judge.windows + 1
        queries: list[Query] = []
        answers: dict[str, list[Timed]] = {"hero": [], "baseline": [], "repeat": []}
        repeated: list[int] = []
        begun = self._pairs
        red: tuple[str, ...] = ()
        while not red and len(queries) < ladder.window:
            block = self._queries[self._pairs : self._pairs + ladder.red_every]
            twice = [(self._pairs + i) % ladder.aa_every == 0 for i in range(len(block))]
            found = replay_block(block, self._hero.system, self._baseline.system, self._arm_order, twice)
            red = self._judge.observe(self._compare(block, found, np.flatnonzero(twice), percent, self._hero))
            repeated += [len(queries) + int(i) for i in np.flatnonzero(twice)]
            queries += block
            self._pairs += len(block)
            for name in answers:
                answers[name] += found[name]
        if not red:
            red = self._judge.end_window()
        self._write_window(percent, number, begun, queries, answers, repeated)
        self._tell(self._judge.headline(percent, number))
        return red

    def _compare(
        self,
        queries: Sequence[Query],
        found: dict[str, list[Timed]],
        repeated: np.ndarray,
        percent: int,
        hero: Contender,
    ) -> Pairs:
        again = [queries[i] for i in repeated]
        intents = self.policy.slices.intents
        served = [order.arm_served(self.fingerprint, query, percent) == "hero" for query in queries]
        return Pairs(
            hero=self._measured(found["hero"], queries, hero).arm,
            baseline=self._measured(found["baseline"], queries, self._baseline).arm,
            repeat=self._measured(found["repeat"], again, self._baseline).arm,
            repeated=repeated,
            intent=np.array([intents.index(q.intent) if q.intent in intents else ALL for q in queries], dtype=np.int8),
            served=np.array(served, dtype=np.float64),
            share=np.full(len(queries), percent / 100),
        )

    def _measured(self, timed: Sequence[Timed], queries: Sequence[Query], arm: Contender) -> Answers:
        sla_ms = self.policy.gates.sla_recall_at_50_delta.sla_ms
        return measure_answers(timed, queries, arm.locator, self._judged, sla_ms)

    def _arm_order(self, query: Query, arms: tuple[str, ...]) -> tuple[str, ...]:
        return order.arm_order(self.fingerprint, query, arms)

    def _write_window(
        self,
        percent: int,
        number: int,
        begun: int,
        queries: list[Query],
        answers: dict[str, list[Timed]],
        repeated: list[int],
    ) -> None:
        served = [order.arm_served(self.fingerprint, query, percent) for query in queries]
        position = range(begun, begun + len(queries))
        hits, agg = [], []
        for name, arm in (("hero", self._hero), ("baseline", self._baseline)):
            measured = self._measured(answers[name], queries, arm)
            label = self._label(arm, "pair", percent, number)
            hits.append(hits_table(label, queries, measured, arm.names))
            agg.append(agg_table(label, queries, measured, self.collection, self._judged, served, position))
        again = [queries[i] for i in repeated]
        measured = self._measured(answers["repeat"], again, self._baseline)
        label = self._label(self._baseline, "aa", percent, number)
        again_served, again_position = [served[i] for i in repeated], [position[i] for i in repeated]
        agg.append(agg_table(label, again, measured, self.collection, self._judged, again_served, again_position))
        write_part(self.folder, f"window-{number:03d}", concat(hits), concat(agg))

    def _label(self, arm: Contender, stream: str, percent: int, window: int) -> Label:
        return Label(
            run_id=self.run_id,
            system=arm.name,
            config_hash=arm.config_hash,
            hero=self.hero.subject.name,
            stream=stream,
            step=percent,
            window=window,
        )

    def _not_reached(self, step: int, check: str) -> Cell:
        return Cell(
            hero=self.hero.subject.name,
            step=step,
            check=check,
            kind=Kind.GATE,
            verdict=Verdict.NOT_REACHED,
            required="green",
            on_red=self.policy.on_red(check),
        )

    def _record(self) -> None:
        """Leave beside the evidence what it takes to recompute the verdicts and to tell the story."""
        constants = self._constants
        rolled_back = self.ended.startswith("rolled back")
        done = not self.ended and len(self._steps) == len(self.policy.ladder.steps)
        record = {
            "fingerprint": self.fingerprint,
            "lock_material": self.material,
            "constants": {
                "q": decimal(constants.median_confidence, 12),
                "q95_ms": decimal(constants.q95_ms, 12),
                "bin_edges": [repr(edge) for edge in constants.bin_edges],
                "signs": [decimal(sign) for sign in constants.signs],
                "seed": str(constants.seed),
            },
            "steps": self._steps,
            "pairs": self._pairs,
            "judged": self._totals(),
            "unused_queries": len(self._queries) - self._pairs,
            "pairs_per_second": decimal(self._pairs / self._climb_seconds, 4) if self._climb_seconds else "",
            "ended": self.ended,
            "waiting": self.waiting,  # held for too little traffic, not for what was measured
            "rolled_back_at_step": self._steps[-1]["percent"] if rolled_back and self._steps else None,
            "to_percent": self.policy.ladder.steps[-1] if done else 0,
            "missing_inputs": self.missing,
            "queries_file": "queries.parquet",
        }
        write_whole(self.folder / "ladder.json", json.dumps(record, indent=1, sort_keys=True))
        pq.write_table(self._texts(self._queries[: self._pairs]), self.folder / "queries.parquet")

    def _totals(self) -> dict[str, dict[str, str]]:
        """What was judged of each system, which the merged evidence must give again (evidence.parity)."""
        totals = zip((self._hero.name, self._baseline.name), self._judge.totals(), strict=True)
        return {name: {key: repr(value) for key, value in sums.items()} for name, sums in totals if sums}

    def _texts(self, queries: Sequence[Query]) -> pa.Table:
        """The words of the replayed queries and where their right answers lie: what examples are told with."""
        documents, judged = self.collection.documents, self.collection.judgements

        def right(query: Query) -> list[str]:
            rows = judged.doc_ord[judged.start[query.query_ord] : judged.start[query.query_ord + 1]]
            return [f"{documents.file[d]}:{documents.line_start[d]}-{documents.line_end[d]}" for d in rows]

        return pa.table(
            {
                "query_ord": pa.array([q.query_ord for q in queries], pa.int32()),
                "query_id": [q.query_id for q in queries],
                "text": [q.text for q in queries],
                "intent": [q.intent for q in queries],
                "judged": pa.array([right(q) for q in queries], pa.list_(pa.string())),
            }
        )


def _claim(folder: Path, hero: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(folder / "claimed", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        raise EvidenceError(f"{hero}: this run's ladder was begun by a process that died; not evidenced") from None


def _quietly(system: SearchSystem, query: Query) -> None:
    """Warm a system up; what it does wrong is found when it counts."""
    try:
        system.answer(query)
    except Exception:
        return
