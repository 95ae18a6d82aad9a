"""Can an equal hero meet this policy at all, and how many pairs does each check need for it?

Computed from the stored pairs of an equal hero (gates.planning.characteristics), before anything runs. The wealth of
each stake grows like a product of independent terms, so that its logarithm is about normal; the best stake alone must
do the work of the mean of all five, which errs on the safe side. The calibration gate's looks are simulated.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist

import numpy as np

from gates.checks.against import CalibrationError, Shift, Tail
from gates.checks.forms import Count, Form, Loss, Rate
from gates.checks.question import NOTHING_FIXED
from gates.errors import ConfigError
from gates.planning.characteristics import Atoms, Characteristics, Streams
from gates.policy import Policy
from gates.rule.questions import AskedForm, asked_checks
from gates.rule.trackers import Thresholds
from gates.statistics import Array
from gates.statistics.calibration import Bins, calibration_error
from gates.statistics.decimals import decimal
from gates.statistics.eprocess import BETS, RATIOS_BELOW, STAKES
from gates.statistics.pvalues import halved
from gates.verdicts import Kind

ENOUGH = 0.95  # chance that an equal hero meets all of a policy, below which it is refused
PLANNED = 0.99  # chance with which the pairs named as needed suffice
DRAWS = 4_000  # of a simulated look at the calibration error
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Log growth of each stake per pair: mean and variance, shape (5,)."""

    mean: Array
    variance: Array

    def chance(self, pairs: float, need: float) -> float:
        """The chance that the evidence has reached `need` (a log) after so many pairs."""
        spread = np.sqrt(np.maximum(self.variance * pairs, 1e-12))
        z = float(((self.mean * pairs - need - math.log(BETS)) / spread).max())
        return NORMAL.cdf(min(max(z, -8.0), 8.0))

    def pairs(self, need: float) -> float:
        """Pairs after which it has, with a chance of PLANNED; infinite where no stake grows."""
        up = self.mean > 1e-9
        if not up.any():
            return math.inf
        mean, variance, z = self.mean[up], self.variance[up], NORMAL.inv_cdf(PLANNED)
        # mean n - z sqrt(variance n) = need
        root = (z * np.sqrt(variance) + np.sqrt(z * z * variance + 4 * mean * (need + math.log(BETS)))) / (2 * mean)
        return float((root**2).min())


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One check that an equal hero must be shown to hold."""

    check: str
    where: str  # "at each step", "at 5 %", "over the canary"
    pairs: float  # needed, with a chance of PLANNED; infinite where none suffice
    budget: int  # pairs that the policy gives it
    chance: float  # of GREEN within the budget
    key: str  # of the limit in the policy
    would_do: Callable[[], float]  # finds the limit that would be met within the budget; NaN where none is
    least: float = 0.0  # chance below which it must not be required, whatever the others give


def require_attainable(path: str, policy: Policy, known: Characteristics) -> None:
    """Refuse a policy that an equal hero meets with a chance below ENOUGH. Raises ConfigError, a line a check."""
    found = tasks(policy, known.streams)
    lost = {task: 1 - task.chance for task in found}
    enough = 1 - sum(lost.values()) >= ENOUGH
    share = (1 - ENOUGH) / len(found)
    out = [task for task in found if task.chance < task.least or (not enough and lost[task] > share)]
    if out:
        raise ConfigError([_refusal(path, policy, task) for task in out])


def tasks(policy: Policy, streams: Streams) -> tuple[Task, ...]:
    """Every check that must be GREEN, in the order of reports."""
    order = policy.asked(Kind.GATE, Kind.GUARD)
    return tuple(sorted(_tasks(policy, streams), key=lambda task: order.index(task.check)))


def growth(stream: Atoms) -> Growth:
    """Of bets on a stream with these values."""
    gains = np.log1p(np.maximum(STAKES[:, None] * stream.value[None, :], -0.999))
    mean = gains @ stream.weight
    return Growth(mean=mean, variance=(gains - mean[:, None]) ** 2 @ stream.weight)


def rate_growth(rate: float, limit: float, ratios: Array) -> Growth:
    """Of likelihood ratios on hits at `rate` against the rate `limit`."""
    alternative = np.minimum(ratios * limit, 0.999)
    with np.errstate(divide="ignore"):
        on_hit = np.maximum(np.log(alternative / limit), -50.0)  # the alternative 0 is refuted by the first hit
    on_miss = np.log((1 - alternative) / (1 - limit))
    mean = rate * on_hit + (1 - rate) * on_miss
    return Growth(mean=mean, variance=rate * (1 - rate) * (on_hit - on_miss) ** 2)


def budgets(policy: Policy) -> tuple[int, int]:
    """Pairs that one step may use, and the canary whose last step alone needs more than the least."""
    ladder = policy.ladder
    step = ladder.max_windows
    canary = min(ladder.min_windows * (len(ladder.steps) - 1) + step, ladder.total_windows)
    return step * ladder.window, canary * ladder.window


def planned_checks(policy: Policy) -> tuple[AskedForm, ...]:
    """What the policy asks, before a preflight has fixed anything."""
    edges = ((),) * len(policy.slices.intents)
    return asked_checks(policy, replace(NOTHING_FIXED, slice_edges=edges, sla_ms=policy.sla_ms))


def _tasks(policy: Policy, streams: Streams) -> Iterator[Task]:
    step, canary = budgets(policy)
    need = Thresholds.of(policy).green
    for asked in planned_checks(policy):
        form = asked.form
        if asked.head.required != "green":
            continue
        # where the baseline's tail shows no equal hero to hold, it is enough that it is not shown broken
        may_be_not_red = isinstance(form, Tail) and form.clock and form.quantile > 0.95
        gate = asked.head.kind is Kind.GATE
        if isinstance(form, CalibrationError):
            yield from _calibration_tasks(asked, form, policy, streams)
        for field, limit, of, most in _shown(form, streams):
            whole = not gate or field == "final_margin"
            budget, found = (canary if whole else step), of(limit)
            yield Task(
                check=asked.head.check, where="over the canary" if whole else "at each step",
                pairs=found.pairs(need), budget=budget, chance=found.chance(budget, need),
                key=f"{asked.place}.{field}" if hasattr(policy.check(asked.head.check).limits, field) else asked.place,
                would_do=partial(_enough_at, of, need, budget, limit, most),
                least=PLANNED if may_be_not_red else 0.0,
            )  # fmt: skip


def _enough_at(of: Callable[[float], Growth], need: float, budget: int, limit: float, most: float) -> float:
    return _smallest(lambda at: of(at).pairs(need) <= budget, limit, most)


Shown = tuple[str, float, Callable[[float], Growth], float]  # field, its limit, growth at a limit, the largest tried


def _shown(form: Form, streams: Streams) -> Iterator[Shown]:
    """What must be shown of an equal hero, by the form of the question."""
    match form:
        case Loss(column=column, margin=float(margin), margin_at_last=last):
            lost = streams.lost(column)

            def against(limit: float) -> Growth:
                return growth(Atoms(value=(limit - lost.value) / (1 + limit), weight=lost.weight))

            yield "margin", margin, against, 0.5
            if last is not None:
                yield "final_margin", last, against, 0.5
        case Rate(column=column, above=above, share=share, ratios=ratios):
            over = streams.share_above(column, above)
            hits = np.array([0.0, 1.0])

            def below(limit: float) -> Growth:
                if ratios:
                    return rate_growth(over, limit, RATIOS_BELOW)
                return growth(Atoms(value=limit - hits, weight=np.array([1 - over, over])))

            yield "share", share, below, 0.5
        case Count(rate=rate):
            yield "rate", rate, lambda limit: rate_growth(0.0, limit, RATIOS_BELOW), 0.5
        case Shift(limit=limit):
            yield "limit", limit, lambda at: _either_way(streams, at), max(streams.shift)
        case Tail(column=column, quantile=quantile, margin_ms=margin_ms, clock=clock):
            flags = streams.tail(column, quantile)
            held = growth(Atoms(value=-flags.value, weight=flags.weight))
            yield "margin_ms" if clock else "margin", margin_ms, lambda _: held, math.nan


def _either_way(streams: Streams, limit: float) -> Growth:
    """Both directions of the confidence shift must be excluded: the slower one counts. Flags are stored by limit."""
    below = [stored for stored in streams.shift if stored <= limit + 1e-12]
    flags = streams.shift[max(below, default=min(streams.shift))]
    one, other = (growth(Atoms(value=-f.value, weight=f.weight)) for f in flags)
    return one if float(one.mean.max()) < float(other.mean.max()) else other


def _calibration_tasks(asked: AskedForm, form: CalibrationError, policy: Policy, streams: Streams) -> Iterator[Task]:
    ladder = policy.ladder
    for i, (percent, limit) in enumerate(zip(ladder.steps, form.green_below, strict=True)):
        before = i * ladder.min_windows * ladder.window
        looks = [
            (before + windows * ladder.window, policy.error_rates.green / (k * (k + 1)))
            for k, windows in enumerate(
                range(ladder.calibration_looks_every, ladder.max_windows + 1, ladder.calibration_looks_every), start=1
            )
        ]
        by_look = [(pairs, _look(streams, pairs, limit, p)) for pairs, p in looks]
        enough = next((pairs for pairs, chance in by_look if chance >= PLANNED), None)
        yield Task(
            check=asked.head.check,
            where=f"at {percent} %",
            pairs=math.inf if enough is None else float(enough),
            budget=looks[-1][0] if looks else 0,
            chance=max((chance for _, chance in by_look), default=0.0),
            key=f"{asked.place}.green_below[{i}]",
            would_do=partial(_smallest, partial(_one_look_suffices, streams, looks), limit, 0.5),
        )


def _one_look_suffices(streams: Streams, looks: list[tuple[int, float]], limit: float) -> bool:
    return any(_look(streams, pairs, limit, p) >= PLANNED for pairs, p in looks)


def _look(streams: Streams, pairs: int, limit: float, p: float) -> float:
    """The chance that one planned look at so many pairs excludes an error of `limit` (gates.statistics.calibration)."""
    weight, gap, variance = (
        np.array([getattr(b, name) for b in streams.calibration]) for name in ("weight", "gap", "variance")
    )
    error = np.sqrt(variance / (weight * pairs))
    noise = np.random.default_rng(pairs).standard_normal((2, DRAWS, len(weight)))
    null = np.abs(limit + noise[0] * error) @ weight
    seen = np.abs(gap + noise[1] * error) @ weight
    return float((seen <= np.quantile(null, p)).mean()) if calibration_error(Bins(weight, gap, error)) < limit else 0.0


def _smallest(enough: Callable[[float], bool], limit: float, most: float) -> float:
    """The smallest limit that would do, to two digits; NaN where not even the largest would."""
    if not most > limit or not enough(most):
        return math.nan
    _, high = halved(enough, limit, most, 12)
    digits = 1 - math.floor(math.log10(high))
    return float(math.ceil(high * 10.0**digits) / 10.0**digits)


def _refusal(path: str, policy: Policy, task: Task) -> str:
    window = policy.ladder.window
    ways = []
    if math.isfinite(task.pairs) and task.pairs > task.budget:
        more = math.ceil((task.pairs - task.budget) / window)
        ways.append(f"{task.pairs:,.0f} pairs ({more} windows more)")
    limit = task.would_do()
    if math.isfinite(limit):
        ways.append(f"{task.key} {decimal(limit, 3)}")
    if task.least:
        ways.append(f"{task.key.rpartition('.')[0]}.required not_red")
    way_out = f"{' or '.join(ways)} would do" if ways else "no number of pairs would do"
    return (
        f"{path}: {task.check} {task.where}: an equal hero is shown to hold with probability {task.chance:.2f} "
        f"within {task.budget:,} pairs, but all checks together should be met with {ENOUGH}; {way_out}"
    )
