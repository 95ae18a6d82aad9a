"""What would this policy find, and what would go unseen? The plan that `--plan` prints before anything runs."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gates.checks.against import Calibration, CalibrationError, Shift, Tail
from gates.checks.file_credit import DEPTH, FileCreditShare
from gates.checks.forms import Count, Form, Loss, Rate
from gates.checks.question import ALL
from gates.planning.attainability import Growth, Task, growth, planned_checks, rate_growth, tasks
from gates.planning.characteristics import Atoms, Streams
from gates.policy import Policy
from gates.rule.trackers import Thresholds
from gates.statistics.eprocess import RATIOS_ABOVE
from gates.statistics.pvalues import halved

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
    return tuple(_found(policy, streams))


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


Sizes = tuple[str, Sequence[Callable[[float], Growth]], float, float]  # what, growth at a size, largest, scale


def _found(policy: Policy, streams: Streams) -> Iterator[Found]:
    ladder = policy.ladder
    n = ladder.min_windows * len(ladder.steps) * ladder.window
    need = Thresholds.of(policy).red + math.log(2)  # half of the stake runs from the first pair

    def found(check: str, sizes: Sizes, share: float = 1.0) -> Found:
        what, all_of, most, scale = sizes
        pairs = int(n * share)
        shown = (max(_size(of, pairs, need, chance, most) for of in all_of) for chance in CHANCES)
        return Found(check=check, what=what, pairs=pairs, sizes=tuple(scale * size for size in shown))

    for asked in planned_checks(policy):
        intent = policy.slices.intents[asked.intent] if asked.intent != ALL else ""
        share = streams.intents.get(intent, 0.0) if intent else 1.0
        yield found(asked.head.check, _sizes(asked.form, streams), share)


def _sizes(form: Form, streams: Streams) -> Sizes:
    """What is looked for, by the form of the question."""
    match form:
        case Loss(column=column, tolerated=tolerated):
            lost = streams.lost(column)
            return "points lost", (_moved(lost, tolerated),), 0.9, 100
        case Rate(share=share, ratios=True):
            return "% of calls over the limit", (lambda r: rate_growth(r, share, RATIOS_ABOVE),), 1, 100
        case Rate(share=share):
            return "% over the limit", (lambda r: growth(_hits(r, share)),), 1, 100
        case Count():
            return "% of queries fail", (lambda r: growth(_hits(r, 0.0)),), 1, 100
        case Shift(limit=limit):
            above = streams.shift[min(streams.shift, key=lambda stored: abs(stored - limit))][0]
            return "% of pairs moved over it", (_more(above),), 1, 100
        case Tail(column=column, quantile=quantile):
            return "% more answers beyond it", (_more(streams.tail(column, quantile)),), 1, 100
        case CalibrationError(red_above=limit):
            return "calibration error", (_witness(streams, limit),), 0.5, 1
        case Calibration(allowed=allowed):
            further = _moved(streams.atoms["gap_moved"], allowed, 2 + allowed)
            return "calibration error added", (_witness(streams, allowed), further), 0.5, 1
        case FileCreditShare(limit=limit):
            scale = limit * DEPTH / streams.credits
            return "% of credits", (_from(limit, scale, _moved(streams.atoms["file_excess"], 0.0)),), 1, 100
    raise TypeError(f"{form!r}: a form that the plan does not know")


def _moved(x: Atoms, allowed: float, scale: float = 1.0) -> Callable[[float], Growth]:
    """The values moved until their mean is the size, beyond what is allowed."""
    return lambda size: growth(Atoms(value=(x.value - x.mean() + size - allowed) / scale, weight=x.weight))


def _from(limit: float, scale: float, of: Callable[[float], Growth]) -> Callable[[float], Growth]:
    return lambda share: of((share - limit) / scale)


def _more(flags: Atoms) -> Callable[[float], Growth]:
    """The flag more often at the hero: by `size` of the pairs."""
    return lambda size: growth(
        Atoms(value=np.append(flags.value, 1.0), weight=np.append(flags.weight * (1 - size), size))
    )


def _witness(streams: Streams, limit: float) -> Callable[[float], Growth]:
    """A witness that bets on the right signs: two values apart by its standard deviation."""
    sd = math.sqrt(sum(b.weight * b.variance for b in streams.calibration))
    return lambda size: growth(Atoms(value=size - limit + sd * np.array([-1.0, 1.0]), weight=np.array([0.5, 0.5])))


def _hits(rate: float, limit: float) -> Atoms:
    return Atoms(value=np.array([0.0, 1.0]) - limit, weight=np.array([1 - rate, rate]))


def _size(of: Callable[[float], Growth], pairs: int, need: float, chance: float, most: float) -> float:
    """The smallest size that is found with this chance; infinite where not even the largest is."""
    if of(most).chance(pairs, need) < chance:
        return math.inf
    return halved(lambda size: of(size).chance(pairs, need) >= chance, 0.0, most, 30)[1]
