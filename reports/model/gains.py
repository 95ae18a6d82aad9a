"""What does the hero give and cost against the baseline, over all queries and by intent?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gates.checks.check import Name
from gates.checks.measures import MEASURES, is_column
from gates.statistics import Array
from gates.statistics.pvalues import Interval, mean_interval, quantile_difference_interval, quantile_interval
from gates.statistics.whiskers import Resamples, error, error_draws, influence, percentiles, share
from reports.model.labels import metric_name, short
from rollout.columns import Measured

RESAMPLES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """One measure on the same queries: both arms, and hero minus baseline with its 95 % interval."""

    metric: str
    intent: str  # "" for all queries
    n: int
    baseline: float
    hero: float
    difference: Interval

    @property
    def name(self) -> Name:
        """What the measure is called, and how its numbers are shown."""
        return metric_name(self.metric)

    @property
    def told(self) -> tuple[str, str, str]:
        """Baseline, hero and difference as people read them."""
        return (
            self.name.show(self.baseline),
            self.name.show(self.hero),
            self.name.show(self.difference.value, signed=True),
        )

    @property
    def range(self) -> str:
        """The 95 % interval of the difference in brackets."""
        return self.name.range(self.difference.lower, self.difference.upper, signed=True)

    @property
    def change(self) -> str:
        """The difference and its interval where room is short: "+.5 [+.4, +.6]"."""
        return short(f"{self.told[-1]} {self.range}")

    @property
    def is_cost(self) -> bool:
        """Is more of it worse?"""
        known = MEASURES.get(self.metric)
        return known.cost if known is not None else is_column(self.metric)  # of those nobody knows what is better

    @property
    def shown(self) -> str:
        """What the interval shows, by whether it holds zero: a gain or a loss; of a cost more or less."""
        costs = {"gain shown": "less shown", "loss shown": "more shown"}
        return costs.get(self.better, self.better) if self.is_cost else self.better

    @property
    def better(self) -> str:
        """The same for a claim: less of a cost is a gain."""
        if self.difference.lower > 0 or self.difference.upper < 0:
            return "gain shown" if (self.difference.lower > 0) is not self.is_cost else "loss shown"
        return "no difference shown"


def compare(
    measured: Measured,
    *,
    edges: Array,
    seed: int,
    intent: str = "",
    of_means: Callable[[Array], Interval] = mean_interval,
) -> dict[str, Gain]:
    """Every measure that both arms have, by name. `edges` are the canary's calibration bins, `seed` its seed.

    Differences of means are paired and use `of_means`, the interval that the guards use; those of p95 and calibration
    error come from a paired bootstrap of queries, those of file credit from the delta method.
    """
    hero, baseline, n = measured.hero, measured.baseline, len(measured)
    if not n:
        return {}
    found: dict[str, tuple[float, float, Interval]] = {}
    means = {
        "ndcg_at_10": (hero.ndcg, baseline.ndcg),
        "sla_recall_at_50": (hero.recall, baseline.recall),
        "cpu_ms": (measured.hero_cpu_ms, measured.baseline_cpu_ms),
        **{name: (values, baseline.more[name]) for name, values in hero.more.items()},  # of the policy's own checks
    }
    for metric, (mine, its) in means.items():
        if _known(mine, its):
            found[metric] = float(its.mean()), float(mine.mean()), of_means(mine - its)
    clocks = {"p95_latency_ms": (hero.latency_ms, baseline.latency_ms)}
    if hero.wait_ms.any() or baseline.wait_ms.any():  # recorded answers waited for nothing here
        clocks["p95_net_ms"] = (hero.latency_ms - hero.wait_ms, baseline.latency_ms - baseline.wait_ms)
    for metric, (mine, its) in clocks.items():
        if _known(mine, its):
            found[metric] = p95_of(its), p95_of(mine), quantile_difference_interval(mine, its, 0.95, seed)
    if len(edges) and _known(hero.confidence, baseline.confidence):
        resamples = Resamples.draw(n, RESAMPLES, len(edges) + 1, seed)
        draws = error_draws(hero, edges, resamples) - error_draws(baseline, edges, resamples)
        of_hero, of_baseline = error(hero, edges), error(baseline, edges)
        found["ece"] = of_baseline, of_hero, percentiles(of_hero - of_baseline, draws)
    if hero.credits.sum() and baseline.credits.sum():
        of_hero, of_baseline = share(hero), share(baseline)
        difference = of_hero - of_baseline + influence(hero) - influence(baseline)
        found["file_credit"] = of_baseline, of_hero, mean_interval(difference)
    return {
        metric: Gain(metric=metric, intent=intent, n=n, baseline=of_baseline, hero=of_hero, difference=difference)
        for metric in (*MEASURES, *hero.more)
        if metric in found
        for of_baseline, of_hero, difference in (found[metric],)
    }


def compare_intents(
    measured: Measured, *, edges: Array, seed: int, of_means: Callable[[Array], Interval] = mean_interval
) -> dict[str, dict[str, Gain]]:
    """intent -> measure -> gain, largest intents first."""
    intents, counts = np.unique(measured.intent, return_counts=True)
    return {
        str(intent): compare(
            measured.rows(measured.intent == intent), edges=edges, seed=seed, intent=str(intent), of_means=of_means
        )
        for intent in intents[np.argsort(-counts, kind="stable")]
    }


def confidence_words(measured: Measured) -> dict[str, str]:
    """Intent, "" for all -> does the hero state more or less confidence than it is right? {} where it states none."""
    arm, found = measured.hero, {}
    if not _known(arm.confidence, arm.confidence):
        return {}
    for intent in ("", *np.unique(measured.intent).tolist()):
        at = measured.intent == intent if intent else np.ones(len(measured), dtype=np.bool_)
        said, right = float(arm.confidence[at].mean()), float(arm.correct[at].mean())
        word = "overconfident" if said > right else "underconfident"
        found[intent] = f"{word}: states {said:.2f} on average, {right:.2f} are right"
    return found


def p95_of(latency_ms: Array) -> float:
    """The order statistic of latency that the guard compares."""
    return quantile_interval(latency_ms, 0.95).value


def _known(hero: Array, baseline: Array) -> bool:
    return bool(np.isfinite(hero).all() and np.isfinite(baseline).all())
