"""The questions of a canary: for each check the streams that show it broken or shown to hold, and what is reported.

A stream turns pairs into log growth of the five bets. `red` lists the processes that can show the check broken (any
one suffices; the streams inside one are averaged), `green` the streams that must all show that it holds. The
calibration gate is not a stream of this kind: gates.trackers asks it with gates.calibration.
Sources of the forms: docs/decision-rule.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gates import pvalues
from gates.eprocess import RATIOS_ABOVE, RATIOS_BELOW, bet, bet_rate, log_evidence
from gates.observations import Arm, Pairs
from gates.policy import Policy
from gates.pvalues import Interval
from gates.verdicts import Kind

Array = NDArray[np.float64]
Stream = Callable[[Pairs], Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Fixed by the preflight before the first pair: the baseline's median confidence, its p95, the bins and signs."""

    median_confidence: float
    q95_ms: float
    bin_edges: tuple[float, ...]
    signs: tuple[float, ...]  # the first window's witness signs
    seed: int  # of every simulation, from the release fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One check: how it is shown broken, how it is shown to hold, and what the report says of it."""

    check: str
    kind: Kind
    required: str  # "green" or "not_red"
    unit: str
    limit: float
    red: tuple[tuple[Stream, ...], ...]
    green: tuple[Stream, ...] = ()  # over the step for a gate, over the canary for a guard
    green_at_last: tuple[Stream, ...] = ()  # in addition at the last step, over the canary
    limit_at_last: float | None = None
    blocked: Callable[[Pairs], int] | None = None  # counts what must not happen even once for GREEN
    window_p: tuple[Callable[[Pairs], float], ...] = ()  # one-sided p-value of one window, for each red process
    measure: Callable[[Pairs], Interval]
    two_sided: bool = False  # the limit holds both ways
    detectable: Callable[[Pairs, float], float] | None = None  # size a RED-only check would have found, at log E needed


DEPTH = 50  # credits that one answer may hold

#: Processes that can show a check broken, where it is not one.
PROCESSES = {"file_credit": 2}  # the absolute limit, and the comparison with the baseline

#: Evidence columns without which a check cannot be asked.
INPUTS = {
    "calibrator_p99": "calibrator_ns",
    "aece_tau": "confidence",
    "confidence_shift": "confidence",
    "p95_latency": "latency_ms",
    "within_sla": "latency_ms",
    "file_credit": "line_start",
}


def missing_inputs(policy: Policy, lacks: Mapping[str, str]) -> dict[str, str]:
    """Which asked checks lack a column of evidence: check -> reason. `lacks`: column -> why it is not there."""
    asked = (*policy.asked_gates, *policy.asked_guards)
    return {c: f"{INPUTS[c]} is missing: {lacks[INPUTS[c]]}" for c in asked if INPUTS.get(c) in lacks}


def red_processes(policy: Policy) -> int:
    """m of the RED threshold: processes that can roll back, over the heroes that the policy declares."""
    asked = (*policy.asked_gates, *policy.asked_guards)
    return len(policy.heroes) * sum(PROCESSES.get(c, 1) for c in asked if policy.on_red(c) == "rollback")


def ask(policy: Policy, constants: Constants) -> tuple[Question, ...]:
    """The asked questions that are streams, gates first, in the order of reports."""
    asked = (*policy.asked_gates, *policy.asked_guards, *policy.asked_instruments)
    questions = (*_gates(policy, constants), *_guards(policy, constants), _aa_shadow(policy, constants))
    by_check = {q.check: q for q in questions}
    return tuple(by_check[check] for check in asked if check in by_check)


