"""The catalogue of questions: for each check the streams that show it broken or shown to hold, and what is reported.

Sources of the forms: docs/decision-rule.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gates import pvalues
from gates.eprocess import RATIOS_ABOVE, RATIOS_BELOW, bet, bet_rate
from gates.observations import Pairs
from gates.policy import Policy
from gates.questions import (
    DEPTH,
    CalibrationQuestion,
    Constants,
    Question,
    bet_against_loss,
    detectable_mean,
    file_credit_excess,
    flag,
)
from gates.verdicts import Kind

Array = NDArray[np.float64]


def ask(policy: Policy, constants: Constants) -> tuple[Question, ...]:
    """The asked questions that are streams, in the order of reports."""
    asked = (*policy.asked_gates, *policy.asked_guards, *policy.asked_slices, *policy.asked_instruments)
    questions = (
        *_gates(policy, constants), *_guards(policy, constants), *_recall_slices(policy),
        _traffic_share(), _aa_shadow(policy, constants),
    )  # fmt: skip
    by_check = {q.check: q for q in questions}
    return tuple(by_check[check] for check in asked if check in by_check)


def ask_calibration(policy: Policy) -> tuple[CalibrationQuestion, ...]:
    """The asked questions about the calibration error: of the canary (gate and guard), and of each intent."""
    gate, guard, limit = policy.gates.aece_tau, policy.guards.ece, policy.slices.calibration.limit
    questions = [
        CalibrationQuestion(check="aece_tau", kind=Kind.GATE, required="green", limit=gate.red_above),
        CalibrationQuestion(check="ece", kind=Kind.GUARD, required="not_red", limit=guard.limit),
    ]
    for i, intent in enumerate(policy.slices.intents):
        check = f"calibration_{intent}"
        questions.append(CalibrationQuestion(check=check, kind=Kind.SLICE, required="not_red", limit=limit, intent=i))
    asked = {*policy.asked_gates, *policy.asked_guards, *policy.asked_slices}
    return tuple(q for q in questions if q.check in asked)


def _gates(policy: Policy, constants: Constants) -> tuple[Question, ...]:
    calls, shift, recall = (
        policy.gates.calibrator_p99, policy.gates.confidence_shift, policy.gates.sla_recall_at_50_delta,
    )  # fmt: skip
    q = constants.median_confidence

    def over(p: Pairs) -> Array:
        return flag(p.hero.calibrator_ms > calls.limit_ms)

    def above(p: Pairs) -> Array:
        return flag(p.hero.confidence > q + shift.limit) - flag(p.baseline.confidence > q)

    def below(p: Pairs) -> Array:
        return flag(p.hero.confidence < q - shift.limit) - flag(p.baseline.confidence < q)

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
    errors, credit, spend = policy.guards.errors, policy.guards.file_credit, policy.guards.spend
    late_share = 1 - sla.share

    def lost(p: Pairs) -> Array:
        return p.baseline.ndcg - p.hero.ndcg

    def slow(p: Pairs) -> Array:
        hero = flag(p.hero.latency_ms > constants.q95_ms + p95.margin_ms)
        return hero - flag(p.baseline.latency_ms > constants.q95_ms)

    def late(p: Pairs) -> Array:
        return flag(p.hero.latency_ms > sla.sla_ms)

    def failed(p: Pairs) -> Array:
        return p.hero.error * (1 - p.baseline.error)

    def excess(p: Pairs) -> Array:
        return file_credit_excess(p.hero, credit.limit)

    def over(p: Pairs) -> Array:
        return flag(p.hero.spend_ms > spend.cap_ms + spend.slack_ms)

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
        Question(
            check="spend",
            kind=Kind.GUARD,
            required="not_red",
            unit="share over cap",
            limit=spend.share,
            red=((lambda p: bet(over(p) - spend.share),),),
            window_p=(lambda p: pvalues.p_rate_above(int(over(p).sum()), len(p), spend.share),),
            measure=lambda p: pvalues.rate_interval(int(over(p).sum()), len(p)),
            detectable=lambda p, log_needed: spend.share + detectable_mean(over(p) - spend.share, log_needed),
        ),
    )


def _recall_slices(policy: Policy) -> list[Question]:
    def on_intent(check: str, i: int) -> Question:
        def lost(p: Pairs) -> Array:
            x: Array = (p.baseline.recall - p.hero.recall)[p.intent == i]
            return x

        return Question(
            check=check,
            kind=Kind.SLICE,
            required="not_red",
            unit="recall lost",
            limit=0.0,
            red=((lambda p: bet(lost(p)),),),
            measure=lambda p: pvalues.mean_interval(lost(p)),
            detectable=lambda p, log_needed: detectable_mean(lost(p), log_needed),
            count=lambda p: int((p.intent == i).sum()),
        )

    return [on_intent(f"recall_{intent}", i) for i, intent in enumerate(policy.slices.intents)]


def _traffic_share() -> Question:
    def more(p: Pairs) -> Array:
        return p.served - p.share

    return Question(
        check="traffic_share",
        kind=Kind.INSTRUMENT,
        required="not_red",
        unit="share of traffic beyond the step's",
        limit=0.0,
        red=((lambda p: bet(more(p)), lambda p: bet(-more(p))),),
        measure=lambda p: pvalues.mean_interval(more(p)),
        two_sided=True,
        detectable=lambda p, log_needed: detectable_mean(more(p), log_needed),
    )


def _aa_shadow(policy: Policy, constants: Constants) -> Question:
    margin = policy.instruments.aa_shadow.margin

    def lost(p: Pairs) -> Array:
        return p.baseline.recall[p.repeated] - p.repeat.recall

    def slower(p: Pairs) -> Array:
        repeat = flag(p.repeat.latency_ms > constants.q95_ms)
        return repeat - flag(p.baseline.latency_ms[p.repeated] > constants.q95_ms)

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
        count=lambda p: len(p.repeated),
    )
