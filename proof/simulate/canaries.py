"""How do thousands of canaries end that are made of given blocks? The gate's rule, for many heroes at once.

Every hero climbs the ladder of gates.rule.budget with the evidence of gates.rule.trackers and gates.rule.witness; what
differs from a run is only that the evidence of a block was computed before (proof.simulate.features).
tests/proof/test_canaries.py drives the gate's own Evaluator over the same blocks and requires the same end, hero by
hero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gates.checks.question import CalibrationQuestion
from gates.rule.dispersion import EVERY, chi_squared_tail
from gates.rule.evaluator import ends_climb
from gates.rule.trackers import Thresholds
from gates.rule.witness import PURPOSES
from gates.statistics import Array, calibration
from gates.verdicts import Decision, Kind
from proof.simulate.features import Features
from proof.simulate.processes import Tails, bins_of, grow, list_processes, log_mean, log_mixture

Flags = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What each hero meets, by hero, window number and block of the window."""

    blocks: Numbers  # (heroes, windows, blocks a window) rows of the features
    served: Numbers  # (steps, heroes, windows, blocks a window) pairs whose user sees the hero, if the step is that one
    late: tuple[int, int] | None = None  # step and windows into it, from which on `late_by` is added to the rows
    late_by: int = 0
    fresh: int = 1_000_000_000  # pairs there are

    def __len__(self) -> int:
        return len(self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """How canaries ended, one row a hero."""

    decision: NDArray[np.str_]  # of gates.verdicts.Decision
    waiting: Flags  # held for too little traffic
    step: Numbers  # position in the ladder's steps
    windows: Numbers  # closed
    pairs: Numbers
    red: Flags  # (heroes, checks)
    open: Flags  # (heroes, checks) not shown GREEN where that is needed, when it ended
    checks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.decision)


def join_ends(parts: Sequence[Ends], *, interleaved: bool = False) -> Ends:
    """Several groups of heroes as one; the first of each next to each other, then the second ones, if interleaved."""

    def joined(name: str) -> Any:
        columns = [getattr(part, name) for part in parts]
        return np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:]) if interleaved else np.concatenate(columns)

    return Ends(**{f.name: joined(f.name) for f in fields(Ends) if f.name != "checks"}, checks=parts[0].checks)


def run_canaries(features: Features, draws: Draws) -> Ends:
    """Let every hero climb."""
    climb = _Climb(features, draws)
    while climb.active.any():
        climb.move()
        climb.window()
    return climb.ends