def _gates(policy: Policy, constants: Constants) -> tuple[Question, ...]:
    calls, shift, recall = (
        policy.gates.calibrator_p99, policy.gates.confidence_shift, policy.gates.sla_recall_at_50_delta,
    )  # fmt: skip
    q = constants.median_confidence

    def over(p: Pairs) -> Array:
        return _flag(p.hero.calibrator_ms > calls.limit_ms)

    def above(p: Pairs) -> Array:
        return _flag(p.hero.confidence > q + shift.limit) - _flag(p.baseline.confidence > q)

    def below(p: Pairs) -> Array:
        return _flag(p.hero.confidence < q - shift.limit) - _flag(p.baseline.confidence < q)

    def lost(p: Pairs) -> Array:
        return p.baseline.recall - p.hero.recall

    return (
        Question(
            check="calibrator_p99",
            kind=Kind.GATE,
            required="green",
            unit="ms",
            limit=calls.limit_ms,
            red=((lambda p: bet_rate(over(p), calls.share, RATIOS_ABOVE),),),
            green=(lambda p: bet_rate(over(p), calls.share, RATIOS_BELOW),),
            window_p=(lambda p: pvalues.p_rate_above(int(over(p).sum()), len(p), calls.share),),
            measure=lambda p: pvalues.quantile_interval(p.hero.calibrator_ms, 1 - calls.share),
        ),
        Question(
            check="confidence_shift",
            kind=Kind.GATE,
            required="green",
            unit="confidence",
            limit=shift.limit,
            red=((lambda p: bet(above(p)), lambda p: bet(below(p))),),
            green=(lambda p: bet(-above(p)), lambda p: bet(-below(p))),
            # twice the smaller of two one-sided p-values keeps the level of "either way"
            window_p=(lambda p: min(1.0, 2 * min(pvalues.p_sign(above(p)), pvalues.p_sign(below(p)))),),
            measure=lambda p: pvalues.quantile_difference_interval(
                p.hero.confidence, p.baseline.confidence, 0.5, constants.seed
            ),
            two_sided=True,
        ),
        Question(
            check="sla_recall_at_50_delta",
            kind=Kind.GATE,
            required="green",
            unit="recall lost",
            limit=recall.margin,
            red=((lambda p: bet(lost(p)),),),
            green=(lambda p: bet_against_loss(lost(p), recall.margin),),
            green_at_last=(lambda p: bet_against_loss(lost(p), recall.final_margin),),
            limit_at_last=recall.final_margin,
            window_p=(lambda p: pvalues.p_mean_above_zero(lost(p)),),
            measure=lambda p: pvalues.mean_interval(lost(p)),
        ),
    )


