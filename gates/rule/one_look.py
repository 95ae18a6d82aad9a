"""Turns all judged pairs of one hero, seen once, into the cells of a release: the evaluator of mode `offline`.

The rule is gates.rule.offline's. What an e-process says in a canary, Gaffke's bounds say here; a decision that hangs on
hits that nobody judged leaves every check open.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gates.checks.forms import Loss
from gates.checks.question import Constants, Head
from gates.errors import EvidenceError
from gates.offline import OFFLINE
from gates.pairs import Arm, Pairs
from gates.policy import Policy
from gates.rule.climbed import LookFacts
from gates.rule.compared import look_interval
from gates.rule.evaluator import Evaluator
from gates.rule.offline import AFTER_LOOKING, Margin, Rates, Shown, rates_of, show
from gates.rule.questions import DECIDE, AskedForm
from gates.rule.self_test import cells_that_must_not_promote, known_answers_cell
from gates.rule.synthetic import Synthetic
from gates.rule.trackers import Tracker
from gates.statistics.decimals import decimal, interval_numbers
from gates.statistics.pvalues import Interval
from gates.verdicts import Cell, Decision, Verdict

GAFFKE = "one look"


class LookTracker(Tracker):
    """One mean loss, looked at once."""

    def __init__(self, head: Head, form: Loss, margin: Margin, rates: Rates, hangs: str) -> None:
        self.head, self._form, self._margin, self._rates, self._hangs = head, form, margin, rates, hangs
        self._shown: Shown | None = None

    def end_window(self, window: Pairs) -> None:
        lost = self._form.told(window)
        self._shown = show(-lost, self._margin, self._rates)
        self.red = GAFFKE if self._shown.verdict is Verdict.RED and not self._hangs else ""

    @property
    def green(self) -> bool:
        return self._shown is not None and self._shown.verdict is Verdict.GREEN and not self._hangs

    def numbers(self, step: Pairs, canary: Pairs) -> dict[str, str]:
        lost = self._form.told(canary)
        gained = look_interval(-lost)
        told = interval_numbers(Interval(-gained.value, -gained.upper, -gained.lower), self._margin.mu)
        return {**told, "n": str(len(lost)), "note": self._note()}

    def _note(self) -> str:
        if self._shown is None:
            return ""
        found = self._shown
        low, high, tolerated = (decimal(100 * v, 3) for v in (found.lower, found.upper, found.margin.tolerated))
        bounds = f"hero minus baseline: L {low}, U {high}, tolerated loss {tolerated} points"
        after = AFTER_LOOKING if found.margin.chosen_after_looking else ""
        return "; ".join(filter(None, (self._hangs, found.note, bounds, after)))


class OneLookEvaluator(Evaluator):
    """An evaluator whose every question is a mean loss that is looked at once."""

    def __init__(
        self, *, hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str], look: LookFacts
    ) -> None:
        self._margins, self._rates = margins_of(policy, again=look.again), policy_rates(policy, look.k)
        self._hangs = look.hangs
        super().__init__(hero=hero, policy=policy, constants=constants, missing=missing)

    def _follow(self, asked: AskedForm, constants: Constants) -> Tracker | None:
        margin = self._margins.get(asked.head.check)
        if margin is None or not isinstance(asked.form, Loss):
            return None
        return LookTracker(asked.head, asked.form, margin, self._rates, self._hangs)


def margins_of(policy: Policy, *, again: bool = False) -> dict[str, Margin]:
    """What may be lost of each check that the policy asks in mode offline; `again` as in LookFacts."""
    offline, found = policy.offline, {}
    assert offline is not None
    for key, loss in policy.losses.items():
        assert loss.margin is not None
        found[key] = Margin(
            mu=loss.margin_at_last or loss.margin,
            tolerated_loss=offline.tolerated_loss.get(key),
            chosen_after_looking=offline.chosen_after_looking or again,
        )
    return found


def policy_rates(policy: Policy, k: int) -> Rates:
    """With which chance one check may err: over all that are asked, of all heroes of the policy; k as in LookFacts."""
    return rates_of(len(policy.losses), k or 1, len(policy.heroes))


def evaluator_of(
    hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str], look: LookFacts | None
) -> Evaluator:
    """The evaluator of a policy; `look` is of mode offline, and None in any other. Raises EvidenceError."""
    if policy.mode != OFFLINE:
        return Evaluator(hero=hero, policy=policy, constants=constants, missing=missing)
    if look is None:
        raise EvidenceError("constants.look: null, but the policy's mode is offline; run the canary again")
    if policy.offline is not None and policy.offline.counted and not look.k:
        raise EvidenceError("constants.look.k: 0, but the policy counts the heroes on its judgements; run it again")
    return OneLookEvaluator(hero=hero, policy=policy, constants=constants, missing=missing, look=look)


def judge_one_look_test(hero: str, policy: Policy, constants: Constants, missing: Mapping[str, str]) -> Cell:
    """Does this evaluator say what it must of heroes whose right verdict is known? RED names what it does not."""
    made = Synthetic(policy=policy, constants=constants, missing=missing)
    asked = made.asked(*DECIDE)
    open_, rollback = Decision.HOLD, Decision.ROLLBACK

    def verdicts(shown: Pairs, worst: Decision = open_) -> set[Verdict]:
        look = LookFacts(k=1, judged=open_, worst=worst, best=open_, unjudged=0, judged_at_10=("", ""))
        evaluator = evaluator_of("made_up", policy, constants, missing, look)
        evaluator.begin_step(policy.ladder.steps[0])
        evaluator.observe(shown)
        evaluator.end_window()
        return {evaluator.cell(one.head.check).verdict for one in asked}

    def spoiled(arm: Arm) -> Arm:
        for one in asked:
            arm = one.form.spoil(arm)
        return arm

    def refused(shown: Pairs) -> bool:
        try:
            verdicts(shown)
        except EvidenceError:
            return True
        return False

    pairs = made.pairs(0)
    worse = replace(pairs, hero=spoiled(pairs.hero))
    no_number = replace(pairs, hero=pairs.hero.put(**{one.check.decides: np.full(len(pairs), np.nan) for one in asked}))
    tried = {
        "a hero worse in everything": verdicts(worse) == {Verdict.RED},
        "a hero better in everything": verdicts(replace(pairs, baseline=spoiled(pairs.baseline))) == {Verdict.GREEN},
        "a handful of pairs": Verdict.GREEN not in verdicts(made.pairs(0, 5)),
        "hits that nobody judged": verdicts(worse, worst=rollback) == {Verdict.INCONCLUSIVE},
        "what is no number": refused(no_number),
        "cells that must not promote": not cells_that_must_not_promote(hero, policy),
    }
    wrong = [what for what, right in tried.items() if not right]
    return known_answers_cell(hero, policy, wrong, len(tried))
