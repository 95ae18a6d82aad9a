"""Does the judge itself say what it must, of pairs whose right verdict is known? Tried before every climb.

A sign that is swapped, a history that is forgotten or a missing cell that passes would find every hero good; no
evidence about a hero can show that. So made-up heroes are judged first, by the very code and policy of this release:
one worse in everything, one better in everything, one whose loss is spread over two steps, one with a good window
between two bad ones. `empty` pairs come from the ladder: a system without an answer, asked, timed and measured as
heroes are, which shows that hero and baseline are not mixed up on the way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gates.decide import Seen, decide, plan
from gates.errors import EvidenceError
from gates.judge import Judge
from gates.observations import Arm, Pairs
from gates.policy import Policy
from gates.questions import Constants
from gates.trackers import Thresholds
from gates.verdicts import OUTCOME, Cell, Decision, Kind, Verdict

RECALL = "sla_recall_at_50_delta"
N = 800  # pairs of a made-up window


def judge_known_answers(
    hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str], empty: Pairs
) -> Cell:
    """GREEN when every answer is as it must be; RED names the ones that are not."""
    tried = {
        "a hero worse in everything": _worse(policy, constants, missing),
        "a hero better in everything": _better(policy, constants, missing),
        "a loss spread over two steps": _spread(policy, constants, missing),
        "a good window between two bad ones": _between(policy, constants, missing),
        "a window looked at twice": _twice(policy, constants, missing),
        "a system without an answer": _empty(policy, constants, missing, empty),
        "cells that must not promote": _cells(hero, policy),
    }
    wrong = [f"{what}: {said}" for what, said in tried.items() if said]
    return Cell(
        hero=hero,
        step=0,
        check="known_answers",
        kind=Kind.INSTRUMENT,
        verdict=Verdict.RED if wrong else Verdict.GREEN,
        required="green",
        on_red=policy.on_red("known_answers"),
        unit="wrong answers",
        observed=str(len(wrong)),
        limit="0",
        n=len(tried),
        note=f"the judge answers wrongly: {'; '.join(wrong)}" if wrong else "",
    )


def _worse(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Everything that can be RED must be."""
    # the witness must bet on over-confidence, whatever the preflight suggests
    judge = _new(policy, replace(constants, signs=(1.0,) * len(constants.signs)), missing)
    for seed in range(_in_a_row(policy)):
        pairs = _pairs(policy, constants, seed)
        slow = constants.q95_ms + policy.guards.p95_latency.margin_ms + policy.guards.within_sla.sla_ms
        hero = replace(
            pairs.hero,
            ndcg=np.zeros(N), recall=np.zeros(N), correct=np.zeros(N), confidence=np.ones(N), error=np.ones(N),
            latency_ms=pairs.hero.latency_ms + slow,
            calibrator_ms=np.full(N, 10 * policy.gates.calibrator_p99.limit_ms),
            file_credits=pairs.hero.credits,
            spend_ms=np.full(N, 10 * (policy.guards.spend.cap_ms + policy.guards.spend.slack_ms)),
        )  # fmt: skip
        judge.observe(replace(pairs, hero=hero, served=np.full(N, float(pairs.share[0] < 1))))
        judge.end_window()
    can_be_red = [*policy.asked_gates, *policy.asked_guards, *policy.asked_slices, "traffic_share"]
    if "traffic_share" in policy.left_out:
        can_be_red.remove("traffic_share")
    silent = [check for check in can_be_red if check not in missing and check not in judge.red]
    return f"not RED: {', '.join(silent)}" if silent else ""


