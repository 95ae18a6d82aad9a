"""Do the checks say what their page in docs/decision-rule.md says: tails, one kind of query, a busy machine?"""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gates.checks.against import Calibration, Tail
from gates.checks.forms import Loss
from gates.checks.machine import NOT_EVIDENCED
from gates.checks.registry import CHECKS
from gates.names import meaning
from gates.pairs import Arm, Pairs, as_measured
from gates.policy import Policy
from gates.verdicts import Kind, Verdict
from tests.gates import builders
from tests.gates.builders import arm, changed, constants, equal_pairs, pairs

N = 800


judged = partial(builders.judged, at=100)


def test_every_check_says_what_would_be_wrong() -> None:
    assert all(check.__doc__ and check.name.label and check.unit for check in CHECKS)
    assert all(check.mend for check in CHECKS if check.kind in (Kind.SANITY, Kind.INSTRUMENT))
    assert len({check.key for check in CHECKS}) == len(CHECKS)


def test_the_runbook_says_of_each_check_what_is_wrong_and_what_to_do(root: Path) -> None:
    runbook = (root / "docs" / "runbook.md").read_text(encoding="utf-8")
    rows = ["| check | wrong in production | first |", "|---|---|---|"]
    for check in CHECKS:
        name = f"`{check.key}_<intent>`" if check.kind is Kind.SLICE else f"`{check.key}`"
        said = " ".join((check.__doc__ or "").split()) if check.kind is Kind.SLICE else meaning(check.key)
        rows.append(f"| {name} | {said} | {check.mend} |")
    assert "\n".join(rows) in runbook, "the table should be:\n" + "\n".join(rows)


# --- tails ---


def tail(before: list[float]) -> Tail:
    return Tail(quantile=0.95, margin_ms=5, floor_ms=1, margin_share=0.5, before=np.array(before), seed=1)


@pytest.mark.parametrize(("at", "margin"), [(0.5, 1.0), (4.0, 2.0), (8.0, 4.0), (40.0, 5.0)])
def test_the_margin_is_a_share_of_the_quantile_within_bounds(at: float, margin: float) -> None:
    assert tail([at] * 20).fix(np.full(20, at)) == (at, margin)


def test_a_window_never_fixes_what_it_is_judged_by(policy: Policy) -> None:
    slow = equal_pairs(N)
    both = replace(slow.baseline, latency_ms=slow.baseline.latency_ms * 10)
    evaluator = judged(policy, [pairs(both, both), equal_pairs(N, seed=1)])
    first, second = evaluator.moved()["p95_latency"]
    assert float(first[0]) == pytest.approx(np.quantile(constants().baseline_ms, 0.95, method="inverted_cdf"))
    seen = np.concatenate([constants().baseline_ms, both.latency_ms])
    assert float(second[0]) == pytest.approx(np.quantile(seen, 0.95, method="inverted_cdf"))


def test_few_very_late_answers_are_red_at_the_99th_percentile_alone(policy: Policy) -> None:
    late = [
        equal_pairs(N, seed=i, latency_ms=np.where(np.arange(N) % 33 == 0, 140.0, arm(N, i).latency_ms))
        for i in range(4)
    ]
    red = judged(policy, late).red
    assert "p99_latency" in red
    assert not {"p95_latency", "within_sla"} & set(red)


# --- one kind of query ---


def test_a_loss_within_what_is_tolerated_is_not_red(policy: Policy) -> None:
    lost = Loss(column="ndcg", tolerated=0.1)
    found = equal_pairs(8_000, ndcg=arm(8_000).ndcg - np.where(np.arange(8_000) % 20 == 0, 1.0, 0.0))
    assert lost.red(found).mean() == pytest.approx(-0.05)
    assert replace(lost, tolerated=0.0).red(found).mean() == pytest.approx(0.05)


def calibrated(n: int, seed: int, gap: float = 0.0) -> Pairs:
    """An incumbent whose confidence is `gap` too high on every query, beside itself."""
    draw = np.random.default_rng(seed)
    share = draw.uniform(0.2, 0.8, n)
    baseline = arm(n, seed, confidence=share + gap, correct=draw.random(n) < share)
    return replace(pairs(baseline, baseline), intent=np.zeros(n, dtype=np.int8))


def with_hero(p: Pairs, **columns: np.ndarray) -> Pairs:
    return replace(p, hero=p.hero.put(**columns))


def is_red(policy: Policy, windows: list[Pairs]) -> bool:
    return "calibration_docstring" in judged(policy, windows).red


@pytest.mark.parametrize("by", [0.15, -0.15])
def test_confidence_that_moves_away_from_what_is_so_is_red(policy: Policy, by: float) -> None:
    equal = [calibrated(N, seed) for seed in range(4)]
    assert not is_red(policy, equal)
    assert is_red(policy, [with_hero(p, confidence=p.hero.confidence + by) for p in equal])


def test_more_right_answers_at_the_same_confidence_are_never_charged(policy: Policy) -> None:
    """The shipped hero that found more on error messages was rolled back for it by the absolute limit."""
    windows = []
    for seed in range(6):
        p = calibrated(N, seed, gap=-0.05)
        gained = np.where(np.random.default_rng(seed).random(N) < 0.3, 1.0, p.hero.correct)
        windows.append(with_hero(p, correct=gained))
    assert not is_red(policy, windows)


def test_a_hero_as_far_off_as_its_incumbent_is_not_red(policy: Policy) -> None:
    assert not is_red(policy, [calibrated(N, seed, gap=0.15) for seed in range(6)])


