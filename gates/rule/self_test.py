"""Does the evaluator itself say what it must, of pairs whose right verdict is known? Tried before every climb.

A sign that is swapped, a history that is forgotten or a missing cell that passes would find every hero good; no
evidence about a hero can show that. So made-up heroes are judged first, by the very code and policy of this release:
one worse in everything, one better in everything, one whose loss is spread over two steps, and by the letter one with
a good window between two bad ones. `made_up` pairs come from the ladder: a system with known faults, asked, timed and
measured as heroes are, which shows that hero and baseline are not mixed up on the way, and that units are what they
are called.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gates.checks.against import Tail
from gates.checks.forms import Count, Form, Loss
from gates.checks.known_answers import KnownAnswers
from gates.checks.machine import Slowed
from gates.checks.question import Constants, Head
from gates.checks.traffic_share import Traffic
from gates.errors import EvidenceError
from gates.pairs import Pairs
from gates.policy import Policy
from gates.rule.decide import Seen, decide, plan
from gates.rule.questions import red_processes
from gates.rule.synthetic import N, Synthetic
from gates.rule.trackers import StreamTracker
from gates.verdicts import OUTCOME, Cell, Decision, Kind, Verdict

MOST_OFTEN = 200  # that pairs are seen again to show a loss
#: Faults of the system behind the `made_up` pairs, taking turns from row to row (fixtures.systems.faults).
FAULTS = ("nothing", "failing", "slow", "calibrator", "late")
PAUSE_MS, CALIBRATOR_MS = 5.0, 2.0  # of a slow answer; that the calibrator says it took


def judge_self_test(
    hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str], made_up: Pairs
) -> Cell:
    """GREEN when every answer is as it must be; RED names the ones that are not.

    A baseline that finds nothing is no mistake of the evaluator: what it answers is for others to see.
    """
    m = Synthetic(policy=policy, constants=constants, missing=missing)
    tried: dict[str, Callable[[], str]] = {
        "a hero worse in everything": lambda: _worse(m),
        "a hero better in everything": lambda: _better(m),
        "a loss spread over two steps": lambda: _spread(m),
        "a good window between two bad ones": lambda: _between(m),
        "a window looked at twice": lambda: _twice(m),
        "what is no number": lambda: _no_number(m),
        "evidence for one question": lambda: _one_question(m),
        "a handful of pairs": lambda: _handful(m),
        "good pairs, then bad ones": lambda: _good_then_bad(m),
        "one error": lambda: _one_event(m),
        "a system without an answer": lambda: _empty(m, made_up),
        "known faults": lambda: _measured(made_up),
        "more right answers at the same confidence": lambda: _gained(m),
        "a loss that is tolerated": lambda: _tolerated(m),
        "a tail fixed beforehand": lambda: _fixed_before(m),
        "cells that must not promote": lambda: cells_that_must_not_promote(hero, policy),
    }
    wrong = [f"{what}: {said}" for what, try_it in tried.items() if (said := _answer(try_it))]
    nothing = f"the baseline finds too little in {len(made_up)} answers for a loss to show; see what it answers"
    return known_answers_cell(hero, policy, wrong, len(tried), untried="" if _losses(m, made_up) else nothing)


def known_answers_cell(hero: str, policy: Policy, wrong: Sequence[str], tried: int, untried: str = "") -> Cell:
    """The cell of so many answers, of which some are wrong; `untried` says what could not be asked."""
    verdict = Verdict.RED if wrong else Verdict.INCONCLUSIVE if untried else Verdict.GREEN
    return KnownAnswers().before_climb(
        hero, policy.on_red(KnownAnswers.key), verdict, unit=KnownAnswers.unit, observed=str(len(wrong)), limit="0",
        n=tried, note=f"the evaluator answers wrongly: {'; '.join(wrong)}" if wrong else untried,
    )  # fmt: skip


def _answer(try_it: Callable[[], str]) -> str:
    try:
        return try_it()
    except EvidenceError as error:  # what cannot be judged is no right answer either
        return str(error)


def _worse(m: Synthetic) -> str:
    """Everything that can be RED must be."""
    asked, windows = m.asked(), []
    for pairs in map(m.pairs, range(m.in_a_row)):
        hero = pairs.hero
        for one in asked:
            hero = one.form.spoil(hero)
        windows.append(replace(pairs, hero=hero, served=np.full(N, float(pairs.share[0] < 1))))
    # the witness must bet on over-confidence, whatever the preflight suggests
    red = m.shown(*windows, signs=(1.0,) * len(m.constants.signs)).red
    traffic = (a for a in m.asked(Kind.INSTRUMENT) if isinstance(a.form, Traffic))
    silent = [a.head.check for a in (*asked, *traffic) if a.head.check not in red]
    return f"not RED: {', '.join(silent)}" if silent else ""


def _better(m: Synthetic) -> str:
    """Nothing may be RED but what is said of the slow baseline, and what was shown to hold must be GREEN."""
    windows, timed = [], math.isfinite(m.constants.q95_ms)
    losses = [a.form for a in m.asked() if isinstance(a.form, Loss)]
    for pairs in map(m.pairs, range(m.policy.ladder.min_windows)):
        baseline = replace(pairs.baseline, latency_ms=pairs.hero.latency_ms + m.constants.q95_ms)
        for form in losses:
            baseline = form.spoil(baseline)
        windows.append(replace(pairs, baseline=baseline, repeat=baseline.rows(pairs.repeated)))
    evaluator = m.shown(*windows)
    slow = tuple(a.head.check for a in m.asked(Kind.INSTRUMENT) if isinstance(a.form, Slowed) and timed)
    if evaluator.red != slow:
        return f"RED: {', '.join(evaluator.red) or 'nothing'}, but should be {', '.join(slow) or 'nothing'}"
    # of a higher quantile few windows show enough
    must = [a for a in m.asked(Kind.GATE, Kind.GUARD) if isinstance(a.form, Loss) or (timed and _is_p95(a.form))]
    silent = [a.head.check for a in must if evaluator.cell(a.head.check).verdict is not Verdict.GREEN]
    return f"not GREEN: {', '.join(silent)}" if silent else ""


def _is_p95(form: Form) -> bool:
    return isinstance(form, Tail) and form.clock and form.quantile <= 0.95


def _gained(m: Synthetic) -> str:
    """A hero that is right more often than before, at the confidence that it had, is not charged for it."""
    windows = (replace(p, hero=replace(p.hero, correct=np.ones(N))) for p in map(m.pairs, range(m.in_a_row)))
    charged = [check for check in m.shown(*windows).red if check in m.policy.asked(Kind.SLICE)]
    return f"RED: {', '.join(charged)}" if charged else ""


def _tolerated(m: Synthetic) -> str:
    """Half of what the policy tolerates to be lost, on every query, must not be RED however many there are."""
    losses = {a.head.check: a.form for a in m.asked() if isinstance(a.form, Loss)}
    wrong = []
    for check, form in losses.items():
        if not form.tolerated or (m.policy.mode == "letter" and check in m.policy.asked(Kind.GATE)):
            continue
        lost = form.tolerated / 2
        n = math.ceil(_losses_to_show(m.thresholds.red, lost))
        pairs = m.pairs(0, n * max(1, len(m.policy.slices.intents)))
        column = "found" if form.timed else form.column
        less = pairs.hero.put(**{column: pairs.hero.column(column) - lost})
        question = form.ask(Head(check=check, kind=Kind.SLICE, required="not_red", unit=""))
        tracker = StreamTracker(question, m.thresholds, 1)
        tracker.begin_step(last=False)
        asked = replace(pairs, hero=less)
        tracker.observe(asked, asked)
        wrong += [check] if tracker.red else []
    return f"RED: {', '.join(wrong)}" if wrong else ""


def _fixed_before(m: Synthetic) -> str:
    """Where both arms are beyond what was fixed before the window, neither exceeds it more often."""
    pairs = m.pairs(0)
    tails = {a.head.check: a.form for a in m.asked() if isinstance(a.form, Tail) and a.form.clock}
    beyond = 10 * max((1.0, *m.constants.baseline_ms)) + 2 * max((form.margin_ms for form in tails.values()), default=0)
    baseline = replace(pairs.baseline, latency_ms=pairs.baseline.latency_ms + beyond)
    hero = replace(pairs.hero, latency_ms=pairs.hero.latency_ms + 2 * beyond)
    evaluator = m.evaluator()
    evaluator.observe(replace(pairs, hero=hero, baseline=baseline, repeat=baseline.rows(pairs.repeated)))
    red = [check for check in tails if check in evaluator.red]
    return f"RED: {', '.join(red)}" if red else ""


def _spread(m: Synthetic) -> str:
    """Half of the evidence at one step and half at the next is all of it: nothing may be forgotten between."""
    recall = m.recall_gate()
    if not recall or len(m.policy.ladder.steps) < 2:
        return ""
    needed = math.ceil(_losses_to_show(m.thresholds.red)) + 1
    evaluator = m.evaluator()
    for i in range(2 * SPREAD):
        if i == SPREAD:
            evaluator.begin_step(m.policy.ladder.steps[1])
        evaluator.observe(m.losing(math.ceil(needed / (2 * SPREAD)), 1.0))
        evaluator.end_window()
    return "" if recall in evaluator.red else f"{recall} is not RED"


SPREAD = 4  # windows of a step over which the loss is spread


def _between(m: Synthetic) -> str:
    """Red windows count only in a row: a good one between them breaks it."""
    recall = m.recall_gate("letter")
    if not recall or m.policy.letter.red_windows < 2:
        return ""
    bad, good = m.losing(16, 0.25), m.losing(16, -0.25)
    if recall in m.shown(bad, good, bad).red:
        return f"{recall} is RED"
    return "" if recall in m.shown(*(bad,) * m.in_a_row).red else f"without the good one {recall} is not RED"


def _twice(m: Synthetic) -> str:
    """A window without a new pair is none."""
    evaluator = m.shown(m.pairs(0))
    try:
        evaluator.end_window()
    except EvidenceError:
        return ""
    return "it counted"


def _no_number(m: Synthetic) -> str:
    """NaN passes every comparison: it must be refused."""
    pairs, nothing = m.pairs(0), np.full(N, np.nan)
    hero = replace(pairs.hero, recall=nothing, found=nothing)
    try:
        m.evaluator().observe(replace(pairs, hero=hero))
    except EvidenceError:
        return ""
    return "it was taken" if m.recall_gate(m.policy.rule) else ""


def _one_question(m: Synthetic) -> str:
    """Evidence that would do for one question must not do where many are asked."""
    recall, questions = m.recall_gate(), red_processes(m.policy)
    one = math.log(1 / m.policy.error_rates.red)
    if not recall or questions < 20:  # else the evidence of one is nearly that of all
        return ""
    evaluator = m.evaluator()
    evaluator.observe(m.losing(math.ceil(_losses_to_show(one)) + 1, 1.0))
    return f"{recall} is RED" if recall in evaluator.red else ""


def _handful(m: Synthetic) -> str:
    """Five equal pairs show nothing."""
    evaluator = m.shown(m.pairs(0, 5))
    slow = [a.head.check for a in m.asked(Kind.GATE, Kind.GUARD) if isinstance(a.form, (Loss, Count))]
    shown = [check for check in slow if evaluator.cell(check).verdict is Verdict.GREEN]
    return f"GREEN: {', '.join(shown)}" if shown and m.policy.mode != "letter" else ""


def _good_then_bad(m: Synthetic) -> str:
    """What a window showed to hold no longer holds when the next ones are bad."""
    recall = m.recall_gate()
    if not recall:
        return ""
    evaluator = m.shown(m.pairs(0))
    shown = recall not in evaluator.undecided
    pairs = m.pairs(1)
    evaluator.observe(replace(pairs, hero=replace(pairs.hero, recall=np.zeros(N), found=np.zeros(N))))
    evaluator.end_window()
    return f"{recall} still counts as shown to hold" if shown and recall not in evaluator.undecided else ""


def _one_event(m: Synthetic) -> str:
    """One event that only the hero has, as a query that it fails, blocks it, however many there are; none does not."""
    counts = {a.head.check: a.form for a in m.asked() if isinstance(a.form, Count)}
    for check, form in counts.items():
        # so many pairs that the event alone would not outweigh the others
        n = math.ceil((m.thresholds.green + math.log(1000)) / form.rate)
        if n > 50_000:
            continue
        pairs = m.pairs(0, n)
        for events, blocked in ((0, False), (1, True)):
            evaluator = m.evaluator()
            evaluator.begin_step(m.policy.ladder.steps[-1])
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


def _empty(m: Synthetic, made_up: Pairs) -> str:
    """Finding nothing, measured as heroes are, must be a loss."""
    if made_up.hero.recall.any():
        return "found something"
    losses = _losses(m, made_up)
    hero = replace(made_up.hero, latency_ms=made_up.baseline.latency_ms, found=made_up.hero.recall)
    red = m.shown(*(replace(made_up, hero=hero),) * max(losses.values(), default=0)).red
    silent = [check for check in losses if check not in red]
    return f"not RED: {', '.join(silent)}" if silent else ""


def _losses(m: Synthetic, made_up: Pairs) -> dict[str, int]:
    """How often these pairs must be seen until a hero that finds nothing is shown broken, by the check that shows it;
    {} where the baseline finds so little that nobody would wait for it."""
    asked = {
        a.head.check: float(made_up.baseline.column(a.form.column).sum())
        for a in m.asked(Kind.GATE, Kind.GUARD)
        if isinstance(a.form, Loss)
    }
    needed = _losses_to_show(m.thresholds.red)
    often = {c: math.ceil(max(N / len(made_up), needed / total)) for c, total in asked.items() if total > 0}
    return {c: n for c, n in often.items() if n <= MOST_OFTEN}


def cells_that_must_not_promote(hero: str, policy: Policy) -> str:
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
