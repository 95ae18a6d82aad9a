"""Is a calibration error seen over the release and on one intent, without a look that was not planned?"""

from dataclasses import replace

import numpy as np

from gates.policy import Policy
from gates.rule.evaluator import Evaluator
from gates.verdicts import Verdict
from tests.gates.builders import equal_pairs, judged


def climbed(policy: Policy, windows: int, gap: float, intent: int | None = None) -> Evaluator:
    """A evaluator after windows whose hero is right less often than it says, by `gap`, everywhere or on one intent."""
    shown = []
    for seed in range(windows):
        found = equal_pairs(800, seed=seed)
        asked = found.intent == intent if intent is not None else np.ones(800, dtype=bool)
        draw = np.random.default_rng((seed, 7)).uniform(0, 1, 800)
        correct = np.where(asked, draw < found.hero.confidence - gap, found.hero.correct)
        shown.append(replace(found, hero=replace(found.hero, correct=correct.astype(np.float64))))
    return judged(policy, shown)


def test_an_honest_hero_is_shown_broken_nowhere(policy: Policy) -> None:
    evaluator = climbed(policy, 8, 0.0)
    assert evaluator.red == ()
    cell = evaluator.cell("ece")
    assert (cell.verdict, cell.required, cell.n, cell.limit) == (Verdict.INCONCLUSIVE, "not_red", 6_400, "0.015")
    assert "would have been found (90 %)" in cell.note
    assert evaluator.cell("calibration_error").n == 8 * 266  # of each window's 800 a third


def test_an_error_on_one_intent_is_red_there(policy: Policy) -> None:
    evaluator = climbed(policy, 4, 0.3, intent=2)
    assert "calibration_error" in evaluator.red
    assert not {"calibration_docstring", "calibration_identifier"} & set(evaluator.red)


def test_the_smaller_limit_is_seen_first(policy: Policy) -> None:
    evaluator = climbed(policy, 5, 0.07)
    assert "ece" in evaluator.red
    assert evaluator.cell("ece").on_red == "hold"
    assert "calibration_docstring" not in evaluator.red


def test_an_intent_without_queries_is_not_measured(policy: Policy) -> None:
    evaluator = judged(policy, [replace(equal_pairs(800), intent=np.full(800, -1, dtype=np.int8))])
    for check in ("recall_error", "ndcg_error", "calibration_error"):
        cell = evaluator.cell(check)
        assert (cell.verdict, cell.n, cell.observed) == (Verdict.INCONCLUSIVE, 0, "")
