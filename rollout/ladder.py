"""How a hero climbs: step by step over replayed windows, until it is through, shown broken, or out of budget.

A ladder is claimed once per run: a replacement worker must not climb again after a crash, and a replay that broke
stays broken, because rolling the dice again until it is green is no evidence.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evidence.files import write_whole
from evidence.parts import concat, write_part
from evidence.schemas import HITS
from fixtures.foreseen import TO_JUDGE, look_at
from fixtures.lock import lock_state
from fixtures.systems import machine, waiting
from fixtures.systems.faults import MadeUp
from fixtures.systems.protocol import Query
from gates.checks.known_answers import KnownAnswers
from gates.checks.lock import Lock, LockState
from gates.checks.preflight import PreflightCheck
from gates.errors import EvidenceError
from gates.offline import OFFLINE
from gates.pairs import Arm, Pairs, join
from gates.planning.power import Power, power_of
from gates.rule.climbed import FILE, Climbed, Facts, LookFacts
from gates.rule.one_look import evaluator_of, judge_one_look_test
from gates.rule.preflight import fix_constants, judge_preflight
from gates.rule.self_test import judge_self_test
from gates.statistics.decimals import decimal
from gates.verdicts import Cell, Kind
from rollout import order
from rollout.battery import Battery
from rollout.climb import Climb, Red, not_reached
from rollout.columns import BEFORE, PREFLIGHT, TEXTS
from rollout.comparison import ask_block, pairs_of, rows_of
from rollout.replay import ask_in_turn, warm_up
from rollout.tables import agg_table, texts_table
from rollout.watched import Watched

KNOWN = 50  # queries that a system with known faults is asked before the climb


class Ladder:
    """One hero's climb. `reach(step)` climbs all earlier steps first, so neither order nor -k matters."""

    def __init__(self, battery: Battery, folder: Path, run_id: str, tell: Callable[[str], None]) -> None:
        self.contest, self.folder, self.run_id, self._tell = battery.contest, folder, run_id, tell
        self.hero, self.policy = self.contest.hero, self.contest.policy
        self.broken = ""
        self._battery = battery
        self._lock: LockState | None = None
        self._look: LookFacts | None = None
        self._power: Power | None = None
        self._queries = self.contest.ordered("canary")
        self._cells: dict[tuple[int, str], Cell] = {(0, cell.check): cell for cell in battery.cells.values()}
        self._begun: set[int] = set()  # steps
        self._pairs = 0
        self._climb_seconds = 0.0
        self._watched = Watched(machine.here(), waiting.here())
        self._preflight()

    @property
    def _offline(self) -> bool:
        """Is it no climb, but one look at what is recorded?"""
        return self.policy.mode == OFFLINE

    @property
    def ended(self) -> str:
        """How the climb ended before the top; "" while it goes on."""
        return self._climb.ended

    def reach(self, step: int) -> None:
        """Climb until this step is decided, or the ladder ends before it."""
        for percent in self.policy.ladder.steps:
            if self.broken:
                raise EvidenceError(self.broken)
            if percent > step:
                return
            if not self._climb.ended and percent not in self._begun:
                try:
                    self._step(percent)
                except Exception as error:
                    why = str(error) if isinstance(error, EvidenceError) else repr(error)
                    self.broken = f"{self.hero.subject.name}: the replay broke at {percent} %: {why}"
                    raise

    def gate(self, step: int, check: str) -> Cell:
        """The cell of a gate at a step."""
        self.reach(step)
        cell = self._cells.get((step, check))
        if cell is None:
            cell = not_reached(self.hero.subject.name, self.policy, step, check)
        return replace(cell, ended=self._climb.ended)

    def whole(self, check: str) -> Cell:
        """The cell of a guard or an instrument, after the whole climb."""
        if (0, check) in self._cells:  # of before the climb
            return replace(self._cells[0, check], ended=self._climb.ended)
        self.reach(self.policy.ladder.steps[-1])
        return self._climb.evaluator.cell(check, self._climb.ended)

    def _preflight(self) -> None:
        ladder, contest = self.policy.ladder, self.contest
        queries = contest.ordered("calibration")[: ladder.preflight]
        if len(queries) < ladder.preflight and not self._offline:
            raise EvidenceError(
                f"{len(queries):,} calibration queries, but the policy's preflight needs {ladder.preflight:,}; "
                "give more queries, or lower ladder.preflight"
            )
        incumbent = contest.incumbent
        warm_up((incumbent.system, contest.challenger.system), queries)
        self._watched.begin()
        (timed,) = ask_in_turn((incumbent.system,), queries)
        answers = incumbent.measured(timed, queries, contest.judged, self.policy)
        self._watched.end(BEFORE, 0, {"baseline": [answers.arm]})
        self._constants = fix_constants(
            self.policy, answers.arm, contest.intents(queries), order.seed(contest.fingerprint)
        )
        if self._offline:
            self._look, to_judge = look_at(self.hero, self.policy)
            write_whole(self.folder / TO_JUDGE, json.dumps(to_judge))
        evaluator = evaluator_of(self.hero.subject.name, self.policy, self._constants, contest.missing, self._look)
        evaluator.refuse(answers.arm)
        self._climb = Climb(evaluator, self.hero.subject.windows)
        label = incumbent.label(self.run_id, self.hero.subject.name, PREFLIGHT, 0, BEFORE)
        agg = [agg_table(label, queries, answers, ["baseline"] * len(queries), range(len(queries)))]
        self._judge_instruments(answers.arm, queries, agg)
        self._climb.begin({check: cell for (_, check), cell in self._cells.items()})
        write_part(self.folder, "window-000", HITS.empty_table(), concat(agg))
        self._record()
        took = self._constants.q95_ms
        clock = f", p95 {took:.2f} ms" if math.isfinite(took) else ""
        self._tell(f"preflight: {len(queries)} baseline answers{clock}")

    def _judge_instruments(self, arm: Arm, queries: Sequence[Query], agg: list[pa.Table]) -> None:
        """The instruments that speak before the climb."""
        name, asked, contest = self.hero.subject.name, self.policy.asked(Kind.INSTRUMENT), self.contest
        if Lock.key in asked:
            self._lock = lock_state(self.hero, contest.material)
            self._keep(Lock().judge(name, self.policy.limits(Lock), self._lock))
        if PreflightCheck.key in asked:
            self._keep(judge_preflight(name, self.policy, arm, self._constants, contest.missing))
        if KnownAnswers.key in asked and self._offline:
            self._keep(judge_one_look_test(name, self.policy, self._constants, contest.missing))
        elif KnownAnswers.key in asked:
            made_up = contest.incumbent._replace(name="made_up", system=MadeUp(contest.incumbent.system))
            block = ask_block(contest, queries[:KNOWN], 0, self.policy.ladder.steps[0], made_up)
            agg.append(rows_of(contest, self.run_id, block, BEFORE, ("known", "known_aa"))[1])
            pairs = pairs_of(contest, block)
            self._keep(judge_self_test(name, self.policy, self._constants, contest.missing, pairs))

    def _keep(self, cell: Cell) -> None:
        self._cells[0, cell.check] = cell

    def _step(self, percent: int) -> None:
        self._begun.add(percent)
        begun, climb = time.monotonic(), self._climb
        climb.step(percent, lambda: self._window(percent), lambda: len(self._queries) - self._pairs)
        self._climb_seconds += time.monotonic() - begun
        if climb.reached(percent):
            for check in self.policy.asked(Kind.GATE):
                self._cells[percent, check] = climb.evaluator.cell(check)
        if climb.ended:
            serves = ": the baseline serves 100 %" if climb.ended.startswith("rolled back") else ""
            self._tell(f"{climb.ended}{serves}")
        self._record()

    def _window(self, percent: int) -> Red:
        """Replay one window, look for RED after every `red_every` pairs, and write its evidence."""
        ladder, evaluator, contest = self.policy.ladder, self._climb.evaluator, self.contest
        number, begun = evaluator.windows + 1, self._pairs
        hits, agg = [], []
        seen: list[Pairs] = []
        red: Red = ()
        self._watched.begin()
        ends = min(begun + ladder.window, len(self._queries))
        while not red and self._pairs < ends:
            queries = self._queries[self._pairs : self._pairs + ladder.red_every]
            block = ask_block(contest, queries, self._pairs, percent, repeats=not self._offline)
            seen.append(pairs_of(contest, block))
            red = evaluator.observe(seen[-1])
            found, rows = rows_of(contest, self.run_id, block, number)
            hits.append(found)
            agg.append(rows)
            self._pairs += len(queries)
        self._watched.end(number, percent, {"hero": [p.hero for p in seen], "baseline": [p.baseline for p in seen]})
        if not red:
            red = evaluator.end_window()
            if number == 1 and self.policy.rule == "evidence":
                self._power = power_of(self.policy, self._constants, join(seen), contest.missing)
                self._tell(self._power.line())
        write_part(self.folder, f"window-{number:03d}", concat(hits), concat(agg))
        self._tell(evaluator.headline(percent, number))
        return red

    def _record(self) -> None:
        """Leave beside the evidence what it takes to recompute the verdicts and to tell the story."""
        climb = self._climb
        rolled_back = climb.ended.startswith("rolled back")
        done = not climb.ended and len(climb.steps) == len(self.policy.ladder.steps)
        climbed = Climbed(
            fingerprint=self.contest.fingerprint,
            lock_material=self.contest.material,
            constants=Facts(
                **self._constants.record(),
                moved=climb.evaluator.moved(),
                queries=len(self._queries),
                missing=self.contest.missing,
                notes=self._battery.notes,
                sanity=self._battery.facts,
                lock=self._lock,
                power=self._power.record() if self._power else None,
                look=self._look,
            ),
            steps=tuple(climb.steps),
            pairs=self._pairs,
            judged=self._totals(),
            unused_queries=len(self._queries) - self._pairs,
            pairs_per_second=decimal(self._pairs / self._climb_seconds, 4) if self._climb_seconds else "",
            machine=self._watched.record(),
            ended=climb.ended,
            waiting=climb.waiting,
            rolled_back_at_step=climb.steps[-1].percent if rolled_back and climb.steps else None,
            to_percent=self.policy.ladder.steps[-1] if done else 0,
        )
        write_whole(self.folder / FILE, climbed.to_json())
        texts = texts_table(self._queries[: self._pairs], self.contest.collection)
        pq.write_table(texts, self.folder / TEXTS)

    def _totals(self) -> dict[str, dict[str, str]]:
        """What was judged of each system, which the merged evidence must give again (evidence.parts)."""
        sides = self.contest.challenger.name, self.contest.incumbent.name
        totals = zip(sides, self._climb.evaluator.totals(), strict=True)
        return {name: {key: repr(value) for key, value in sums.items()} for name, sums in totals if sums}