def _better(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Nothing may be RED, and what was shown to hold must be GREEN."""
    judge = _new(policy, constants, missing)
    for seed in range(policy.ladder.min_windows):
        pairs = _pairs(policy, constants, seed)
        baseline = replace(
            pairs.baseline,
            ndcg=np.zeros(N), recall=np.zeros(N), latency_ms=pairs.hero.latency_ms + constants.q95_ms,
        )  # fmt: skip
        judge.observe(replace(pairs, baseline=baseline, repeat=baseline.rows(pairs.repeated)))
        judge.end_window()
    if judge.red:
        return f"RED: {', '.join(judge.red)}"
    shown = [c for c in (RECALL, "ndcg_at_10", "p95_latency") if c not in missing and c not in policy.left_out]
    silent = [check for check in shown if judge.cell(check).verdict is not Verdict.GREEN]
    return f"not GREEN: {', '.join(silent)}" if silent else ""


def _spread(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Half of the evidence at one step and half at the next is all of it: nothing may be forgotten between."""
    if RECALL not in policy.asked_gates or RECALL in missing or policy.mode == "letter" or len(policy.ladder.steps) < 2:
        return ""
    # pairs that lose everything, one after the other, until the smallest stake alone would do
    needed = math.ceil((Thresholds.of(policy).red + math.log(10)) / math.log(1.9)) + 1
    judge = _new(policy, constants, missing)
    for i in range(2):
        if i:
            judge.begin_step(policy.ladder.steps[1])
        for _ in range(SPREAD):
            judge.observe(_losing(policy, constants, math.ceil(needed / (2 * SPREAD)), 1.0))
            judge.end_window()
    return "" if RECALL in judge.red else f"{RECALL} is not RED"


SPREAD = 4  # windows of a step over which the loss is spread, so that no window is suspect by itself


def _between(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Red windows count only in a row: a good one between them breaks it."""
    if RECALL not in policy.asked_gates or RECALL in missing or _in_a_row(policy) < 2:
        return ""
    bad, good = _losing(policy, constants, 16, 0.25), _losing(policy, constants, 16, -0.25)
    apart, together = _new(policy, constants, missing), _new(policy, constants, missing)
    for judge, windows in ((apart, (bad, good, bad)), (together, (bad,) * _in_a_row(policy))):
        for pairs in windows:
            judge.observe(pairs)
            judge.end_window()
    if RECALL in apart.red:
        return f"{RECALL} is RED"
    return "" if RECALL in together.red else f"without the good one {RECALL} is not RED"


def _twice(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """A window without a new pair is none."""
    judge = _new(policy, constants, missing)
    judge.observe(_pairs(policy, constants, 0))
    judge.end_window()
    try:
        judge.end_window()
    except EvidenceError:
        return ""
    return "it counted"


def _empty(policy: Policy, constants: Constants, missing: Mapping[str, str], empty: Pairs) -> str:
    """Finding nothing, measured as heroes are, must be a loss."""
    if float(empty.hero.recall.sum()) > 0 or not float(empty.baseline.recall.sum()) > 0:
        return "found something, or the baseline nothing"
    judge = _new(policy, constants, missing)
    for _ in range(math.ceil(N / len(empty))):
        judge.observe(empty)
        judge.end_window()
    silent = [c for c in (RECALL, "ndcg_at_10") if c not in policy.left_out and c not in missing and c not in judge.red]
    return f"not RED: {', '.join(silent)}" if silent else ""


def _cells(hero: str, policy: Policy) -> str:
    """All GREEN promotes; one cell that is missing, undecided, broken or skipped by hand does not."""
    planned = plan(hero, policy)
    green = {key: Seen(_cell(key, Verdict.GREEN), OUTCOME[Verdict.GREEN]) for key in planned}
    if decide(planned, green)[0] is not Decision.PROMOTE:
        return "all GREEN does not promote"
    red = Seen(_cell(planned[0], Verdict.RED), OUTCOME[Verdict.RED])
    open_cell = _cell(planned[0], Verdict.INCONCLUSIVE)
    changes: dict[str, tuple[Seen, Decision]] = {
        "a RED": (red, Decision.ROLLBACK),
        "an open cell": (Seen(open_cell, OUTCOME[Verdict.INCONCLUSIVE]), Decision.HOLD),
        "an open cell that passed": (Seen(open_cell, "passed"), Decision.HOLD),
        "no evidence": (Seen(None, "passed"), Decision.HOLD),
        "a skip": (Seen(_cell(planned[0], Verdict.GREEN), "skipped"), Decision.HOLD),
    }
    wrong = [w for w, (seen, must) in changes.items() if decide(planned, {**green, planned[0]: seen})[0] is not must]
    if decide(planned, {key: green[key] for key in planned[1:]})[0] is not Decision.HOLD:
        wrong.append("a missing cell")
    return f"wrong for {', '.join(wrong)}" if wrong else ""


def _cell(key: tuple[str, int, str], verdict: Verdict) -> Cell:
    hero, step, check = key
    kind = Kind.GATE if step else Kind.GUARD
    return Cell(
        hero=hero, step=step, check=check, kind=kind, verdict=verdict,
        required="green", on_red="rollback", observed="0", n=N,
    )  # fmt: skip


def _in_a_row(policy: Policy) -> int:
    """Windows that the second trigger needs."""
    return policy.letter.red_windows if policy.mode == "letter" else 2


def _new(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> Judge:
    judge = Judge(hero="made_up", policy=policy, constants=constants, missing=missing)
    judge.begin_step(policy.ladder.steps[0])
    return judge


def _losing(policy: Policy, constants: Constants, n: int, each: float) -> Pairs:
    """A window in which `n` pairs lose so much recall, and the others nothing."""
    pairs = _pairs(policy, constants, 0)
    baseline, hero = np.full(N, 0.5), np.full(N, 0.5)
    hero[:: N // n][:n] -= each / 2
    baseline[:: N // n][:n] += each / 2
    return replace(pairs, hero=replace(pairs.hero, recall=hero), baseline=replace(pairs.baseline, recall=baseline))


def _pairs(policy: Policy, constants: Constants, seed: int) -> Pairs:
    """A window of a hero that answers as the baseline does: everything found, in time, with honest confidence."""
    draw = np.random.default_rng((seed, N))
    confidence = np.clip(draw.normal(constants.median_confidence, 0.1, N), 0.01, 0.99)
    arm = Arm(
        ndcg=np.ones(N),
        recall=np.ones(N),
        latency_ms=np.minimum(constants.q95_ms, policy.guards.within_sla.sla_ms) * draw.uniform(0.5, 0.9, N),
        calibrator_ms=np.zeros(N),
        confidence=confidence,
        correct=(draw.random(N) < confidence).astype(np.float64),
        file_credits=np.zeros(N),
        credits=np.ones(N),
        error=np.zeros(N),
        spend_ms=np.zeros(N),
    )
    repeated = np.arange(0, N, policy.ladder.aa_every)
    share = policy.ladder.steps[0] / 100
    intents = max(1, len(policy.slices.intents))
    return Pairs(
        hero=arm,
        baseline=arm,
        repeat=arm.rows(repeated),
        repeated=repeated,
        intent=(np.arange(N) % intents).astype(np.int8),
        served=np.diff(np.floor(np.arange(N + 1) * share)),
        share=np.full(N, share),
    )
