"""What would this policy find, and what would go unseen? The plan that `--plan` prints before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gates.attainability import Growth, Task, growth, rate_growth, tasks
from gates.characteristics import Atoms, Streams
from gates.eprocess import RATIOS_ABOVE
from gates.policy import Policy
from gates.trackers import Thresholds

CHANCES = (0.5, 0.9, 0.99)
LIVE_MINUTES = 15  # of a window of live traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How large a fault must be to be found by one check from the pairs of a whole canary."""

    check: str
    what: str  # of which the sizes are, with the unit
    pairs: int
    sizes: tuple[float, ...]  # for CHANCES; infinite where nothing is large enough


def foresee(policy: Policy, streams: Streams) -> tuple[Found, ...]:
    """Every check that can roll back, asked of the least pairs that a promotion takes."""
    asked = {*policy.asked_gates, *policy.asked_guards, *policy.asked_slices}
    return tuple(found for found in _found(policy, streams) if found.check in asked)


def plan_lines(hero: str, policy: Policy, streams: Streams) -> list[str]:
    """The plan as it is printed."""
    ladder = policy.ladder
    least, most = ladder.min_windows * len(ladder.steps), ladder.total_windows
    minutes = [windows * ladder.window * streams.ms_per_pair / 60_000 for windows in (least, most)]
    hours = [windows * LIVE_MINUTES / 60 for windows in (least, most)]
    lines = [
        f"plan of {hero}: {least * ladder.window:,} to {most * ladder.window:,} pairs, {least} to {most} windows; "
        f"replay {minutes[0]:.1f} to {minutes[1]:.1f} min, live {hours[0]:.0f} to {hours[1]:.0f} h",
        f"  from {streams.source}",
        "",
        f"  {'to be shown, of an equal hero':42}{'pairs':>8}{'minutes':>9}{'given':>8}{'chance':>8}",
    ]
    lines += [_task_line(task, streams) for task in tasks(policy, streams)]
    lines += ["", f"  {'found in a whole canary':42}{'with 50 %':>12}{'90 %':>9}{'99 %':>9}"]
    lines += [_found_line(found) for found in foresee(policy, streams)]
    lines.append("  what is smaller than the first number mostly goes unseen")
    return lines


def _task_line(task: Task, streams: Streams) -> str:
    pairs = f"{task.pairs:,.0f}" if math.isfinite(task.pairs) else "never"
    minutes = f"{task.pairs * streams.ms_per_pair / 60_000:.2f}" if math.isfinite(task.pairs) else "-"
    chance = "> .99" if task.chance > 0.995 else f"{task.chance:.2f}"
    return f"  {f'{task.check} {task.where}':42}{pairs:>8}{minutes:>9}{task.budget:>8,}{chance:>8}"


def _found_line(found: Found) -> str:
    shown = [f"{size:.3g}" if math.isfinite(size) else "nothing" for size in found.sizes]
    return f"  {f'{found.check}: {found.what}':42}{shown[0]:>12}{shown[1]:>9}{shown[2]:>9}"


def _found(policy: Policy, streams: Streams) -> Iterator[Found]:
    ladder, gates, guards, atoms = policy.ladder, policy.gates, policy.guards, streams.atoms
    n = ladder.min_windows * len(ladder.steps) * ladder.window
    need = Thresholds.of(policy).red + math.log(2)  # half of the stake runs from the first pair

    def found(
        check: str, what: str, of: Callable[[float], Growth], most: float, scale: float, share: float = 1.0
    ) -> Found:
        pairs = int(n * share)
        sizes = tuple(scale * _size(of, pairs, need, chance, most) for chance in CHANCES)
        return Found(check=check, what=what, pairs=pairs, sizes=sizes)

    def losing(name: str) -> Callable[[float], Growth]:
        lost = atoms[name]
        return lambda size: growth(Atoms(value=lost.value - lost.mean() + size, weight=lost.weight))

    def more(flags: Atoms) -> Callable[[float], Growth]:
        """The flag more often at the hero: by `size` of the pairs."""
        return lambda size: growth(
            Atoms(value=np.append(flags.value, 1.0), weight=np.append(flags.weight * (1 - size), size))
        )

    def wrong(limit: float) -> Callable[[float], Growth]:
        """A witness that bets on the right signs: two values apart by its standard deviation."""
        sd = math.sqrt(sum(b.weight * b.variance for b in streams.calibration))
        return lambda size: growth(Atoms(value=size - limit + sd * np.array([-1.0, 1.0]), weight=np.array([0.5, 0.5])))

    share = gates.calibrator_p99.share
    yield found("calibrator_p99", "% of calls over the limit", lambda r: rate_growth(r, share, RATIOS_ABOVE), 1, 100)
    yield found("aece_tau", "calibration error", wrong(gates.aece_tau.red_above), 0.5, 1)
    above = streams.shift[min(streams.shift, key=lambda limit: abs(limit - gates.confidence_shift.limit))][0]
    yield found("confidence_shift", "% of pairs moved over it", more(above), 1, 100)
    yield found("sla_recall_at_50_delta", "points lost", losing("recall_lost"), 0.9, 100)
    yield found("ndcg_at_10", "points lost", losing("ndcg_lost"), 0.9, 100)
    yield found("p95_latency", "% more answers beyond it", more(atoms["slow"]), 1, 100)
    late = 1 - guards.within_sla.share
    yield found("within_sla", "% late", lambda r: growth(_hits(r, late)), 1, 100)
    yield found("errors", "% of queries fail", lambda r: growth(_hits(r, 0.0)), 1, 100)
    yield found("ece", "calibration error", wrong(guards.ece.limit), 0.5, 1)
    spend = guards.spend.share
    yield found("spend", "% over the cap", lambda r: growth(_hits(r, spend)), 1, 100)
    for check, (kind, intent) in policy.slices_of.items():
        part = streams.intents.get(intent, 0.0)
        if kind == "recall":
            yield found(check, "points lost", losing("recall_lost"), 0.9, 100, part)
        else:
            yield found(check, "calibration error", wrong(policy.slices.calibration.limit), 0.5, 1, part)


def _hits(rate: float, limit: float) -> Atoms:
    return Atoms(value=np.array([0.0, 1.0]) - limit, weight=np.array([1 - rate, rate]))


def _size(of: Callable[[float], Growth], pairs: int, need: float, chance: float, most: float) -> float:
    """The smallest size that is found with this chance; infinite where not even the largest is."""
    if of(most).chance(pairs, need) < chance:
        return math.inf
    low, high = 0.0, most
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if of(middle).chance(pairs, need) >= chance else (middle, high)
    return high
