"""Which made-up world are heroes drawn from? Sources of the shapes and numbers: docs/decision-rule.md, "worlds".

Neither arm is better: what the two answer differently on churned queries, and how long each takes, is exchangeable.
Confidence is logit-normal(.8, 1.2); how often it is right comes from `true_share`.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from gates.pairs import Arm
from gates.statistics import Array
from gates.statistics.pvalues import halved
from proof.simulate.population import Population, join_populations

INTENTS = (0.415, 0.52, 0.065)  # docstring, identifier, error message
SLA_MS = 150.0
NDCG_CHURN, RECALL_CHURN = 0.40, 0.15  # shares of queries that hero and baseline answer differently
LATENCY_MS, SPREAD = 40.0, 0.5  # median, sd of the log: p95 91 ms, p99 128 ms
CALIBRATOR_P99_MS, CALIBRATOR_SPREAD = 0.5, 0.42


def draw_model(
    n: int,
    rng: np.random.Generator,
    *,
    error: float = 0.015,
    wiggles: bool = False,
    alike: float = 0.8,
    noisy_baseline: bool = False,
) -> Population:
    """n queries answered by equal arms whose true calibration error is `error`, and again with swapped roles: 2n rows.

    So neither arm is better, to the last digit. `alike`: correlation of the logs of two latencies of one query.
    `noisy_baseline`: its second answer churns as a hero's does, as where an index is rebuilt between the two.
    """
    found, gained, latency = _recalls(n, rng), _ndcgs(n, rng), _latencies(n, rng, alike)
    shared, luck = rng.standard_normal(n), rng.random(n)
    intent = rng.choice(len(INTENTS), n, p=INTENTS).astype(np.int8)
    rest = [_rest(n, rng, shared, luck, error, wiggles) for _ in range(2)]

    def arm(own: int, answer: int, clock: int) -> Arm:
        return in_time(replace(rest[own], found=found[answer], ndcg=gained[answer], latency_ms=latency[clock]))

    def population(hero: int, baseline: int) -> Population:
        again = arm(baseline, 2 if noisy_baseline else baseline, 2)
        return Population(
            hero=arm(hero, hero, hero), baseline=arm(baseline, baseline, baseline), repeat=again, intent=intent
        )

    return join_populations([population(0, 1), population(1, 0)])


def draw_preflight(n: int, rng: np.random.Generator, **model: Any) -> Population:
    """n queries, of which a preflight takes what the incumbent of such a world answered."""
    return draw_model(n, rng, **model).rows(np.arange(n))


def in_time(arm: Arm, sla_ms: float = SLA_MS) -> Arm:
    """The answers with what was found by those that came after the SLA lost."""
    return replace(arm, recall=np.where(arm.latency_ms > sla_ms, 0.0, arm.found))


def true_share(confidence: Array, error: float, *, wiggles: bool = False) -> Array:
    """How often answers of this stated confidence are right, so that the mean |confidence - share| is `error`.

    Confidence is too extreme around its median, by a factor of the logit; or it is too high and too low in turns over
    tenths of the answers, which a mean hides.
    """
    if error == 0:
        return confidence
    logit = np.log(confidence) - np.log1p(-confidence)
    middle = float(np.median(logit))
    tenth = np.searchsorted(np.quantile(confidence, np.linspace(0, 1, 11)[1:-1]), confidence, side="right")
    sign = np.where(tenth % 2, 1.0, -1.0)

    def share(size: float) -> Array:
        if wiggles:
            return np.clip(confidence - sign * size, 0.001, 0.999)
        return _logistic(middle + (logit - middle) / (1 + size))

    def is_enough(size: float) -> bool:
        return float(np.abs(confidence - share(size)).mean()) >= error

    return share(halved(is_enough, 0.0, 0.5 if wiggles else 20.0, 40)[1])


def _rest(n: int, rng: np.random.Generator, shared: Array, luck: Array, error: float, wiggles: bool) -> Arm:
    confidence = _logistic(0.8 + 1.2 * (np.sqrt(0.95) * shared + np.sqrt(0.05) * rng.standard_normal(n)))
    own_luck = np.where(rng.random(n) < RECALL_CHURN, rng.random(n), luck)
    credits, nothing = 1 + rng.poisson(4, n), np.zeros(n)
    return Arm(
        ndcg=nothing,
        recall=nothing,
        found=nothing,
        latency_ms=nothing,
        wait_ms=nothing,
        calibrator_ms=CALIBRATOR_P99_MS * np.exp(CALIBRATOR_SPREAD * (rng.standard_normal(n) - 2.326)),
        confidence=confidence,
        correct=(own_luck < true_share(confidence, error, wiggles=wiggles)).astype(np.float64),
        file_credits=rng.binomial(credits, 0.02).astype(np.float64),
        credits=credits.astype(np.float64),
        error=nothing,
        spend_ms=np.where(rng.random(n) < 0.3, rng.uniform(0, 5, n), 0.0),
        cut=nothing,
    )


def _latencies(n: int, rng: np.random.Generator, alike: float) -> list[Array]:
    query = np.sqrt(alike) * rng.standard_normal(n)
    return [LATENCY_MS * np.exp(SPREAD * (query + np.sqrt(1 - alike) * rng.standard_normal(n))) for _ in range(3)]


def _recalls(n: int, rng: np.random.Generator) -> list[Array]:
    """Share of the relevant that is found by three systems that differ on churned queries only."""
    relevant = 1 + rng.poisson(4, n)
    churned = rng.random(n) < RECALL_CHURN
    common = rng.binomial(relevant, 0.8) / relevant
    return [np.where(churned, rng.binomial(relevant, 0.8) / relevant, common) for _ in range(3)]


def _ndcgs(n: int, rng: np.random.Generator) -> list[Array]:
    kind = rng.random(n)
    common = np.where(kind < 0.10, 0.0, np.where(kind < 0.38, 1.0, rng.beta(2.0, 1.6, n)))
    noise = np.where(rng.random(n) < NDCG_CHURN, 0.18, 0.0)
    return [np.clip(common + noise * rng.standard_normal(n), 0, 1) for _ in range(3)]


def _logistic(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))
