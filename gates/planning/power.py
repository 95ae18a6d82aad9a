"""What can a canary show, and what goes unseen? Of a policy as the plan that `--plan` prints before anything runs; of a
hero after its first window, from how much its pairs differ.

An equal hero that differs on as many queries by as much is what is foreseen: which arm was the better one is left out,
so no decision can rest on it: `either_way` takes from pairs what says so, and `streams_of` what is left, from which
gates/planning/attainability.py simulates a policy. Stored pairs are told in the same way (proof/simulate/streams.py).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gates.checks.against import Calibration, CalibrationError, Shift, Tail
from gates.checks.confidence_shift import ConfidenceShift
from gates.checks.file_credit import FileCredit, FileCreditShare
from gates.checks.forms import Count, Form, Loss, Rate
from gates.checks.measures import DEPTH
from gates.checks.question import ALL, Constants
from gates.pairs import COLUMNS, Arm, Pairs, join
from gates.planning.attainability import ENOUGH, Growth, Task, growth, planned_checks, rate_growth, tasks
from gates.planning.characteristics import Atoms, Bin, Streams
from gates.policy import Policy
from gates.rule.questions import asked_checks
from gates.rule.trackers import Thresholds
from gates.statistics import Array
from gates.statistics.calibration import fill_bins
from gates.statistics.decimals import decimal
from gates.statistics.eprocess import RATIOS_ABOVE
from gates.statistics.pvalues import halved

SHIFTS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # limits that a policy may set for the confidence shift
CELLS = 63  # odd: a loss of exactly 0 has one of its own
CHANCES = (0.5, 0.9, 0.99)
LIVE_MINUTES = 15  # of a window of live traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """The chance that such an equal hero is shown to hold, over all checks that must be, and what stands against it."""

    chance: float
    doubtful: tuple[Task, ...]  # the least likely first

    def line(self) -> str:
        """What is told of it."""
        told = f"an equal hero that differs as much as this one is promoted with {100 * self.chance:.0f} %"
        if not self.doubtful:
            return told
        pairs = [
            f"{t.check} {t.where} needs {t.pairs:,.0f} pairs of {t.budget:,}" if math.isfinite(t.pairs)
            else f"{t.check} {t.where} is never shown"
            for t in self.doubtful[:2]
        ]  # fmt: skip
        more = f", {len(self.doubtful) - 2} more in doubt" if len(self.doubtful) > 2 else ""
        return f"{told}: {'; '.join(pairs)}{more}"

    def record(self) -> dict[str, Any]:
        """As JSON, numbers as decimal strings."""
        return {
            "chance": decimal(self.chance, 3),
            "line": self.line(),
            "doubtful": [
                {
                    "check": t.check,
                    "where": t.where,
                    "pairs": decimal(t.pairs, 6),
                    "given": str(t.budget),
                    "chance": decimal(t.chance, 3),
                }
                for t in self.doubtful
            ],
        }


def power_of(policy: Policy, constants: Constants, window: Pairs, missing: Mapping[str, str]) -> Power:
    """Foreseen from the first window. By the letter nothing is: points have no power."""
    numbers = replace(window, hero=_numbers(window.hero), baseline=_numbers(window.baseline))
    streams = streams_of(either_way(numbers), policy, constants, "the first window of this run")
    found = [task for task in tasks(policy, streams) if task.check not in missing]
    doubtful = sorted((t for t in found if t.chance < ENOUGH), key=lambda t: t.chance)
    return Power(chance=max(0.0, 1 - sum(1 - t.chance for t in found)), doubtful=tuple(doubtful))


def _numbers(arm: Arm) -> Arm:
    """Columns that a system does not give are of missing checks, which are not asked."""
    return arm.put(**{name: np.nan_to_num(arm.column(name)) for name in (*COLUMNS, *arm.more)})


def either_way(pairs: Pairs) -> Pairs:
    """Each pair once as it is and once with its arms exchanged."""
    return join([pairs, replace(pairs, hero=pairs.baseline, baseline=pairs.hero)])


def streams_of(pairs: Pairs, policy: Policy, constants: Constants, source: str) -> Streams:
    """The streams of these pairs."""
    hero, baseline = pairs.hero, pairs.baseline
    forms = [asked.form for asked in asked_checks(policy, constants)]
    credit = policy.limits(FileCredit)
    lost = dict.fromkeys(["recall", "ndcg", *(form.column for form in forms if isinstance(form, Loss))])
    rates = dict.fromkeys(["calibrator_ms", "latency_ms", *(form.column for form in forms if isinstance(form, Rate))])
    gap = (hero.confidence - hero.correct) - (baseline.confidence - baseline.correct)
    bins = fill_bins(hero.confidence, hero.correct, np.array(constants.bin_edges))
    return Streams(
        source=source,
        atoms={
            **{f"{c}_lost": cells_of(baseline.column(c) - hero.column(c)) for c in lost},
            "gap_moved": cells_of(gap, most=2.0),
            "file_excess": exactly(np.round(FileCreditShare(limit=credit.limit, margin=credit.margin).excess(hero), 3)),
            **{column: quantiles_of(hero.column(column)) for column in rates if column != "spend_ms"},
        },
        tails={
            (form.column, form.quantile): exactly(form.more(pairs, *form.fix(form.net(baseline))))
            for form in forms
            if isinstance(form, Tail)
        },
        shift={
            limit: (exactly(form.above(pairs)), exactly(form.below(pairs)))
            for limit in sorted({*SHIFTS, policy.limits(ConfidenceShift).limit})
            for form in [Shift(median=constants.median_confidence, limit=limit, seed=0)]
        },
        calibration=tuple(
            Bin(weight=float(w), gap=float(gap), variance=float(error**2 * w * len(pairs)))
            for w, gap, error in zip(*bins, strict=True)
        ),
        credits=float(hero.credits.mean()),
        intents={name: float((pairs.intent == i).mean()) for i, name in enumerate(policy.slices.intents)},
        ms_per_pair=float(hero.latency_ms.mean() + baseline.latency_ms.mean()),
    )


def exactly(x: Array) -> Atoms:
    """Every value that occurs, with its share."""
    values, counts = np.unique(x, return_counts=True)
    return Atoms(value=values, weight=counts / len(x))


def cells_of(x: Array, most: float = 1.0) -> Atoms:
    """Values in [-most, most] drawn together into CELLS cells, each at its own mean: the mean stays as it is."""
    half = CELLS // 2
    cell = np.rint(x / most * half).astype(np.intp) + half
    counts = np.bincount(cell, minlength=CELLS)
    filled = counts > 0
    return Atoms(value=np.bincount(cell, x, CELLS)[filled] / counts[filled], weight=counts[filled] / len(x))


def quantiles_of(x: Array) -> Atoms:
    """Quantiles, closer together in the upper tail, each with the share of what lies just below it."""
    at = np.concatenate([np.linspace(0.02, 0.96, 48), np.linspace(0.965, 0.995, 7), np.linspace(0.996, 1, 9)])
    return Atoms(value=np.quantile(x, at), weight=np.diff(at, prepend=0.0))


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
    best, own = _guessed(policy, streams)
    if best:
        lines.append(f"  best case, since an equal hero was never measured in it: {', '.join(best)}")
    if own:
        lines.append(f"  not known beforehand, since the form is none of ours: {', '.join(own)}")
    return lines


def _guessed(policy: Policy, streams: Streams) -> tuple[list[str], list[str]]:
    """Checks of which the plan knows the best case alone, and those of which it knows nothing."""
    asked = planned_checks(policy)
    best = [one.head.check for one in asked if not streams.knows(one.form)]
    return best, [one.head.check for one in asked if _sizes(one.form, streams) is None]


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
        sizes = _sizes(asked.form, streams)
        if sizes is not None:
            yield found(asked.head.check, sizes, share)


def _sizes(form: Form, streams: Streams) -> Sizes | None:
    """What is looked for, by the form of the question; None for a form of a user's own."""
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
    return None


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
