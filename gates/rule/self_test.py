"""Does the evaluator itself say what it must, of pairs whose right verdict is known? Tried before every climb.

A sign that is swapped, a history that is forgotten or a missing cell that passes would find every hero good; no
evidence about a hero can show that. So made-up heroes are judged first, by the very code and policy of this release:
one worse in everything, one better in everything, one whose loss is spread over two steps, and by the letter one with
a good window between two bad ones. `made_up` pairs come from the ladder: a system with known faults, asked, timed and
measured as heroes are, which shows that hero and baseline are not mixed up on the way, and that units are what they
are called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from gates.checks.against import Tail
from gates.checks.forms import Count, Form, Loss, Rate
from gates.checks.known_answers import KnownAnswers
from gates.checks.machine import Slowed
from gates.checks.question import Array, Constants, Head
from gates.checks.sla_recall import SlaRecall
from gates.checks.traffic_share import Traffic
from gates.errors import EvidenceError
from gates.pairs import COLUMNS, Arm, Pairs
from gates.policy import Policy
from gates.rule.decide import Seen, decide, plan
from gates.rule.evaluator import Evaluator
from gates.rule.questions import asked_checks, red_processes
from gates.rule.trackers import StreamTracker, Thresholds
from gates.verdicts import OUTCOME, Cell, Decision, Kind, Verdict

N = 800  # pairs of a made-up window
MOST_OFTEN = 200  # that pairs are seen again to show a loss
#: Faults of the system behind the `made_up` pairs, taking turns from row to row (rollout.synthetic).
FAULTS = ("nothing", "failing", "slow", "calibrator", "late")
PAUSE_MS, CALIBRATOR_MS = 5.0, 2.0  # of a slow answer; that the calibrator says it took


def judge_self_test(
    hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str], made_up: Pairs
) -> Cell:
    """GREEN when every answer is as it must be; RED names the ones that are not.

    A baseline that finds nothing is no mistake of the evaluator: what it answers is for others to see.
    """
    tried: dict[str, Callable[[], str]] = {
        "a hero worse in everything": lambda: _worse(policy, constants, missing),
        "a hero better in everything": lambda: _better(policy, constants, missing),
        "a loss spread over two steps": lambda: _spread(policy, constants, missing),
        "a good window between two bad ones": lambda: _between(policy, constants, missing),
        "a window looked at twice": lambda: _twice(policy, constants, missing),
        "what is no number": lambda: _no_number(policy, constants, missing),
        "evidence for one question": lambda: _one_question(policy, constants, missing),
        "a handful of pairs": lambda: _handful(policy, constants, missing),
        "good pairs, then bad ones": lambda: _good_then_bad(policy, constants, missing),
        "one error": lambda: _one_event(policy, constants, missing),
        "a system without an answer": lambda: _empty(policy, constants, missing, made_up),
        "known faults": lambda: _measured(made_up),
        "more right answers at the same confidence": lambda: _gained(policy, constants, missing),
        "a loss that is tolerated": lambda: _tolerated(policy, constants, missing),
        "a tail fixed beforehand": lambda: _fixed_before(policy, constants, missing),
        "cells that must not promote": lambda: _cells(hero, policy),
    }
    wrong = [f"{what}: {said}" for what, try_it in tried.items() if (said := _answer(try_it))]
    tried_whole = bool(_losses(policy, constants, missing, made_up))
    nothing = f"the baseline finds too little in {len(made_up)} answers for a loss to show; see what it answers"
    return Cell(
        hero=hero,
        step=0,
        check=KnownAnswers.key,
        kind=KnownAnswers.kind,
        verdict=Verdict.RED if wrong else Verdict.GREEN if tried_whole else Verdict.INCONCLUSIVE,
        required="green",
        on_red=policy.on_red(KnownAnswers.key),
        unit=KnownAnswers.unit,
        observed=str(len(wrong)),
        limit="0",
        n=len(tried),
        note=f"the evaluator answers wrongly: {'; '.join(wrong)}" if wrong else "" if tried_whole else nothing,
    )


def _answer(try_it: Callable[[], str]) -> str:
    try:
        return try_it()
    except EvidenceError as error:  # what cannot be judged is no right answer either
        return str(error)


def _worse(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Everything that can be RED must be."""
    # the witness must bet on over-confidence, whatever the preflight suggests
    evaluator = _new(policy, replace(constants, signs=(1.0,) * len(constants.signs)), missing)
    asked = asked_checks(policy, constants)
    for seed in range(_in_a_row(policy)):
        pairs = _pairs(policy, constants, seed)
        hero = pairs.hero
        for one in asked:
            hero = one.form.spoil(hero)
        evaluator.observe(replace(pairs, hero=hero, served=np.full(N, float(pairs.share[0] < 1))))
        evaluator.end_window()
    traffic = (a for a in asked_checks(policy, constants, Kind.INSTRUMENT) if isinstance(a.form, Traffic))
    can_be_red = [a.head.check for a in (*asked, *traffic)]
    silent = [check for check in can_be_red if check not in missing and check not in evaluator.red]
    return f"not RED: {', '.join(silent)}" if silent else ""