def test_a_bin_has_no_direction_before_the_hero_s_earlier_windows() -> None:
    form = Calibration(intent=0, allowed=0.02, edges=(0.5,))
    p = with_hero(calibrated(N, 0), confidence=np.ones(N))
    nothing = np.zeros(2)
    assert not form.worse(p, nothing).any()
    assert not form.off(p, nothing).any()
    assert form.worse(p, np.ones(2)).min() >= -1.0
    assert form.off(p, -np.ones(2)).min() >= -1.02


# --- a busy machine ---


def waiting(p: Pairs, hero_ms: float = 0.0, baseline_ms: float = 0.0, cut: float = 0.0) -> Pairs:
    """The pairs, each answer later by so many ms in which its arm waited for a processor."""

    def later(one: Arm, ms: float, cut: float) -> Arm:
        return replace(one, latency_ms=one.latency_ms + ms, wait_ms=np.full(N, ms), cut=np.full(N, cut))

    return replace(p, hero=later(p.hero, hero_ms, cut), baseline=later(p.baseline, baseline_ms, 0.0))


@pytest.mark.parametrize(("wait", "checks"), [(60.0, {"p95_latency", "p99_latency"}), (300.0, {"within_sla"})])
def test_a_clock_that_ran_while_the_hero_waited_shows_nothing_broken(
    policy: Policy, wait: float, checks: set[str]
) -> None:
    evaluator = judged(policy, [waiting(equal_pairs(N, seed=i), hero_ms=wait) for i in range(2)])
    assert evaluator.red == ()
    assert checks <= set(evaluator.busy)
    for check in checks:
        cell = evaluator.cell(check)
        assert (cell.verdict, cell.required) == (Verdict.INCONCLUSIVE, "green")
        assert cell.note.startswith(NOT_EVIDENCED)


def test_a_slow_hero_is_red_however_busy_the_machine(policy: Policy) -> None:
    slow = [equal_pairs(N, seed=i, latency_ms=arm(N, i).latency_ms + 60) for i in range(2)]
    assert "p95_latency" in judged(policy, [waiting(p, hero_ms=5.0) for p in slow]).red


def test_what_only_spends_while_it_waits_is_held_though_no_green_is_asked_of_it(policy: Policy) -> None:
    windows = [waiting(equal_pairs(N, seed=i, spend_ms=8.0), hero_ms=7.0) for i in range(2)]
    evaluator = judged(policy, windows)
    assert "spend" in evaluator.busy
    assert evaluator.cell("spend").required == "green"
    assert "spend" in judged(policy, [waiting(p, hero_ms=0.5) for p in [equal_pairs(N, seed=9, spend_ms=8.0)] * 2]).red


def test_a_baseline_that_waited_is_no_reason_to_promote(policy: Policy) -> None:
    """GREEN takes the hero's whole clock, and of the baseline's only what it did not wait."""
    slow = [equal_pairs(N, seed=i, latency_ms=arm(N, i).latency_ms + 3) for i in range(4)]
    evaluator = judged(policy, [waiting(p, hero_ms=4.0, baseline_ms=60.0) for p in slow])
    cell = evaluator.cell("p95_latency")
    assert cell.verdict is Verdict.INCONCLUSIVE
    assert cell.note.startswith(NOT_EVIDENCED)


@pytest.mark.parametrize("column", ["ndcg", "recall", "found"])
def test_answers_cut_short_while_they_waited_are_nobody_s_loss(policy: Policy, column: str) -> None:
    worse = [equal_pairs(N, seed=i, ndcg=0.0, recall=0.0, found=0.0) for i in range(2)]
    assert {"sla_recall_at_50_delta", "ndcg_at_10"} <= set(judged(policy, worse).red)
    evaluator = judged(policy, [waiting(p, hero_ms=1.0, cut=1.0) for p in worse])
    assert evaluator.red == ()
    assert {"sla_recall_at_50_delta", "ndcg_at_10"} <= set(evaluator.busy)


def test_recall_in_time_is_judged_on_the_hero_s_own_time(policy: Policy) -> None:
    lost = Loss(column="recall", sla_ms=150, margin=0.02)
    late = waiting(equal_pairs(N), hero_ms=200.0)
    assert lost.red(late).max() <= 0
    assert lost.red(as_measured(late)).mean() == pytest.approx(late.baseline.found.mean())


def test_by_the_letter_a_busy_machine_holds_too(policy: Policy) -> None:
    letter = changed(policy, mode="letter")
    calls = {"calibrator_ms": 8.0}
    busy = judged(letter, [waiting(equal_pairs(N, seed=i, **calls), hero_ms=7.5) for i in range(2)])
    assert "calibrator_p99" not in busy.red
    assert "calibrator_p99" in busy.busy
    assert "calibrator_p99" in judged(letter, [equal_pairs(N, seed=i, **calls) for i in range(2)]).red


def test_nobody_waited_nothing_changes(policy: Policy) -> None:
    found = equal_pairs(N)
    assert as_measured(found) is found
    evaluator = judged(policy, [equal_pairs(N, seed=i) for i in range(4)])
    assert (evaluator.red, evaluator.busy) == ((), ())
    assert all(math.isfinite(float(evaluator.cell(c).e_red)) for c in policy.asked(Kind.SLICE))
    assert {evaluator.cell(c).kind for c in policy.asked(Kind.SLICE)} == {Kind.SLICE}