class _Climb:
    def __init__(self, features: Features, draws: Draws) -> None:
        plan = features.plan
        self.f, self.plan, self.draws, self.policy = features, plan, draws, plan.policy
        self.limits = Thresholds.of(plan.policy)
        self.checks = (
            *(q.check for q in plan.streams),
            *([plan.traffic.check] if plan.traffic is not None else []),
            *(q.head.check for q in plan.witnesses),
            *(head.check for head, _ in (*plan.tails, *plan.slices)),
            *([plan.dispersion] if plan.dispersion else []),
        )
        self.looked_at = [q for q in plan.witnesses if q.green_below]
        self.ending = np.array([ends_climb(plan.policy, c) for c in self.checks])
        self.processes = list_processes(plan, self.limits)
        heroes, steps, k = len(draws), len(plan.policy.ladder.steps), plan.bins
        streams = features.red.shape[1] + 2 + len(plan.witnesses) + len(plan.tails) + 2 * len(plan.slices)
        self.cum = np.zeros((heroes, streams, 5))
        self.starts = np.zeros((heroes, steps, streams, 5))  # the sums when a step began
        self.green = np.zeros((heroes, features.green.shape[1], 5))
        self.last = np.zeros((heroes, features.last.shape[1], 5))
        self.blocked = np.zeros((heroes, len(plan.streams)))
        self.shown = np.zeros((heroes, len(self.checks)), dtype=np.bool_)
        self.plus = np.broadcast_to(np.array(plan.constants.signs) > 0, (heroes, k)).copy()
        self.gaps = np.zeros((heroes, k))
        self.counts = np.zeros((heroes, k, 3))
        self.slice_gaps = np.zeros((heroes, *features.slice_gaps.shape[1:]))
        self.tails = Tails([form for _, form in plan.tails], plan, heroes)
        self.tail_green = np.zeros((heroes, len(plan.tails), 5))
        self.squares, self.counted = np.zeros((heroes, 3)), np.zeros((heroes, 3), dtype=np.intp)
        self.step_windows = np.zeros(heroes, dtype=np.intp)
        self.active = np.ones(heroes, dtype=np.bool_)
        step, windows, pairs = (np.zeros(heroes, dtype=np.intp) for _ in range(3))
        red, undecided = (np.zeros((heroes, len(self.checks)), dtype=np.bool_) for _ in range(2))
        self.ends = Ends(
            decision=np.full(heroes, Decision.HOLD.value, dtype="<U8"), waiting=np.zeros(heroes, dtype=np.bool_),
            step=step, windows=windows, pairs=pairs, red=red, open=undecided, checks=self.checks,
        )  # fmt: skip

    # --- the moves of gates.rule.budget ---

    def move(self) -> None:
        """Advance where a step is through, and stop where nothing more may be asked."""
        ladder = self.policy.ladder
        a = np.flatnonzero(self.active)
        enough = self.step_windows[a] >= ladder.min_windows
        undecided = self._undecided(a)
        self.ends.open[a] = undecided
        through = enough & ~undecided.any(axis=1)
        finished = a[through & (self.ends.step[a] == len(ladder.steps) - 1)]
        self.active[finished] = False
        promotes = self.policy.promotes & ~self.ends.red[finished].any(axis=1)
        self.ends.decision[finished] = np.where(promotes, Decision.PROMOTE.value, Decision.HOLD.value)
        self._begin_step(a[through & (self.ends.step[a] < len(ladder.steps) - 1)])
        used_up = enough & ~through & (self.step_windows[a] >= ladder.max_windows)
        used_up |= self.active[a] & (self.ends.windows[a] >= ladder.total_windows)
        self.active[a[used_up]] = False
        waits = self.active[a] & (self.draws.fresh - self.ends.pairs[a] < ladder.window)
        self.ends.waiting[a[waits]] = True
        self.active[a[waits]] = False

    def _begin_step(self, a: Numbers) -> None:
        self.ends.step[a] += 1
        self.step_windows[a] = 0
        self.starts[a, self.ends.step[a]] = self.cum[a]
        at = 0
        for q, question in enumerate(self.plan.streams):
            if question.head.kind is Kind.GATE:
                self.shown[a, q] = False
                self.green[a, at : at + len(question.green)] = 0.0
            at += len(question.green)
        for looked in self.looked_at:
            self.shown[a, self.checks.index(looked.head.check)] = False

    def _undecided(self, a: Numbers) -> Flags:
        at_last = self.ends.step[a] == len(self.policy.ladder.steps) - 1
        known = [self.policy.check(check) for check in self.checks]
        gates = np.array([one.check.kind is Kind.GATE for one in known])
        decides = [one.check.kind in (Kind.GUARD, Kind.INSTRUMENT) for one in known]
        more = decides & np.array([one.check.required(one.limits) == "green" for one in known])
        needed = gates[None, :] | (at_last[:, None] & more[None, :])
        return np.asarray(needed & ~self.shown[a])

    # --- one window of every hero that still climbs ---

    def window(self) -> None:
        """A look for RED after each block; what is still in the race closes its window."""
        a = np.flatnonzero(self.active)
        if not len(a):
            return
        rows = self._rows(a)
        sums = self.cum[a][:, None] + np.cumsum(self._growth(a, rows), axis=1)
        red_at = self._red_looks(a, sums)
        first = red_at[:, self.ending].min(axis=1)
        ended = first < rows.shape[1]
        self.ends.red[a] |= red_at <= np.minimum(first, rows.shape[1] - 1)[:, None]
        self._end(a[ended], (first[ended] + 1) * self.policy.ladder.red_every)
        a, rows, sums = a[~ended], rows[~ended], sums[~ended]
        self.cum[a] = sums[:, -1]
        self.ends.windows[a] += 1
        self.step_windows[a] += 1
        self.ends.pairs[a] += self.policy.ladder.window
        self.ends.red[a] |= self._close(a, rows)
        ended = self.ends.red[a][:, self.ending].any(axis=1)
        self._end(a[ended], np.zeros(int(ended.sum()), dtype=np.intp))

    def _rows(self, a: Numbers) -> Numbers:
        rows = self.draws.blocks[a, self.ends.windows[a]]
        if self.draws.late is None:
            return rows
        step, windows = self.draws.late
        late = (self.ends.step[a] > step) | ((self.ends.step[a] == step) & (self.step_windows[a] >= windows))
        return rows + np.where(late, self.draws.late_by, 0)[:, None]

    def _growth(self, a: Numbers, rows: Numbers) -> Array:
        served = self.draws.served[self.ends.step[a], a, self.ends.windows[a]]
        plus = self.plus[a].astype(np.float32)
        witness = self.f.base[rows] + np.einsum("hwqbj,hb->hwqj", self.f.turn[rows], plus)
        tails = grow(self.tails.flags(a, self.f.ms[rows]))
        known = np.sign(self.slice_gaps[a])
        signs = np.stack([known < 0, known > 0], axis=2).astype(np.float32)
        slices = np.einsum("hwcisbj,hcsb->hwcij", self.f.signed[rows], signs)
        return np.concatenate(
            [
                self.f.red[rows], self.f.traffic[self.ends.step[a][:, None], served], witness, tails,
                slices.reshape(*slices.shape[:2], -1, slices.shape[-1]),
            ],
            axis=2, dtype=np.float64,
        )  # fmt: skip

    def _red_looks(self, a: Numbers, sums: Array) -> Numbers:
        """The first look of this window at which each check is RED, (heroes, checks); beyond the last where none."""
        looks, step = sums.shape[1], self.ends.step[a]
        most = sums.max(axis=(1, 3))  # a mixture is at most the largest wealth in it
        for s in range(1, len(self.policy.ladder.steps)):
            begun = step >= s
            since = sums[begun] - self.starts[a[begun], s][:, None]
            most[begun] = np.maximum(most[begun], since.max(axis=(1, 3)))
        red_at = np.full((len(a), len(self.checks)), looks, dtype=np.intp)
        for process in self.processes:
            near = np.flatnonzero((most[:, process.streams] >= process.need).any(axis=1))
            if not len(near):
                continue
            wealth = sums[near][:, :, process.streams]
            starts = self.starts[a[near]][:, :, process.streams]
            if process.each:
                each = [log_mixture(wealth[:, :, [i]], starts[:, :, [i]], step[near]) for i in range(wealth.shape[2])]
                over = np.minimum.reduce(each) >= process.need
            else:
                over = log_mixture(wealth, starts, step[near]) >= process.need
            found = np.where(over.any(axis=1), over.argmax(axis=1), looks)
            c = self.checks.index(process.check)
            red_at[near, c] = np.minimum(red_at[near, c], found)
        return red_at

    def _close(self, a: Numbers, rows: Numbers) -> Flags:
        """The end of a window: the A/A alarm, what is GREEN now, what the next one is fixed by. Returns what is RED."""
        f = self.f
        red = np.zeros((len(a), len(self.checks)), dtype=np.bool_)
        self.gaps[a] += f.gaps[rows].sum(axis=1)
        self.counts[a] += f.counts[rows].sum(axis=1)
        self.plus[a] = self.gaps[a] >= 0
        self.slice_gaps[a] += f.slice_gaps[rows].sum(axis=1)
        ms = f.ms[rows]
        self.tail_green[a] += grow(-self.tails.flags(a, ms)).sum(axis=1)
        self.tails.learn(a, ms[:, :, 0])
        for question in self.looked_at:
            self._look_at_calibration(a, question)
        if self.plan.dispersion:
            red[:, self.checks.index(self.plan.dispersion)] = self._dispersed(a, f.repeated[rows].sum(axis=1))
        self.green[a] += f.green[rows].sum(axis=1, dtype=np.float64)
        self.last[a] += f.last[rows].sum(axis=1, dtype=np.float64)
        self.blocked[a] += f.blocked[rows].sum(axis=1)
        self._show(a)
        return red

    def _look_at_calibration(self, a: Numbers, question: CalibrationQuestion) -> None:
        c = self.checks.index(question.head.check)
        at = np.stack([self.ends.step[a], self.step_windows[a]], axis=1)
        for step, window in np.unique(at, axis=0).tolist():
            look, rest = divmod(window, self.policy.ladder.calibration_looks_every)
            if rest:
                continue
            # what the gate's null simulations are drawn from
            rng = np.random.default_rng((self.plan.constants.seed, step + 1, window, PURPOSES.index("look")))
            noise = rng.standard_normal((calibration.DRAWS, self.plan.bins))
            for h in a[(at == (step, window)).all(axis=1) & ~self.shown[a, c]]:
                bins = bins_of(self.gaps[h], self.counts[h])
                p = calibration.p_error_at_least(bins, question.green_below[step], noise)
                self.shown[h, c] = p <= self.policy.error_rates.green / (look * (look + 1))

    def _dispersed(self, a: Numbers, sums: Array) -> Flags:
        """The A/A alarm at the end of this window, as gates.rule.dispersion raises it."""
        size = sums[:, :, 1]
        differs = size > 0
        self.squares[a] += np.where(differs, sums[:, :, 0] ** 2 / np.where(differs, size, 1), 0)
        self.counted[a] += differs
        raised = np.zeros(len(a), dtype=np.bool_)
        look, rest = np.divmod(self.ends.windows[a], EVERY)
        for i in np.flatnonzero(rest == 0):
            tails = map(chi_squared_tail, self.squares[a[i]].tolist(), self.counted[a[i]].tolist())
            raised[i] = min(1.0, 3 * min(tails)) < self.policy.error_rates.green / (look[i] * (look[i] + 1))
        return raised

    def _show(self, a: Numbers) -> None:
        at_last = self.ends.step[a] == len(self.policy.ladder.steps) - 1
        at = at_end = 0
        for q, question in enumerate(self.plan.streams):
            if not question.green:
                continue
            over = log_mean(self.green[a, at : at + len(question.green)]) >= self.limits.green
            shown = over.all(axis=1)
            if question.green_at_last:
                end = log_mean(self.last[a, at_end : at_end + len(question.green_at_last)]) >= self.limits.green
                shown &= end.all(axis=1) | ~at_last
            self.shown[a, q] = shown & (self.blocked[a, q] == 0)
            at, at_end = at + len(question.green), at_end + len(question.green_at_last)
        for t, (head, _) in enumerate(self.plan.tails):
            self.shown[a, self.checks.index(head.check)] = log_mean(self.tail_green[a, t]) >= self.limits.green

    def _end(self, a: Numbers, more_pairs: Numbers) -> None:
        rolls_back = np.array([self.policy.on_red(check) == "rollback" for check in self.checks])
        self.active[a] = False
        self.ends.pairs[a] += more_pairs
        rolled = (self.ends.red[a] & rolls_back).any(axis=1)
        self.ends.decision[a] = np.where(rolled, Decision.ROLLBACK.value, Decision.HOLD.value)