def _guards(policy: Policy, constants: Constants) -> tuple[Question, ...]:
    ndcg, p95, sla = policy.guards.ndcg_at_10, policy.guards.p95_latency, policy.guards.within_sla
    errors, credit = policy.guards.errors, policy.guards.file_credit
    late_share = 1 - sla.share

    def lost(p: Pairs) -> Array:
        return p.baseline.ndcg - p.hero.ndcg

    def slow(p: Pairs) -> Array:
        hero = _flag(p.hero.latency_ms > constants.q95_ms + p95.margin_ms)
        return hero - _flag(p.baseline.latency_ms > constants.q95_ms)

    def late(p: Pairs) -> Array:
        return _flag(p.hero.latency_ms > sla.sla_ms)

    def failed(p: Pairs) -> Array:
        return p.hero.error * (1 - p.baseline.error)

    def excess(p: Pairs) -> Array:
        return file_credit_excess(p.hero, credit.limit)

    def more(p: Pairs) -> Array:
        hero = p.hero.file_credits / np.maximum(p.hero.credits, 1)
        return hero - p.baseline.file_credits / np.maximum(p.baseline.credits, 1) - credit.margin

    return (
        Question(
            check="ndcg_at_10",
            kind=Kind.GUARD,
            required="green",
            unit="nDCG lost",
            limit=ndcg.margin,
            red=((lambda p: bet(lost(p)),),),
            green=(lambda p: bet_against_loss(lost(p), ndcg.margin),),
            window_p=(lambda p: pvalues.p_mean_above_zero(lost(p)),),
            measure=lambda p: pvalues.mean_interval(lost(p)),
        ),
        Question(
            check="p95_latency",
            kind=Kind.GUARD,
            required="green",
            unit="ms more",
            limit=p95.margin_ms,
            red=((lambda p: bet(slow(p)),),),
            green=(lambda p: bet(-slow(p)),),
            window_p=(lambda p: pvalues.p_sign(slow(p)),),
            measure=lambda p: pvalues.quantile_difference_interval(
                p.hero.latency_ms, p.baseline.latency_ms, 0.95, constants.seed
            ),
        ),
        Question(
            check="within_sla",
            kind=Kind.GUARD,
            required="green",
            unit="share late",
            limit=late_share,
            red=((lambda p: bet(late(p) - late_share),),),
            green=(lambda p: bet(late_share - late(p)),),
            window_p=(lambda p: pvalues.p_rate_above(int(late(p).sum()), len(p), late_share),),
            measure=lambda p: pvalues.rate_interval(int(late(p).sum()), len(p)),
        ),
        Question(
            check="errors",
            kind=Kind.GUARD,
            required="green",
            unit="share of hero-only errors",
            limit=errors.rate,
            red=((lambda p: bet(p.hero.error - p.baseline.error),),),
            green=(lambda p: bet_rate(failed(p), errors.rate, RATIOS_BELOW),),
            blocked=lambda p: int(failed(p).sum()),
            window_p=(lambda p: pvalues.p_sign(p.hero.error - p.baseline.error),),
            measure=lambda p: pvalues.rate_interval(int(failed(p).sum()), len(p)),
        ),
        Question(
            check="file_credit",
            kind=Kind.GUARD,
            required="not_red",
            unit="share of credits",
            limit=credit.limit,
            red=((lambda p: bet(excess(p)),), (lambda p: bet(more(p)),)),
            window_p=(lambda p: pvalues.p_mean_above_zero(excess(p)), lambda p: pvalues.p_mean_above_zero(more(p))),
            measure=lambda p: pvalues.ratio_interval(p.hero.file_credits, p.hero.credits),
            detectable=lambda p, log_needed: (
                credit.limit
                * (1 + detectable_mean(excess(p), log_needed) * DEPTH / max(float(p.hero.credits.mean()), 1e-9))
            ),
        ),
    )


def _aa_shadow(policy: Policy, constants: Constants) -> Question:
    margin = policy.instruments.aa_shadow.margin

    def lost(p: Pairs) -> Array:
        return p.baseline.recall[p.repeated] - p.repeat.recall

    def slower(p: Pairs) -> Array:
        repeat = _flag(p.repeat.latency_ms > constants.q95_ms)
        return repeat - _flag(p.baseline.latency_ms[p.repeated] > constants.q95_ms)

    return Question(
        check="aa_shadow",
        kind=Kind.INSTRUMENT,
        required="green",
        unit="recall lost to itself",
        limit=margin,
        red=(
            (lambda p: bet(lost(p)), lambda p: bet(-lost(p))),
            (lambda p: bet(slower(p)), lambda p: bet(-slower(p))),
        ),
        green=(lambda p: bet_against_loss(lost(p), margin), lambda p: bet_against_loss(-lost(p), margin)),
        measure=lambda p: pvalues.mean_interval(lost(p)),
        two_sided=True,
    )


def file_credit_excess(arm: Arm, limit: float) -> Array:
    """File credits beyond `limit` of all credits, scaled so that an answer full of credits loses 1 at most."""
    return (arm.file_credits - limit * arm.credits) / (DEPTH * limit)


def bet_against_loss(lost: Array, margin: float) -> Array:
    """Log growth of bets against "the mean loss is at least `margin`", for losses in [-1, 1]."""
    return bet((margin - lost) / (1 + margin))


def detectable_mean(x: Array, log_needed: float) -> float:
    """The mean of x that would have been shown to be above 0 with a probability of about 90 % on as many pairs.

    The stream is moved until its bets reach `log_needed`; 1.28 standard errors are added for the power.
    """
    centred, low, high = x - x.mean(), 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        enough = log_evidence(bet(np.maximum(centred + middle, -1.1))) >= log_needed
        low, high = (low, middle) if enough else (middle, high)
    return float(high + 1.28 * x.std() / np.sqrt(len(x)))


def _flag(condition: NDArray[np.bool_]) -> Array:
    return condition.astype(np.float64)
