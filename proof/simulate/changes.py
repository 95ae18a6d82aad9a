"""What can be done to a hero of an equal population so that its true state is known? Each change is a function
of the population, and of what it draws."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from gates.pairs import Arm
from gates.statistics import Array
from proof.simulate.model import in_time, true_share
from proof.simulate.population import Population, swapped

Change = Callable[[Population, np.random.Generator], Population]


def fair_swap(population: Population, rng: np.random.Generator) -> Population:
    """Equal, with all the churn that a real hero has: a fair coin a query says which answer is called the hero's."""
    return swapped(population, rng.random(len(population)) < 0.5)


def lose(population: Population, rng: np.random.Generator, *, points: float, keep: float = 0.75) -> Population:
    """A mean loss of so many points of recall and of nDCG: on random queries the hero keeps only the share `keep`."""
    return replace(population, hero=_lessened(population.hero, points, rng.random(len(population)), keep))


def shock(population: Population, rng: np.random.Generator, *, points: float, keep: float = 0.75) -> Population:
    """Something in between two answers moves all hero and repeated answers by so many points against the first ones."""
    hit = rng.random(len(population))
    if points < 0:
        hero, repeat = (_lessened(a, -points, hit, keep) for a in (population.hero, population.repeat))
        return replace(population, hero=hero, repeat=repeat)
    return replace(population, baseline=_lessened(population.baseline, points, hit, keep))


def skew(population: Population, rng: np.random.Generator, *, slip: float, slips: float, rescues: float) -> Population:
    """Equal but for nDCG: the hero lies `slip` below on a share `slips` of each intent's queries, and finds on a share
    `rescues` what the baseline does not find at all. A negative slip is a small gain, negative rescues total losses."""
    ndcg = np.clip(population.baseline.ndcg, abs(slip), 1 - abs(slip))
    hero, baseline = ndcg.copy(), ndcg.copy()
    for intent in np.unique(population.intent):
        order = rng.permutation(np.flatnonzero(population.intent == intent))
        few, many = round(abs(rescues) * len(order)), round(slips * len(order))
        found, lost = (hero, baseline) if rescues > 0 else (baseline, hero)
        found[order[:few]], lost[order[:few]] = 1.0, 0.0
        hero[order[few : few + many]] -= slip
    same = replace(population.baseline, ndcg=baseline)
    return replace(population, hero=replace(same, ndcg=hero), baseline=same, repeat=same)


def churn_whole(population: Population, rng: np.random.Generator, *, share: float) -> Population:
    """Equal, but on a share of the queries one arm finds everything and the other nothing: a fair coin says which."""
    differ, coin = rng.random(len(population)) < share, rng.random(len(population)) < 0.5

    def arm(finds: NDArray[np.bool_]) -> Arm:
        def whole(values: Array) -> Array:
            return np.where(differ, finds.astype(np.float64), values)

        of = population.baseline
        return in_time(replace(of, ndcg=whole(of.ndcg), found=whole(of.found)))

    return replace(population, hero=arm(coin), baseline=arm(~coin), repeat=arm(~coin))


def late_tail(population: Population, rng: np.random.Generator, *, share: float, milliseconds: float) -> Population:
    """A share of the hero's answers comes so much later."""
    more = np.where(rng.random(len(population)) < share, milliseconds, 0.0)
    late = replace(population.hero, latency_ms=population.hero.latency_ms + more)
    return replace(population, hero=in_time(late))


def bias(population: Population, _: np.random.Generator, *, by: float, intent: int) -> Population:
    """The hero's confidence on one intent is so much higher, and as often right as before."""
    confidence = population.hero.confidence + np.where(population.intent == intent, by, 0.0)
    return replace(population, hero=replace(population.hero, confidence=np.clip(confidence, 0.001, 0.999)))


def more_right(population: Population, rng: np.random.Generator, *, share: float, intent: int) -> Population:
    """So many more of one intent's first hits are right (fewer, if negative), at the confidence that they had."""
    own = population.hero
    open_ = (population.intent == intent) & (own.correct == (0.0 if share > 0 else 1.0))
    chance = abs(share) * float((population.intent == intent).sum()) / max(int(open_.sum()), 1)
    changed = open_ & (rng.random(len(population)) < chance)
    return replace(population, hero=replace(own, correct=np.where(changed, float(share > 0), own.correct)))


def trade(population: Population, rng: np.random.Generator, *, by_intent: Mapping[int, float]) -> Population:
    """nDCG of each intent moves by so many points: right answers fall from the first place to the fifth, or whole
    answers are found that were not."""
    ndcg = population.baseline.ndcg.copy()
    for intent, points in by_intent.items():
        open_ = (population.intent == intent) & (ndcg == 1.0 if points < 0 else ndcg < 0.5)
        moved = np.where(points < 0, 1 / np.log2(6), 1.0) - ndcg  # of one answer
        share = points / 100 * float((population.intent == intent).sum()) / float(moved[open_].sum())
        ndcg += np.where(open_ & (rng.random(len(population)) < share), moved, 0.0)
    same = population.baseline
    return replace(population, hero=replace(same, ndcg=ndcg), repeat=same)


def slow_down(population: Population, _: np.random.Generator, *, factor: float) -> Population:
    """All latencies of the hero times `factor`; what now comes after the SLA is lost."""
    slow = replace(population.hero, latency_ms=population.hero.latency_ms * factor)
    return replace(population, hero=in_time(slow))


def redraw_correct(population: Population, rng: np.random.Generator, *, error: float) -> Population:
    """The hero's confidences as they are, but right as often as gives this true calibration error."""
    share = true_share(population.hero.confidence, error)
    correct = (rng.random(len(population)) < share).astype(np.float64)
    return replace(population, hero=replace(population.hero, correct=correct))


def split_traffic(population: Population, rng: np.random.Generator, *, change: Change | None) -> Population:
    """Each query is answered by one arm only: the hero's answers after a change, the baseline's to other queries."""
    changed = population if change is None else change(population, rng)
    other = population.sample(len(population), rng)
    return replace(changed, baseline=other.baseline, repeat=other.repeat)


def autocorrelate(population: Population, rng: np.random.Generator, *, rho: float) -> Population:
    """The same pairs in an order in which losses come in runs: ranks of recall lost follow an AR(1) Gaussian copula.

    The share of each loss stays as it is; over and under it the order is random.
    """
    n = len(population)
    step = rng.standard_normal(n) * np.sqrt(1 - rho * rho)
    step[0] = rng.standard_normal()
    normal = lfilter([1.0], [1.0, -rho], step)
    lost = population.baseline.recall - population.hero.recall
    by_loss = np.lexsort((rng.random(n), lost))
    order = np.empty(n, dtype=np.intp)
    order[np.argsort(normal)] = by_loss
    return population.rows(order)


def _lessened(arm: Arm, points: float, hit: Array, keep: float) -> Arm:
    def less(values: Array, of: Array) -> Array:
        share = points / ((1 - keep) * float(of.mean()))
        if share > 1:
            raise ValueError(f"a loss of {points} is more than a mean of {of.mean():.3f} can lose at keep {keep}")
        return np.where(hit < share, keep * values, values)

    recall, found = less(arm.recall, arm.recall), less(arm.found, arm.recall)
    return replace(arm, recall=recall, found=found, ndcg=less(arm.ndcg, arm.ndcg))