def _better(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Nothing may be RED but what is said of the slow baseline, and what was shown to hold must be GREEN."""
    evaluator = _new(policy, constants, missing)
    for seed in range(policy.ladder.min_windows):
        pairs = _pairs(policy, constants, seed)
        baseline = replace(pairs.baseline, latency_ms=pairs.hero.latency_ms + constants.q95_ms)
        for asked in asked_checks(policy, constants):
            if isinstance(asked.form, Loss):
                baseline = asked.form.spoil(baseline)
        evaluator.observe(replace(pairs, baseline=baseline, repeat=baseline.rows(pairs.repeated)))
        evaluator.end_window()
    instruments = asked_checks(policy, constants, Kind.INSTRUMENT)
    slow = tuple(a.head.check for a in instruments if isinstance(a.form, Slowed) and math.isfinite(constants.q95_ms))
    if evaluator.red != slow:
        return f"RED: {', '.join(evaluator.red) or 'nothing'}, but should be {', '.join(slow) or 'nothing'}"
    must = [a for a in asked_checks(policy, constants, Kind.GATE, Kind.GUARD) if _must_gain(a.form, constants)]
    open_ = [a.head.check for a in must if a.head.check not in missing]
    silent = [check for check in open_ if evaluator.cell(check).verdict is not Verdict.GREEN]
    return f"not GREEN: {', '.join(silent)}" if silent else ""


def _must_gain(form: Form, constants: Constants) -> bool:
    """Must a hero that is better in everything be shown to hold this? Of a higher quantile few windows show enough."""
    if isinstance(form, Tail):
        return form.clock and form.quantile <= 0.95 and math.isfinite(constants.q95_ms)
    return isinstance(form, Loss)


def _gained(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """A hero that is right more often than before, at the confidence that it had, is not charged for it."""
    evaluator = _new(policy, constants, missing)
    for seed in range(_in_a_row(policy)):
        pairs = _pairs(policy, constants, seed)
        evaluator.observe(replace(pairs, hero=replace(pairs.hero, correct=np.ones(N))))
        evaluator.end_window()
    charged = [check for check in evaluator.red if check in policy.asked(Kind.SLICE)]
    return f"RED: {', '.join(charged)}" if charged else ""


def _tolerated(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Half of what the policy tolerates to be lost, on every query, must not be RED however many there are."""
    losses = {a.head.check: a.form for a in asked_checks(policy, constants) if isinstance(a.form, Loss)}
    wrong = []
    for check, form in losses.items():
        if not form.tolerated or check in missing or (policy.mode == "letter" and check in policy.asked(Kind.GATE)):
            continue
        lost = form.tolerated / 2
        n = math.ceil(_losses_to_show(Thresholds.of(policy).red, lost))
        pairs = _pairs(policy, constants, 0, n * max(1, len(policy.slices.intents)))
        column = "found" if form.timed else form.column
        less = pairs.hero.put(**{column: pairs.hero.column(column) - lost})
        question = form.ask(Head(check=check, kind=Kind.SLICE, required="not_red", unit=""))
        tracker = StreamTracker(question, Thresholds.of(policy), 1)
        tracker.begin_step(last=False)
        asked = replace(pairs, hero=less)
        tracker.observe(asked, asked)
        wrong += [check] if tracker.red else []
    return f"RED: {', '.join(wrong)}" if wrong else ""


def _fixed_before(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Where both arms are beyond what was fixed before the window, neither exceeds it more often."""
    pairs = _pairs(policy, constants, 0)
    tails = {a.head.check: a.form for a in asked_checks(policy, constants) if isinstance(a.form, Tail) and a.form.clock}
    beyond = 10 * max((1.0, *constants.baseline_ms)) + 2 * max((form.margin_ms for form in tails.values()), default=0)
    baseline = replace(pairs.baseline, latency_ms=pairs.baseline.latency_ms + beyond)
    hero = replace(pairs.hero, latency_ms=pairs.hero.latency_ms + 2 * beyond)
    evaluator = _new(policy, constants, missing)
    evaluator.observe(replace(pairs, hero=hero, baseline=baseline, repeat=baseline.rows(pairs.repeated)))
    red = [check for check in tails if check in evaluator.red]
    return f"RED: {', '.join(red)}" if red else ""


def _spread(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Half of the evidence at one step and half at the next is all of it: nothing may be forgotten between."""
    recall = _recall_gate(policy, missing)
    if not recall or len(policy.ladder.steps) < 2:
        return ""
    needed = math.ceil(_losses_to_show(Thresholds.of(policy).red)) + 1
    evaluator = _new(policy, constants, missing)
    for i in range(2):
        if i:
            evaluator.begin_step(policy.ladder.steps[1])
        for _ in range(SPREAD):
            evaluator.observe(_losing(policy, constants, math.ceil(needed / (2 * SPREAD)), 1.0))
            evaluator.end_window()
    return "" if recall in evaluator.red else f"{recall} is not RED"


SPREAD = 4  # windows of a step over which the loss is spread


def _between(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Red windows count only in a row: a good one between them breaks it."""
    recall = _recall_gate(policy, missing, mode="letter")
    if not recall or policy.letter.red_windows < 2:
        return ""
    bad, good = _losing(policy, constants, 16, 0.25), _losing(policy, constants, 16, -0.25)
    apart, together = _new(policy, constants, missing), _new(policy, constants, missing)
    for evaluator, windows in ((apart, (bad, good, bad)), (together, (bad,) * _in_a_row(policy))):
        for pairs in windows:
            evaluator.observe(pairs)
            evaluator.end_window()
    if recall in apart.red:
        return f"{recall} is RED"
    return "" if recall in together.red else f"without the good one {recall} is not RED"


def _twice(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """A window without a new pair is none."""
    evaluator = _new(policy, constants, missing)
    evaluator.observe(_pairs(policy, constants, 0))
    evaluator.end_window()
    try:
        evaluator.end_window()
    except EvidenceError:
        return ""
    return "it counted"


def _no_number(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """NaN passes every comparison: it must be refused."""
    pairs, nothing = _pairs(policy, constants, 0), np.full(N, np.nan)
    hero = replace(pairs.hero, recall=nothing, found=nothing)
    try:
        _new(policy, constants, missing).observe(replace(pairs, hero=hero))
    except EvidenceError:
        return ""
    return "it was taken" if _recall_gate(policy, missing, mode=policy.mode) else ""


def _one_question(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Evidence that would do for one question must not do where many are asked."""
    recall, questions = _recall_gate(policy, missing), red_processes(policy)
    one = math.log(1 / policy.error_rates.red)
    if not recall or questions < 20:  # else the evidence of one is nearly that of all
        return ""
    evaluator = _new(policy, constants, missing)
    evaluator.observe(_losing(policy, constants, math.ceil(_losses_to_show(one)) + 1, 1.0))
    return f"{recall} is RED" if recall in evaluator.red else ""


def _handful(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """Five equal pairs show nothing."""
    evaluator = _new(policy, constants, missing)
    evaluator.observe(_pairs(policy, constants, 0, 5))
    evaluator.end_window()
    asked = asked_checks(policy, constants, Kind.GATE, Kind.GUARD)
    slow = [a.head.check for a in asked if isinstance(a.form, (Loss, Count))]
    shown = [check for check in slow if evaluator.cell(check).verdict is Verdict.GREEN]
    return f"GREEN: {', '.join(shown)}" if shown and policy.mode != "letter" else ""


def _good_then_bad(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """What a window showed to hold no longer holds when the next ones are bad."""
    recall = _recall_gate(policy, missing)
    if not recall:
        return ""
    evaluator = _new(policy, constants, missing)
    evaluator.observe(_pairs(policy, constants, 0))
    evaluator.end_window()
    shown = recall not in evaluator.undecided
    pairs = _pairs(policy, constants, 1)
    evaluator.observe(replace(pairs, hero=replace(pairs.hero, recall=np.zeros(N), found=np.zeros(N))))
    evaluator.end_window()
    return f"{recall} still counts as shown to hold" if shown and recall not in evaluator.undecided else ""


def _one_event(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> str:
    """One event that only the hero has, as a query that it fails, blocks it, however many there are; none does not."""
    counts = {a.head.check: a.form for a in asked_checks(policy, constants) if isinstance(a.form, Count)}
    for check, form in counts.items():
        # so many pairs that the event alone would not outweigh the others
        n = math.ceil((Thresholds.of(policy).green + math.log(1000)) / form.rate)
        if n > 50_000 or check in missing:
            continue
        pairs = _pairs(policy, constants, 0, n)
        for events, blocked in ((0, False), (1, True)):
            evaluator = _new(policy, constants, missing)
            evaluator.begin_step(policy.ladder.steps[-1])
            hero = pairs.hero.put(**{form.column: (np.arange(n) < events).astype(np.float64)})
            evaluator.observe(replace(pairs, hero=hero))
            evaluator.end_window()
            if (evaluator.cell(check).verdict is not Verdict.GREEN) != blocked:
                return f"{check}: it is forgiven" if blocked else f"{check}: without one it is not GREEN"
    return ""


def _measured(made_up: Pairs) -> str:
    """What a system with known faults did must be what was written down of it."""
    hero, turn = made_up.hero, np.arange(len(made_up)) % len(FAULTS)
    failing, slow, calibrator, late = (turn == FAULTS.index(f) for f in ("failing", "slow", "calibrator", "late"))
    again, first = made_up.repeat, made_up.baseline.rows(made_up.repeated)
    right = {
        "a failed query is recorded as one": hero.error[failing].all() and not hero.error[~failing].any(),
        f"the clock sees a pause of {PAUSE_MS} ms": (hero.latency_ms[slow] >= PAUSE_MS).all()
        and float(np.median(hero.latency_ms[slow])) < 100 * PAUSE_MS,
        f"a calibrator of {CALIBRATOR_MS} ms takes so long": np.allclose(hero.calibrator_ms[calibrator], CALIBRATOR_MS),
        "a late answer finds nothing in time": not hero.recall[late].any()
        and (bool(hero.ndcg[late].any()) or not made_up.baseline.ndcg[late].any()),
        "the baseline's second answers are the baseline's": again.ndcg.any() or not first.ndcg.any(),
    }
    return ", ".join(f"not so: {what}" for what, holds in right.items() if not holds)


def _empty(policy: Policy, constants: Constants, missing: Mapping[str, str], made_up: Pairs) -> str:
    """Finding nothing, measured as heroes are, must be a loss."""
    if made_up.hero.recall.any():
        return "found something"
    losses = _losses(policy, constants, missing, made_up)
    evaluator = _new(policy, constants, missing)
    hero = replace(made_up.hero, latency_ms=made_up.baseline.latency_ms, found=made_up.hero.recall)
    in_time = replace(made_up, hero=hero)
    for _ in range(max(losses.values(), default=0)):
        evaluator.observe(in_time)
        evaluator.end_window()
    silent = [check for check in losses if check not in evaluator.red]
    return f"not RED: {', '.join(silent)}" if silent else ""


def _losses(policy: Policy, constants: Constants, missing: Mapping[str, str], made_up: Pairs) -> dict[str, int]:
    """How often these pairs must be seen until a hero that finds nothing is shown broken, by the check that shows it;
    {} where the baseline finds so little that nobody would wait for it."""
    asked = {
        a.head.check: float(made_up.baseline.column(a.form.column).sum())
        for a in asked_checks(policy, constants, Kind.GATE, Kind.GUARD)
        if isinstance(a.form, Loss) and a.head.check not in missing
    }
    needed = _losses_to_show(Thresholds.of(policy).red)
    often = {c: math.ceil(max(N / len(made_up), needed / total)) for c, total in asked.items() if total > 0}
    return {c: n for c, n in often.items() if n <= MOST_OFTEN}


def _cells(hero: str, policy: Policy) -> str:
    """All GREEN promotes; one cell that is missing, undecided, broken or skipped by hand does not."""
    planned = plan(hero, policy)
    green = {key: Seen(_cell(key, Verdict.GREEN), OUTCOME[Verdict.GREEN]) for key in planned}
    if decide(planned, green)[0] is not Decision.PROMOTE:
        return "all GREEN does not promote"
    one = next((key for key in planned if key[1]), planned[0])  # of a step, where there is one
    red = Seen(_cell(one, Verdict.RED), OUTCOME[Verdict.RED])
    open_cell = _cell(one, Verdict.INCONCLUSIVE)
    changes: dict[str, tuple[Seen, Decision]] = {
        "a RED": (red, Decision.ROLLBACK),
        "an open cell": (Seen(open_cell, OUTCOME[Verdict.INCONCLUSIVE]), Decision.HOLD),
        "an open cell that passed": (Seen(open_cell, "passed"), Decision.HOLD),
        "no evidence": (Seen(None, "passed"), Decision.HOLD),
        "a skip": (Seen(_cell(one, Verdict.GREEN), "skipped"), Decision.HOLD),
    }
    wrong = [w for w, (seen, must) in changes.items() if decide(planned, {**green, one: seen})[0] is not must]
    if decide(planned, {key: seen for key, seen in green.items() if key != one})[0] is not Decision.HOLD:
        wrong.append("a missing cell")
    return f"wrong for {', '.join(wrong)}" if wrong else ""


def _cell(key: tuple[str, int, str], verdict: Verdict) -> Cell:
    hero, step, check = key
    kind = Kind.GATE if step else Kind.GUARD
    return Cell(
        hero=hero, step=step, check=check, kind=kind, verdict=verdict,
        required="green", on_red="rollback", observed="0", n=N,
    )  # fmt: skip


def _losses_to_show(evidence: float, each: float = 1.0) -> float:
    """Pairs that lose `each`, one after the other, until there is so much evidence (a log).

    The largest stake wins at least log 1.9 of all that can be lost, and has to make good for the other four.
    """
    return (evidence + math.log(10)) / math.log1p(0.9 * each)


def _in_a_row(policy: Policy) -> int:
    """Bad windows after which all that can be RED is: a question that moves learns its direction from the first."""
    return max(2, policy.letter.red_windows) if policy.mode == "letter" else 2


def _new(policy: Policy, constants: Constants, missing: Mapping[str, str]) -> Evaluator:
    evaluator = Evaluator(hero="made_up", policy=policy, constants=constants, missing=missing)
    evaluator.begin_step(policy.ladder.steps[0])
    return evaluator


def _losing(policy: Policy, constants: Constants, n: int, each: float) -> Pairs:
    """A window in which `n` pairs lose so much recall, and the others nothing."""
    pairs = _pairs(policy, constants, 0)
    baseline, hero = np.full(N, 0.5), np.full(N, 0.5)
    hero[:: N // n][:n] -= each / 2
    baseline[:: N // n][:n] += each / 2
    return replace(
        pairs,
        hero=replace(pairs.hero, recall=hero, found=hero),
        baseline=replace(pairs.baseline, recall=baseline, found=baseline),
    )


def _recall_gate(policy: Policy, missing: Mapping[str, str], mode: str = "evidence") -> str:
    """The gate that the histories are tried on, where this mode asks it; "" where there is none."""
    key = SlaRecall.key
    return key if policy.mode == mode and key in policy.asked(Kind.GATE) and key not in missing else ""


def _pairs(policy: Policy, constants: Constants, seed: int, n: int = N) -> Pairs:
    """A window of a hero that answers as the baseline does: everything found, in time, with honest confidence."""
    draw = np.random.default_rng((seed, n))
    asked = asked_checks(policy, constants)
    confidence = np.clip(draw.normal(constants.median_confidence, 0.1, n), 0.01, 0.99)
    arm = Arm(
        ndcg=np.ones(n),
        recall=np.ones(n),
        found=np.ones(n),
        latency_ms=np.clip(constants.q95_ms, 1e-3, policy.sla_ms) * draw.uniform(0.5, 0.9, n),
        wait_ms=np.zeros(n),
        calibrator_ms=np.zeros(n),
        confidence=confidence,
        correct=(draw.random(n) < confidence).astype(np.float64),
        file_credits=np.zeros(n),
        credits=np.ones(n),
        error=np.zeros(n),
        spend_ms=np.zeros(n),
        cut=np.zeros(n),
        more={a.check.decides: _fine(a.form, n) for a in asked if a.check.decides not in COLUMNS},
    )
    repeated = np.arange(0, n, policy.ladder.aa_every)
    share = policy.ladder.steps[0] / 100
    intents = max(1, len(policy.slices.intents))
    return Pairs(
        hero=arm,
        baseline=arm,
        repeat=arm.rows(repeated),
        repeated=repeated,
        intent=(np.arange(n) % intents).astype(np.int8),
        served=np.diff(np.floor(np.arange(n + 1) * share)),
        share=np.full(n, share),
    )


def _fine(form: Form, n: int) -> Array:
    """What a column that only a policy's own check reads holds of an answer with which nothing is wrong."""
    match form:
        case Loss():
            return np.ones(n)
        case Rate(above=above):
            return np.full(n, min(0.0, above - 1))
        case Tail(before=before) if len(before):
            return np.full(n, float(np.min(before)))
    return np.zeros(n)
